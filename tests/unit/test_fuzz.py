"""A little of what ``python -m tests.fuzz`` does for as long as it is told."""

from __future__ import annotations

import pytest

from tests.fuzz import file, machine
from tests.fuzz.target import Target


@pytest.mark.parametrize(
    "target", [*machine.TARGETS, *file.TARGETS], ids=lambda target: target.name
)
def test_nearly_right_input_does_no_harm(target: Target) -> None:
    target.try_out(60, again=True)
