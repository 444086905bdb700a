"""Consoles of real machines, seen from another process: shown, followed, left again."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from distributor import Distributor, Task, TaskSet
from tests.integration.conftest import Results

pytestmark = pytest.mark.integration

GREETS = TaskSet([Task("hey", arg1=7, period_ms=5, numberofjobs=3)], name="greets")
#: Runs long enough to be looked at, and is ended by the test.
LONG = TaskSet([Task("busy", arg1=9_000, period_ms=10, numberofjobs=10**6)], name="long")


@pytest.fixture(autouse=True)
def _runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


class Terminal:
    """A command in a terminal of its own."""

    def __init__(self, ours: int, process: subprocess.Popen[bytes]) -> None:
        self._ours = ours
        self.process = process
        self._shown = b""

    def type(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def wait_for(self, text: str) -> str:
        """All that it has shown, once that holds ``text``."""
        while text.encode() not in self._shown:
            self._shown += os.read(self._ours, 4096)
        return self._shown.decode(errors="replace")


@contextmanager
def terminal(*arguments: str) -> Iterator[Terminal]:
    ours, its = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "distributor", *arguments], stdin=its, stdout=its, stderr=its
    ) as process:
        os.close(its)
        try:
            yield Terminal(ours, process)
        finally:
            process.kill()
            os.close(ours)


def said(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "distributor", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_sealed_machine_is_shown_and_never_disturbed() -> None:
    results = Results()
    with Distributor() as distributor:
        distributor.add_job(GREETS, results)
        assert distributor.wait(300)
        assert "hey 7" in said("logs", "m1", "-n", "1")
        with terminal("console", "m1") as console:
            assert "it takes no input" in console.wait_for("Ctrl-] leaves.")
            console.wait_for("hey 7")
            console.type(b"some keys\r\x03")
            distributor.add_job([GREETS] * 3, results)
            assert distributor.wait(300)
            console.type(b"\x1d")
            console.wait_for("the machine goes on")
            assert console.process.wait(60) == 0
    found = list(results.found.values())
    assert len(found) == 4
    assert {result.digest for result in found} == {found[0].digest}


def test_what_is_typed_reaches_a_machine_on_a_network_until_it_ends() -> None:
    with Distributor(network="user") as distributor:
        distributor.add_job(LONG)
        while not (distributor.machines and distributor.machines[0].running):
            distributor.wait(0.1)
        listed = said("machines")
        assert "long" in listed
        assert "127.0.0.1:" in listed
        with terminal("console", "m1") as console:
            assert "no input" not in console.wait_for("Ctrl-] leaves.")
            # The guest's own terminal shows what it is typed.
            console.wait_for("loader: ready")
            console.type(b"knock knock\r")
            console.wait_for("knock knock")
            distributor.kill_all_machines()
            console.wait_for("the machine has ended")
            assert console.process.wait(60) == 0
