"""Who writes a run: one program at a time, until it ends, however it ends.

A claim is a lock that the system gives back when its holder dies, so that a crash binds
nobody (docs/decisions/0085-durable-runs.md). Beside an SQLite file it is a byte of the file
``NAME-lock``, the byte's place being the run's number; in PostgreSQL it is an advisory lock of
a connection that does nothing else. Other databases have none.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from distributor.errors import StoreError

#: First half of the key of PostgreSQL's advisory locks; any number of our own.
_CLAIMS = 0x44495355
#: struct flock of fcntl(2), on 64-bit Linux: type, whence, start, length, pid.
_FLOCK = "hhqqi4x"


class Claim:
    """A run that nobody else writes until :meth:`close`; idempotent."""

    def __init__(self, release: Callable[[], None]) -> None:
        self._release: Callable[[], None] | None = release

    def close(self) -> None:
        release, self._release = self._release, None
        if release is not None:
            release()


def claim(engine: Engine, database: str, run_id: int, name: str) -> Claim:
    """Claim a run of the store.

    :param database: the path of an SQLite file; not used for other databases.
    :param name: of the store, for messages.
    :raise StoreError: another program, or another part of this one, has it.
    """
    if engine.dialect.name == "sqlite":
        taken = _claim_byte(f"{database}-lock", run_id)
    elif engine.dialect.name == "postgresql":
        taken = _claim_advisory(engine, run_id)
    else:
        return Claim(lambda: None)
    if taken is None:
        raise StoreError(
            f"run {run_id} of the store {name} is being written by another program",
            hint="wait until it has ended, or end it",
        )
    return taken


def _claim_byte(path: str, run_id: int) -> Claim | None:
    # Whoever may write to the store may hold it.
    mode = Path(path.removesuffix("-lock")).stat().st_mode & 0o666
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode)
    try:
        # A lock of the open file, not of the process: it also binds others in this process,
        # and does not go when somebody else here closes the same file (fcntl(2), OFD locks).
        wanted = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, run_id, 1, 0)
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, wanted)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return Claim(lambda: os.close(descriptor))


def _claim_advisory(engine: Engine, run_id: int) -> Claim | None:
    connection = engine.connect()
    try:
        # Not in a transaction that would lie open as long as the run goes on.
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        wanted = {"ours": _CLAIMS, "run": run_id & 0x7FFFFFFF}
        query = text("SELECT pg_try_advisory_lock(:ours, :run)")
        if not connection.scalar(query, wanted):
            connection.close()
            return None
    except BaseException:
        connection.invalidate()
        connection.close()
        raise

    def release() -> None:
        # The lock goes with its connection, which must not go back into the pool with it.
        try:
            connection.invalidate()
            connection.close()
        except SQLAlchemyError:
            pass  # the server is gone, and the lock with it

    return Claim(release)
