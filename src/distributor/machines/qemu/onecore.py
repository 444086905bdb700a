"""One host core for all of a QEMU whose virtual processors take turns.

QEMU runs the timers of virtual time in two threads, its main loop and that of the processors,
whichever comes first; when the main loop does, it takes the turn from the processor that has
it, and two runs part. On one core the main loop, which sleeps most of the time, is served at
once, and comes first or last always alike (docs/decisions/0031).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class OneCore:
    """Chooses among the cores that this process may use."""

    def __init__(self) -> None:
        self._running = Counter(dict.fromkeys(sorted(os.sched_getaffinity(0)), 0))

    @contextmanager
    def hold(self, pid: int) -> Iterator[None]:
        """Keep every thread of a process, and those that it makes, on the least used core."""
        core = min(self._running, key=self._running.__getitem__)
        self._running[core] += 1
        try:
            try:
                for thread in Path(f"/proc/{pid}/task").iterdir():
                    os.sched_setaffinity(int(thread.name), {core})
            except (FileNotFoundError, ProcessLookupError):
                pass  # it has died, and who waits for it says how
            yield
        finally:
            self._running[core] -= 1
