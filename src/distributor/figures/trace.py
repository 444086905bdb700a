"""What ran when in a traced set, as the Gantt chart takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas

from distributor.analysis.slices import slices
from distributor.session.switch import Occupant
from distributor.store.store import Store

if TYPE_CHECKING:
    from pandas import DataFrame

#: Stands for a task where the loader or the kernel had the processor.
OTHERS = -1


def read_slices(store: Store, taskset_id: int) -> DataFrame | None:
    """``task_id``, ``begin_ns`` and ``end_ns`` of each time that somebody had a processor.

    :return: None where the set was not traced.
    """
    rows = [
        (OTHERS if piece.task_id is None else piece.task_id, piece.begin_ns, piece.end_ns)
        for piece in slices(store.switches(taskset_id))
        if piece.occupant is not Occupant.IDLE
    ]
    if not rows:
        return None
    return pandas.DataFrame(rows, columns=["task_id", "begin_ns", "end_ns"])
