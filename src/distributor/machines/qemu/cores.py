"""Cores of the host, each lent to one machine of the real clock at a time."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from collections.abc import Sequence
from pathlib import Path

_log = logging.getLogger(__name__)


class Loan:
    """Threads that have cores of their own, until :meth:`end`."""

    def __init__(self, cores: Sequence[int], locks: Sequence[int]) -> None:
        #: The cores, in the order of the threads.
        self.cores = tuple(cores)
        self._locks = list(locks)

    def end(self) -> None:
        """Let others have the cores; idempotent."""
        while self._locks:
            os.close(self._locks.pop())


class Cores:
    """The cores that this process may use, shared with every distributor of this user.

    A core is lent by a lock on a file of its own, which the kernel frees with its owner. The
    first core goes last: while there are others, it is left to the controller.

    :param folder: where the lock files are; the same for all who share the host.
    :param cores: those that may be lent; by default all that this process may use.
    """

    def __init__(self, folder: Path, cores: Sequence[int] | None = None) -> None:
        self._folder = folder
        self._cores = tuple(cores) if cores is not None else tuple(os.sched_getaffinity(0))
        self._said = False

    def lend(self, machine: str, threads: Sequence[int]) -> Loan | None:
        """Pin each thread to a core that nobody else has.

        :param machine: whose threads they are, for the log.
        :return: None, said once in the log, where there are not enough cores; then the
            threads run where the kernel puts them.
        """
        taken: dict[int, int] = {}
        self._folder.mkdir(parents=True, exist_ok=True)
        for core in sorted(self._cores, reverse=True):
            if len(taken) < len(threads) and (lock := self._lock(core)) is not None:
                taken[core] = lock
        loan = Loan(list(taken), list(taken.values()))
        if len(taken) == len(threads):
            try:
                with contextlib.suppress(ProcessLookupError):  # it dies, and others say how
                    for thread, core in zip(threads, loan.cores, strict=True):
                        os.sched_setaffinity(thread, {core})
            except PermissionError:
                loan.end()
                self._say(
                    "machine %s has no host core of its own: this root lacks CAP_SYS_NICE; what "
                    "it shares them with can make its runs noisy",
                    machine,
                )
                return None
            return loan
        loan.end()
        self._say(
            "machine %s has no host core of its own: of %d cores %d are free, and it has %d "
            "processors; what it shares them with can make its runs noisy",
            machine,
            len(self._cores),
            len(taken),
            len(threads),
        )
        return None

    def _say(self, message: str, *values: object) -> None:
        """Once."""
        if not self._said:
            self._said = True
            _log.warning(message, *values)

    def _lock(self, core: int) -> int | None:
        """A descriptor that holds the core; None while somebody else does."""
        path = self._folder / f"core-{core}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor
