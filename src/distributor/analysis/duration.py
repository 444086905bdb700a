"""Durations as people read them."""

from __future__ import annotations

_UNITS = (("s", 10**9), ("ms", 10**6), ("us", 10**3))


def format_duration(time_ns: int | None) -> str:
    """Nanoseconds in the unit that suits them, to four digits: ``27.12 us``, ``-3.400 ms``.

    "-" for None; exact below a microsecond, whole seconds from a thousand of them on.
    """
    if time_ns is None:
        return "-"
    for unit, size_ns in _UNITS:
        # What would round to 1000 us is 1.000 ms.
        if abs(time_ns) >= size_ns - size_ns // 20_000:
            return f"{_four_digits(time_ns / size_ns)} {unit}"
    return f"{time_ns} ns"


def format_moment(time_ns: int | None) -> str:
    """A moment after time zero, in milliseconds to the microsecond: ``40.027 ms``.

    Moments are compared with each other, so all have one unit. "-" for None.
    """
    return "-" if time_ns is None else f"{time_ns / 10**6:.3f} ms"


def _four_digits(value: float) -> str:
    for decimals in (3, 2, 1):
        text = f"{value:.{decimals}f}"
        if len(text.lstrip("-")) <= len("1.000"):
            return text
    return f"{value:.0f}"
