"""Debian's kernel packages: asked for, fetched and unpacked without installing them.

Installing would make an initramfs and a boot entry for the host; none of it is wanted.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from distributor.errors import ImageError

#: Debian's name of the host's architecture, as kernel packages carry it.
ARCHITECTURE = "amd64"
_TIMEOUT_S = 1800


@dataclass(frozen=True, slots=True)
class KernelPackage:
    """A kernel package that apt knows of."""

    name: str
    version: str

    @property
    def key(self) -> str:
        """A name for it among files."""
        return re.sub(r"[^A-Za-z0-9.+~_-]", "-", f"{self.name}_{self.version}")


def newest_kernel(flavour: str) -> KernelPackage | None:
    """The newest kernel of a flavour (``rt``, ``cloud``) that apt's lists name; None if none.

    Asks only what is on this host already.
    """
    meta = f"linux-image-{flavour}-{ARCHITECTURE}"
    # From Debian 13 on, the flavour's package may have alternatives; the first is the newest.
    for line in _ask("apt-cache", "depends", meta).splitlines():
        found = re.match(r"\s*\|?Depends: (linux-image-[0-9][^\s:]*)", line)
        if found is None:
            continue
        shown = re.search(r"^\s*Candidate: (\S+)", _ask("apt-cache", "policy", found[1]), re.M)
        if shown and shown[1] != "(none)":
            return KernelPackage(found[1], shown[1])
    return None


def fetch(package: KernelPackage, folder: Path, progress: Callable[[str], None]) -> Path:
    """Fetch a package and unpack it into ``folder``; returns that folder.

    :raise ImageError: apt or dpkg-deb fail, with what they say.
    """
    progress(f"fetches {package.name} {package.version}")
    download = folder / "download"
    download.mkdir()
    # As root, apt fetches as the user _apt, who must be able to write here.
    download.chmod(0o777)
    folder.chmod(0o755)
    _do("apt-get", "-q", "download", f"{package.name}={package.version}", cwd=download)
    files = list(download.glob("*.deb"))
    if len(files) != 1:
        raise ImageError(f"apt-get download left {len(files)} packages instead of one")
    progress(f"unpacks {package.name}")
    unpacked = folder / "unpacked"
    _do("dpkg-deb", "-x", str(files[0]), str(unpacked), cwd=folder)
    shutil.rmtree(download)
    return unpacked


def _ask(*command: str) -> str:
    """What a program says; "" where it cannot be run or fails."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "LC_ALL": "C"},
            timeout=60,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def _do(*command: str, cwd: Path) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ImageError(f"`{' '.join(command)}` cannot be run: {error}") from error
    if done.returncode:
        said = done.stdout.decode(errors="replace").strip().splitlines()
        raise ImageError(
            f"`{' '.join(command)}` failed: {' / '.join(said[-3:])}",
            hint="old package lists name files that are gone: run apt-get update as root",
        )
