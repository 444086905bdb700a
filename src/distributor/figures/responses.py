"""How long jobs took: distributions of response times, in shares of their deadlines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from distributor.analysis.duration import format_duration
from distributor.analysis.statistics import each_row
from distributor.figures.style import COLOURS, SERIES, Drawing, label, note
from distributor.tasks.task import EDF

if TYPE_CHECKING:
    from pandas import DataFrame

#: Rows that one plot holds.
TASKS_MAX = 24
_BINS = 60
_ROW = 0.62
#: Inches, of the plot of a whole run.
HEIGHT = 3.4


def task_height(tasks: int) -> float:
    """Inches that the plot of so many tasks takes."""
    return 0.9 + _ROW * max(1, min(tasks, TASKS_MAX))


def task_responses_plot(jobs: DataFrame, statistics: DataFrame) -> Drawing:
    """Draws a histogram for each task of one set; 1 is its deadline.

    :param jobs: the set's, as of :func:`distributor.read_jobs`.
    :param statistics: its tasks', of :func:`~distributor.analysis.statistics.task_statistics`.
    """

    def draw(figure: Figure) -> None:
        shown = statistics[statistics["jobs"] > 0].head(TASKS_MAX)
        if shown.empty:
            note(figure.subplots(), "No job ran.")
            return
        every = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
        share = (jobs["response_ns"] / jobs["deadline_ns"]).to_numpy()
        task_ids = jobs["task_id"].to_numpy()
        right = max(1.0, float(shown["tightness"].max()))
        edges = numpy.linspace(0, right, _BINS + 1)
        for place, (axes, task) in enumerate(zip(every, each_row(shown), strict=True)):
            _draw_task(axes, task, share[task_ids == task.task_id], edges, place)
        every[-1].set_xlabel("Response time / deadline")
        every[-1].set_xlim(0, right * 1.02)

    return draw


def _draw_task(axes: Axes, task: Any, shares: Any, edges: Any, place: int) -> None:
    colour = SERIES[place % len(SERIES)]
    counts, _ = numpy.histogram(numpy.minimum(shares, edges[-1]), edges)
    axes.stairs(counts / counts.max(), edges, fill=True, color=colour, alpha=0.75)
    late = counts * (edges[:-1] >= 1)
    if late.any():
        axes.stairs(late / counts.max(), edges, fill=True, color=COLOURS["late"])
    axes.axvline(1, color=COLOURS["late"], lw=1)
    axes.set_ylim(0, 1.15)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    figures = (
        f"{format_duration(task.response_median_ns)} median, "
        f"{format_duration(task.response_max_ns)} max of {format_duration(task.deadline_ns)}"
    )
    axes.set_title(
        f"{label(f'{task.task_id} {task.name}', 24)}: {figures}", fontsize=8.5, weight="normal",
        pad=2,
    )  # fmt: skip


def response_shares_plot(jobs: DataFrame) -> Drawing:
    """Draws which share of a run's jobs took how much of their deadlines, at most."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set_xlabel("Response time / deadline")
        axes.set_ylabel("Jobs that took no longer")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        if jobs.empty:
            note(axes, "No job ran.")
            return
        edf = jobs["priority"] == EDF
        groups = {"fixed priorities": ~edf, "EDF": edf}
        right = 1.0
        for place, (name, chosen) in enumerate(groups.items()):
            shares = (jobs["response_ns"] / jobs["deadline_ns"])[chosen].to_numpy()
            if not len(shares):
                continue
            right = max(right, float(shares.max()))
            x, y = _steps(shares)
            axes.step(x, y, where="post", color=SERIES[place], label=name)
        axes.axvline(1, color=COLOURS["late"], lw=1, label="deadline")
        axes.set_xlim(0, min(right * 1.02, 3))
        axes.set_ylim(0, 1.02)
        figure.legend(loc="outside upper left", ncols=1 if figure.get_figwidth() < 5 else 3)

    return draw


def _steps(shares: Any) -> tuple[Any, Any]:
    """The distribution function, at no more places than can be seen; exact at its end."""
    ranked = numpy.sort(shares)
    places = numpy.unique(numpy.linspace(0, len(ranked) - 1, 1000).round().astype(int))
    x = numpy.concatenate([[0.0], ranked[places]])
    return x, numpy.concatenate([[0.0], (places + 1) / len(ranked)])
