"""``distributor doctor``: what this host can do, and what to install for more."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from distributor.cli import checkup
from distributor.cli.checkup import Finding, State
from distributor.cli.exits import EXIT_BAD_INPUT
from distributor.cli.options import JsonObjectOption
from distributor.errors import ConfigurationError, ImageError
from distributor.machines.image import (
    AMD64,
    ARCHITECTURES,
    Architecture,
    cache_folder,
    find_image,
    require_image,
)
from distributor.machines.image.sources import compiler_identity
from distributor.machines.qemu.accelerator import KVM, KvmProbe, kvm_opens
from distributor.machines.qemu.facts import qemu_facts
from distributor.network.bridge.leases import dnsmasq_program

_CAP_NET_ADMIN = 12  # linux/capability.h
_ASK_TIMEOUT_S = 10


def doctor(
    as_json: JsonObjectOption = False,
) -> None:
    """Say what this host can do, and what to install for more.

    Exit value 0: task sets can be run; 2: something that they need is missing.
    """
    findings = list(examine())
    fit = all(finding.state is not State.MISSING for finding in findings)
    if as_json:
        told = [
            {"name": each.name, "state": each.state, "found": each.found, "advice": each.advice}
            for each in findings
        ]
        typer.echo(json.dumps({"fit": fit, "findings": told}))
    else:
        _show(findings, fit)
    if not fit:
        raise typer.Exit(EXIT_BAD_INPUT)


def _show(findings: list[Finding], fit: bool) -> None:
    console = Console()
    table = Table("", "State", "Found, and what to do for more", box=None, pad_edge=False)
    colours = {State.OK: "green", State.LIMITED: "yellow", State.MISSING: "red"}
    for each in findings:
        table.add_row(each.name, Text(each.state, colours[each.state]), Text(each.found))
        if each.advice:
            table.add_row("", "", Text(f"-> {each.advice}"))
    console.print(table)
    console.print(
        "Task sets can be run here: try `distributor run` with a file of examples/."
        if fit
        else "Task sets cannot be run here before what is missing is there.",
        highlight=False,
    )


def examine() -> Iterator[Finding]:
    """Look at this host, thing by thing."""
    yield checkup.check_python(sys.version_info[:3])
    image = find_image()
    boots = None
    try:
        facts = qemu_facts()
    except ConfigurationError as error:
        yield checkup.report("QEMU", error)
    else:
        yield checkup.check_qemu(facts)
        if image is not None:
            boots = KvmProbe(cache_folder(), image.key, facts.version).remembered()
    yield checkup.check_kvm(KVM.exists(), kvm_opens(), boots)
    tun = Path("/dev/net/tun")
    yield checkup.check_network(
        _has_net_admin(),
        _has_namespaces(),
        tun.exists(),
        dnsmasq_program() is not None,
        os.access(tun, os.R_OK | os.W_OK),
    )
    try:
        yield Finding("Compiler", State.OK, compiler_identity())
    except ImageError as error:  # of no use once there is an image
        yield checkup.report("Compiler", error, State.LIMITED if image else State.MISSING)
    yield checkup.check_arm(
        {name: _lacking(each) for name, each in ARCHITECTURES.items() if each is not AMD64}
    )
    yield checkup.check_zstd(shutil.which("zstd"), image is not None)
    try:
        image = require_image()
        yield Finding("Guest image", State.OK, f"kernel {image.release}, {image.folder}")
    except ImageError as error:
        yield checkup.report("Guest image", error)
    yield checkup.check_cores(len(os.sched_getaffinity(0)))
    yield checkup.check_memory(_available_bytes())
    folder = cache_folder()
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    yield checkup.check_disk(
        folder, os.access(existing, os.W_OK | os.X_OK), shutil.disk_usage(existing).free
    )


def _lacking(architecture: Architecture) -> list[str]:
    """Debian packages that machines of an architecture need and that are not there."""
    needs = {
        architecture.program: architecture.program_package,
        architecture.compiler: architecture.compiler_package,
    }
    return [package for program, package in needs.items() if shutil.which(program) is None]


def _has_net_admin() -> bool:
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_NET_ADMIN & 1)
    return False


def _has_namespaces() -> bool:
    """Whether this user may make a network namespace of his own; only trying tells."""
    try:
        done = subprocess.run(
            ["unshare", "--user", "--map-root-user", "--net", "true"],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ASK_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _available_bytes() -> int:
    """Memory that could be had without swapping; the group's limit, where it is lower."""
    available = 0
    for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("MemAvailable:"):
            available = int(line.split()[1]) * 1024
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="utf-8").strip()
        used = int(Path("/sys/fs/cgroup/memory.current").read_text(encoding="utf-8"))
        if limit.isdigit():
            available = min(available, max(0, int(limit) - used))
    except OSError:  # no limit of that kind here
        pass
    return available
