"""Lists of hosts, files of boards and power commands, as users write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distributor import ConfigurationError
from distributor.machines.board.address import Address, addresses, parse_hosts
from distributor.machines.board.file import read_boards
from distributor.machines.board.kind import BoardKind
from distributor.machines.board.power import Power


def read(written: str | list[str], **options: int) -> list[str]:
    return [str(address) for address in addresses(parse_hosts(written, **options))]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("10.200.33.4", ["10.200.33.4:3001"]),
        ("lab-7:4000", ["lab-7:4000"]),
        ("a.example., b", ["a.example.:3001", "b:3001"]),
        ("10.0.0.0/30", ["10.0.0.1:3001", "10.0.0.2:3001"]),
        ("10.0.0.5/30:9", ["10.0.0.5:9", "10.0.0.6:9"]),
        ("10.0.0.9/32", ["10.0.0.9:3001"]),
        ("fd00::7", ["[fd00::7]:3001"]),
        ("[fd00:0:0::7]:80", ["[fd00::7]:80"]),
        ("fd00::/126", ["[fd00::1]:3001", "[fd00::2]:3001", "[fd00::3]:3001"]),
        ("[fd00::8/127]:5", ["[fd00::8]:5", "[fd00::9]:5"]),
        (["b", "a", "b:3001"], ["b:3001", "a:3001"]),
    ],
)
def test_a_list_of_hosts(written: str | list[str], meant: list[str]) -> None:
    assert read(written) == meant


def test_the_port_of_those_that_name_none() -> None:
    assert read("a,b:1", port=7) == ["a:7", "b:1"]


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("", "no host in the list"),
        (" , ", "no host in the list"),
        ("10.200.33", "'10.200.33' is no host"),
        ("10.0.0.256", "'10.0.0.256' is no host"),
        ("-oProxyCommand", "is no host"),
        ("a b", "is no host"),
        ("a:0", "has the port '0'"),
        ("a:65536", "has the port '65536'"),
        ("a:http", "has the port 'http'"),
        ("a:" + "9" * 5000, "has the port"),
        ("[fd00::1", "is no host"),
        ("[fd00::1]3001", "is no host"),
        ("10.0.0.0/33", "no range of addresses"),
        ("name/24", "no range of addresses"),
        ("10.0.0.0/8", "10.0.0.0/8 holds 16777216 addresses, but a list of hosts may have 4096"),
        ("fd00::/64", "18446744073709551616 addresses"),
        ("10.0.0.0/21,10.1.0.0/21,a,b,c,d,e", "e is one address more"),
        ([3], "not 3"),
    ],
)
def test_what_is_no_list_of_hosts_is_one_line(written: Any, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint.replace("/", r"\/")) as raised:
        parse_hosts(written)
    assert "\n" not in str(raised.value)


BOARDS = """
[power]
cycle = "echo {host}"

[[board]]
host = "10.200.33.0/30"

[[board]]
host = "lab-7:4000"
boot_s = 90
power = { off = "echo off", on = "echo on {host} {port}", pause_s = 0 }
"""


def test_a_file_of_boards(tmp_path: Path) -> None:
    file = tmp_path / "boards.toml"
    file.write_text(BOARDS)
    common = Power(cycle="echo {host}")
    found = [
        (str(board.address), board.power, board.boot_s)
        for board in read_boards(file, port=3001, most=9)
    ]
    assert found == [
        ("10.200.33.1:3001", common, 60.0),
        ("10.200.33.2:3001", common, 60.0),
        ("lab-7:4000", Power(off="echo off", on="echo on {host} {port}", pause_s=0), 90.0),
    ]
    # One of them is named again, and one is new.
    kind = BoardKind(["lab-7:4000", "lab-8"], boards=file, power={"cycle": "true"})
    assert [(str(board.address), board.boot_s) for board in kind.boards][2:] == [
        ("lab-7:4000", 90.0),
        ("lab-8:3001", 60.0),
    ]
    assert kind.boards[2].power == found[2][1]
    assert kind.boards[3].power == Power(cycle="true")


def test_the_documents_file_of_boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda program: f"/usr/bin/{program}")
    page = (Path(__file__).parents[2] / "docs/boards.md").read_text()
    (tmp_path / "boards.toml").write_text(page.partition("```toml\n")[2].partition("```")[0])
    boards = BoardKind(boards=tmp_path / "boards.toml").boards
    assert len(boards) == 15
    assert boards[0].power == Power(cycle="outlet {host} cycle")
    assert boards[14].power is not None
    assert boards[14].power.on.endswith("chassis power on")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[board]\n", "is no TOML"),
        ("", "describes no board"),
        ("board = 3", "describes no board"),
        ("[[boards]]\nhost = 'a'", "unknown part 'boards'"),
        ("[[board]]\nname = 'a'", "board 1 has no key 'name'"),
        ("[[board]]\nboot_s = 3", "board 1 needs a host"),
        ("[[board]]\nhost = 'a'\n[[board]]\nhost = 'a b'", "board 2: 'a b' is no host"),
        ("[[board]]\nhost = 'a'\nboot_s = true", "board 1: boot_s is a number"),
        ("[[board]]\nhost = '10.0.0.0/24'", "254|256 addresses"),
        ("[[board]]\nhost = 'a'\npower = 'off'", "board 1: power is a table"),
        ("[[board]]\nhost = 'a'\npower = {reset = 'x'}", "board 1: power has no key 'reset'"),
        ("[[board]]\nhost = 'a'\npower = {cycle = 3}", "board 1: power: cycle is a command"),
        ("[[board]]\nhost = 'a'\npower = {off = 'true'}", "power: a power command is cycle, or"),
        ("[power]\ncycle = 'no-such-program {host}'\n[[board]]\nhost='a'", "no program no-such-pr"),
        ("[power]\ncycle = \"echo '\"\n[[board]]\nhost='a'", "No closing quotation"),
        ("[power]\ncycle = 'true'\npause_s = 61\n[[board]]\nhost='a'", "pause_s .* is 0 to 60 s"),
    ],
)
def test_what_is_no_file_of_boards_is_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "boards.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=complaint) as raised:
        read_boards(file, port=3001, most=9)
    assert str(file) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        BoardKind(boards=tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"clock": "virtual"}, "a board's clock is real, not virtual"),
        ({"network": "user"}, "on a network already"),
        ({"memory_mib": 64}, "boards have no option memory_mib"),
        ({"power": {"cycle": "true", "reset": "x"}}, "power has no key 'reset'"),
    ],
)
def test_options_that_boards_have_not(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        BoardKind("a", **options)


def test_boards_may_have_executables_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "hey").write_bytes(b"for another processor")
    ours = {"busy": tmp_path / "busy"}
    assert BoardKind("a", builtin=ours).builtin == ours
    assert BoardKind("a", builtin=ours, binaries=tmp_path).builtin == {"hey": tmp_path / "hey"}
    with pytest.raises(ConfigurationError, match="no folder of executables"):
        BoardKind("a", binaries=tmp_path / "none")


def test_more_machines_than_boards_are_refused() -> None:
    kind = BoardKind("10.0.0.0/30")
    assert kind.machines_max == 2
    with pytest.raises(ConfigurationError, match=r"3 machines at once .* there are 2 boards"):
        kind.check_number(3)


def test_an_address_is_printed_as_it_is_read() -> None:
    assert str(Address("fd00::1", 3)) == "[fd00::1]:3"
