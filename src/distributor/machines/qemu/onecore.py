"""One host core for all threads of a QEMU, while it runs a task set in virtual time.

QEMU runs the timers of virtual time, and skips idle time, in two threads: its main loop and that
of the processors, whichever comes first. Where both run at once, the main loop can do so a few
instructions before those are counted, or take its turn from one of several processors; two
runs then part. On one core the main loop, which sleeps most of the time, is served at once, and
comes first or last always alike (docs/decisions/0031).
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
