"""A board that is really our guest, in a QEMU that the test alone starts and restarts."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from distributor import Distributor, Task, TaskSet, Verdict
from distributor.machines.image import Image
from distributor.machines.qemu import qemu_kind
from tests.integration.conftest import Results

pytestmark = pytest.mark.integration

#: What a lab's power switch does: the board's process is killed, and one begins anew.
SWITCH = """
import contextlib, json, os, signal, subprocess, sys
from pathlib import Path
command, pids = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
if pids.exists():
    with contextlib.suppress(ProcessLookupError):  # it has died, and been reaped
        os.kill(int(pids.read_text().splitlines()[-1]), signal.SIGKILL)
process = subprocess.Popen(command, stdin=-3, stdout=-3, stderr=-3, start_new_session=True)
with pids.open("a") as file:
    file.write(f"{process.pid}\\n")
print("power of", sys.argv[3], "is on")
"""


class Machine:
    """The board: off until its power switch is used."""

    def __init__(self, image: Image, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        kind = qemu_kind(image=image, clock="real", network="user", cold=True, accelerator="tcg")
        words = kind.command("board")
        kind.close()
        for option, value in (("-chardev", "id=monitor"), ("-mon", "mode=control")):
            place = next(
                number
                for number, word in enumerate(words)
                if words[number - 1] == option and value in word
            )
            del words[place - 1 : place + 1]
        words = [
            f"file,id=console,path={folder}/console"
            if word.startswith("socket,id=console")
            else word.replace("tcp:127.0.0.1:0-", f"tcp:127.0.0.1:{self.port}-")
            for word in words
        ]
        (folder / "command").write_text(json.dumps(words))
        (folder / "switch.py").write_text(SWITCH)
        self._pids = folder / "pids"
        self.cycle = shlex.join(
            [sys.executable, *(str(folder / name) for name in ("switch.py", "command", "pids"))]
        )

    @property
    def pids(self) -> list[int]:
        """Its processes so far; the last one may run."""
        return [int(line) for line in self._pids.read_text().split()]

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pids[-1], number)


@pytest.fixture
def machine(image: Image, tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(image, tmp_path)
    yield machine
    with contextlib.suppress(ProcessLookupError):
        machine.signal(signal.SIGKILL)


def test_a_board_is_turned_on_and_restarted_when_it_dies_or_hangs(machine: Machine) -> None:
    """Three lives: it is off at first, then killed, then stopped in its tracks."""
    results = Results()

    def sets() -> Iterator[TaskSet]:
        for number in range(6):
            if number == 2:
                machine.signal(signal.SIGKILL)
            if number == 4:
                machine.signal(signal.SIGSTOP)
            yield TaskSet(
                Task("busy", arg1=1000, period_ms=50, priority=1, numberofjobs=3),
                Task("hey", arg1=number, period_ms=50, priority=5, numberofjobs=2),
            )

    with Distributor(
        hosts=[f"localhost:{machine.port}"],
        power={"cycle": f"{machine.cycle} {{host}}", "pause_s": 0},
        timeout=8,
        set_tries=3,
    ) as distributor:
        distributor.add_job(sets(), results)
        assert distributor.wait(200)
        assert distributor.get_max_machine_value() == 1
    assert len(machine.pids) >= 3  # more where the host is too busy for a set
    assert len(results.found) == 6
    for result in results.found.values():
        assert result.verdict in (Verdict.SCHEDULABLE, Verdict.MISSED), result.reason
        assert len(result.jobs) == 5
        assert result.facts is not None
        assert result.facts.accelerator == f"board localhost:{machine.port}"
        assert result.facts.loader.startswith("distributor")
        assert "rt" in result.facts.kernel
