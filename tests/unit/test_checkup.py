"""What the doctor makes of what was seen on a host."""

from __future__ import annotations

from pathlib import Path

import pytest

from distributor.cli import checkup
from distributor.cli.checkup import GIB, MIB, Finding, State
from distributor.errors import ImageError
from distributor.machines.qemu.facts import QemuFacts


def qemu(version: str) -> QemuFacts:
    return QemuFacts(Path("/usr/bin/qemu-system-x86_64"), version)


@pytest.mark.parametrize(
    ("version", "state"),
    [("6.2.0", State.LIMITED), ("7.2.22", State.LIMITED), ("9.2.4", State.LIMITED)]
    + [(version, State.OK) for version in ("10.0.13", "10.2.0", "11.0.0")],
)
def test_qemus_version_decides_how_many_processors_count(version: str, state: State) -> None:
    finding = checkup.check_qemu(qemu(version))
    assert finding.state is state
    assert version in finding.found


def test_an_old_qemu_is_named_as_old_and_a_newer_one_for_its_one_processor() -> None:
    assert "7.2" in checkup.check_qemu(qemu("6.2.0")).advice
    assert "1 processor" in checkup.check_qemu(qemu("7.2.0")).advice


def test_an_error_is_told_as_it_is() -> None:
    error = ImageError("there is no guest image yet", hint="build it")
    assert checkup.report("Guest image", error) == Finding(
        "Guest image", State.MISSING, "there is no guest image yet", "build it"
    )


def test_no_kvm_is_no_hindrance() -> None:
    for device, accessible, boots in [
        (False, False, None),
        (True, False, None),
        (True, True, False),
    ]:
        assert checkup.check_kvm(device, accessible, boots).state is State.LIMITED
    assert checkup.check_kvm(True, True, True).state is State.OK


def test_a_kvm_that_was_never_tried_is_not_said_to_work() -> None:
    assert "tries" in checkup.check_kvm(True, True, None).found


@pytest.mark.parametrize(
    ("net_admin", "namespaces", "tun", "state"),
    [
        (True, False, True, State.OK),
        (False, True, True, State.OK),
        (False, False, True, State.LIMITED),
        (True, True, False, State.LIMITED),
    ],
)
def test_bridges_take_rights_and_user_mode_takes_none(
    net_admin: bool, namespaces: bool, tun: bool, state: State
) -> None:
    finding = checkup.check_network(net_admin, namespaces, tun)
    assert finding.state is state
    assert "user mode" in finding.found


def test_a_bridge_needs_taps_that_this_user_may_make() -> None:
    finding = checkup.check_network(False, True, True, opens=False)
    assert (finding.state, "not yours to open" in finding.found) == (State.LIMITED, True)


def test_a_bridge_needs_a_dhcp_server() -> None:
    finding = checkup.check_network(True, True, True, dnsmasq=False)
    assert (finding.state, finding.advice) == (State.LIMITED, "apt-get install dnsmasq-base")


@pytest.mark.parametrize(
    ("version", "state"),
    [((3, 10, 9), State.LIMITED), ((3, 14, 0), State.LIMITED)]
    + [((3, minor, 2), State.OK) for minor in (11, 12, 13)],
)
def test_pythons_version(version: tuple[int, ...], state: State) -> None:
    assert checkup.check_python(version).state is state


def test_what_machines_of_arm_lack_is_told_by_package() -> None:
    fit = checkup.check_arm({"arm64": [], "armhf": []})
    assert (fit.state, fit.found) == (State.OK, "arm64 and armhf can be built and run")
    half = checkup.check_arm({"arm64": [], "armhf": ["gcc-arm-linux-gnueabihf"]})
    assert (half.state, half.found) == (State.LIMITED, "arm64 can be built and run")
    assert half.advice == "For --arch armhf: apt-get install gcc-arm-linux-gnueabihf."


def test_zstd_is_of_use_until_there_is_an_image() -> None:
    assert checkup.check_zstd("/usr/bin/zstd", image=False).state is State.OK
    assert checkup.check_zstd(None, image=True).state is State.OK
    assert checkup.check_zstd(None, image=False).state is State.LIMITED


def test_room_is_told_in_what_it_is_room_for() -> None:
    assert checkup.check_memory(8 * GIB).state is State.OK
    assert checkup.check_memory(700 * MIB).state is State.LIMITED
    assert checkup.check_memory(60 * MIB).state is State.MISSING
    assert "about 32 machines" in checkup.check_memory(8 * GIB).found
    assert checkup.check_cores(1).state is State.LIMITED
    folder = Path("/home/ada/.cache/distributor")
    assert checkup.check_disk(folder, True, 2 * GIB).state is State.OK
    assert checkup.check_disk(folder, True, 100 * MIB).state is State.MISSING
    assert checkup.check_disk(folder, False, 2 * GIB).state is State.MISSING


def test_whatever_is_not_in_order_comes_with_advice() -> None:
    findings = [
        checkup.check_python((3, 10, 0)),
        checkup.check_qemu(qemu("6.2.0")),
        checkup.check_qemu(qemu("7.2.0")),
        checkup.check_kvm(False, False, None),
        checkup.check_network(False, False, True),
        checkup.check_network(False, True, True, opens=False),
        checkup.check_zstd(None, image=False),
        checkup.check_cores(1),
        checkup.check_memory(0),
        checkup.check_disk(Path("/x"), False, 0),
    ]
    assert all(each.advice and "\n" not in each.advice for each in findings)
