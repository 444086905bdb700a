"""What a run is as columns: its sets, their tasks and every job, with what follows from them.

Arrow tables and record batches; :mod:`distributor.data.read` makes data frames of them, and
:mod:`distributor.data.export` files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy
import pyarrow
import pyarrow.compute as arrow

from distributor.errors import StoreError
from distributor.session.event import EventType
from distributor.store.record import TaskRecord
from distributor.tasks.task import EDF, wcet_ns

if TYPE_CHECKING:
    from distributor.store.store import Store

#: Jobs that ended so were killed because their time was up.
KILLED_FOR_TIME = (EventType.EXIT_CRITICAL.value, EventType.EXIT_PERIOD.value)
#: What a task's WCET follows from.
_TELLING = ("executable", "arg1", "executiontime_ns")
#: More than a set can have tasks: a task's key is its set's id times this, plus its own.
_TASKS = 2**16


@dataclass(frozen=True)
class Members:
    """The sets of a run and their tasks; small enough to be held as a whole."""

    run_id: int
    #: One row each, ordered by batch and index.
    tasksets: pyarrow.Table
    #: One row each, ordered by batch, set and task.
    tasks: pyarrow.Table


def read_members(
    store: Store,
    run_id: int,
    *,
    batch: int | None = None,
    set_index: int | None = None,
    ids: range | None = None,
) -> Members:
    """A run's sets and tasks, with their utilizations.

    The run may go on meanwhile: sets that are written later are left out, here and in
    :func:`job_batches`.

    :param ids: only sets with one of these ids in the store.
    """
    sets = pyarrow.Table.from_batches(
        store.taskset_batches(run_id, batch=batch, set_index=set_index, ids=ids)
    )
    tasks = pyarrow.Table.from_batches(
        store.task_batches(run_id, batch=batch, set_index=set_index, ids=ids)
    )
    tasks = _of_known_sets(tasks, _numbers(sets, "id"))
    rows = _places(_numbers(sets, "id"), _numbers(tasks, "taskset_id"), "task of a set")
    told = zip(*(tasks[name].to_pylist() for name in _TELLING), strict=True)
    wcets_ns = pyarrow.array([wcet_ns(*each) for each in told], pyarrow.int64())
    utilization = arrow.divide(
        arrow.cast(wcets_ns, "float64"), arrow.cast(tasks["period_ns"], "float64")
    )
    fixed = numpy.asarray(tasks["priority"]) != EDF
    of_tasks = {
        "run_id": _constant(run_id, len(tasks)),
        "batch": sets["batch"].take(rows),
        "set_index": sets["set_index"].take(rows),
        **_columns(tasks),
        "wcet_ns": wcets_ns,
        "utilization": utilization,
    }
    of_sets = {
        "run_id": _constant(run_id, len(sets)),
        **_columns(sets),
        "tasks": numpy.bincount(rows, minlength=len(sets)),
        # Of all its tasks, or of none: a sum of some would pass for less load than there is.
        "utilization": _sums(utilization, rows, len(sets)),
        "scheduling": _scheduling(fixed, rows, len(sets)),
    }
    return Members(run_id, pyarrow.table(of_sets), pyarrow.table(of_tasks))


def job_batches(
    store: Store, members: Members, *, batch: int | None = None, set_index: int | None = None
) -> Iterator[pyarrow.RecordBatch]:
    """Every job of a run, one row each, ordered by batch, set, task and index.

    The columns are described in docs/analysis.md. Some ten thousand rows at a time, so that a
    run of any length needs little memory.
    """
    lookup = _Lookup(members)
    for rows in store.job_batches(members.run_id, batch=batch, set_index=set_index):
        yield _with_figures(rows, lookup)


def task_records(members: Members) -> dict[int, list[TaskRecord]]:
    """The tasks as records, in their order, by their sets' ``id``."""
    names = [field.name for field in fields(TaskRecord)]
    records: dict[int, list[TaskRecord]] = {key: [] for key in members.tasksets["id"].to_pylist()}
    for row in members.tasks.select(["taskset_id", *names]).to_pylist():
        records[row.pop("taskset_id")].append(TaskRecord(**row))
    return records


class _Lookup:
    """What jobs have from their task and set, found by the two's numbers."""

    def __init__(self, members: Members) -> None:
        self.run_id = members.run_id
        self.sets = members.tasksets
        self.tasks = members.tasks
        self.ids = _numbers(self.sets, "id")
        self.keys = _numbers(self.tasks, "taskset_id") * _TASKS + _numbers(self.tasks, "task_id")


def _of_known_sets(rows: Any, ids: Any) -> Any:
    """Without the rows of sets that are newer than all that are known."""
    newer = _numbers(rows, "taskset_id") > ids.max(initial=0)
    return rows.filter(pyarrow.array(~newer)) if newer.any() else rows


def _with_figures(rows: pyarrow.RecordBatch, lookup: _Lookup) -> pyarrow.RecordBatch:
    rows = _of_known_sets(rows, lookup.ids)
    set_ids = _numbers(rows, "taskset_id")
    of_set = _places(lookup.ids, set_ids, "job of a set")
    keys = set_ids * _TASKS + _numbers(rows, "task_id")
    of_task = _places(lookup.keys, keys, "job of a task")
    release, start, completion = (
        rows[name] for name in ("release_ns", "start_ns", "completion_ns")
    )
    # As TaskJob counts it: from the start, where the release is not known.
    response = arrow.subtract(completion, arrow.coalesce(release, start))
    lateness = arrow.subtract(response, rows["deadline_ns"])
    killed = arrow.is_in(rows["outcome"].cast("string"), pyarrow.array(KILLED_FOR_TIME))
    columns = {
        "run_id": _constant(lookup.run_id, len(rows)),
        "batch": _take(lookup.sets, "batch", of_set),
        "set_index": _take(lookup.sets, "set_index", of_set),
        "task_id": rows["task_id"],
        "task_name": _take(lookup.tasks, "name", of_task),
        "priority": _take(lookup.tasks, "priority", of_task),
        "period_ns": _take(lookup.tasks, "period_ns", of_task),
        "deadline_ns": rows["deadline_ns"],
        "job_index": rows["job_index"],
        "release_ns": release,
        "start_ns": start,
        "completion_ns": completion,
        "response_ns": response,
        "start_latency_ns": arrow.subtract(start, release),
        "lateness_ns": lateness,
        "tardiness_ns": arrow.max_element_wise(lateness, 0),
        "missed": arrow.or_(arrow.greater(lateness, 0), killed),
        "outcome": rows["outcome"],
        "exit_value": rows["exit_value"],
        "clock": _take(lookup.sets, "clock", of_set),
    }
    return pyarrow.RecordBatch.from_pydict(columns)


def _numbers(table: Any, name: str) -> Any:
    return numpy.asarray(table[name])


def _columns(table: pyarrow.Table) -> dict[str, Any]:
    return dict(zip(table.column_names, table.columns, strict=True))


def _constant(value: int, length: int) -> Any:
    return numpy.full(length, value, dtype="int64")


def _take(table: pyarrow.Table, name: str, places: Any) -> pyarrow.Array:
    return table[name].take(pyarrow.array(places)).combine_chunks()


def _places(known: Any, wanted: Any, what: str) -> Any:
    """Where each of the wanted numbers stands among those known.

    :raise StoreError: one is not there: the store has been tampered with.
    """
    order = numpy.argsort(known, kind="stable")
    ranked = known[order]
    place = numpy.minimum(numpy.searchsorted(ranked, wanted), max(0, len(ranked) - 1))
    if len(wanted) and (not len(ranked) or (ranked[place] != wanted).any()):
        raise StoreError(f"the store has a {what} that it does not have")
    return order[place] if len(wanted) else place


def _sums(values: pyarrow.Array, rows: Any, length: int) -> pyarrow.Array:
    """The sum of each set's values; null where one of them is."""
    plain = numpy.asarray(values.cast("float64").fill_null(numpy.nan))
    sums = numpy.bincount(rows, weights=plain, minlength=length)
    return pyarrow.array(sums, mask=numpy.isnan(sums))


def _scheduling(fixed: Any, rows: Any, length: int) -> Any:
    """``fixed`` or ``EDF`` where all tasks of a set are of a kind, else ``mixed``."""
    share = numpy.bincount(rows, weights=fixed, minlength=length)
    count = numpy.bincount(rows, minlength=length)
    words = numpy.where(share == count, "fixed", numpy.where(share == 0, "EDF", "mixed"))
    return pyarrow.array(words.tolist(), pyarrow.string()).dictionary_encode()
