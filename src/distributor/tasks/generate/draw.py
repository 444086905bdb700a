"""Random draws that are the same on every host.

A generator's bits are numpy's promise (PCG64, SeedSequence); of its methods only
``random()`` is used here, and powers are computed by the decimal module: numpy's and the C
library's own may differ in the last bit from processor to processor.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from numpy.random import Generator

Item = TypeVar("Item")

_CONTEXT = Context(prec=25)


def generator(*key: int) -> Generator:
    """A generator of its own for each key of whole numbers from 0 up."""
    from numpy.random import PCG64, Generator, SeedSequence

    return Generator(PCG64(SeedSequence(key)))


def below(rng: Generator, count: int) -> int:
    """A whole number from 0 to count - 1, each as likely (to one part in 2^53 / count)."""
    return int(rng.random() * count)


def shuffled(rng: Generator, items: Sequence[Item]) -> list[Item]:
    """The items in a random order, by Fisher and Yates."""
    order = list(items)
    for place in range(len(order) - 1, 0, -1):
        other = below(rng, place + 1)
        order[place], order[other] = order[other], order[place]
    return order


def spacings(rng: Generator, count: int) -> list[float]:
    """``count`` shares of 1, uniform over all that add up to it: gaps between sorted draws."""
    cuts = [0.0, *sorted(rng.random(count - 1).tolist()), 1.0]
    return [high - low for low, high in pairwise(cuts)]


def power(base: Decimal, exponent: float) -> Decimal:
    """The power, rounded the same everywhere."""
    return _CONTEXT.power(base, Decimal(exponent))
