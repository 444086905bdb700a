"""A job: a batch of task sets, drawn one at a time as machines come free."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, Final, Self

from distributor.errors import ConfigurationError
from distributor.tasks.generate.tasksets import RandomTaskSets
from distributor.tasks.taskset import TaskSet


class Later(Enum):
    """The type of :data:`LATER`."""

    LATER = 1


#: What a source gives that has no set now, and may have one when a verdict has come. It is
#: asked again after each verdict of its job.
LATER: Final = Later.LATER


#: Sets that may wait at the end of a job's line, having cost a machine, before they go first:
#: a source of any length in which every set kills its machine takes no more memory than this.
LINE_END_MAX = 100


class JobState(StrEnum):
    """What a job is at."""

    #: None of its sets has been taken yet.
    WAITING = "waiting"
    RUNNING = "running"
    #: No set of it is taken until it is released.
    PAUSED = "paused"
    #: Every set has its verdict.
    DONE = "done"
    #: It was cancelled; sets that ran at that moment may still get their verdict.
    CANCELLED = "cancelled"
    #: Its source broke (:attr:`Job.error`).
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether no set of it is taken any more."""
        return self in (JobState.DONE, JobState.CANCELLED, JobState.FAILED)


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


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a job that was begun before, by a program that is gone.

    :param decided: indices of the sets that have a verdict, upward; they are not run again.
    :param setbacks: by index, what sets without one have cost: tries, losses, and the machines
        that took them on. They wait at the end of the line.
    :param passed: told of each set that has a verdict and is drawn on the way to others; it
        raises :class:`ConfigurationError` if that is not the set which was run.
    """

    decided: Sequence[range] = ()
    setbacks: Mapping[int, tuple[int, int, Sequence[str]]] = field(default_factory=dict)
    passed: Callable[[int, TaskSet], None] = lambda place, taskset: None


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
    :param past: of a job that goes on.
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
        past: Past | None = None,
    ) -> None:
        if isinstance(offset, bool) or not isinstance(offset, int) or offset < 0:
            raise ConfigurationError(f"a job's offset is a whole number from 0 up, not {offset!r}")
        if isinstance(source, TaskSet):
            source = (source,)
        self._past = past or Past()
        try:
            #: How many sets the source holds, the skipped ones included; None if unknown.
            self.length: int | None = len(source)  # type: ignore[arg-type]
        except (TypeError, OverflowError):
            self.length = None
        try:
            self._source = _Source(source, offset, self._past)
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
        self.decided = sum(map(len, self._past.decided))
        #: Why the source could not be drawn to its end, if so.
        self.error: ConfigurationError | None = None
        #: Whether no set is taken until that changes.
        self.held = False
        #: Whether no set is taken any more.
        self.cancelled = False
        self._ended = False
        self._open = 0
        # Sets that came back: those to be taken first, and those at the end of the line.
        self._first: deque[Ticket] = deque()
        self._last: deque[Ticket] = deque()
        self._ahead: Ticket | None = self._draw()
        if self._ahead is None and not self._last and not self.decided:
            if self.error is not None:
                raise self.error
            skipped = f" after the first {offset}" if offset else ""
            raise ConfigurationError(f"a job needs at least one task set; this has none{skipped}")

    def take(self) -> Ticket | None:
        """The next set; None when there is no more, none yet, or the job is held or cancelled.

        The source is always one set ahead, so that the end is known when the last
        one is taken.
        """
        if self.held or self.cancelled:
            return None
        if self._first:
            ticket = self._first.popleft()
        elif self._last and (self._ahead is None or len(self._last) >= LINE_END_MAX):
            ticket = self._last.popleft()
        elif self._ahead is not None:
            ticket = self._ahead
            self._ahead = self._draw()
        else:
            return None
        self._open += 1
        return ticket

    def put_back(self, ticket: Ticket, *, last: bool) -> None:
        """A set that was taken has no verdict; a cancelled job forgets it.

        :param last: it waits at the end of the line, not at its head.
        """
        self._open -= 1
        if not self.cancelled:
            (self._last if last else self._first).append(ticket)

    def cancel(self) -> None:
        """No set is taken any more, and the source is let go; those taken may get a verdict."""
        self.cancelled = True
        self._ahead = None
        self._source.close()
        self._first.clear()
        self._last.clear()

    def decide(self) -> None:
        """One of the sets taken has its verdict."""
        self._open -= 1
        self.decided += 1

    def look(self) -> None:
        """Ask a source again that had no set yet: who watches has been told of a verdict."""
        if self._ahead is None and not self._ended and not self.cancelled:
            self._ahead = self._draw()
            waiting = self._open + len(self._first) + len(self._last)
            if self._ahead is None and not self._ended and waiting == 0:
                self._fail("its source waits for a verdict, and none is to come")

    @property
    def done(self) -> bool:
        """Whether no set is to get a verdict any more.

        All have one; or the source broke, or the job was cancelled, and all those taken have.
        """
        if self.cancelled:
            return self._open == 0
        return self._drawn and self._open == 0 and not self._first and not self._last

    @property
    def state(self) -> JobState:
        """See :class:`JobState`."""
        if self.cancelled:
            return JobState.CANCELLED
        if self.done:
            return JobState.DONE if self.error is None else JobState.FAILED
        if self.held:
            return JobState.PAUSED
        return JobState.RUNNING if self._open or self.decided else JobState.WAITING

    @property
    def total(self) -> int | None:
        """How many verdicts there are to be; None while that is not known."""
        if self._drawn:
            return self._source.place - self.offset
        return None if self.length is None else max(0, self.length - self.offset)

    @property
    def left(self) -> int | None:
        """How many sets could be taken now, were there machines; None if that is not known.

        0 while the source has none yet, and while the job is held.
        """
        if self.held or self.cancelled:
            return 0
        if self._ahead is None:
            return len(self._first) + len(self._last)
        if self.total is None:
            return None
        return self.total - self.decided - self._open

    @property
    def _drawn(self) -> bool:
        return self._ahead is None and self._ended

    def _draw(self) -> Ticket | None:
        """The next set of the source; those that have had a setback go to the end of the line."""
        while (ticket := self._draw_any()) is not None:
            setback = self._past.setbacks.get(ticket.index)
            if setback is None:
                return ticket
            ticket.tries, ticket.losses, machines = setback
            ticket.machines += machines
            self._last.append(ticket)
        return None

    def _draw_any(self) -> Ticket | None:
        if self._ended:
            return None
        try:
            taskset = next(self._source, None)
        except ConfigurationError as error:
            self._fail(str(error), error)
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
            self._source.place -= 1
            self._fail(f"it is no task set but {taskset!r:.80}")
            return None
        return Ticket(self, self._source.place - 1, taskset)

    def _fail(self, why: str, error: ConfigurationError | None = None) -> None:
        self._ended = True
        self.error = ConfigurationError(
            f"set {self._source.place} of job {self.number} cannot be had: {why}"
        )
        self.error.__cause__ = error


class _Source:
    """The sets that are to be run, in their order, with their places counted.

    Sets that can be had by their place are not drawn to be passed over.
    """

    def __init__(self, given: Iterable[Any], offset: int, past: Past) -> None:
        #: Of the next set.
        self.place = 0
        self._offset = offset
        self._decided = deque(past.decided)
        self._passed = past.passed
        self._list = given if isinstance(given, list | tuple | RandomTaskSets) else None
        self._iterator: Iterator[Any] = iter(given)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        while True:
            decided = self._has_verdict(self.place)
            passed = decided or self.place < self._offset
            if self._list is None:
                taskset = next(self._iterator)
                if taskset is LATER:
                    return LATER
                if decided:
                    self._passed(self.place, taskset)
            elif self.place >= len(self._list):
                raise StopIteration
            elif decided:
                self.place = self._decided[0].stop
                continue
            elif not passed:
                taskset = self._list[self.place]
            self.place += 1
            if not passed:
                return taskset

    def close(self) -> None:
        """Let the source go."""
        self._list, self._iterator = None, iter(())

    def _has_verdict(self, place: int) -> bool:
        while self._decided and self._decided[0].stop <= place:
            self._decided.popleft()
        return bool(self._decided) and place in self._decided[0]
