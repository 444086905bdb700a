"""One host core for all threads of a QEMU, while it runs a task set in virtual time.

QEMU runs the timers of virtual time, and skips idle time, in two threads: its main loop and that
of the processors, whichever comes first. Where both run at once, the main loop can do so a few
instructions before those are counted, or take its turn from one of several processors; two
runs then part. So all share one core, on which the main loop, which sleeps most of the time, goes
before the others whenever it wakes: it comes first always (docs/decisions/0031).
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

_log = logging.getLogger(__name__)

#: The least of those priorities that go before all ordinary threads (sched(7)).
_FIRST = os.sched_param(1)
#: Threads that it makes do not inherit it.
_POLICY = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK


class OneCore:
    """Chooses among the cores that this process may use."""

    def __init__(self) -> None:
        self._running = Counter(dict.fromkeys(sorted(os.sched_getaffinity(0)), 0))

    @contextmanager
    def hold(self, pid: int) -> Iterator[None]:
        """Keep every thread of a process, and those that it makes, on the least used core, and
        have its first thread go before the others, as far as this process may."""
        core = min(self._running, key=self._running.__getitem__)
        self._running[core] += 1
        try:
            _keep(pid, core)
            _put_first(pid)
            yield
        finally:
            self._running[core] -= 1


def _keep(pid: int, core: int) -> None:
    try:
        threads = [int(each.name) for each in Path(f"/proc/{pid}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return  # it has died, and who waits for it says how
    for thread in threads:
        try:
            with contextlib.suppress(ProcessLookupError):  # one that has ended needs no core
                os.sched_setaffinity(thread, {core})
        except PermissionError:
            _say_not_kept()
            return


def _put_first(pid: int) -> None:
    try:
        os.sched_setscheduler(pid, _POLICY, _FIRST)
    except ProcessLookupError:
        pass  # as above
    except PermissionError:
        _say_not_first()


@lru_cache(maxsize=1)
def _say_not_kept() -> None:
    _log.warning(
        "sealed machines are not kept on one core each (this root lacks CAP_SYS_NICE): "
        "a run in some hundreds can differ from the others by nanoseconds"
    )


@lru_cache(maxsize=1)
def _say_not_first() -> None:
    _log.info(
        "QEMU's main loop does not go first on its core (that takes root, or `ulimit -r 1`): "
        "a run in some thousands can differ from the others by nanoseconds"
    )
