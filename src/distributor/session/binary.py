"""The executables of a task set, read from their files as often as those change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from distributor.errors import ConfigurationError
from distributor.tasks.task import Task

#: Largest binary sent; the loader's own bound.
BINARY_MAX = 64 << 20
#: Bytes of binaries kept in memory between sets.
_KEPT_MAX = 64 << 20

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


class Binaries:
    """Reads binaries, and keeps what it has read.

    :param find: the file that holds a task's executable.
    """

    def __init__(self, find: Callable[[Task], Path]) -> None:
        self._find = find
        self._kept: dict[str, Binary] = {}

    async def of(self, tasks: Iterable[Task]) -> list[Binary]:
        """One for each name among the tasks, as the files are now.

        :raise ConfigurationError: one cannot be read, or is too large.
        """
        found: dict[str, Binary] = {}
        for task in tasks:
            if task.name not in found:
                found[task.name] = await self._read(task)
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
