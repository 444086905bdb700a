"""Distributor: real-time task sets, run for real on a fleet of QEMU machines.

::

    from distributor import Distributor, LoggingMonitor, Task, TaskSet

    taskset = TaskSet([Task("busy", arg1=2000, period_ms=10, priority=1, numberofjobs=100)])
    with Distributor(max_machine=2) as distributor:
        distributor.add_job(taskset, LoggingMonitor())
        distributor.wait()
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from distributor.public import *  # noqa: F403
    from distributor.public import __all__ as __all__
else:

    def __getattr__(name):
        """The public names come with the first of them that is asked for: the command line,
        which imports this package first, then starts in a quarter of the time."""
        if not name.startswith("_") or name == "__all__":
            public = importlib.import_module("distributor.public")
            names = {each: getattr(public, each) for each in public.__all__}
            globals().update(names, __all__=public.__all__)
            if name in globals():
                return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
