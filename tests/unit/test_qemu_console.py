"""Consoles: hostile, endless or torn, they stay small and safe to show."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from distributor.machines.qemu.console import FILE_MAX, Console, clean


async def test_lines_are_kept_and_readiness_is_heard_in_torn_pieces(tmp_path: Path) -> None:
    console = Console(tmp_path / "m1.log")
    console.feed(b"one\r\nloader: re")
    assert not console.ready.is_set()
    assert console.tail(5) == "one\nloader: re"
    console.feed(b"ady\r\nlast")
    assert console.ready.is_set()
    assert console.tail(2) == "loader: ready\nlast"
    assert (tmp_path / "m1.log").read_bytes() == b"one\r\nloader: ready\r\nlast"
    assert console.find("loader") == "loader: ready"
    assert console.find("panic") == ""


def test_a_flood_is_bounded_on_disk_and_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "m1.log"
    console = Console(path)
    for place in range(300):
        console.feed(b"%8d" % place + b"x" * 16_000)  # no line ends at all
    written = [path.read_bytes(), path.with_name("m1.log.old").read_bytes()]
    assert max(map(len, written)) <= FILE_MAX
    assert b"     299" in written[0]  # the end is what is kept
    assert len(list(tmp_path.glob("*"))) == 2
    assert len(console.tail(10**6)) < 200_000


def test_the_forks_of_a_machine_share_the_bound_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "m1.log"
    for _ in range(40):
        Console(path).feed(b"x" * 16_000)
    assert path.stat().st_size <= FILE_MAX
    assert path.with_name("m1.log.old").stat().st_size <= FILE_MAX


async def test_a_disk_that_is_full_ends_no_machine(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    console = Console(tmp_path / "missing" / "m1.log")
    for _ in range(3):
        console.feed(b"still here\n")
    assert console.tail(1) == "still here"
    assert len(caplog.records) == 1


def test_control_characters_are_taken_out() -> None:
    assert (
        clean(b"\x1b[31mred\x1b[0m \x1b]0;title\x07\x00\xc2\x9b1mend\x7f\r") == "red 0;title1mend"
    )
    assert clean(b"\xff\xfe text \xe2\x82\xac") == "�� text €"


async def test_reading_ends_with_the_machine(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(b"Kernel panic - not syncing: no")
    theirs.close()
    console = Console(tmp_path / "m1.log")
    await console.read(ours)
    assert console.find("Kernel panic") == "Kernel panic - not syncing: no"
    assert ours.fileno() == -1
