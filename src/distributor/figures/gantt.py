"""Gantt charts: when the jobs of a task set were released, ran, and ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from distributor.figures.style import COLOURS, SERIES, Drawing, label, note
from distributor.figures.trace import OTHERS

if TYPE_CHECKING:
    from pandas import DataFrame

#: Rows that one chart holds.
TASKS_MAX = 32
#: Jobs that a chart shows at its best: what is chosen if nobody says how much.
_JOBS = 36
#: Jobs above which releases and deadlines would be all that is seen.
_MARKED = 160
_ROW = 0.42
_MS = 10**6


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a run that is shown, in nanoseconds after time zero."""

    begin_ns: int
    end_ns: int


def chart_height(tasks: int) -> float:
    """Inches that the chart of so many tasks takes."""
    return 1.25 + _ROW * max(1, min(tasks, TASKS_MAX))


def whole(jobs: DataFrame) -> Window:
    """From time zero to the last completion."""
    if jobs.empty:
        return Window(0, 1)
    return Window(0, int(max(jobs["completion_ns"].max(), 1)))


def telling_window(jobs: DataFrame) -> Window:
    """As much as can be read: around the first miss, or from time zero on where there is none."""
    everything = whole(jobs)
    if len(jobs) <= _JOBS * 3 // 2:
        return everything
    span_ns = max(everything.end_ns * _JOBS // len(jobs), 2 * int(jobs["deadline_ns"].max()))
    missed = jobs[jobs["missed"]]
    if missed.empty:
        return Window(0, min(span_ns, everything.end_ns))
    late_ns = int(missed["completion_ns"].min())
    begin_ns = max(0, min(late_ns - span_ns * 2 // 3, everything.end_ns - span_ns))
    return Window(begin_ns, min(begin_ns + span_ns, everything.end_ns))


def gantt_chart(
    jobs: DataFrame, tasks: DataFrame, window: Window, slices: DataFrame | None = None
) -> Drawing:
    """Draws one row for each task, the highest priority on top.

    A pale bar reaches from a job's release to its completion; the strong one within it is when
    it ran, or, where no trace was kept, all from its start to its completion, with whatever
    preempted it. What ran past its deadline is vermilion.

    :param jobs: of one set, as of :func:`distributor.read_jobs`.
    :param tasks: of the set, as of :func:`distributor.read_tasks`.
    :param slices: what ran when (:func:`~distributor.figures.trace.read_slices`); adds a row
        for the loader and the kernel.
    """

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        shown = tasks.sort_values(["priority", "task_id"], kind="stable").head(TASKS_MAX)
        rows = {task_id: row for row, task_id in enumerate(shown["task_id"])}
        visible = _visible(jobs, window)
        if visible.empty:
            note(axes, "No job ran.")
            return
        pieces = None if slices is None else _within(slices, window)
        for task_id, row in rows.items():
            colour = SERIES[row % len(SERIES)]
            own = visible[visible["task_id"] == task_id]
            ran = None if pieces is None else pieces[pieces["task_id"] == task_id]
            _draw_row(axes, own, ran, row, colour, marked=len(visible) <= _MARKED)
        names = [f"{task_id} {name}" for task_id, name in
                 zip(shown["task_id"], shown["name"], strict=True)]  # fmt: skip
        if pieces is not None:
            others = pieces[pieces["task_id"] == OTHERS]
            _bars(axes, others["begin_ns"].to_numpy(), others["end_ns"].to_numpy(), len(names),
                  color=COLOURS["muted"])  # fmt: skip
            names.append("system")
        _set_axes(axes, names, window)
        _legend(figure, visible, traced=slices is not None)

    return draw


def _visible(jobs: DataFrame, window: Window) -> DataFrame:
    begins = jobs["release_ns"].fillna(jobs["start_ns"]).astype("int64")
    inside = (begins <= window.end_ns) & (jobs["completion_ns"] >= window.begin_ns)
    return jobs[inside].assign(begin_ns=begins[inside])


def _within(slices: DataFrame, window: Window) -> DataFrame:
    return slices[(slices["begin_ns"] <= window.end_ns) & (slices["end_ns"] >= window.begin_ns)]


def _draw_row(
    axes: Axes, jobs: DataFrame, ran: DataFrame | None, row: int, colour: str, *, marked: bool
) -> None:
    begin, start, end = (
        jobs[name].to_numpy(dtype="int64") for name in ("begin_ns", "start_ns", "completion_ns")
    )
    deadline = begin + jobs["deadline_ns"].to_numpy()
    _bars(axes, begin, end, row, color=colour, alpha=0.22)
    if ran is None:
        _bars(axes, start, end, row, color=colour)
    else:
        _bars(axes, ran["begin_ns"].to_numpy(), ran["end_ns"].to_numpy(), row, color=colour)
    late = end > deadline
    # Where a task's next job is in time again, the stroke below tells whose time it was.
    _bars(axes, deadline[late], end[late], row, 0.12, below=0.29, color=COLOURS["late"])
    killed = jobs["missed"].to_numpy(dtype=bool) & ~late
    ended = numpy.concatenate([end[late], end[killed]]) / _MS
    axes.plot(ended, numpy.full(len(ended), row), "x", color=COLOURS["late"], ms=6, mew=1.8)
    if marked:
        axes.vlines(begin / _MS, row - 0.42, row + 0.36, color=colour, lw=0.9)
        axes.plot(deadline / _MS, numpy.full(len(deadline), row + 0.41), marker=7, ls="",
                  color=COLOURS["muted"], ms=3.5)  # fmt: skip


def _bars(
    axes: Axes, begin: Any, end: Any, row: int, height: float = 0.58, below: float = 0, **look: Any
) -> None:
    spans = list(zip(begin / _MS, (end - begin) / _MS, strict=True))
    axes.broken_barh(spans, (row + below - height / 2, height), linewidth=0, **look)


def _set_axes(axes: Axes, names: list[str], window: Window) -> None:
    axes.set_yticks(range(len(names)), [label(name, 18) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_xlim(window.begin_ns / _MS, window.end_ns / _MS)
    axes.set_xlabel("Milliseconds after time zero")


def _legend(figure: Figure, jobs: DataFrame, *, traced: bool) -> None:
    colour = COLOURS["muted"]
    handles: list[Any] = [
        Patch(color=colour, alpha=0.22, lw=0, label="released, not yet ended"),
        Patch(color=colour, lw=0, label="running" if traced else "started, not yet ended"),
    ]
    if len(jobs) <= _MARKED:
        handles.append(Line2D([], [], ls="", marker=7, color=colour, ms=4, label="deadline"))
    if jobs["missed"].any():
        handles.append(
            Line2D([], [], ls="", marker="x", color=COLOURS["late"], mew=1.8, label="missed")
        )
    columns = 2 if figure.get_figwidth() < 5 else len(handles)
    figure.legend(handles=handles, loc="outside upper left", ncols=columns, handlelength=1.4)
