"""QEMU's command line, and what is read of what QEMU tells."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from distributor.errors import ConfigurationError, NetworkError
from distributor.machines.image import ARCHITECTURES
from distributor.machines.qemu.command import (
    Accelerator,
    MachineSpec,
    qemu_command,
)
from distributor.machines.qemu.facts import QemuFacts, parse_version, qemu_facts
from distributor.network.user import UserLine, parse_port
from distributor.session.result import Clock

SPEC = MachineSpec(
    name="m1",
    program=Path("/usr/bin/qemu-system-x86_64"),
    kernel=Path("/images/a b/vmlinux"),
    initramfs=Path("/images/initramfs"),
    clock=Clock.VIRTUAL,
    accelerator=Accelerator.TCG,
    network=UserLine(3001),
)


def options(command: list[str]) -> dict[str, list[str]]:
    """What follows each option, for all its uses."""
    found: dict[str, list[str]] = {}
    for word, value in zip(command, [*command[1:], ""], strict=True):
        if word.startswith("-"):
            found.setdefault(word, []).append(value)
    return found


def test_the_virtual_clock_counts_instructions_and_knows_no_host() -> None:
    given = options(qemu_command(dataclasses.replace(SPEC, shift=3)))
    assert given["-icount"] == ["shift=3,sleep=off"]
    assert given["-seed"] == ["1"]
    assert given["-rtc"] == ["base=2020-01-01T00:00:00,clock=vm"]
    (processor,) = given["-cpu"]
    assert {"-rdrand", "-rdseed"} <= set(processor.split(","))
    assert "distributor.clock=virtual" in given["-append"][0].split()


def test_a_boards_sound_goes_nowhere_and_is_told_so_by_name() -> None:
    board = dataclasses.replace(ARCHITECTURES["armhf"].board, sound=True)
    given = options(qemu_command(dataclasses.replace(SPEC, board=board)))
    assert given["-audiodev"] == ["none,id=silent"]
    assert "pl041.audiodev=silent" in given["-global"]


@pytest.mark.parametrize(("arch", "board"), [("arm64", "virt"), ("armhf", "virt,highmem=off")])
@pytest.mark.parametrize("clock", [Clock.VIRTUAL, Clock.REAL])
def test_a_machine_of_arm_has_arms_board_processor_and_console(
    arch: str, board: str, clock: Clock
) -> None:
    spec = dataclasses.replace(SPEC, board=ARCHITECTURES[arch].board, clock=clock)
    given = options(qemu_command(spec))
    assert given["-machine"] == [board]
    assert given["-cpu"][0].startswith("cortex-")
    words = given["-append"][0].split()
    assert "console=ttyAMA0" in words
    assert not any("tsc" in word for word in words)
    assert f"distributor.clock={clock}" in words


@pytest.mark.parametrize(
    ("accelerator", "words"), [("kvm", "kvm"), ("tcg", "tcg,thread=multi,tb-size=64")]
)
def test_the_real_clock_runs_on_either_accelerator(accelerator: str, words: str) -> None:
    spec = dataclasses.replace(SPEC, clock=Clock.REAL, accelerator=Accelerator(accelerator))
    given = options(qemu_command(spec))
    assert given["-accel"] == [words]
    assert "-icount" not in given
    assert "distributor.clock=real" in given["-append"][0].split()


def test_a_machine_is_closed_save_for_one_loopback_port_that_the_kernel_picks() -> None:
    spec = dataclasses.replace(SPEC, network=UserLine(4001))
    given = options(qemu_command(spec))
    assert given["-netdev"] == ["user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:0-:4001"]
    assert given["-sandbox"][0].startswith("on,")
    assert "-nodefaults" in given
    assert "-no-user-config" in given


def test_an_emulated_machine_of_the_real_clock_is_told_the_counters_speed() -> None:
    spec = dataclasses.replace(SPEC, clock=Clock.REAL, counter_khz=2_300_000)
    for accelerator, told in ((Accelerator.TCG, True), (Accelerator.KVM, False)):
        command = qemu_command(dataclasses.replace(spec, accelerator=accelerator))
        assert ("tsc_early_khz=2300000" in options(command)["-append"][0].split()) is told
    virtual = qemu_command(dataclasses.replace(SPEC, clock=Clock.VIRTUAL, counter_khz=2_300_000))
    assert "tsc_early_khz" not in " ".join(virtual)


def test_memory_is_locked_where_that_is_wanted() -> None:
    assert "-overcommit" not in qemu_command(SPEC)
    locked = options(qemu_command(dataclasses.replace(SPEC, locked=True)))
    assert locked["-overcommit"] == ["mem-lock=on"]


def test_paths_and_descriptors_stand_as_given() -> None:
    command = qemu_command(dataclasses.replace(SPEC, monitor=17, console=18, cpus=2, memory_mib=99))
    given = options(command)
    assert command[0] == "/usr/bin/qemu-system-x86_64"
    assert given["-kernel"] == ["/images/a b/vmlinux"]
    assert given["-chardev"] == ["socket,id=console,fd=18", "socket,id=monitor,fd=17"]
    assert (given["-smp"], given["-m"]) == (["2"], ["99M"])


USERNET = """Hub -1 (net0):
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
  TCP[ESTABLISHED]   14       127.0.0.1 50412       10.0.2.15  3001     0     0
  TCP[HOST_FORWARD]  12       127.0.0.1 41357       10.0.2.15  3001     0     0
  TCP[HOST_FORWARD]  13       127.0.0.1 41358       10.0.2.15    22     0     0
"""


def test_the_forwarded_port_is_read_from_the_monitor() -> None:
    assert parse_port(USERNET, 3001) == 41357
    assert parse_port(USERNET, 22) == 41358
    with pytest.raises(NetworkError, match="port 80"):
        parse_port(USERNET, 80)


@pytest.mark.parametrize(
    ("text", "version", "number"),
    [
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\n", "7.2.22", (7, 2)),
        ("QEMU emulator version 10.0.2\nCopyright", "10.0.2", (10, 0)),
        ("QEMU emulator version 9.1 (v9.1.0-rc1)", "9.1", (9, 1)),
    ],
)
def test_versions_are_parsed(text: str, version: str, number: tuple[int, int]) -> None:
    assert parse_version(text) == version
    assert QemuFacts(Path("/qemu"), version).number == number


def test_a_version_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no QEMU version"):
        parse_version("bash: command not found")


def test_many_processors_count_instructions_from_qemu_10_on() -> None:
    QemuFacts(Path("/qemu"), "7.2.22").check_virtual(1)
    QemuFacts(Path("/qemu"), "10.0.0").check_virtual(2)
    with pytest.raises(ConfigurationError, match=r"2 processors needs QEMU 10\.0.*backports"):
        QemuFacts(Path("/qemu"), "9.2.1").check_virtual(2)


def test_a_missing_qemu_is_told_with_its_package(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="apt-get install qemu-system-x86"):
        qemu_facts()


def test_qemu_is_asked_again_when_it_has_changed(tmp_path: Path, monkeypatch) -> None:
    program = tmp_path / "qemu-system-x86_64"
    for version in ("8.1.0", "10.2.1"):
        changed = tmp_path / "new"
        changed.write_text(f"#!/bin/sh\necho QEMU emulator version {version}\n")
        changed.chmod(0o755)
        changed.replace(program)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        assert qemu_facts().version == version
    program.write_text("#!/bin/sh\necho QEMU emulator version 4.2.0\n")
    with pytest.raises(ConfigurationError, match=r"at least 6\.2"):
        qemu_facts()
