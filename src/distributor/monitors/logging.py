"""A monitor for people: what starts and ends, and a small table for each finished set."""

from __future__ import annotations

import logging
import sys

from distributor.analysis.duration import format_duration
from distributor.analysis.report import task_table
from distributor.analysis.summary import summarize
from distributor.analysis.table import counted, printable
from distributor.monitors.monitor import Attempt, Monitor
from distributor.session.result import Result


class LoggingMonitor(Monitor):
    """Tells of every task set through :mod:`logging`.

    Where the program has set up no logging, the same goes to standard error, so that a
    plain script shows something.

    :param logger: where to; the logger ``distributor.monitors.logging`` if not given.
    :param level: of what goes well; what does not is a warning.
    """

    def __init__(self, logger: logging.Logger | None = None, *, level: int = logging.INFO) -> None:
        self._logger = logger or logging.getLogger(__name__)
        self._level = level

    def started(self, attempt: Attempt) -> None:
        which = f", try {attempt.number}" if attempt.number > 1 else ""
        self._tell(self._level, f"{_who(attempt)} started on {attempt.machine}{which}")
        super().started(attempt)

    def finished(self, attempt: Attempt, result: Result) -> None:
        guest, host = format_duration(result.guest_ns), format_duration(round(result.host_s * 1e9))
        head = (
            f"{_who(attempt)} is {result.verdict} on {attempt.machine} "
            f"({guest} of guest time in {host}): {printable(result.reason)}"
        )
        if result.noise is not None:
            head += f" (noisy: {printable(str(result.noise))})"
        lines = task_table(attempt.taskset.tasks, summarize(result.jobs))
        self._tell(self._level, "\n    ".join((head, *lines)))
        super().finished(attempt, result)

    def stopped(self, attempt: Attempt) -> None:
        self._tell(
            logging.WARNING,
            f"{_who(attempt)} stopped on {attempt.machine}; it is back in the queue",
        )
        super().stopped(attempt)

    def bad(self, attempt: Attempt, result: Result) -> None:
        tries = counted(attempt.number, "try", "tries")
        head = f"{_who(attempt)} is {result.verdict} after {tries}: {printable(result.reason)}"
        lines = [f"console: {printable(line)}" for line in result.console.splitlines()]
        self._tell(logging.WARNING, "\n    ".join((head, *lines)))
        super().bad(attempt, result)

    def _tell(self, level: int, text: str) -> None:
        if _is_handled(self._logger):
            self._logger.log(level, "%s", text)
        elif level >= self._level:
            sys.stderr.write(text + "\n")


def _is_handled(logger: logging.Logger) -> bool:
    """Whether what is logged goes somewhere; a library's NullHandler is nowhere."""
    at: logging.Logger | None = logger
    while at is not None:
        if any(not isinstance(handler, logging.NullHandler) for handler in at.handlers):
            return True
        at = at.parent if at.propagate else None
    return False


def _who(attempt: Attempt) -> str:
    name = f" ({printable(attempt.taskset.name)})" if attempt.taskset.name else ""
    return f"job {attempt.job} set {attempt.index}{name}"
