"""What the jobs of a run come to, by task and by task set, as data frames.

The frames are those of :func:`distributor.read_jobs` and :func:`distributor.read_tasks`.
A quantile is the nearest rank: a time that occurred, the lower one of two (Hyndman and Fan's
definition 1, The American Statistician 50(4), 1996).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy
import pandas

from distributor.session.event import EventType

if TYPE_CHECKING:
    from pandas import DataFrame

#: Each of these has four columns: its name, the quantile's, and the unit.
FIGURES = ("response", "start_latency", "lateness", "tardiness")
_QUANTILES = {"min": 0.0, "median": 0.5, "p99": 0.99, "max": 1.0}
_SET = ["batch", "set_index"]
_TASK = [*_SET, "task_id"]
_ERRORS = [EventType.EXIT_ERROR, EventType.OUT_OF_QUOTA, EventType.OUT_OF_CAPS]


def task_statistics(jobs: DataFrame, tasks: DataFrame) -> DataFrame:
    """One row for each task, in the order of ``tasks``; those without a job have gaps.

    Beside the task's own parameters: ``jobs`` that ran; ``response_min_ns``, ``_median_``,
    ``_p99_`` and ``_max_ns``, the same for ``start_latency``, ``lateness`` and ``tardiness``;
    ``response_jitter_ns`` and ``start_jitter_ns``, the greatest less the least; ``misses`` (late,
    or killed for time), ``errors`` (ended in error, or asked for too much), ``overruns`` (still
    running at their task's next release), ``skipped`` (releases that started no job) and
    ``tightness`` (greatest response time over its deadline: above 1 is a miss).
    """
    named = tasks[[*_TASK, "name", "priority", "period_ns", "deadline_ns", "offset_ns",
                   "numberofjobs", "wcet_ns", "utilization"]].reset_index(drop=True)  # fmt: skip
    found = _statistics(jobs, _rows(jobs, named, _TASK), len(named))
    skipped = named["numberofjobs"] - found["jobs"]
    return pandas.concat([named, found.assign(skipped=skipped)], axis=1)


def set_statistics(jobs: DataFrame, tasksets: DataFrame) -> DataFrame:
    """One row for each task set, in the order of ``tasksets``; see :func:`task_statistics`."""
    named = tasksets[[*_SET, "name", "verdict", "tasks", "utilization", "scheduling"]]
    named = named.reset_index(drop=True)
    return pandas.concat([named, _statistics(jobs, _rows(jobs, named, _SET), len(named))], axis=1)


def each_row(frame: DataFrame) -> Iterator[Any]:
    """The rows of a frame, with a column's value under its name."""
    return iter(frame.itertuples())


def _rows(jobs: DataFrame, named: DataFrame, keys: list[str]) -> Any:
    """For each job the row of ``named`` that it is of."""
    columns = [jobs[key].to_numpy() for key in keys]
    # Jobs of a task lie together: look up where they begin, not each.
    new = numpy.zeros(len(jobs), dtype=bool)
    for column in columns:
        new[1:] |= column[1:] != column[:-1]
    new[:1] = True
    begins = numpy.flatnonzero(new)
    index = pandas.MultiIndex.from_frame(named[keys])
    found = index.get_indexer(pandas.MultiIndex.from_arrays([each[begins] for each in columns]))
    return numpy.repeat(found, numpy.diff(numpy.append(begins, len(jobs))))


def _statistics(jobs: DataFrame, rows: Any, count: int) -> DataFrame:
    columns: dict[str, Any] = {"jobs": numpy.bincount(rows, minlength=count)}
    for figure in FIGURES:
        times = jobs[f"{figure}_ns"]
        known = times.notna().to_numpy()
        values = times[known].to_numpy(dtype="int64")
        for name, column in _quantiles(values, rows[known], count).items():
            columns[f"{figure}_{name}_ns"] = column
    frame = pandas.DataFrame(columns)
    frame["response_jitter_ns"] = frame["response_max_ns"] - frame["response_min_ns"]
    frame["start_jitter_ns"] = frame["start_latency_max_ns"] - frame["start_latency_min_ns"]
    flags = {
        "misses": jobs["missed"],
        "errors": jobs["outcome"].isin(_ERRORS),
        "overruns": (jobs["response_ns"] > jobs["period_ns"])
        | (jobs["outcome"] == EventType.EXIT_PERIOD),
    }
    for name, flag in flags.items():
        frame[name] = numpy.bincount(rows[flag.to_numpy(dtype=bool)], minlength=count)
    used = jobs["response_ns"].to_numpy() / jobs["deadline_ns"].to_numpy()
    tightness = numpy.full(count, -numpy.inf)
    numpy.maximum.at(tightness, rows, used)
    frame["tightness"] = numpy.where(frame["jobs"] > 0, tightness, numpy.nan)
    return frame


def _quantiles(values: Any, rows: Any, count: int) -> dict[str, Any]:
    """Each group's quantiles, as columns with gaps where a group has no value."""
    ranked = values[numpy.lexsort((values, rows))]
    sizes = numpy.bincount(rows, minlength=count)
    begins = numpy.cumsum(sizes) - sizes
    there = sizes > 0
    columns = {}
    for name, share in _QUANTILES.items():
        rank = numpy.maximum(numpy.ceil(share * sizes).astype("int64") - 1, 0)
        chosen = numpy.zeros(count, dtype="int64")
        chosen[there] = ranked[(begins + rank)[there]]
        columns[name] = pandas.arrays.IntegerArray(chosen, ~there)
    return columns
