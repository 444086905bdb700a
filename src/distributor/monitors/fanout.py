"""Hands what happens to several monitors, and keeps their faults away from the run."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence

from distributor.errors import StoreError
from distributor.monitors.monitor import Attempt, Monitor
from distributor.session.event import Event
from distributor.session.result import Result

_log = logging.getLogger(__name__)


class Fanout(Monitor):
    """Several monitors as one, called in their order.

    Each is called, whatever the others raise. Exceptions are logged: the first of a
    monitor with its traceback, the others counted until :meth:`close`. Only a
    :class:`~distributor.errors.StoreError` comes through, the first one, when all
    monitors have been called.
    """

    def __init__(self, *monitors: Monitor) -> None:
        self._monitors = monitors
        self._faults: Counter[int] = Counter()

    def started(self, attempt: Attempt) -> None:
        self._each(lambda monitor: monitor.started(attempt))

    def event(self, attempt: Attempt, events: Sequence[Event]) -> None:
        self._each(lambda monitor: monitor.event(attempt, events))

    def finished(self, attempt: Attempt, result: Result) -> None:
        self._each(lambda monitor: monitor.finished(attempt, result))

    def stopped(self, attempt: Attempt) -> None:
        self._each(lambda monitor: monitor.stopped(attempt))

    def bad(self, attempt: Attempt, result: Result) -> None:
        self._each(lambda monitor: monitor.bad(attempt, result))

    def job_changed(self, job: int) -> None:
        self._each(lambda monitor: monitor.job_changed(job))

    def close(self) -> None:
        try:
            self._each(lambda monitor: monitor.close())
        finally:
            for place, monitor in enumerate(self._monitors):
                count = self._faults.pop(place, 0)
                if count > 1:
                    _log.error(
                        "the monitor %s raised %d times in all", type(monitor).__name__, count
                    )

    def _each(self, call: Callable[[Monitor], None]) -> None:
        lost: StoreError | None = None
        for place, monitor in enumerate(self._monitors):
            try:
                call(monitor)
            except StoreError as error:
                lost = lost or error
            except Exception:
                self._faults[place] += 1
                if self._faults[place] == 1:
                    _log.exception("the monitor %s raised; the run goes on", type(monitor).__name__)
        if lost is not None:
            raise lost
