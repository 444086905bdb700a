"""The schedulability ratio: which share of the task sets of a utilization hold their deadlines."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import pandas

from distributor.errors import ConfigurationError
from distributor.session.result import Verdict

if TYPE_CHECKING:
    from pandas import DataFrame, Series

#: Width of the steps in which utilizations are put together that nobody chose.
STEP = 0.05
#: Curves that can still be told apart.
CURVES_MAX = 8
#: Entries of an origin that number sets instead of describing them.
_NUMBERING = frozenset({"origin.seed", "origin.index", "origin.utilization"})


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share (JASA 22(158), 1927); (0, 1) for no trial.

    Unlike the normal approximation it stays within 0 and 1, and is no point where all or no
    sets succeed.
    """
    if trials == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / trials
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    middle = share + z * z / (2 * trials)
    scale = 1 + z * z / trials
    # At both ends the square root cancels exactly, but for rounding.
    low = 0.0 if successes == 0 else (middle - spread) / scale
    high = 1.0 if successes == trials else (middle + spread) / scale
    return low, high


def schedulability(
    tasksets: DataFrame,
    by: list[str] | None = None,
    *,
    held: Series[bool] | None = None,
    confidence: float = 0.95,
) -> DataFrame:
    """The ratio over utilization, one row for each point of each curve.

    Columns: those of ``by``; ``utilization``; ``sets``; ``schedulable``; ``ratio``; ``low`` and
    ``high``, Wilson's interval. The utilization is the one that the sets were generated for
    (``origin.utilization``), else their own in steps of :data:`STEP`, named by its middle.
    Sets that are undecided, or whose utilization is not known, do not count.

    :param tasksets: as of :func:`distributor.read_tasksets`.
    :param by: columns that make curves; None for those that differ (:func:`curves`).
    :param held: which of the sets hold, by the same index; unset: those that were measured to.
    """
    by = curves(tasksets) if by is None else by
    counted = tasksets[tasksets["verdict"] != Verdict.UNDECIDED]
    # An origin may hold a list, by which nothing can be grouped.
    frame = counted[by].map(lambda each: str(each) if isinstance(each, list | dict) else each)
    frame["utilization"] = _utilization(counted)
    frame["held"] = (counted["verdict"] == Verdict.SCHEDULABLE) if held is None else held
    frame = frame.dropna(subset=["utilization", "held"])
    groups = frame.groupby([*by, "utilization"], observed=True, dropna=False)["held"]
    points = groups.agg(sets="size", schedulable="sum").reset_index()
    points["schedulable"] = points["schedulable"].astype("int64")
    points["ratio"] = points["schedulable"] / points["sets"]
    bounds = [
        wilson_interval(successes, trials, confidence)
        for successes, trials in zip(points["schedulable"], points["sets"], strict=True)
    ]
    points["low"] = [low for low, _ in bounds]
    points["high"] = [high for _, high in bounds]
    return points


def curves(tasksets: DataFrame) -> list[str]:
    """The columns that tell sets of the same utilization apart: as many as make few curves.

    How they are scheduled, how many tasks they have, and what their origins say.
    """
    told = [name for name in tasksets.columns if name.startswith("origin.")]
    chosen: list[str] = []
    for name in ["scheduling", "tasks", *told]:
        if name in _NUMBERING:
            continue
        before = _combinations(tasksets, chosen)
        after = _combinations(tasksets, [*chosen, name])
        if before < after <= CURVES_MAX:
            chosen.append(name)
    return chosen


def curve_columns(tasksets: DataFrame, names: list[str]) -> list[str]:
    """The columns that a user means, who may leave out ``origin.``.

    :raise ConfigurationError: there is none of that name, or they make too many curves.
    """
    known = [name for name in tasksets.columns if name not in _NUMBERING]
    columns = []
    for name in names:
        found = next((each for each in (f"origin.{name}", name) if each in known), None)
        if found is None:
            offered = dict.fromkeys(
                each.removeprefix("origin.")
                for each in ["scheduling", "tasks", *known]
                if each in ("scheduling", "tasks") or "origin." in each
            )
            raise ConfigurationError(
                f"the sets have no {name!r} to tell them apart by",
                hint="there is " + ", ".join(offered),
            )
        columns.append(found)
    count = _combinations(tasksets, columns)
    if count > CURVES_MAX:
        raise ConfigurationError(
            f"{' and '.join(names)} would make {count} curves: {CURVES_MAX} can be told apart"
        )
    return columns


def _combinations(tasksets: DataFrame, columns: list[str]) -> int:
    if not columns:
        return 1
    # As text: what an origin holds may be a list.
    return len(tasksets[columns].astype(str).drop_duplicates())


def _utilization(tasksets: DataFrame) -> Series[float]:
    own = (tasksets["utilization"] / STEP - 1e-9).map(math.floor, na_action="ignore")
    middle = ((own + 0.5) * STEP).round(6)
    if "origin.utilization" not in tasksets:
        return middle
    return pandas.to_numeric(tasksets["origin.utilization"], errors="coerce").fillna(middle)
