"""Where built things are kept: folders by key, each complete or not there at all."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

#: How often a lock that somebody else holds is looked at.
_LOOK_S = 0.05


def cache_folder() -> Path:
    """``distributor`` in $XDG_CACHE_HOME, by default ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG base directory specification: a relative path is to be ignored.
    base = Path(home) if home.startswith("/") else Path.home() / ".cache"
    return base / "distributor"


def earlier_formats(folder: Path) -> list[Path]:
    """The folders of which ``folder`` is a later format: ``images-1`` for ``images-2``."""
    name, _, number = folder.name.rpartition("-")
    found = []
    for other in sorted(folder.parent.glob(f"{name}-*")):
        other_number = other.name.rpartition("-")[2]
        if other_number.isdecimal() and int(other_number) < int(number):
            found.append(other)
    return found


def _make_parent(path: Path) -> None:
    """The folder of a file; a cache that is new can be entered by its owner alone."""
    folder = cache_folder()
    if folder in path.parents and not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, waiting for whoever else has it; the kernel frees it with its owner."""
    _make_parent(path)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@asynccontextmanager
async def alone(path: Path) -> AsyncIterator[None]:
    """Hold a lock file among processes.

    Looked at again and again, since a thread that waits for it could not be cancelled.
    """
    _make_parent(path)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(_LOOK_S)
        yield
    finally:
        os.close(descriptor)


def keep(folder: Path, make: Callable[[Path], None], *, anew: bool = False) -> Path:
    """The folder, made by ``make`` if it is not there; made once however many ask at once.

    What is being made stands beside it under another name until it is complete, so that a
    crash leaves nothing that would be taken for the thing.

    :param make: fills the empty folder that it is given.
    :param anew: make it even if it is there.
    """
    with locked(folder.with_name(f".{folder.name}.lock")):
        if folder.is_dir():
            if not anew:
                return folder
            shutil.rmtree(folder)
        for left in folder.parent.glob(f".{folder.name}.part-*"):  # of a maker that died
            shutil.rmtree(left, ignore_errors=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.part-", dir=folder.parent))
        try:
            part.chmod(0o755)
            make(part)
            part.rename(folder)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    return folder


def write_whole(path: Path, text: str) -> None:
    """Replace a file's text in one step."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as part:
            part.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
