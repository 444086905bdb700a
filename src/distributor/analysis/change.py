"""Two runs of the same task sets: which sets came to something else, and by how much."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame

_SET = ["batch", "set_index"]


def changed_sets(one: DataFrame, other: DataFrame) -> DataFrame:
    """One row for each set that either run has, by batch and index.

    Columns: ``batch``, ``set_index``, ``name``; ``verdict`` and ``verdict_other`` (none where a
    run lacks the set); ``same``, to the nanosecond in every job, by their digests.

    :param one: as of :func:`distributor.read_tasksets`.
    :param other: the other run's.
    """
    kept = [*_SET, "name", "verdict", "digest"]
    plain = [
        frame[kept].astype({"name": str, "verdict": str, "digest": str}) for frame in (one, other)
    ]
    both = plain[0].merge(plain[1], on=_SET, how="outer", suffixes=("", "_other"))
    both["name"] = both["name"].fillna(both["name_other"])
    both["same"] = (both["digest"] == both["digest_other"]) & (
        both["verdict"] == both["verdict_other"]
    )
    return both[[*_SET, "name", "verdict", "verdict_other", "same"]]


def changed_tasks(one: DataFrame, other: DataFrame) -> DataFrame:
    """One row for each task that both runs have, with what its response times came to.

    Columns: ``batch``, ``set_index``, ``task_id``, ``name``; the median and greatest response
    time of both runs (``_other``), and ``median_change`` and ``max_change``, as shares.

    :param one: of :func:`~distributor.analysis.statistics.task_statistics`.
    :param other: the other run's.
    """
    keys = [*_SET, "task_id"]
    figures = ["response_median_ns", "response_max_ns"]
    both = one[[*keys, "name", *figures]].merge(
        other[[*keys, *figures]], on=keys, suffixes=("", "_other")
    )
    for figure in ("median", "max"):
        mine, its = both[f"response_{figure}_ns"], both[f"response_{figure}_ns_other"]
        both[f"{figure}_change"] = (its.astype("float64") / mine.astype("float64")) - 1
    return both
