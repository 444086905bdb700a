"""cyclictest's wake-up (Debian's rt-tests) beside our start latency, both in virtual time on the
same kernel: what is left is what a job's start costs beyond waking a thread.

cyclictest runs in an initramfs of its own, with the libraries that it is linked with.
"""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

from benchmarks import Measured, measured
from benchmarks._outside import Skipped, debian_package, needs, run
from benchmarks.latency import JOBS, measure
from distributor.machines.image import require_image
from distributor.machines.image.initramfs import Entry, file, folder, lay_out, pack
from distributor.machines.qemu.command import Accelerator, MachineSpec, qemu_command
from distributor.machines.qemu.facts import qemu_facts
from distributor.network.unplugged import Unplugged
from distributor.session.result import Clock

LIMIT_S = 180
#: Process 1: what cyclictest needs of a system, cyclictest itself, the end.
INIT = """
#include <fcntl.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int throttle;

    mount("proc", "/proc", "proc", 0, 0);
    mount("sysfs", "/sys", "sysfs", 0, 0);
    throttle = open("/proc/sys/kernel/sched_rt_runtime_us", O_WRONLY);
    if (write(throttle, "-1", 2) != 2)
        return 1;
    if (fork() == 0)
        execl("/loader", "/loader", "--library-path", "/lib", "/cyclictest",
              "-m", "-p", "98", "-i", "1000", "-l", "%d", "-q", "-N", (char *)0);
    wait(0);
    reboot(RB_AUTOBOOT);
}
"""


def main() -> Iterator[Measured]:
    mean_us, most_us = _cyclictest_us()
    ours_us = asyncio.run(measure())
    yield measured("cyclictest_mean", mean_us, "us")
    yield measured("cyclictest_start_latency_mean", mean(ours_us), "us", mean_us)
    yield measured("cyclictest_greatest", most_us, "us")
    yield measured("cyclictest_start_latency_greatest", max(ours_us), "us", most_us)


def _cyclictest_us() -> tuple[float, float]:
    """Mean and greatest latency of its one thread, microseconds."""
    needs("gcc", "ldd")
    program = debian_package("rt-tests") / "usr/bin/cyclictest"
    with tempfile.TemporaryDirectory() as name:
        initramfs = Path(name, "initramfs.cpio")
        initramfs.write_bytes(pack(_entries(program, Path(name))))
        printed = _run_machine(initramfs)
    found = re.search(r"Min: +\d+ Act: +\d+ Avg: +(\d+) Max: +(\d+)", printed)
    if found is None:
        last = (printed.strip().splitlines() or ["nothing"])[-1]
        raise Skipped(f"cyclictest gave no figures, but {last[:200]!r}")
    return int(found[1]) / 1e3, int(found[2]) / 1e3


def _entries(program: Path, folder_of_init: Path) -> Iterator[Entry]:
    source, init = folder_of_init / "init.c", folder_of_init / "init"
    source.write_text(INIT % JOBS, encoding="utf-8")
    run(["gcc", "-O1", "-static", "-o", str(init), str(source)], 60)
    yield from lay_out(init.read_bytes(), [], [])
    yield folder("lib")
    yield file("cyclictest", program.read_bytes(), executable=True)
    for line in run(["ldd", str(program)], 60).splitlines():
        if "not found" in line:
            raise Skipped(f"cyclictest lacks the library {line.split()[0]}")
        path = re.search(r"(/\S+)", line)
        if path is not None and "=>" in line:
            yield file(f"lib/{line.split()[0]}", Path(path[1]).read_bytes())
        elif path is not None:
            yield file("loader", Path(path[1]).read_bytes(), executable=True)


def _run_machine(initramfs: Path) -> str:
    """What the machine prints until it ends."""
    monitor, monitor_end = socket.socketpair()
    console, console_end = socket.socketpair()
    spec = MachineSpec(
        name="cyclictest",
        program=qemu_facts().path,
        kernel=require_image().kernel,
        initramfs=initramfs,
        clock=Clock.VIRTUAL,
        accelerator=Accelerator.TCG,
        network=Unplugged(),
        monitor=monitor_end.fileno(),
        console=console_end.fileno(),
    )
    with monitor, console:
        with monitor_end, console_end:
            machine = subprocess.Popen(
                qemu_command(spec),
                pass_fds=(spec.monitor, spec.console),
                stdin=subprocess.DEVNULL,
            )
        console.settimeout(LIMIT_S)
        printed = b""
        try:
            while data := console.recv(65536):
                printed += data
        except TimeoutError:
            raise Skipped(f"cyclictest took longer than {LIMIT_S} s") from None
        finally:
            machine.kill()
            machine.wait()
    return printed.decode(errors="replace")
