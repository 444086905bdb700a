"""Machines on a bridge in a namespace of the distributor's own, with real leases."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from distributor import Distributor, Task, TaskSet, Verdict
from distributor.errors import BootError, ConfigurationError, MachineLost, NetworkError
from distributor.machines.image import Image
from distributor.machines.qemu import QemuKind, QemuMachine
from distributor.network.bridge.look import look, nsenter_words
from tests.integration.conftest import Results
from tests.namespaces import need_bridges
from tests.rough import RoughNetwork

pytestmark = pytest.mark.integration

AVAILABLE = struct.pack("<I", 0x000AAAAA)


@pytest.fixture(scope="module", autouse=True)
def _allowed() -> None:
    need_bridges()


@asynccontextmanager
async def kind_of(image: Image, **options: Any) -> AsyncIterator[QemuKind]:
    kind = QemuKind(image, network="bridge", **options)
    try:
        yield kind
    finally:
        kind.close()


@asynccontextmanager
async def started(kind: QemuKind, *names: str) -> AsyncIterator[list[QemuMachine]]:
    machines = [kind.create_reachable(name) for name in names]
    try:
        await asyncio.gather(*(machine.start() for machine in machines))
        yield machines
    finally:
        await asyncio.gather(*(machine.stop() for machine in machines))


def bridge_of(kind: QemuKind) -> dict[str, Any]:
    """What its keeper tells."""
    (told,) = look([kind.consoles.parent])
    return told


def inside(kind: QemuKind, *words: str) -> str:
    """What a command prints in the bridge's namespace."""
    command = [*nsenter_words(bridge_of(kind)["keeper"]), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


async def answers(machine: QemuMachine) -> bool:
    reader, writer = await machine.connect()
    try:
        writer.write(AVAILABLE)
        return await asyncio.wait_for(reader.readexactly(4), 60) == AVAILABLE
    finally:
        writer.close()
        await writer.wait_closed()


def host_network() -> dict[str, str]:
    """The host's own interfaces, addresses and routes, and what /etc says of
    networks (its other files may change: others work on this host, too)."""
    found = {
        words: subprocess.run(words.split(), check=True, capture_output=True, text=True).stdout
        for words in ("ip -br link", "ip -br address", "ip route show table all")
    }
    etc = Path("/etc")
    files = sorted(
        path
        for pattern in ("*net*", "*dhc*", "dnsmasq*", "host*", "resolv*", "iproute2", "systemd")
        for place in etc.glob(pattern)
        for path in (place, *place.rglob("*"))
    )
    found["/etc"] = "\n".join(f"{path} {path.lstat().st_mtime_ns}" for path in files)
    found["namespaces"] = "\n".join(map(str, Path("/run/netns").glob("*")))
    return found


@pytest.mark.parametrize("cold", [False, True])
async def test_machines_lease_their_own_addresses(image: Image, cold: bool) -> None:
    async with (
        kind_of(image, clock="real", accelerator="tcg", cold=cold) as kind,
        started(kind, *(["m1"] if cold else ["m1", "m2"])) as machines,
    ):
        told = {machine["machine"]: machine for machine in bridge_of(kind)["machines"]}
        for machine in machines:
            at = told[machine.id]
            assert machine.address == f"{at['lease']}:3001"
            assert f"ready on {at['lease']} port 3001" in machine.console_tail()
            assert at["hardware"] == f"0a:06:00:00:00:{int(at['lease'].split('.')[3]):02x}"
            assert await answers(machine)
            assert await answers(machine)
        leases = [at["lease"] for at in told.values()]
        assert sorted(leases) == ["10.200.45.1", "10.200.45.2"][: len(machines)]


def busy(number: int) -> TaskSet:
    tasks = [
        Task("busy", arg1=500, period_ms=5, priority=1, numberofjobs=4),
        Task("busy", arg1=1000, period_ms=10, numberofjobs=2),
    ]
    return TaskSet(tasks, name=f"set-{number}")


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_two_distributors_run_side_by_side_and_the_host_is_untouched(clock: str) -> None:
    """With the same bridge, subnet and addresses."""
    before = host_network()
    plan = {"subnet": "10.77.0.0/24", "first_machine": 7, "machines": 2}
    results = [Results(), Results()]
    with (
        Distributor(2, network="bridge", bridge=plan, clock=clock) as one,
        Distributor(2, network="bridge", bridge=plan, clock=clock) as other,
    ):
        for distributor, found in zip((one, other), results, strict=True):
            distributor.add_job((busy(number) for number in range(6)), found)
        assert one.wait(300)
        assert other.wait(300)
        during = host_network()
    assert during == before
    for found in results:
        assert sorted(found.found) == [(1, number) for number in range(6)]
        verdicts = {result.verdict for result in found.found.values()}
        # In real time an emulated machine of a busy host may miss a deadline.
        assert verdicts <= {Verdict.SCHEDULABLE, Verdict.MISSED}
        if clock == "virtual":
            assert verdicts == {Verdict.SCHEDULABLE}


def test_more_machines_than_addresses_are_refused() -> None:
    plan = {"machines": 2}
    with pytest.raises(ConfigurationError, match=r"3 machines at once .* to 10\.200\.45\.2\)"):
        Distributor(3, network="bridge", bridge=plan)
    with (
        Distributor(2, network="bridge", bridge=plan) as distributor,
        pytest.raises(ConfigurationError, match="has addresses for 2"),
    ):
        distributor.set_max_machine_value(3)


async def test_a_machine_without_an_address_says_so(image: Image) -> None:
    async with kind_of(image, bridge={"machines": 1}) as kind, started(kind, "m1"):
        machine = kind.create_reachable("m2")
        with pytest.raises(NetworkError, match="no address is free for machine m2"):
            await machine.start()
        await machine.stop()


async def test_a_tap_that_is_removed_costs_its_machine_alone(image: Image) -> None:
    async with kind_of(image) as kind, started(kind, "m1", "m2") as (first, second):
        dying = asyncio.create_task(first.died())
        inside(kind, "ip", "link", "del", "tap1")
        error = await asyncio.wait_for(dying, 30)
        assert isinstance(error, MachineLost)
        assert "m1 was cut off: tap1 was removed" in str(error)
        with pytest.raises(MachineLost):
            await first.connect()
        assert await answers(second)
        await first.stop()
        async with started(kind, "m3") as (third,):
            assert third.address == "10.200.45.1:3001"
            assert await answers(third)


async def test_dnsmasq_is_started_again_and_a_new_keeper_when_it_is_killed(image: Image) -> None:
    async with kind_of(image) as kind, started(kind, "m1") as (first,):
        os.kill(bridge_of(kind)["dnsmasq"], signal.SIGKILL)
        async with started(kind, "m2") as (second,):
            told = bridge_of(kind)
            assert told["dnsmasq_starts"] == 2
            assert [each["lease"] for each in told["machines"]] == ["10.200.45.1", "10.200.45.2"]
            os.kill(told["keeper"], signal.SIGKILL)
            async with started(kind, "m3") as (third,):
                assert third.address == "10.200.45.3:3001"
                assert await answers(third)
            # Connected before, and not harmed.
            for machine in (first, second):
                assert await answers(machine)


def test_no_set_is_lost_whatever_befalls_the_bridge(image: Image) -> None:
    """Taps removed under machines, dnsmasq killed, the keeper killed, while 24 sets run."""
    kind = QemuKind(image, network="bridge")
    results = Results()

    def cut(bridge: dict[str, Any]) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):  # its machine has just ended
            inside(kind, "ip", "link", "del", bridge["machines"][0]["tap"])

    def kill(what: str) -> Callable[[dict[str, Any]], None]:
        return lambda bridge: os.kill(bridge[what], signal.SIGKILL)

    blows = {3: cut, 7: kill("dnsmasq"), 10: cut, 14: kill("keeper"), 18: cut}
    with Distributor(3, session_type=kind, builtin=kind.builtin) as distributor:
        distributor.add_job((busy(number) for number in range(24)), results)
        for decided, blow in blows.items():
            while len(results.found) < decided:
                assert not distributor.wait(0.02)
            # After the keeper, the bridge is there again with the next machine.
            if there := [each for each in look([kind.consoles.parent]) if each["machines"]]:
                blow(there[0])
        assert distributor.wait(300)
    assert sorted(results.found) == [(1, number) for number in range(24)]
    assert {result.verdict for result in results.found.values()} == {Verdict.SCHEDULABLE}


def namespaces() -> set[str]:
    """The network namespaces in which there is a process."""
    found = set()
    for process in Path("/proc").glob("[0-9]*/ns/net"):
        with contextlib.suppress(OSError):  # gone meanwhile
            found.add(str(process.readlink()))
    return found


CONTROLLER = """
import asyncio, sys, threading
from distributor.machines.image import require_image
from distributor.machines.qemu import QemuKind

async def run():
    kind = QemuKind(require_image(), network="bridge")
    machine = kind.create_reachable("m1")
    starting = asyncio.create_task(machine.start())
    while machine._line is None:
        await asyncio.sleep(0.01)
    if sys.argv[1] == "ready":
        await starting
    print(kind.consoles.parent, machine.pid or 0, flush=True)
    await asyncio.sleep(600)

threading.Thread(target=lambda: asyncio.run(run())).start()
"""


@pytest.mark.parametrize("when", ["starting", "ready"])
def test_nothing_outlives_a_controller_that_is_killed(when: str) -> None:
    words = [sys.executable, "-c", CONTROLLER, when]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as controller:
        assert controller.stdout is not None
        folder, pid = controller.stdout.readline().split()
        (told,) = look([Path(folder)])
        pids = {told["keeper"], told["dnsmasq"], int(pid)} - {0}
        ends = [os.pidfd_open(each) for each in pids]
        controller.kill()
    for end in ends:
        ended, _, _ = select.select([end], [], [], 20)
        os.close(end)
        assert ended, "something has outlived its controller"
    assert look([Path(folder)]) == []
    assert told["namespace"] not in namespaces()
    shutil.rmtree(folder)  # as the next distributor would


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_frames_that_are_lost_and_late_cost_no_set(image: Image, clock: str) -> None:
    """One in twelve lost, each way, and up to 10 ms late, out of order."""
    kind = QemuKind(image, network="bridge", clock=clock)
    rough = RoughNetwork(kind._network, loss=0.08, delay_s=0.01)
    kind._network = rough
    results = Results()
    with Distributor(2, session_type=kind, builtin=kind.builtin) as distributor:
        distributor.add_job((busy(number) for number in range(4)), results)
        assert distributor.wait(300)
    assert rough.lost > 2
    assert sorted(results.found) == [(1, number) for number in range(4)]
    verdicts = {result.verdict for result in results.found.values()}
    assert verdicts <= ({Verdict.SCHEDULABLE} | ({Verdict.MISSED} if clock == "real" else set()))


async def test_a_machine_that_gets_no_lease_says_so(image: Image) -> None:
    async with kind_of(image, boot_timeout_s=3) as kind:
        kind._network = RoughNetwork(kind._network, loss=1, delay_s=0)
        machine = kind.create_reachable("m1")
        with pytest.raises(BootError, match="no DHCP server has answered on eth0 yet"):
            await machine.start()
        await machine.stop()
