"""Utilizations of a set's tasks that add up to a given sum, each such vector as likely.

The sum and the caps are in processors: 0.5 is half of one.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from distributor.errors import ConfigurationError
from distributor.tasks.generate.draw import below, shuffled, spacings

if TYPE_CHECKING:
    from numpy.random import Generator

#: Ways to draw, as users name them.
METHODS = ("randfixedsum", "uunifast", "uunifast-discard", "convolutionalfixedsum")
#: Vectors that UUniFast-discard throws away before it gives up.
DISCARDS_MAX = 100_000
#: Up to so many tasks, convolutionalfixedsum's analytical form is the faster one; its cost
#: doubles with every task (4 ms for 16, measured).
_ANALYTICAL_MAX = 16


def draw_utilizations(
    rng: Generator, method: str, tasks: int, total: float, caps: Sequence[float]
) -> list[float]:
    """One utilization for each task.

    :param method: one of :data:`METHODS`.
    :param caps: the most that a task may have: one number for all, or one for each.
    :raise ConfigurationError: the sum cannot be had so, or the method knows no such caps.
    """
    each = list(caps) * tasks if len(caps) == 1 else list(caps)
    if len(each) != tasks:
        raise ConfigurationError(f"there are {len(each)} caps for {tasks} tasks")
    if total > math.fsum(each):
        raise ConfigurationError(
            f"{tasks} tasks of at most {', '.join(f'{cap:g}' for cap in caps)} each do not "
            f"come to a utilization of {total:g}"
        )
    if method == "convolutionalfixedsum":
        return convolutionalfixedsum(rng, total, each)
    if len(set(each)) > 1:
        raise ConfigurationError(
            f"{method} knows one cap for all tasks", hint="take convolutionalfixedsum"
        )
    if method == "randfixedsum":
        return randfixedsum(rng, tasks, total, each[0])
    if method == "uunifast-discard":
        return uunifast_discard(rng, tasks, total, each[0])
    if total > each[0]:
        raise ConfigurationError(
            f"uunifast knows no cap, and a task could get more than {each[0]:g} of {total:g}",
            hint="take randfixedsum",
        )
    return uunifast(rng, tasks, total)


def uunifast(rng: Generator, tasks: int, total: float) -> list[float]:
    """Utilizations with no cap: the distribution of UUniFast (Bini, Buttazzo 2005).

    Drawn as the gaps between sorted uniform numbers, which have the same distribution and
    take no powers.
    """
    return [total * share for share in spacings(rng, tasks)]


def uunifast_discard(rng: Generator, tasks: int, total: float, cap: float = 1.0) -> list[float]:
    """UUniFast, drawn again while a task has more than the cap (Davis, Burns 2009)."""
    for _ in range(DISCARDS_MAX):
        drawn = uunifast(rng, tasks, total)
        if max(drawn) <= cap:
            return drawn
    raise ConfigurationError(
        f"uunifast-discard threw away {DISCARDS_MAX} vectors of {tasks} tasks with a "
        f"utilization of {total:g}, none within a cap of {cap:g}",
        hint="take randfixedsum, which draws the same distribution at once",
    )


def randfixedsum(rng: Generator, tasks: int, total: float, cap: float = 1.0) -> list[float]:
    """Utilizations of at most a cap each: RandFixedSum (Stafford 2006; Emberson et al. 2010).

    The vectors that are allowed are cut into simplexes; one of them is drawn by its volume,
    a corner after the other, then a point in it by weights of its corners.
    """
    rest = total / cap
    if rest >= tasks:
        return [cap] * tasks
    column = min(int(rest), tasks - 1)
    table = _steps(tasks, rest)
    weights = spacings(rng, tasks)
    draws = rng.random(tasks - 1).tolist()
    base, left = 0.0, 1.0
    shares = []
    for size in range(tasks - 1, 0, -1):
        weight = weights[tasks - 1 - size]
        step = draws[size - 1] < table[size - 1][column]
        base += weight * rest / (size + 1)
        left -= weight
        shares.append(base + left * step)
        rest -= step
        column -= step
    shares.append(base + left * rest)
    return [cap * min(max(share, 0.0), 1.0) for share in shuffled(rng, shares)]


@lru_cache(maxsize=64)
def _steps(tasks: int, total: float) -> list[list[float]]:
    """How likely each step between corners is, from the volumes of what lies behind it.

    Volumes are kept relative to the greatest of their row, so that none becomes 0.
    """
    floor = min(int(total), tasks - 1)
    above = [0.0, 1.0] + [0.0] * tasks
    table = []
    for size in range(2, tasks + 1):
        volumes = [0.0] * (tasks + 2)
        row = []
        for column in range(size):
            near = total - floor + column
            far = floor - column + size - total
            stay = above[column + 1] * near
            step = above[column] * far
            volumes[column + 1] = whole = stay + step
            # Nobody comes to a column whose volume is lost, but for the two at the edges.
            row.append(step / whole if whole > 0 else float(far <= near))
        greatest = max(volumes)
        above = [volume / greatest for volume in volumes]
        table.append(row)
    return table


def convolutionalfixedsum(rng: Generator, total: float, caps: Sequence[float]) -> list[float]:
    """Utilizations with a cap for each task (Griffin, Davis, RTAS 2025), by their package."""
    if len(caps) == 1 or total >= math.fsum(caps):
        return [total] if len(caps) == 1 else list(caps)
    seed = 1 + below(rng, 2**53 - 1)
    if len(caps) <= _ANALYTICAL_MAX:
        from convolutionalfixedsum import CFSAConfig, cfsa

        drawn = cfsa(len(caps), total, upper_constraints=caps, config=CFSAConfig(seed=seed))
    else:
        from convolutionalfixedsum import cfsn

        # It draws from Python's own generator, which belongs to the user's program.
        state = random.getstate()
        random.seed(seed)
        try:
            drawn = cfsn(len(caps), total, upper_constraints=list(caps))
        finally:
            random.setstate(state)
    return [min(max(float(share), 0.0), cap) for share, cap in zip(drawn, caps, strict=True)]
