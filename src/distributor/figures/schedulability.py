"""The schedulability ratio over utilization, with its confidence intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from distributor.figures.style import COLOURS, MARKERS, SERIES, Drawing, label, note

if TYPE_CHECKING:
    from pandas import DataFrame

HEIGHT = 3.6
_SCHEDULING = {"fixed": "fixed priorities", "mixed": "mixed priorities"}


def schedulability_plot(points: DataFrame, theory: DataFrame | None = None) -> Drawing:
    """Draws the points of :func:`~distributor.analysis.ratio.schedulability`.

    :param theory: points of the same curves, as theory has them; drawn with broken lines.
    """

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set_xlabel("Utilization")
        axes.set_ylabel("Schedulable task sets")
        axes.set_ylim(-0.03, 1.03)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        if points.empty:
            note(axes, "No decided task set has a known utilization.")
            return
        by = curve_names(points)
        curves = _curves(points, by)
        expected = {} if theory is None else _curves(theory, by)
        for place, (name, curve) in enumerate(curves.items()):
            _draw_curve(axes, name, curve, place)
            if name in expected:
                other = expected[name]
                axes.plot(other["utilization"], other["ratio"], ls=(0, (4, 2)), lw=1.2,
                          color=SERIES[place % len(SERIES)])  # fmt: skip
        if expected:
            axes.plot([], [], ls=(0, (4, 2)), lw=1.2, color=COLOURS["muted"], label="theory")
        if len(curves) > 1 or expected:
            columns = 1 if figure.get_figwidth() < 5 else 3
            figure.legend(loc="outside upper left", ncols=columns)

    return draw


def curve_names(points: DataFrame) -> list[str]:
    """The columns of a ratio's points that tell its curves apart."""
    return list(points.columns[: list(points.columns).index("utilization")])


def _curves(points: DataFrame, by: list[str]) -> dict[str, DataFrame]:
    if not by:
        return {"measured": points}
    groups = points.groupby(by, observed=True, dropna=False, sort=True)
    return {_title(by, key): group for key, group in groups}


def _title(by: list[str], key: object) -> str:
    """``EDF, 5 tasks``: numbers need their names, words speak for themselves."""
    values = key if isinstance(key, tuple) else (key,)
    parts = []
    for column, value in zip(by, values, strict=True):
        name = column.removeprefix("origin.")
        if name == "tasks":
            parts.append(f"{value} tasks")
        elif name == "scheduling":
            parts.append(_SCHEDULING.get(str(value), str(value)))
        else:
            parts.append(value if isinstance(value, str) else f"{name} {value}")
    return label(", ".join(map(str, parts)), 60)


def _draw_curve(axes: Axes, name: str, curve: DataFrame, place: int) -> None:
    colour = SERIES[place % len(SERIES)]
    x, y = curve["utilization"].to_numpy(), curve["ratio"].to_numpy()
    axes.fill_between(x, curve["low"].to_numpy(), curve["high"].to_numpy(), color=colour,
                      alpha=0.14, lw=0)  # fmt: skip
    axes.plot(x, y, color=colour, marker=MARKERS[place % len(MARKERS)], label=name, clip_on=False)
