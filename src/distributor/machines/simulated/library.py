"""simso, imported when it is needed, and what is ours of it: a scheduler and its tasks."""

from __future__ import annotations

import functools
import sys
import warnings
from importlib.metadata import version
from types import ModuleType, SimpleNamespace
from typing import Any


@functools.cache
def simso() -> Any:
    """The names of simso, and of the SimPy below it, that are used here.

    It was written for older Pythons: it imports ``imp``, which Python 3.12 no longer has,
    and needs it only for schedulers in files of their own, which nobody here has. An empty
    module stands in while it is imported.
    """
    there = sys.modules.get("imp")
    sys.modules.setdefault("imp", ModuleType("imp"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from SimPy.Simulation import hold  # type: ignore[import-untyped]
            from simso.configuration import Configuration
            from simso.core import Model, Scheduler
            from simso.core.Job import Job
            from simso.core.Task import GenericTask, task_types
            from simso.core.Timer import Timer
    finally:
        if there is None:
            del sys.modules["imp"]
    return SimpleNamespace(
        Configuration=Configuration,
        Model=Model,
        Scheduler=Scheduler,
        Job=Job,
        GenericTask=GenericTask,
        Timer=Timer,
        task_types=task_types,
        hold=hold,
    )


def simso_version() -> str:
    """Version of simso, as ``0.8.5``."""
    return version("simso")
