"""A running distributor, looked at from outside: over real sockets, with fake machines."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from distributor import ConfigurationError, Distributor, StateError, Task, TaskSet
from distributor.attach.client import find_machine, find_machines, listening
from distributor.attach.place import folders, places
from distributor.cli.main import app
from distributor.machines.printed import Printed
from tests.fakes.loader import ExtendedLoader
from tests.fakes.machine import FakeKind, FakeMachine


class PrintingFake(FakeMachine):
    """Has a console that takes input."""

    address = "192.0.2.7:3001"

    def __init__(self, machine_id: str) -> None:
        super().__init__(machine_id, ExtendedLoader())
        self.printed = Printed()
        self.entered = bytearray()
        self.taken = threading.Event()

    def enter(self, data: bytes) -> None:
        self.entered += data
        self.taken.set()

    async def stop(self) -> None:
        await super().stop()
        self.printed.end()


class SilentFake(PrintingFake):
    """Has a console that takes none."""

    enter = None  # type: ignore[assignment]


class PrintingKind(FakeKind):
    def __init__(self, make: type[PrintingFake] = PrintingFake) -> None:
        super().__init__()
        self._make = make

    def create(self, machine_id: str) -> FakeMachine:
        machine = self.made[machine_id] = self._make(machine_id)
        return machine


@pytest.fixture(autouse=True)
def _runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Socket paths are short: not under pytest's long names.
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def builtin(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "hey").write_bytes(b"\x7fELF")
    return {"hey": tmp_path / "hey"}


@contextlib.contextmanager
def running(kind: FakeKind, builtin: dict[str, Path]) -> Iterator[Distributor]:
    """One that has run a set, and has a machine that waits for the next."""
    with Distributor(1, session_type=kind, builtin=builtin) as distributor:
        distributor.add_job(TaskSet([Task("hey", period_ms=5)], name="first"))
        assert distributor.wait(20)
        yield distributor


def the_fake(kind: FakeKind) -> PrintingFake:
    (machine,) = kind.made.values()
    assert isinstance(machine, PrintingFake)
    return machine


def say(distributor: Distributor, machine: PrintingFake, data: bytes) -> None:
    """Have it print something, in the distributor's own thread."""
    distributor._thread.call(lambda: machine.printed.feed(data))


def read_until(ours: socket.socket, wanted: bytes, begun: bytes = b"") -> bytes:
    ours.settimeout(20)
    heard = begun
    while wanted not in heard:
        data = ours.recv(4096)
        assert data, heard
        heard += data
    return heard


def asked(path: Path, line: bytes) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as ours:
        ours.connect(str(path))
        ours.settimeout(20)
        ours.sendall(line)
        ours.shutdown(socket.SHUT_WR)
        heard = b""
        while data := ours.recv(4096):
            heard += data
    answer = json.loads(heard.partition(b"\n")[0]) if heard else {}
    assert isinstance(answer, dict)
    return answer


def test_machines_are_listed_while_they_are_there(builtin: dict[str, Path]) -> None:
    kind = PrintingKind()
    with running(kind, builtin):
        (found,), silent = find_machines()
        assert silent == []
        assert found.id == f"{os.getpid()}/{the_fake(kind).id}"
        assert found.about["address"] == "192.0.2.7:3001"
        assert found.about["state"] in ("ready", "paused")
        assert found.about["uptime_s"] >= 0
        shown = CliRunner().invoke(app, ["machines"])
        assert found.id in shown.stdout
        assert "192.0.2.7:3001" in shown.stdout
        (told,) = json.loads(CliRunner().invoke(app, ["machines", "--json"]).stdout)
        assert told["id"] == found.id
        (folder,) = {path.parent for path in places()}
        assert folder.stat().st_mode & 0o777 == 0o700
    assert find_machines() == ([], [])
    assert not folder.exists()


def test_a_console_is_followed_from_its_past_to_its_end(builtin: dict[str, Path]) -> None:
    kind = PrintingKind()
    with contextlib.ExitStack() as stack:
        distributor = stack.enter_context(running(kind, builtin))
        machine = the_fake(kind)
        say(distributor, machine, b"one\r\ntwo\r\nthree\r\n")
        found = find_machine(machine.id)
        ours, heard, enter = stack.enter_context(listening(found, lines=2, follow=True))
        assert not enter
        heard = read_until(ours, b"three", heard)
        say(distributor, machine, b"four\r\n")
        assert read_until(ours, b"four\r\n", heard) == b"two\r\nthree\r\nfour\r\n"
        ours.sendall(b"not for the machine")
        distributor.kill_all_machines()
        assert ours.recv(100) == b""
        assert not machine.entered


def test_what_is_typed_reaches_a_machine_that_takes_it(builtin: dict[str, Path]) -> None:
    kind = PrintingKind()
    with running(kind, builtin):
        machine = the_fake(kind)
        found = find_machine(machine.id)
        with listening(found, lines=0, follow=True, enter=True) as (ours, _, enter):
            assert enter
            ours.sendall(b"hello")
            assert machine.taken.wait(20)
            assert machine.entered == b"hello"


def test_a_machine_that_takes_no_input_gets_none(builtin: dict[str, Path]) -> None:
    kind = PrintingKind(SilentFake)
    with running(kind, builtin) as distributor:
        machine = the_fake(kind)
        found = find_machine(machine.id)
        with listening(found, lines=0, follow=True, enter=True) as (ours, _, enter):
            assert not enter
            ours.sendall(b"hello")
            say(distributor, machine, b"still here")
            read_until(ours, b"still here")


def test_a_machine_without_a_console_shows_its_last_words(builtin: dict[str, Path]) -> None:
    with running(FakeKind(), builtin):
        shown = CliRunner().invoke(app, ["logs", "m1", "-f"])
        assert (shown.exit_code, shown.stdout) == (0, "last words\n")


def test_a_slow_reader_is_sent_away_and_the_run_goes_on(builtin: dict[str, Path]) -> None:
    kind = PrintingKind()
    with running(kind, builtin) as distributor:
        machine = the_fake(kind)
        with listening(find_machine(machine.id), lines=0, follow=True) as (ours, _, _):
            for _ in range(400):
                say(distributor, machine, b"x" * 10_000)
            heard = 0
            with contextlib.suppress(ConnectionError):
                while data := ours.recv(1 << 16):
                    heard += len(data)
            assert heard < 400 * 10_000
        distributor.add_job(TaskSet([Task("hey", period_ms=5)]))
        assert distributor.wait(20)


@pytest.mark.parametrize(
    "line",
    [b"", b"\n", b"nonsense\n", b'{"ask": "listen", "machine": "m9"}\n', b"x" * 100_000],
)
def test_nonsense_is_refused_and_harms_nobody(builtin: dict[str, Path], line: bytes) -> None:
    with running(PrintingKind(), builtin):
        (path,) = places()
        with contextlib.suppress(ConnectionError):
            assert "machines" not in asked(path, line)
        assert "machines" in asked(path, b'{"ask": "machines"}\n')


def test_visitors_are_bounded(builtin: dict[str, Path]) -> None:
    with running(PrintingKind(), builtin), contextlib.ExitStack() as stack:
        (path,) = places()
        for _ in range(40):
            visitor = stack.enter_context(socket.socket(socket.AF_UNIX))
            visitor.settimeout(20)
            visitor.connect(str(path))
        assert visitor.recv(1) == b"", "the last of so many was not sent away"


def test_two_distributors_of_a_process_are_told_apart(builtin: dict[str, Path]) -> None:
    with running(PrintingKind(), builtin), running(PrintingKind(), builtin):
        found, _ = find_machines()
        assert {each.id for each in found} == {f"{os.getpid()}/m1", f"{os.getpid()}-2/m1"}
        with pytest.raises(ConfigurationError, match="2 machines are called m1"):
            find_machine("m1")
        assert find_machine(f"{os.getpid()}-2/m1").machine == "m1"


def test_what_a_dead_one_has_left_is_removed(builtin: dict[str, Path]) -> None:
    code = (
        "import os, signal; from distributor.attach.place import open_place;"
        "open_place(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert len(list(places())) == 1
    assert find_machines() == ([], [])
    assert list(places()) == []
    subprocess.run([sys.executable, "-c", code], check=False)
    with running(PrintingKind(), builtin):
        assert [path.stem for path in places()] == [str(os.getpid())]


def test_the_number_of_a_dead_process_is_used_again(
    builtin: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "distributor").mkdir(mode=0o700)
    path = tmp_path / "distributor" / f"{os.getpid()}.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with running(PrintingKind(), builtin):
        assert [each.id for each in find_machines()[0]] == [f"{os.getpid()}/m1"]
        assert list(places()) == [path]


@pytest.mark.parametrize("mode", [0o777, 0o750])
def test_a_folder_that_others_can_enter_is_not_used(
    builtin: dict[str, Path], tmp_path: Path, mode: int
) -> None:
    (tmp_path / "distributor").mkdir()
    (tmp_path / "distributor").chmod(mode)
    with running(PrintingKind(), builtin):
        (path,) = places()
        assert path.parent == folders()[1]


def test_without_a_place_for_a_socket_the_run_goes_on(
    builtin: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "x" / ("long" * 40)))
    with running(PrintingKind(), builtin):
        assert find_machines() == ([], [])
    shown = CliRunner().invoke(app, ["machines"])
    assert (shown.exit_code, shown.stdout) == (0, "")


def test_what_is_not_there_is_said(builtin: dict[str, Path]) -> None:
    with pytest.raises(ConfigurationError, match="no distributor is running"):
        find_machine("m1")
    with running(PrintingKind(), builtin):
        found = find_machine("m1")
    with (
        pytest.raises(StateError, match="does not answer"),
        listening(found, lines=1, follow=False),
    ):
        pass
