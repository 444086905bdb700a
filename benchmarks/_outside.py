"""Other people's programs that something is compared with, in folders of their own in the cache.

Whatever is missing makes its benchmark :class:`Skipped`, with one line that says what.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from distributor.errors import ImageError
from distributor.machines.image import AMD64, cache_folder
from distributor.machines.image.cache import keep
from distributor.machines.image.debian import Apt, KernelPackage

_INSTALL_S = 180


class Skipped(Exception):
    """A benchmark that cannot be run here; its text says what is missing."""


def needs(*programs: str) -> None:
    """
    :raise Skipped: a program is not on this host.
    """
    for program in programs:
        if shutil.which(program) is None:
            raise Skipped(f"there is no {program} on this host")


def environment(package: str) -> Path:
    """The folder of programs of a Python environment that has this package.

    :raise Skipped: it cannot be installed.
    """

    def make(folder: Path) -> None:
        run([sys.executable, "-m", "venv", str(folder)], _INSTALL_S)
        run([str(folder / "bin/python"), "-m", "pip", "-q", "install", package], _INSTALL_S)

    # An environment knows its own path: it cannot be made elsewhere and moved.
    folder = _folder() / f"python-{package}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        make(folder)
        (folder / "complete").touch()
    return folder / "bin"


def debian_package(name: str) -> Path:
    """The files of a package, unpacked.

    :raise Skipped: apt does not know it or cannot fetch it.
    """
    needs("apt-cache", "apt-get", "dpkg-deb")
    told = run(["apt-cache", "policy", name], 60)
    version = re.search(r"^\s*Candidate: (\S+)", told, re.MULTILINE)
    if version is None or version[1] == "(none)":
        raise Skipped(f"apt knows no package {name}")
    package = KernelPackage(name, version[1])

    def make(folder: Path) -> None:
        Apt(AMD64.name, lambda _: None).fetch(package, folder)

    try:
        return keep(_folder() / package.key, make) / "unpacked"
    except ImageError as error:
        raise Skipped(str(error)) from None


def run(command: list[str], limit_s: float) -> str:
    """What a program prints.

    :raise Skipped: it is missing, fails, or takes longer.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=limit_s,
            check=False,
        )
    except OSError as error:
        raise Skipped(f"{command[0]} cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise Skipped(f"{command[0]} took longer than {limit_s:.0f} s") from None
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["it said nothing"])[-1]
        raise Skipped(f"{Path(command[0]).name} failed: {last[:200]}")
    return done.stdout


def _folder() -> Path:
    folder = cache_folder() / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
