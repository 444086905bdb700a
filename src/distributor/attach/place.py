"""Where a running distributor is found: a socket in a folder that its user alone can enter."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import socket
import stat
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

_log = logging.getLogger(__name__)

#: PID.sock, and PID-2.sock for the second distributor of one process.
_NAME = re.compile(r"[0-9]+(-[0-9]+)?\.sock")
_IN_ONE_PROCESS_MAX = 64
_BACKLOG = 16
#: SO_PEERCRED's struct ucred (unix(7)): process, user and group.
_PEER = struct.Struct("3i")


def folders() -> list[Path]:
    """Where sockets may be, the first that works is taken: ``distributor`` in
    $XDG_RUNTIME_DIR, else ``distributor-UID`` in the folder for temporary files."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    found = [Path(tempfile.gettempdir()) / f"distributor-{os.getuid()}"]
    if runtime.startswith("/"):
        found.insert(0, Path(runtime) / "distributor")
    return found


def open_place() -> tuple[socket.socket, Path] | None:
    """A socket that listens, and its path; None where none can be had.

    The caller gives both back by :func:`close_place`.
    """
    for folder in folders():
        try:
            return _open_in(folder)
        except OSError as error:
            _log.info("no socket in %s: %s", folder, error)
    return None


def close_place(listening: socket.socket, path: Path) -> None:
    """Close the socket, and remove it, and its folder with the last one."""
    listening.close()
    with contextlib.suppress(OSError):
        path.unlink()
    with contextlib.suppress(OSError):
        path.parent.rmdir()


def places() -> Iterator[Path]:
    """The sockets that there are, of distributors that may have died since."""
    for folder in folders():
        if _is_private(folder):
            yield from sorted(each for each in folder.iterdir() if _NAME.fullmatch(each.name))


def connect(path: Path, timeout_s: float) -> socket.socket | None:
    """A connection to the distributor that listens there; the caller closes it.

    :return: None if it does not answer. What a dead one has left is removed.
    """
    ours = socket.socket(socket.AF_UNIX)
    try:
        ours.settimeout(timeout_s)
        ours.connect(str(path))
        if peer_user(ours) != os.getuid():
            raise PermissionError(f"{path} is another user's")
    except ConnectionRefusedError:
        ours.close()
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    except OSError:
        ours.close()
        return None
    return ours


def peer_user(connected: socket.socket) -> int:
    """The user id of the process at the other end."""
    told = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    return int(_PEER.unpack(told)[1])


def _open_in(folder: Path) -> tuple[socket.socket, Path]:
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if not _is_private(folder):
        raise PermissionError("it is not a folder that this user alone can enter")
    _sweep(folder)
    ours = socket.socket(socket.AF_UNIX)
    # It has its name only when it listens: whoever is refused by one takes it for dead.
    unnamed = folder / f".{secrets.token_hex(4)}"
    try:
        try:
            ours.bind(str(unnamed))
            unnamed.chmod(0o600)
            ours.listen(_BACKLOG)
            return ours, _name(unnamed)
        finally:
            unnamed.unlink(missing_ok=True)
    except BaseException:
        ours.close()
        raise


def _sweep(folder: Path) -> None:
    """Remove what processes that were killed have left."""
    for path in folder.iterdir():
        number = path.stem.partition("-")[0]
        if _NAME.fullmatch(path.name) and not Path("/proc", number).exists():
            there = connect(path, timeout_s=0.1)
            if there is not None:  # of a process in a container of its own
                there.close()


def _name(unnamed: Path) -> Path:
    for number in range(1, _IN_ONE_PROCESS_MAX + 1):
        suffix = f"-{number}" if number > 1 else ""
        path = unnamed.with_name(f"{os.getpid()}{suffix}.sock")
        try:
            os.link(unnamed, path)
        except FileExistsError:
            there = connect(path, timeout_s=0.1)
            if there is not None:
                there.close()
                continue  # another distributor of this process
            # Left by a process that had our number: unlinked by now, unless it is odd.
            with contextlib.suppress(FileExistsError):
                os.link(unnamed, path)
                return path
            continue
        return path
    raise OSError(f"this process has {_IN_ONE_PROCESS_MAX} of them")


def _is_private(folder: Path) -> bool:
    try:
        about = folder.lstat()
    except OSError:
        return False
    return (
        stat.S_ISDIR(about.st_mode)
        and about.st_uid == os.getuid()
        and not about.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    )
