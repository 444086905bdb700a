"""What the host's QEMU is: its version, and what that version can do."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from distributor.errors import ConfigurationError
from distributor.machines.image.architecture import AMD64

#: The first version on which several processors count instructions without hanging Linux.
_ICOUNT_SMP = (10, 0)
#: The first version that takes every option of the command line.
_OLDEST = (6, 2)


@dataclass(frozen=True, slots=True)
class QemuFacts:
    """One QEMU program.

    :param path: where it is.
    :param version: as it tells it, ``7.2.22``.
    """

    path: Path
    version: str

    @property
    def number(self) -> tuple[int, int]:
        """Major and minor version."""
        major, minor = self.version.split(".")[:2]
        return int(major), int(minor)

    def check_virtual(self, cpus: int) -> None:
        """
        :raise ConfigurationError: the virtual clock cannot be had with so many processors.
        """
        if cpus > 1 and self.number < _ICOUNT_SMP:
            raise ConfigurationError(
                f"the virtual clock with {cpus} processors needs QEMU 10.0, and "
                f"{self.path} is {self.version}",
                hint="take --cpus 1 or --clock real, or install a newer QEMU (Debian 12 has one "
                "in bookworm-backports)",
            )


def qemu_facts(program: str = AMD64.program, package: str = AMD64.program_package) -> QemuFacts:
    """Ask QEMU what it is; asked again only when the program has changed.

    :param package: the Debian package that the program is in.
    :raise ConfigurationError: it is missing, does not run, or is too old.
    """
    found = shutil.which(program)
    if found is None:
        raise ConfigurationError(
            f"there is no {program}, which runs the machines",
            hint=f"install it: apt-get install {package}",
        )
    path = Path(found)
    return _ask(path, path.stat().st_mtime_ns, package)


@lru_cache(maxsize=8)
def _ask(path: Path, _changed_ns: int, package: str) -> QemuFacts:
    try:
        done = subprocess.run(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigurationError(
            f"{path} does not run: {error}", hint=f"install the package {package} anew"
        ) from error
    facts = QemuFacts(path, parse_version(done.stdout))
    if facts.number < _OLDEST:
        raise ConfigurationError(
            f"{path} is version {facts.version}", hint="at least 6.2 is needed: install a newer one"
        )
    return facts


def parse_version(text: str) -> str:
    """The version in what ``qemu --version`` prints.

    :raise ConfigurationError: there is none.
    """
    found = re.search(r"QEMU emulator version (\d+(?:\.\d+)+)", text)
    if found is None:
        raise ConfigurationError(f"no QEMU version in {text[:80]!r}")
    return found.group(1)
