"""The answers of theory: of one processor, and of a set."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Any

from distributor.analysis.duration import format_duration


class Answer(StrEnum):
    """Whether a set holds its deadlines in theory."""

    #: Every job of every task, for ever.
    SCHEDULABLE = "schedulable"
    #: Some job misses its deadline, if each takes its WCET and enough of them are run.
    NOT_SCHEDULABLE = "not schedulable"
    UNKNOWN = "unknown"


class Test(StrEnum):
    """What an answer rests on."""

    #: Exact for distinct fixed priorities without offsets, a bound otherwise.
    RESPONSE_TIMES = "response-time analysis"
    #: Exact for earliest deadline first without offsets, a bound otherwise.
    DEMAND = "processor demand (QPA)"
    #: The schedule itself, until it repeats.
    SCHEDULE = "exact schedule"
    #: More than the processors give.
    UTILIZATION = "utilization"
    #: Goossens, Funk and Baruah's bound for several processors.
    GLOBAL_EDF = "density bound of global EDF"


@dataclass(frozen=True, slots=True)
class Part:
    """What is known of the tasks that share a processor, or move between several."""

    answer: Answer
    tests: tuple[Test, ...]
    reason: str
    task_id: int | None = None
    job: int | None = None
    #: By task.
    responses_ns: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TheoryVerdict:
    """What theory says of a task set; times are nanoseconds.

    :param test: what decided it, as ``response-time analysis``; "" where nothing applies.
    :param reason: one sentence: the task that fails and by how much, or why it is unknown.
    :param utilization: of all tasks together; None where a WCET is unknown.
    :param task_id: place of the task that fails.
    :param job: index of its job that does; a run in which its task has no job of that index
        need not show a miss. None where it is not known.
    :param responses_ns: each task's worst-case response time, None where it was not
        computed: for a task scheduled by its deadline, one that fails, or one that moves
        between processors. Exact for distinct priorities without offsets, else a bound.
    :param liu_layland: whether the set is within this bound; None where it does not apply
        (:func:`~distributor.analysis.theory.bounds.rate_monotonic`).
    :param hyperbolic: the same, of the hyperbolic bound.
    """

    answer: Answer
    test: str
    reason: str
    utilization: Fraction | None = None
    task_id: int | None = None
    job: int | None = None
    responses_ns: tuple[int | None, ...] = ()
    liu_layland: bool | None = None
    hyperbolic: bool | None = None

    @property
    def finding(self) -> str:
        """The reason; for a set that holds, the response times that were shown, if any were."""
        if self.answer is Answer.SCHEDULABLE and any(self.responses_ns):
            return f"responses at most {', '.join(map(format_duration, self.responses_ns))}"
        return self.reason

    def plain(self) -> dict[str, Any]:
        """The same in what JSON has, the answer under ``verdict``."""
        return {
            "verdict": self.answer.value,
            "test": self.test,
            "reason": self.reason,
            "utilization": None if self.utilization is None else float(self.utilization),
            "task_id": self.task_id,
            "job": self.job,
            "responses_ns": list(self.responses_ns),
            "liu_layland": self.liu_layland,
            "hyperbolic": self.hyperbolic,
        }
