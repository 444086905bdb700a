"""The private folder of one distributor: consoles, which a person may want to look at."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import weakref
from pathlib import Path

from distributor.errors import ConfigurationError

_PREFIX = "distributor-"
_LOCK = "owner"


class RunFolder:
    """A folder that only this user can enter, held by this process until it ends.

    It is made when it is first asked for, and anew if that is after :meth:`close`. Folders of
    processes that have ended are removed when the next one is made; until then the consoles of
    a run can be read.

    :param base: where to make it; by default $XDG_RUNTIME_DIR, or the folder for
        temporary files.
    :param keep: where consoles are kept for good, instead of in the folder.
    """

    def __init__(self, base: Path | None = None, *, keep: Path | None = None) -> None:
        self._base = base
        self._keep = keep
        self._path: Path | None = None
        self._remove: weakref.finalize[..., RunFolder] | None = None

    @property
    def path(self) -> Path:
        """The folder."""
        if self._path is None:
            base = self._base or _default_base()
            _sweep(base)
            path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=base))
            lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            # For one that is dropped without close(), too.
            self._remove = weakref.finalize(self, _remove, path, lock)
            self._path = path
        return self._path

    @property
    def consoles(self) -> Path:
        """Where machines' consoles are kept."""
        folder = (self._keep or self.path) / "consoles"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def console(self, machine_id: str) -> Path:
        """The file for a machine's console, which is not there yet."""
        path = self.consoles / f"{machine_id}.log"
        path.unlink(missing_ok=True)
        return path

    def close(self) -> None:
        """Remove what was made. Idempotent."""
        if self._remove is not None:
            self._remove()
        self._path = self._remove = None


def check_id(machine_id: str) -> None:
    """:raise ConfigurationError: it cannot be part of a file's name."""
    if not machine_id or set(machine_id) & set("/,\0") or machine_id.startswith("."):
        raise ConfigurationError(f"{machine_id!r} is no name for a machine")


def run_folders() -> list[Path]:
    """The folders of this user's processes, and of some that have ended."""
    found = []
    for folder in sorted(_default_base().glob(f"{_PREFIX}*")):
        with contextlib.suppress(OSError):  # gone meanwhile
            if not folder.is_symlink() and folder.stat().st_uid == os.getuid():
                found.append(folder)
    return found


def _default_base() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and os.access(runtime, os.W_OK | os.X_OK):
        return Path(runtime)
    return Path(tempfile.gettempdir())


def _sweep(base: Path) -> None:
    """Remove folders whose owner is gone: nobody holds their lock."""
    for folder in base.glob(f"{_PREFIX}*"):
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:  # another's, being made, or gone
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)


def _remove(folder: Path, lock: int) -> None:
    os.close(lock)
    shutil.rmtree(folder, ignore_errors=True)
