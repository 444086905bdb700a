"""Debian's kernel packages: asked for, fetched and unpacked without installing them.

Installing would make an initramfs and a boot entry for the host; none of it is wanted. Of
another architecture than the host's, apt keeps lists in a folder of ours: what the host
itself is set up for stays as it is.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from distributor.errors import ImageError
from distributor.machines.image.cache import cache_folder, locked

_TIMEOUT_S = 1800
#: Lists of packages that are younger are not asked for again.
_LISTS_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class KernelPackage:
    """A kernel package that apt knows of."""

    name: str
    version: str

    @property
    def key(self) -> str:
        """A name for it among files."""
        return re.sub(r"[^A-Za-z0-9.+~_-]", "-", f"{self.name}_{self.version}")


class Apt:
    """How apt is asked for packages of one architecture.

    :param architecture: Debian's name of it; the host's own one is asked for as apt is set up,
        whose lists are never refreshed from here.
    :param progress: told of each long step, in a few words.
    """

    def __init__(self, architecture: str, progress: Callable[[str], None]) -> None:
        self.architecture = architecture
        self._progress = progress
        self._own = _ask("dpkg", "--print-architecture").strip() in (architecture, "")
        self._folder = cache_folder() / f"apt-{architecture}"

    def newest_kernel(self, flavour: str) -> KernelPackage | None:
        """The newest kernel of a flavour (``rt-amd64``) that apt's lists name; None if none.

        :raise ImageError: lists of another architecture cannot be had.
        """
        if self._own:
            return self._newest(flavour)
        with locked(self._folder / "lock"):
            old_s = self._lists_age_s()
            found = self._newest(flavour) if old_s < _LISTS_S else None
            if found is None:
                said = self._refresh()
                found = self._newest(flavour)
                if found is None and self._lists_age_s() >= _LISTS_S:
                    raise ImageError(
                        f"apt gets no lists of packages of {self.architecture}: {said}",
                        hint="a mirror of Debian must be reached, or give a kernel: "
                        f"distributor image build --arch {self.architecture} --kernel PATH "
                        "--modules DIR",
                    )
        return found

    def fetch(self, package: KernelPackage, folder: Path) -> Path:
        """Fetch a package and unpack it into ``folder``; returns the folder that holds it.

        :raise ImageError: apt or dpkg-deb fail, with what they say.
        """
        self._progress(f"fetches {package.name} {package.version}")
        download = folder / "download"
        download.mkdir()
        # As root, apt fetches as the user _apt, who must be able to write here.
        download.chmod(0o777)
        folder.chmod(0o755)
        wanted = f"{package.name}={package.version}"
        try:
            _do("apt-get", "-q", *self._options(), "download", wanted, cwd=download)
        except ImageError as error:
            hint = "old package lists name files that are gone: run apt-get update as root"
            if not self._own:
                (self._folder / "asked").unlink(missing_ok=True)
                hint = "old package lists name files that are gone: new ones are fetched next time"
            raise ImageError(str(error), hint=hint) from error
        files = list(download.glob("*.deb"))
        if len(files) != 1:
            raise ImageError(f"apt-get download left {len(files)} packages instead of one")
        self._progress(f"unpacks {package.name}")
        unpacked = folder / "unpacked"
        _do("dpkg-deb", "-x", str(files[0]), str(unpacked), cwd=folder)
        shutil.rmtree(download)
        return unpacked

    def _newest(self, flavour: str) -> KernelPackage | None:
        """As the lists that are there say."""
        options = self._options()
        meta = f"linux-image-{flavour}"
        # From Debian 13 on, the flavour's package may have alternatives; the first is the newest.
        for line in _ask("apt-cache", *options, "depends", meta).splitlines():
            found = re.match(r"\s*\|?Depends: (linux-image-[0-9][^\s:]*)", line)
            if found is None:
                continue
            policy = _ask("apt-cache", *options, "policy", found[1])
            shown = re.search(r"^\s*Candidate: (\S+)", policy, re.M)
            if shown and shown[1] != "(none)":
                return KernelPackage(found[1], shown[1])
        return None

    def _options(self) -> list[str]:
        """Everything that apt would change lies in our folder; its sources are the host's."""
        if self._own:
            return []
        settings = {
            "APT::Architecture": self.architecture,
            "APT::Architectures": self.architecture,
            "Dir::State": self._folder / "state",
            "Dir::State::status": self._folder / "status",
            "Dir::Cache": self._folder / "cache",
            "Acquire::Languages": "none",
        }
        return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]

    def _refresh(self) -> str:
        """Get the lists anew; what apt says, if that fails.

        One source of the host's may well be of no use here: what counts is whether there is
        a kernel afterwards.
        """
        self._progress(f"asks apt for the packages of {self.architecture}")
        for folder in ("state/lists/partial", "cache/archives/partial"):
            (self._folder / folder).mkdir(parents=True, exist_ok=True)
        (self._folder / "status").touch()  # nothing of that architecture is installed
        try:
            _do("apt-get", "-q", *self._options(), "update", cwd=self._folder)
        except ImageError as error:
            return str(error)
        finally:
            if self._lists():
                (self._folder / "asked").touch()
        return "it says nothing"

    def _lists(self) -> list[Path]:
        return list((self._folder / "state/lists").glob("*_Packages*"))

    def _lists_age_s(self) -> float:
        try:
            asked_s = (self._folder / "asked").stat().st_mtime
        except FileNotFoundError:
            return float("inf")
        return time.time() - asked_s if self._lists() else float("inf")


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
        raise ImageError(f"`{_named(command)}` cannot be run: {error}") from error
    if done.returncode:
        said = done.stdout.decode(errors="replace").strip().splitlines()
        raise ImageError(f"`{_named(command)}` failed: {' / '.join(said[-3:])}")


def _named(command: tuple[str, ...]) -> str:
    """Without the options that say where apt has its folders."""
    words = [
        word
        for before, word in zip(("", *command), command, strict=False)
        if "-o" not in (before, word)
    ]
    return " ".join(words)
