"""A monitor that keeps every result in a store."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from collections.abc import Mapping
from typing import Any

from distributor.errors import StoreError
from distributor.monitors.monitor import Attempt, Monitor
from distributor.session.result import Clock, Result
from distributor.store.claim import Claim
from distributor.store.store import DEFAULT_STORE, Store


class StoreMonitor(Monitor):
    """Keeps what it sees as one run. Hand one to all jobs of one distributor.

    The run is claimed until :meth:`close`: no other program can go on with it meanwhile.
    A result is in the store when the call that brought it returns: nothing is left to
    write later, and nothing is lost when the program is killed.

    :param store: a file's path, a URL, or an open :class:`~distributor.store.store.Store`,
        which its owner closes.
    :param command: the command line or script; that of this program if not given.
    :param clock: the clock, options, seed and QEMU version asked for, where known.
    :param run: number of a run that is to go on, instead of a new one; its jobs (the batches)
        are numbered on, and the options are kept anew.
    :raise ConfigurationError: the URL names no database that can be used.
    :raise StoreError: the store cannot be opened or written.
    """

    def __init__(
        self,
        store: Store | str = DEFAULT_STORE,
        *,
        command: str | None = None,
        clock: Clock | None = None,
        options: Mapping[str, Any] | None = None,
        seed: int | str | None = None,
        qemu: str | None = None,
        run: int | None = None,
    ) -> None:
        self._owned = not isinstance(store, Store)
        self._store = store if isinstance(store, Store) else Store.open(store)
        self._closed = False
        self._batches = 0
        self._claim: Claim | None = None
        #: Id in the store of the set that was kept last; 0 before the first.
        self.kept = 0
        try:
            if run is not None:
                self._claim = self._store.claim(run)
                self._batches = self._store.continue_run(run, options or {})
                self._run_id = run
            else:
                self._run_id = self._store.begin_run(
                    shlex.join(sys.argv) if command is None else command,
                    clock=clock,
                    options=options,
                    seed=seed,
                    qemu=qemu,
                )
                self._claim = self._store.claim(self._run_id)
        except BaseException:
            self._release()
            raise

    @property
    def run_id(self) -> int:
        """Id of the run in the store."""
        return self._run_id

    @property
    def store(self) -> Store:
        """The store that is written to."""
        return self._store

    def finished(self, attempt: Attempt, result: Result) -> None:
        self._add(attempt, result)
        super().finished(attempt, result)

    def bad(self, attempt: Attempt, result: Result) -> None:
        self._add(attempt, result)
        super().bad(attempt, result)

    def close(self) -> None:
        """Record the run's end, and close the store if it was opened here; idempotent."""
        if self._closed:
            return
        self._closed = True
        try:
            self._store.end_run(self._run_id)
        finally:
            self._release()

    def _add(self, attempt: Attempt, result: Result) -> None:
        if self._closed:
            raise StoreError(
                f"run {self._run_id} in {self._store.name} has ended",
                hint="a StoreMonitor serves one distributor: make another for the next",
            )
        numbered = dataclasses.replace(attempt, job=attempt.job + self._batches)
        self.kept = self._store.add(self._run_id, numbered, result)

    def _release(self) -> None:
        if self._claim is not None:
            self._claim.close()
        if self._owned:
            self._store.close()
