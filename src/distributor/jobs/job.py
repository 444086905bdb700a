"""A job: a batch of task sets, drawn one at a time as machines come free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import Any, Final

from distributor.errors import ConfigurationError
from distributor.tasks.taskset import TaskSet


class Later(Enum):
    """The type of :data:`LATER`."""

    LATER = 1


#: What a source gives that has no set now, and may have one when a verdict has come. It is
#: asked again after each verdict of its job.
LATER: Final = Later.LATER


@dataclass(slots=True, eq=False)
class Ticket:
    """One task set on its way through the queue."""

    job: Job
    #: Place in its job's source, from 0, the skipped ones counted.
    index: int
    taskset: TaskSet
    #: Runs that ended by the set's own doing without a verdict.
    tries: int = 0
    #: Machines that were lost or stopped under it.
    losses: int = 0
    #: Runs that were given up because the host disturbed them.
    disturbed: int = 0
    #: Machines that took it on, in order.
    machines: list[str] = field(default_factory=list)


class Job:
    """A batch of task sets.

    :param source: a task set, or any iterable of task sets; a generator is drawn from
        only as machines come free, so that its length costs no memory. A source whose
        next set depends on verdicts gives :data:`LATER` until it can tell.
    :param offset: how many sets at the head of the source to leave out.
    :param number: from 1, in the order of being added.
    :param monitor: who watches its sets.
    :param goal: of the admission control in the machine, if there is to be one.
    :param switches: how many switches of the processors to record of a set, at most.
    :raise ConfigurationError: the source is none, or has no set after the offset.
    """

    def __init__(
        self,
        source: TaskSet | Iterable[TaskSet | Later],
        *,
        offset: int = 0,
        number: int = 1,
        monitor: Any = None,
        goal: Mapping[str, Any] | None = None,
        switches: int = 0,
    ) -> None:
        if isinstance(offset, bool) or not isinstance(offset, int) or offset < 0:
            raise ConfigurationError(f"a job's offset is a whole number from 0 up, not {offset!r}")
        if isinstance(source, TaskSet):
            source = (source,)
        try:
            #: How many sets the source holds, the skipped ones included; None if unknown.
            self.length: int | None = len(source)  # type: ignore[arg-type]
        except (TypeError, OverflowError):
            self.length = None
        try:
            self._source: Iterator[Any] = islice(iter(source), offset, None)
        except TypeError:
            raise ConfigurationError(
                f"a job takes a task set or an iterable of task sets, not {source!r}"
            ) from None
        self.number = number
        self.offset = offset
        self.monitor = monitor
        self.goal = goal
        self.switches = switches
        #: Sets that have a verdict.
        self.decided = 0
        #: Why the source could not be drawn to its end, if so.
        self.error: ConfigurationError | None = None
        self._next = offset
        self._ended = False
        self._open = 0
        self._ahead: Ticket | None = self._draw()
        if self._ahead is None:
            if self.error is not None:
                raise self.error
            skipped = f" after the first {offset}" if offset else ""
            raise ConfigurationError(f"a job needs at least one task set; this has none{skipped}")

    def take(self) -> Ticket | None:
        """The next set, None when the source has no more, or none yet.

        The source is always one set ahead, so that the end is known when the last
        one is taken.
        """
        ticket, self._ahead = self._ahead, None
        if ticket is not None:
            self._open += 1
            self._ahead = self._draw()
        return ticket

    def decide(self) -> None:
        """One of the sets taken has its verdict."""
        self._open -= 1
        self.decided += 1

    def look(self) -> None:
        """Ask a source again that had no set yet: who watches has been told of a verdict."""
        if self._ahead is None and not self._ended:
            self._ahead = self._draw()
            if self._ahead is None and not self._ended and self._open == 0:
                self._fail("its source waits for a verdict, and none is to come")

    @property
    def drawn(self) -> bool:
        """Whether every set has been taken."""
        return self._ahead is None and self._ended

    @property
    def done(self) -> bool:
        """Whether every set has its verdict (or the source broke, and all taken have)."""
        return self.drawn and self._open == 0

    @property
    def total(self) -> int | None:
        """How many verdicts there will be; None while that is not known."""
        if self.drawn:
            return self._next - self.offset
        return None if self.length is None else max(0, self.length - self.offset)

    @property
    def left(self) -> int | None:
        """How many sets are still to be taken; None while that is not known.

        0 while the source has none yet.
        """
        if self._ahead is None:
            return 0
        if self.total is None:
            return None
        return self.total - self.decided - self._open

    def _draw(self) -> Ticket | None:
        if self._ended:
            return None
        try:
            taskset = next(self._source, None)
        except ConfigurationError as error:
            self._fail(str(error))
            return None
        except Exception as error:  # the user's generator may raise anything
            self._fail(f"{type(error).__name__}: {error}")
            return None
        if taskset is LATER:
            return None
        if taskset is None:
            self._ended = True
            return None
        if not isinstance(taskset, TaskSet):
            self._fail(f"it is no task set but {taskset!r:.80}")
            return None
        ticket = Ticket(self, self._next, taskset)
        self._next += 1
        return ticket

    def _fail(self, why: str) -> None:
        self._ended = True
        self.error = ConfigurationError(
            f"set {self._next} of job {self.number} cannot be had: {why}"
        )
