"""Real QEMU, the real kernel: machines start, answer, and end in every way there is."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import select
import signal
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from distributor.errors import (
    BootError,
    GuestFault,
    LaunchError,
    MachineLost,
    SessionClosed,
    StateError,
)
from distributor.machines.image import Image, build_image
from distributor.machines.machine import MachineState
from distributor.machines.qemu import QemuKind, QemuMachine
from distributor.network.user import UserLine
from tests import kernels

pytestmark = pytest.mark.integration

AVAILABLE = struct.pack("<I", 0x000AAAAA)
GET_PROFILE = struct.pack("<I", 0x000159D1)
REBOOT = struct.pack("<I", 0x000159D3)


@pytest.fixture(scope="module")
def image() -> Image:
    return build_image()


@asynccontextmanager
async def running(image: Image, folder: Path, **options) -> AsyncIterator[QemuMachine]:
    machine = QemuKind(image, directory=folder, network="user", **options).create_reachable("m1")
    try:
        await machine.start()
        yield machine
    finally:
        await machine.stop()
        assert machine.state is MachineState.DEAD
        assert machine.pid is None or not alive(machine.pid)


def worked_s(machine: QemuMachine, unknown: float | None = None) -> float:
    work_s = machine.work_s()
    if work_s is None:
        work_s = unknown
    assert work_s is not None
    return work_s


def alive(pid: int | None) -> bool:
    assert pid is not None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def begun(machine: QemuMachine) -> int:
    """The machine's process, once there is one."""
    while machine.pid is None:  # noqa: ASYNC110  # nobody tells of it but the machine
        await asyncio.sleep(0.01)
    return machine.pid


async def said(machine: QemuMachine, word: bytes, size: int) -> bytes:
    """What the loader answers on a connection of its own."""
    reader, writer = await machine.connect()
    try:
        writer.write(word)
        return await asyncio.wait_for(reader.readexactly(size), 60)
    finally:
        writer.close()
        await writer.wait_closed()


# On the real clock KVM is left to its probe.
@pytest.mark.parametrize("clock", ["virtual", "real"])
async def test_a_machine_answers_connection_after_connection(
    image: Image, tmp_path: Path, clock: str
) -> None:
    async with running(image, tmp_path, clock=clock) as machine:
        assert machine.state is MachineState.READY
        assert (machine.facts.clock, machine.facts.accelerator) in {
            ("virtual", "tcg"),
            ("real", "tcg"),
            ("real", "kvm"),
        }
        for _ in range(3):
            assert await said(machine, AVAILABLE, 4) == AVAILABLE
        (size,) = struct.unpack("<I", await said(machine, GET_PROFILE, 4))
        assert 0 < size < 1000
        assert worked_s(machine) > 0.1
        assert "loader: ready" in machine.console_tail()
    printed = (tmp_path / "consoles" / "m1.log").read_text()
    assert "loader: ready" in printed


@pytest.mark.parametrize("cold", [False, True])
async def test_the_loader_listens_where_it_is_told(
    image: Image, tmp_path: Path, cold: bool
) -> None:
    options = {"clock": "real", "accelerator": "tcg", "port": 4001, "cold": cold}
    async with running(image, tmp_path, **options) as machine:
        assert await said(machine, AVAILABLE, 4) == AVAILABLE
        assert machine.instance is not None
        assert ("-incoming" in machine.instance.process.command) is not cold


async def test_two_machines_run_side_by_side(image: Image, tmp_path: Path) -> None:
    kind = QemuKind(image, directory=tmp_path, network="user")
    machines = [kind.create_reachable("m1"), kind.create_reachable("m2")]
    try:
        await asyncio.gather(*(machine.start() for machine in machines))
        both = await asyncio.gather(*(said(machine, AVAILABLE, 4) for machine in machines))
        assert both == [AVAILABLE] * 2
    finally:
        await asyncio.gather(*(machine.stop() for machine in machines))


async def test_a_machine_that_is_paused_costs_nothing_and_goes_on(
    image: Image, tmp_path: Path
) -> None:
    async with running(image, tmp_path) as machine:
        await machine.pause()
        assert machine.state is MachineState.PAUSED
        before_s = worked_s(machine)
        await asyncio.sleep(0.5)  # in which a machine that runs would use half a second
        assert worked_s(machine) - before_s < 0.2
        await machine.resume()
        assert await said(machine, AVAILABLE, 4) == AVAILABLE
        with pytest.raises(StateError, match="can be started once"):
            await machine.start()


async def test_a_machine_that_is_killed_is_lost_and_nobody_pays(
    image: Image, tmp_path: Path
) -> None:
    async with running(image, tmp_path) as machine:
        dying = asyncio.create_task(machine.died())
        os.kill(await begun(machine), signal.SIGKILL)
        error = await asyncio.wait_for(dying, 10)
        assert isinstance(error, MachineLost)
        assert error.transient
        assert error.exit_code == -signal.SIGKILL
        assert "killed by signal 9" in str(error)
        assert error.command[0].endswith("qemu-system-x86_64")
        with pytest.raises(MachineLost):
            await machine.connect()


async def test_a_guest_that_gives_up_is_a_fault_of_the_guest(image: Image, tmp_path: Path) -> None:
    async with running(image, tmp_path) as machine:
        reader, writer = await machine.connect()
        writer.write(REBOOT)
        error = await asyncio.wait_for(machine.died(), 60)
        writer.close()
        assert isinstance(error, GuestFault)
        assert not error.transient
        assert "gave up: guest-reset" in str(error)
        del reader


async def test_a_panic_is_told_by_the_kernels_own_words(image: Image, tmp_path: Path) -> None:
    broken = dataclasses.replace(image, folder=tmp_path)
    broken.initramfs.write_bytes(b"no archive at all")  # so there is no process 1
    (tmp_path / "tasks").mkdir()
    with pytest.raises(GuestFault, match="Kernel panic") as caught:
        async with running(broken, tmp_path, clock="real", accelerator="tcg"):
            pass
    assert "Unable to mount root fs" in caught.value.console


async def test_a_kernel_that_does_nothing_is_a_failure_to_boot(
    image: Image, tmp_path: Path
) -> None:
    still = b"\xeb\xfe" * 2048  # jumps to itself
    # QEMU starts an ELF program by its PVH note: name "Xen", type 18, the address of the entry.
    note = struct.pack("<III4sI", 4, 4, 18, b"Xen\0", 0x1000000)
    broken = dataclasses.replace(image, kernel=tmp_path / "vmlinux")
    broken.kernel.write_bytes(kernels.vmlinux(still, note=note))
    with pytest.raises(BootError, match="did not boot within 2 s of work") as caught:
        async with running(broken, tmp_path, clock="virtual", boot_timeout_s=2):
            pass
    assert "-kernel" in caught.value.command


async def test_what_qemu_refuses_is_a_failure_to_launch(image: Image, tmp_path: Path) -> None:
    broken = dataclasses.replace(image, kernel=tmp_path / "vmlinux")
    broken.kernel.write_bytes(b"no kernel")
    with pytest.raises(LaunchError, match=r"QEMU did not start machine m1: .*kernel") as caught:
        async with running(broken, tmp_path, cold=True):
            pass
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("booting", [False, True])
async def test_a_machine_that_is_killed_while_it_starts_is_lost(
    image: Image, tmp_path: Path, booting: bool
) -> None:
    kind = QemuKind(image, directory=tmp_path, network="user", cold=booting)
    machine = kind.create_reachable("m1")
    try:
        starting = asyncio.create_task(machine.start())
        while booting and worked_s(machine, 0) < 0.5:  # noqa: ASYNC110  # as in begun()
            await asyncio.sleep(0.01)
        os.kill(await begun(machine), signal.SIGKILL)
        with pytest.raises(MachineLost):
            await asyncio.wait_for(starting, 10)
    finally:
        await machine.stop()


async def test_a_start_and_a_stop_that_are_cancelled_leave_nothing(
    image: Image, tmp_path: Path
) -> None:
    machine = QemuKind(image, directory=tmp_path, network="user").create_reachable("m1")
    starting = asyncio.create_task(machine.start())
    await begun(machine)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    stopping = asyncio.create_task(machine.stop())
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    assert machine.state is MachineState.DEAD
    assert not alive(machine.pid)
    await machine.stop()
    with pytest.raises(MachineLost):
        await machine.connect()


async def test_a_port_that_nobody_listens_on_is_an_end_of_the_session(
    image: Image, tmp_path: Path
) -> None:
    async with running(image, tmp_path) as machine:
        (await machine.connect())[1].close()
        assert isinstance(machine._line, UserLine)
        machine._line._host_port = (
            1  # what a connection to a machine without its forward would meet
        )
        with pytest.raises(SessionClosed, match=r"127\.0\.0\.1:1"):
            await machine.connect()


CONTROLLER = """
import asyncio, sys, threading
from pathlib import Path
from distributor.machines.image import build_image
from distributor.machines.qemu import QemuKind

async def run():
    kind = QemuKind(build_image(), directory=Path(sys.argv[1]), network="user")
    machine = kind.create_reachable("m1")
    starting = asyncio.create_task(machine.start())
    while machine.pid is None:
        await asyncio.sleep(0.01)
    print(machine.pid, flush=True)
    if sys.argv[2] == "ready":
        await starting
    print("now", flush=True)
    await asyncio.sleep(600)

# As the distributor does: the loop in a thread of its own, which lives as long as it is wanted.
threading.Thread(target=lambda: asyncio.run(run())).start()
"""


@pytest.mark.parametrize("when", ["starting", "ready"])
def test_no_machine_outlives_a_controller_that_is_killed(
    image: Image, tmp_path: Path, when: str
) -> None:
    words = [sys.executable, "-c", CONTROLLER, str(tmp_path), when]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as controller:
        assert controller.stdout is not None
        pid = int(controller.stdout.readline())
        assert controller.stdout.readline() == "now\n"
        # Tells of QEMU's end even though it is no child of ours.
        end = os.pidfd_open(pid)
        controller.kill()
    ended, _, _ = select.select([end], [], [], 10)
    os.close(end)
    assert ended, f"QEMU {pid} has outlived its controller"
