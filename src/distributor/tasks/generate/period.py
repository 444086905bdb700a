"""Periods of a set's tasks, drawn by one of a few distributions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

from distributor.errors import ConfigurationError
from distributor.tasks.generate.draw import below, power
from distributor.tasks.span import format_span, parse_span

if TYPE_CHECKING:
    from numpy.random import Generator

_MS = 10**6

#: Periods of an engine control's tasks in ms with their shares in percent (Kramer, Ziegenbein,
#: Hamann, WATERS 2015). The other 15 % are released by the crankshaft's angle: left out.
AUTOMOTIVE = {1: 3, 2: 2, 5: 2, 10: 25, 20: 25, 50: 3, 100: 20, 200: 1, 1000: 4}

_HINT = (
    "uniform:10ms-100ms, log-uniform:10ms-1s, either with :STEP; harmonic:10ms-1s, with "
    ":FACTOR; automotive; or a list such as 10ms,20ms,50ms"
)


class Periods(ABC):
    """A distribution of periods. Its text is what :func:`parse_periods` reads."""

    @abstractmethod
    def draw(self, rng: Generator) -> int:
        """One period in nanoseconds."""

    @abstractmethod
    def __str__(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Uniform(Periods):
    """Each multiple of the step from low to high as likely."""

    low_ns: int
    high_ns: int
    step_ns: int

    def draw(self, rng: Generator) -> int:
        first = -(-self.low_ns // self.step_ns)
        return (first + below(rng, self.high_ns // self.step_ns - first + 1)) * self.step_ns

    def __str__(self) -> str:
        return f"uniform:{_range(self.low_ns, self.high_ns)}:{format_span(self.step_ns)}"


@dataclass(frozen=True, slots=True)
class LogUniform(Periods):
    """Each order of magnitude as likely, cut to the step (Emberson et al., WATERS 2010)."""

    low_ns: int
    high_ns: int
    step_ns: int

    def draw(self, rng: Generator) -> int:
        ratio = Decimal(self.high_ns + self.step_ns) / self.low_ns
        drawn_ns = self.low_ns * power(ratio, rng.random())
        steps = (drawn_ns / self.step_ns).to_integral_value(ROUND_FLOOR)
        return min(max(int(steps) * self.step_ns, self.low_ns), self.high_ns)

    def __str__(self) -> str:
        return f"log-uniform:{_range(self.low_ns, self.high_ns)}:{format_span(self.step_ns)}"


@dataclass(frozen=True, slots=True)
class Choice(Periods):
    """One of some periods, by their weights."""

    periods_ns: tuple[int, ...]
    weights: tuple[int, ...]
    text: str

    def draw(self, rng: Generator) -> int:
        place = below(rng, sum(self.weights))
        for period_ns, weight in zip(self.periods_ns, self.weights, strict=True):
            place -= weight
            if place < 0:
                return period_ns
        raise AssertionError("the weights have been summed above")

    def __str__(self) -> str:
        return self.text


def parse_periods(text: str) -> Periods:
    """The distribution that a text names.

    ``uniform:LOW-HIGH[:STEP]``, ``log-uniform:LOW-HIGH[:STEP]`` (the step is 1 ms where low
    and high are whole milliseconds, else 1 us), ``harmonic:LOW-HIGH[:FACTOR]`` (LOW times a
    power of FACTOR, 2 if not given, each as likely, so that each divides every longer one),
    ``automotive``, or periods with commas between them, each as likely.

    :raise ConfigurationError: it names none.
    """
    kind, _, rest = text.strip().partition(":")
    if kind == "automotive" and not rest:
        periods_ns = tuple(period_ms * _MS for period_ms in AUTOMOTIVE)
        return Choice(periods_ns, tuple(AUTOMOTIVE.values()), "automotive")
    if kind in ("uniform", "log-uniform", "harmonic"):
        span, _, last = rest.partition(":")
        low_ns, high_ns = _parse_range(text, span)
        if kind == "harmonic":
            return _harmonic(text, low_ns, high_ns, last)
        whole = low_ns % _MS == high_ns % _MS == 0
        step_ns = parse_span(last) if last else _MS if whole else 1000
        if -(-low_ns // step_ns) * step_ns > high_ns:
            raise ConfigurationError(f"periods {text!r}: no multiple of the step lies between")
        return (Uniform if kind == "uniform" else LogUniform)(low_ns, high_ns, step_ns)
    if text.strip()[:1].isdigit():
        periods_ns = tuple(parse_span(each) for each in text.split(","))
        return Choice(
            periods_ns, (1,) * len(periods_ns), ",".join(format_span(each) for each in periods_ns)
        )
    raise ConfigurationError(f"there are no periods {text!r}", hint=_HINT)


def _parse_range(text: str, span: str) -> tuple[int, int]:
    low, dash, high = span.partition("-")
    if not dash:
        raise ConfigurationError(f"periods {text!r} lack a range", hint=_HINT)
    low_ns, high_ns = parse_span(low), parse_span(high)
    if low_ns > high_ns:
        raise ConfigurationError(f"periods {text!r}: the range ends before it begins")
    return low_ns, high_ns


def _harmonic(text: str, low_ns: int, high_ns: int, last: str) -> Periods:
    if last and not (last.isdecimal() and int(last) >= 2):
        raise ConfigurationError(f"periods {text!r}: the factor is a whole number from 2 up")
    factor = int(last or 2)
    periods_ns = [low_ns]
    while periods_ns[-1] * factor <= high_ns:
        periods_ns.append(periods_ns[-1] * factor)
    told = f"harmonic:{_range(low_ns, high_ns)}:{factor}"
    return Choice(tuple(periods_ns), (1,) * len(periods_ns), told)


def _range(low_ns: int, high_ns: int) -> str:
    return f"{format_span(low_ns)}-{format_span(high_ns)}"
