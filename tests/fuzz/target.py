"""What is fuzzed: input, and what must hold for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@dataclass(frozen=True, slots=True)
class Target:
    """A parser and its input.

    :param check: raises whatever shows that the parser is wrong; an error that the parser
        may raise is caught there.
    """

    name: str
    inputs: st.SearchStrategy[Any]
    check: Callable[[Any], None]

    def try_out(self, examples: int, *, again: bool) -> None:
        """Give it so many inputs.

        :param again: the same ones each time.
        :raise Exception: what went wrong, with the input in its notes.
        """

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=again,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        @given(self.inputs)
        def one(value: Any) -> None:
            self.check(value)

        one()
