"""Schedulability tests: pure, in whole nanoseconds.

docs/theory.md says which there are, and what they assume.
"""

from __future__ import annotations

from distributor.analysis.theory.answer import Answer, Test, TheoryVerdict
from distributor.analysis.theory.model import AnalysedTask, Costs, TheoryTask
from distributor.analysis.theory.verdict import judge, judge_modelled, response_bounds_ns

__all__ = [
    "AnalysedTask",
    "Answer",
    "Costs",
    "Test",
    "TheoryTask",
    "TheoryVerdict",
    "judge",
    "judge_modelled",
    "response_bounds_ns",
]
