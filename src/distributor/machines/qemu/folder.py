"""The private folder of one distributor: consoles, which a person may want to look at."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "distributor-"
_LOCK = "owner"


class RunFolder:
    """A folder that only this user can enter, held by this process until it ends.

    Folders of processes that have ended are removed when the next one is made; until
    then the consoles of a run can be read.

    :param base: where to make it; by default $XDG_RUNTIME_DIR, or the folder for
        temporary files.
    """

    def __init__(self, base: Path | None = None) -> None:
        self._base = base or _default_base()
        _sweep(self._base)
        self.path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=self._base))
        self._lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.consoles.mkdir()

    @property
    def consoles(self) -> Path:
        """Where machines' consoles are kept."""
        return self.path / "consoles"

    def close(self) -> None:
        """Remove it all. Idempotent."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
            shutil.rmtree(self.path, ignore_errors=True)


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
