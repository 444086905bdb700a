"""simso, imported when it is needed."""

from __future__ import annotations

import functools
import sys
import warnings
from types import ModuleType, SimpleNamespace
from typing import Any


@functools.cache
def simso() -> Any:
    """The names of simso that are used here.

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
            from simso.core.Task import GenericTask
    finally:
        if there is None:
            del sys.modules["imp"]
    return SimpleNamespace(
        Configuration=Configuration,
        Model=Model,
        Scheduler=Scheduler,
        GenericTask=GenericTask,
        hold=hold,
    )
