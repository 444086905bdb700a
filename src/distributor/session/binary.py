"""The executables of a task set, read from their files as often as those change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from distributor.errors import ConfigurationError
from distributor.tasks.task import Task

#: Largest binary sent; the loader's own bound.
BINARY_MAX = 64 << 20
#: Bytes of binaries kept in memory between sets.
_KEPT_MAX = 64 << 20

#: Programs that run on each architecture, by the number of their processor in an ELF file (Linux,
#: include/uapi/linux/elf-em.h): kernels of 64 bits also run those of 32.
_RUN = {"amd64": {62, 3}, "arm64": {183, 40}, "armhf": {40}}
_PROCESSORS = {3: "32-bit x86", 40: "32-bit ARM", 62: "x86-64", 183: "64-bit ARM"}

#: Path, time of change and size of a file.
Version = tuple[Path, int, int]


def version(path: Path) -> Version:
    """What a file is now.

    :raise OSError: it is not there.
    """
    status = path.stat()
    return path, status.st_mtime_ns, status.st_size


@dataclass(frozen=True, slots=True)
class Binary:
    """A file's content under its name on the wire."""

    name: str
    data: bytes
    version: Version

    def check(self, architecture: str) -> None:
        """Whether it is a program for machines of that architecture; "" for any.

        What is no ELF file at all is the machine's to refuse.

        :raise ConfigurationError: it is for another processor.
        """
        known = _RUN.get(architecture)
        if known is None or self.data[:4] != b"\x7fELF" or len(self.data) < 20:
            return
        number = int.from_bytes(self.data[18:20], "big" if self.data[5] == 2 else "little")
        if number not in known:
            named = _PROCESSORS.get(number, f"another processor (ELF number {number})")
            raise ConfigurationError(
                f"{self.version[0]} is a program for {named}, and the machines are {architecture}",
                hint="compile it for them, or take other machines: --arch",
            )


class Binaries:
    """Reads binaries, and keeps what it has read.

    :param find: the file that holds a task's executable.
    """

    def __init__(self, find: Callable[[Task], Path]) -> None:
        self._find = find
        self._kept: dict[str, Binary] = {}

    async def of(self, tasks: Iterable[Task], architecture: str = "") -> list[Binary]:
        """One for each name among the tasks, as the files are now.

        :param architecture: of the machine that is to run them.
        :raise ConfigurationError: one cannot be read, is too large, or for another processor.
        """
        found: dict[str, Binary] = {}
        for task in tasks:
            if task.name not in found:
                found[task.name] = await self._read(task)
                found[task.name].check(architecture)
        return list(found.values())

    async def _read(self, task: Task) -> Binary:
        path = self._find(task)
        try:
            now = version(path)
            if now[2] > BINARY_MAX:
                raise ConfigurationError(f"{path} is larger than {BINARY_MAX} bytes")
            kept = self._kept.get(task.name)
            if kept is not None and kept.version == now:
                return kept
            data = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
        binary = Binary(task.name, data, now)
        if sum(len(each.data) for each in self._kept.values()) + len(data) > _KEPT_MAX:
            self._kept.clear()
        self._kept[task.name] = binary
        return binary


def binary_finder(builtin: Mapping[str, Path]) -> Callable[[Task], Path]:
    """Finds the file of a task's executable: a built-in one in the image, others where they are.

    :param builtin: the image's executables by name.
    """

    def find(task: Task) -> Path:
        if not task.builtin:
            return Path(task.binary)
        if task.binary not in builtin:
            raise ConfigurationError(
                f"the guest image has no task {task.binary!r}",
                hint="build it anew: distributor image build; of an image that is not ours, give "
                "the folder of its executables: --binaries",
            )
        return builtin[task.binary]

    return find
