"""Spans of time as users write them: 10ms, 1.5s, 250us."""

from __future__ import annotations

import re
from decimal import Decimal

from distributor.errors import ConfigurationError

#: Nanoseconds of each unit, the greatest first.
UNIT_NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|ms|us|ns)")


def parse_span(text: str) -> int:
    """The span in nanoseconds.

    :raise ConfigurationError: it is none, or no whole number of nanoseconds above 0.
    """
    found = _SPAN.fullmatch(text.strip())
    time_ns = Decimal(found[1]) * UNIT_NS[found[2]] if found else Decimal(0)
    if time_ns <= 0 or time_ns != int(time_ns):
        raise ConfigurationError(f"{text!r} is no span of time", hint="such as 10ms, 1.5s or 250us")
    return int(time_ns)


def format_span(time_ns: int) -> str:
    """The span in the greatest unit that it is a whole number of."""
    unit = next(unit for unit, size in UNIT_NS.items() if time_ns % size == 0)
    return f"{time_ns // UNIT_NS[unit]}{unit}"
