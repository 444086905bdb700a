"""Relative deadlines: the period, or something between the execution time and it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distributor.errors import ConfigurationError

if TYPE_CHECKING:
    from numpy.random import Generator

_US = 1000


@dataclass(frozen=True, slots=True)
class Deadlines:
    """A distribution of deadlines. Its text is what :func:`parse_deadlines` reads."""

    #: None for implicit deadlines, which are the periods.
    nearest: float | None

    def draw(self, rng: Generator, wcet_ns: int, period_ns: int) -> int:
        """One deadline in nanoseconds, whole microseconds where it is not the period."""
        if self.nearest is None:
            return period_ns
        place = self.nearest + (1 - self.nearest) * rng.random()
        drawn_ns = wcet_ns + int(place * (period_ns - wcet_ns)) // _US * _US
        return max(1, min(drawn_ns, period_ns))

    def __str__(self) -> str:
        return "implicit" if self.nearest is None else f"constrained:{self.nearest:g}"


def parse_deadlines(text: str) -> Deadlines:
    """``implicit``, or ``constrained[:F]``.

    Constrained deadlines are uniform from wcet + F (period - wcet) to the period; F is 0 if
    it is not given.

    :raise ConfigurationError: it is neither.
    """
    kind, colon, rest = text.strip().partition(":")
    if kind == "implicit" and not colon:
        return Deadlines(None)
    try:
        nearest = float(rest) if colon else 0.0
    except ValueError:
        nearest = -1.0
    if kind != "constrained" or not 0 <= nearest <= 1:
        raise ConfigurationError(
            f"there are no deadlines {text!r}", hint="implicit, constrained or constrained:0.5"
        )
    return Deadlines(nearest)
