"""Measurements: ``python -m benchmarks`` prints one JSON object a line.

A benchmark is a module in this folder with a function ``main`` that yields what
:func:`measured` makes. docs/benchmarks.md says what the figures mean.
"""

from __future__ import annotations

from typing import TypedDict


class Measured(TypedDict):
    """One figure: its baseline is what it is compared with, measured or a goal."""

    name: str
    value: float
    unit: str
    baseline: float | None
    ratio: float | None


def measured(name: str, value: float, unit: str, baseline: float | None = None) -> Measured:
    """A line of output; ``ratio`` is the value divided by its baseline."""
    return Measured(
        name=name,
        value=_rounded(value),
        unit=unit,
        baseline=None if baseline is None else _rounded(baseline),
        ratio=_rounded(value / baseline) if baseline else None,
    )


def _rounded(value: float) -> float:
    """To four digits: more would be noise."""
    return float(f"{value:.4g}")
