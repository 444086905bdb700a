"""Blocks to describe tasks with: ``from distributor.blocks import busy, period``.

See :mod:`distributor.tasks.block` for what they do.
"""

from __future__ import annotations

from distributor.tasks.block import PARAMETER_BLOCKS, TASK_BLOCKS, BlockTaskSet

busy = TASK_BLOCKS["busy"]
cond_42 = TASK_BLOCKS["cond_42"]
cond_mod = TASK_BLOCKS["cond_mod"]
hey = TASK_BLOCKS["hey"]
idle = TASK_BLOCKS["idle"]
linpack = TASK_BLOCKS["linpack"]
namaste = TASK_BLOCKS["namaste"]
pi = TASK_BLOCKS["pi"]
tumatmul = TASK_BLOCKS["tumatmul"]

arg1 = PARAMETER_BLOCKS["arg1"]
caps = PARAMETER_BLOCKS["caps"]
coreoffset = PARAMETER_BLOCKS["coreoffset"]
cores = PARAMETER_BLOCKS["cores"]
criticaltime = PARAMETER_BLOCKS["criticaltime"]
deadline = PARAMETER_BLOCKS["deadline"]
executiontime = PARAMETER_BLOCKS["executiontime"]
numberofjobs = PARAMETER_BLOCKS["numberofjobs"]
offset = PARAMETER_BLOCKS["offset"]
period = PARAMETER_BLOCKS["period"]
priority = PARAMETER_BLOCKS["priority"]
quota = PARAMETER_BLOCKS["quota"]

__all__ = [
    "BlockTaskSet",
    "arg1",
    "busy",
    "caps",
    "cond_42",
    "cond_mod",
    "coreoffset",
    "cores",
    "criticaltime",
    "deadline",
    "executiontime",
    "hey",
    "idle",
    "linpack",
    "namaste",
    "numberofjobs",
    "offset",
    "period",
    "pi",
    "priority",
    "quota",
    "tumatmul",
]
