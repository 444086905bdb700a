"""Tasks onto processors, by the heuristics of bin packing."""

from __future__ import annotations

from collections.abc import Sequence

from distributor.errors import ConfigurationError

#: Where a task goes, of the processors that have room for it.
FITS = {
    "first": "the first",
    "best": "the fullest",
    "worst": "the emptiest",
}


def partition(utilizations: Sequence[float], processors: int, fit: str) -> tuple[list[int], bool]:
    """A processor for each task, from 0, the tasks taken by decreasing utilization.

    A task that no processor has room for (1.0 in all) goes to the emptiest.

    :param fit: one of :data:`FITS`.
    :return: the processors, and whether every task had room.
    """
    if fit not in FITS:
        raise ConfigurationError(f"there is no fit {fit!r}", hint=", ".join(FITS))
    loads = [0.0] * processors
    chosen = [0] * len(utilizations)
    everyone = True
    for place in sorted(range(len(utilizations)), key=lambda place: -utilizations[place]):
        share = utilizations[place]
        # A sum of shares may miss 1.0 by its rounding.
        room = [cpu for cpu in range(processors) if loads[cpu] + share <= 1 + 1e-9]
        if not room:
            everyone = False
            cpu = min(range(processors), key=loads.__getitem__)
        elif fit == "first":
            cpu = room[0]
        elif fit == "best":
            cpu = max(room, key=loads.__getitem__)
        else:
            cpu = min(room, key=loads.__getitem__)
        loads[cpu] += share
        chosen[place] = cpu
    return chosen, everyone
