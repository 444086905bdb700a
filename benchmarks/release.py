"""From asking for a sealed machine until its first task's first instruction.

The task ends QEMU with its first instructions, so what is timed ends there, and with the
end of QEMU's process. Measured for a built-in task, whose process is there from the machine's
start, and for a program of the user's own, which is sent and executed.
"""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks import Measured, measured
from benchmarks._machine import TIMEOUT_S
from benchmarks.start import version_s
from distributor.errors import WireError
from distributor.machines.image import Image, require_image
from distributor.machines.image.build import images_folder
from distributor.machines.image.sources import guest_sources
from distributor.machines.qemu import qemu_kind
from distributor.machines.qemu.kind import QemuKind
from distributor.network.shared import EXIT_DONE, EXIT_PORT
from distributor.session.binary import Binaries, binary_finder
from distributor.session.sealed import SealedSession
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet

STARTS = 20
#: The design's, for a machine that is asked for and not made ahead.
GOAL_MS = 60.0
#: The built-in task that another program stands for.
STAND_IN = "busy"

# The system call 173 is ioperm (Linux, arch/x86/entry/syscalls/syscall_64.tbl).
_LEAVE = """
#include "task.h"

JOBS_TAKE_TURNS;

int task_main(const char *name, const char *arg1)
{{
	(void)name;
	(void)arg1;
	system_call(173, {port}, 1, 1, 0, 0, 0);
	for (;;)
		__asm__ volatile("outb %0, %1" : : "a"((char){value}), "d"((short){port}));
}}
"""


def main() -> Iterator[Measured]:
    floor_ms = median(version_s() for _ in range(STARTS)) * 1e3
    yield measured("release_qemu_version", floor_ms, "ms")
    with tempfile.TemporaryDirectory() as folder:
        program = _compile(Path(folder))
        built_in = _with_stand_in(require_image(), program)
        for name, image, task in (
            ("built_in", built_in, STAND_IN),
            ("own", require_image(), str(program)),
        ):
            asked_ms, ahead_ms = asyncio.run(_measure(image, task))
            yield measured(f"release_{name}_from_asking_median", median(asked_ms), "ms", GOAL_MS)
            yield measured(f"release_{name}_made_ahead_median", median(ahead_ms), "ms", GOAL_MS)


def _compile(folder: Path) -> Path:
    """A task that ends QEMU as the loader does when it is done."""
    source, program = folder / "leave.c", folder / "leave"
    # QEMU's isa-debug-exit ends with 2n + 1.
    source.write_text(_LEAVE.format(port=EXIT_PORT, value=(EXIT_DONE - 1) // 2))
    guest = guest_sources()
    command = [
        *("gcc", "-O2", "-static", "-no-pie", "-fno-pie", "-nostdlib", "-ffreestanding", "-s"),
        *("-fno-stack-protector", "-fcf-protection=none", "-fno-asynchronous-unwind-tables"),
        *("-Wl,-z,noseparate-code", "-Wl,--build-id=none", f"-I{guest}", f"-I{guest}/tasks"),
        *(f"-I{guest}/tasks/x86_64", "-o", str(program), str(source)),
    ]
    subprocess.run(command, check=True)
    return program


def _with_stand_in(image: Image, program: Path) -> Image:
    """The image with that program in place of a built-in one, which is larger.

    It is kept beside the others, so that its template is found again.
    """
    folder = images_folder() / f"{image.key}-release"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(image.folder, folder)
    made = dataclasses.replace(image, folder=folder)
    built_in = image.tasks[STAND_IN].read_bytes()
    archive = image.initramfs.read_bytes()
    assert archive.count(built_in) == 1
    stand_in = program.read_bytes().ljust(len(built_in), b"\0")
    assert len(stand_in) == len(built_in)
    made.initramfs.write_bytes(archive.replace(built_in, stand_in))
    return made


async def _measure(image: Image, task: str) -> tuple[list[float], list[float]]:
    """Milliseconds from asking for a machine, and from having one that waits for its set."""
    kind = qemu_kind(image=image)
    await _once(kind, image, task, "template")  # boots the template, if there is none
    asked_ms, ahead_ms = [], []
    for number in range(STARTS):
        whole_ms, part_ms = await _once(kind, image, task, f"m{number}")
        asked_ms.append(whole_ms)
        ahead_ms.append(part_ms)
    await asyncio.to_thread(kind.close)
    return asked_ms, ahead_ms


async def _once(kind: QemuKind, image: Image, task: str, name: str) -> tuple[float, float]:
    found = Binaries(binary_finder(image.tasks))
    leave = TaskSet(Task(task, period_ms=100, priority=1))
    machine = kind.create_sealed(name)
    asked_s = time.perf_counter()
    try:
        await machine.start()
        ready_s = time.perf_counter()
        async with SealedSession(machine, binaries=found, timeout_s=TIMEOUT_S) as session:
            try:
                await session.run(leave, lambda _: None)
            except WireError:
                released_s = time.perf_counter()  # it left before it had told anything
            else:
                raise AssertionError("the task did not end its machine")
    finally:
        await machine.stop()
    return (released_s - asked_s) * 1e3, (released_s - ready_s) * 1e3
