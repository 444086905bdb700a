"""The queue as a pure state machine: events in, actions out."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor import (
    ConfigurationError,
    GuestFault,
    LaunchError,
    MachineLost,
    QueueState,
    StateError,
    Task,
    TaskSet,
)
from distributor.jobs.job import LATER, Job, Later, Ticket
from distributor.jobs.queue import (
    FAILED_STARTS_MAX,
    LOSSES_MAX,
    Action,
    GiveUp,
    JobDone,
    PutBack,
    Queue,
    Run,
    Start,
    Stop,
)

LOST = MachineLost("killed")
FAULT = GuestFault("panic")


def sets(count: int) -> list[TaskSet]:
    return [TaskSet([Task("hey", arg1=n)]) for n in range(count)]


def names(actions: list[Action]) -> list[str]:
    """Actions as short texts: ``start m1``, ``run m1 0``."""
    said = []
    for action in actions:
        match action:
            case Start(machine):
                said.append(f"start {machine}")
            case Stop(machine, hard):
                said.append(f"{'kill' if hard else 'stop'} {machine}")
            case Run(machine, ticket):
                said.append(f"run {machine} {ticket.index}")
            case PutBack(machine, ticket):
                said.append(f"back {machine} {ticket.index}")
            case GiveUp(machine, ticket, _):
                said.append(f"undecided {machine} {ticket.index}")
            case JobDone(job):
                said.append(f"done {job.number}")
    return said


def test_sets_run_in_order_on_as_many_machines_as_they_need() -> None:
    queue = Queue(4, 1)
    assert names(queue.add(Job(sets(2)))) == ["start m1", "start m2"]
    assert names(queue.ready("m2")) == ["run m2 0"]
    assert names(queue.ready("m1")) == ["run m1 1"]
    assert names(queue.finished("m2")) == []
    assert names(queue.finished("m1")) == ["done 1"]
    assert queue.state is QueueState.IDLE


def test_jobs_run_in_the_order_of_their_coming() -> None:
    queue = Queue(1, 1)
    queue.add(Job(sets(1)))
    queue.add(Job(sets(2), number=2, offset=1))
    assert names(queue.ready("m1")) == ["run m1 0"]
    assert names(queue.finished("m1")) == ["done 1", "run m1 1"]


def test_an_idle_machine_takes_the_next_job() -> None:
    queue = Queue(1, 1)
    queue.add(Job(sets(1)))
    queue.ready("m1")
    queue.finished("m1")
    assert names(queue.add(Job(sets(1), number=2))) == ["run m1 0"]


def test_a_lower_maximum_lets_machines_finish_and_spares_those_that_work() -> None:
    queue = Queue(3, 1)
    queue.add(Job(sets(9)))
    queue.ready("m2")
    queue.ready("m3")
    assert names(queue.set_maximum(1)) == ["kill m1"]
    assert names(queue.lost("m1", None)) == []
    # m2 was first to work: it stays, and m3 goes when its set has ended.
    assert names(queue.finished("m3")) == ["stop m3"]
    assert names(queue.lost("m3", None)) == []
    assert names(queue.finished("m2")) == ["run m2 2"]
    assert names(queue.set_maximum(2)) == ["start m4"]


def test_a_raised_maximum_keeps_a_machine_that_was_to_leave() -> None:
    queue = Queue(2, 1)
    queue.add(Job(sets(9)))
    queue.ready("m1")
    queue.ready("m2")
    assert names(queue.set_maximum(1)) == []
    assert names(queue.set_maximum(2)) == []
    assert names(queue.finished("m2")) == ["run m2 2"]


def test_killing_all_gives_sets_back_and_resume_goes_on() -> None:
    queue = Queue(2, 1)
    queue.add(Job(sets(3)))
    queue.ready("m1")
    assert names(queue.kill_all()) == ["back m1 0", "kill m1", "kill m2"]
    assert queue.state is QueueState.PAUSED
    assert names(queue.lost("m1", None)) == []
    assert names(queue.lost("m2", None)) == []
    assert names(queue.resume()) == ["start m3", "start m4"]
    assert names(queue.ready("m3")) == ["run m3 0"]


def test_shutting_down_waits_for_the_set_that_runs() -> None:
    queue = Queue(2, 1)
    queue.add(Job(sets(2)))
    queue.ready("m1")
    assert names(queue.shut_down()) == ["kill m2"]
    queue.lost("m2", None)
    assert names(queue.finished("m1")) == ["stop m1"]
    assert names(queue.lost("m1", None)) == []
    assert names(queue.resume()) == ["start m3"]
    assert names(queue.ready("m3")) == ["run m3 1"]


def test_a_lost_machine_costs_its_set_no_try() -> None:
    queue = Queue(1, 1)
    queue.add(Job(sets(2)))
    machine = "m1"
    for _ in range(LOSSES_MAX - 1):
        assert names(queue.ready(machine)) == [f"run {machine} 0"]
        back, start = names(queue.lost(machine, LOST))
        assert back == f"back {machine} 0"
        machine = start.removeprefix("start ")
    # ... but not without end.
    queue.ready(machine)
    assert names(queue.lost(machine, LOST))[0] == f"undecided {machine} 0"


def test_a_set_that_breaks_its_machine_pays_with_its_own_tries() -> None:
    queue = Queue(1, 2)
    queue.add(Job(sets(1)))
    queue.ready("m1")
    assert names(queue.lost("m1", FAULT)) == ["back m1 0", "start m2"]
    queue.ready("m2")
    assert names(queue.lost("m2", FAULT)) == ["undecided m2 0", "done 1"]


def test_a_set_that_can_run_nowhere_keeps_its_machine() -> None:
    queue = Queue(1, 5)
    queue.add(Job(sets(2)))
    queue.ready("m1")
    assert names(queue.refused("m1", ConfigurationError("no such binary"))) == [
        "undecided m1 0",
        "run m1 1",
    ]


def test_machines_that_do_not_start_are_not_tried_for_ever() -> None:
    queue = Queue(1, 1)
    queue.add(Job(sets(1)))
    error = LaunchError("no")
    for number in range(1, FAILED_STARTS_MAX):
        assert names(queue.lost(f"m{number}", error)) == [f"start m{number + 1}"]
    assert names(queue.lost(f"m{FAILED_STARTS_MAX}", error)) == []
    assert (queue.state, queue.error) == (QueueState.FAILED, error)
    assert names(queue.resume()) == [f"start m{FAILED_STARTS_MAX + 1}"]


def test_machines_lost_while_they_start_are_bad_luck_for_longer() -> None:
    queue = Queue(1, 1)
    queue.add(Job(sets(1)))
    for number in range(1, LOSSES_MAX):
        assert names(queue.lost(f"m{number}", LOST)) == [f"start m{number + 1}"]
    assert names(queue.lost(f"m{LOSSES_MAX}", LOST)) == []
    assert queue.state is QueueState.FAILED


def test_a_set_that_the_host_disturbed_runs_again_within_a_limit_and_pays_no_try() -> None:
    queue = Queue(1, 1, noisy_tries=2)
    job = Job(sets(2))
    queue.add(job)
    queue.ready("m1")
    for _ in range(2):
        assert names(queue.disturbed("m1")) == ["back m1 0"]
        assert names(queue.finished("m1")) == ["run m1 0"]
    # The last result is to be kept, with its mark.
    assert names(queue.disturbed("m1")) == []
    assert names(queue.finished("m1")) == ["run m1 1"]
    assert job.decided == 1
    assert names(queue.disturbed("m1")) == ["back m1 1"]


def test_a_disturbed_set_goes_to_whoever_is_free_when_its_machine_is_to_leave() -> None:
    queue = Queue(2, 1, noisy_tries=1)
    queue.add(Job(sets(3)))
    queue.ready("m1")
    queue.ready("m2")
    queue.set_maximum(1)
    assert names(queue.disturbed("m2")) == ["back m2 1"]
    assert names(queue.finished("m2")) == ["stop m2"]
    assert names(queue.finished("m1")) == ["run m1 1"]


def test_without_noisy_tries_a_disturbed_result_is_kept_at_once() -> None:
    queue = Queue(1, 1)
    queue.add(Job(sets(1)))
    queue.ready("m1")
    assert names(queue.disturbed("m1")) == []
    assert names(queue.finished("m1")) == ["done 1"]


def test_an_event_that_cannot_be_is_refused() -> None:
    queue = Queue(1, 1)
    queue.add(Job(sets(1)))
    with pytest.raises(StateError):
        queue.finished("m1")
    with pytest.raises(StateError):
        queue.ready("m9")


def test_a_job_needs_a_set() -> None:
    with pytest.raises(ConfigurationError, match="at least one task set"):
        Job([])
    with pytest.raises(ConfigurationError, match="after the first 2"):
        Job(sets(2), offset=2)
    with pytest.raises(ConfigurationError, match="offset"):
        Job(sets(2), offset=-1)
    with pytest.raises(ConfigurationError, match="iterable of task sets"):
        Job(7)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="it is no task set but 'x'"):
        Job(["x"])  # type: ignore[list-item]


def test_a_source_that_breaks_ends_its_job_alone() -> None:
    def source() -> Iterator[TaskSet]:
        yield from sets(2)
        raise RuntimeError("out of ideas")

    queue = Queue(1, 1)
    job = Job(source())
    queue.add(job)
    queue.ready("m1")
    queue.finished("m1")
    assert names(queue.finished("m1")) == ["done 1"]
    assert "set 2 of job 1 cannot be had: RuntimeError: out of ideas" in str(job.error)


def test_a_billion_sets_are_drawn_one_at_a_time() -> None:
    drawn = 0

    def source() -> Iterator[TaskSet]:
        nonlocal drawn
        (one,) = sets(1)
        for _ in range(10**9):
            drawn += 1
            yield one

    queue = Queue(2, 1)
    job = Job(source())
    queue.add(job)
    queue.ready("m1")
    for _ in range(1000):
        queue.finished("m1")
    assert drawn < 1010
    assert job.total is None


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 2**32))
def test_whatever_happens_every_set_gets_exactly_one_verdict(
    count: int, maximum: int, seed: int
) -> None:
    """Random lives: machines come, finish, break, are lost; the user interferes."""
    chance = random.Random(seed)
    queue = Queue(maximum, 2, noisy_tries=1)
    verdicts: list[int] = []
    starting: list[str] = []
    running: dict[str, Ticket] = {}
    ending: list[str] = []
    done = 0

    def apply(actions: list[Action]) -> None:
        nonlocal done
        for action in actions:
            match action:
                case Start(machine):
                    starting.append(machine)
                case Stop(machine, _):
                    ending.append(machine)
                    if machine in starting:
                        starting.remove(machine)
                case Run(machine, ticket):
                    running[machine] = ticket
                case PutBack(machine, _):
                    running.pop(machine)
                case GiveUp(machine, ticket, _):
                    running.pop(machine)
                    verdicts.append(ticket.index)
                case JobDone():
                    done += 1
        if any(isinstance(action, Start) for action in actions):
            assert len(queue.machines) <= queue.maximum

    apply(queue.add(Job(sets(count))))
    for _ in itertools.count():
        choices = ["user"] * 2
        choices += ["ready"] * 6 * bool(starting)
        choices += ["finished", "finished", "disturbed", "lost", "fault"] * bool(running)
        choices += ["ended"] * 4 * bool(ending)
        match chance.choice(choices):
            case "ready":
                apply(queue.ready(starting.pop(chance.randrange(len(starting)))))
            case "finished":
                machine = chance.choice(list(running))
                verdicts.append(running.pop(machine).index)
                apply(queue.finished(machine))
            case "disturbed":
                machine = chance.choice(list(running))
                if again := queue.disturbed(machine):
                    apply(again)
                else:
                    verdicts.append(running.pop(machine).index)
                apply(queue.finished(machine))
            case "lost" | "fault" as how:
                machine = chance.choice(list(running))
                apply(queue.lost(machine, LOST if how == "lost" else FAULT))
            case "ended":
                apply(queue.lost(ending.pop(), None))
            case "user":
                wishes: list[Callable[[], list[Action]]] = [
                    queue.kill_all,
                    queue.shut_down,
                    queue.resume,
                    queue.resume,
                    lambda: queue.set_maximum(chance.randint(1, 4)),
                ]
                apply(chance.choice(wishes)())
        if queue.done:
            break
    assert sorted(verdicts) == list(range(count))
    assert done == 1


# Sources that wait for verdicts


class Waiting:
    """Gives what was put in, and LATER while it is empty and not ended."""

    def __init__(self, *tasksets: TaskSet) -> None:
        self.waiting = list(tasksets)
        self.ended = False

    def __iter__(self) -> Iterator[TaskSet | Later]:
        return self

    def __next__(self) -> TaskSet | Later:
        if self.waiting:
            return self.waiting.pop(0)
        if self.ended:
            raise StopIteration
        return LATER


def test_a_source_that_has_none_yet_is_asked_again_after_each_verdict() -> None:
    source = Waiting(*sets(1))
    queue = Queue(3, 1)
    queue.add(Job(source))
    assert names(queue.ready("m1")) == ["run m1 0"]
    assert names(queue.ready("m2")) == []
    source.waiting += sets(4)
    assert names(queue.finished("m1")) == ["run m1 1", "run m2 2"]
    assert names(queue.ready("m3")) == ["run m3 3"]
    assert names(queue.finished("m1")) == ["run m1 4"]
    assert [names(queue.finished(name)) for name in ("m2", "m3")] == [[], []]
    source.ended = True
    assert names(queue.finished("m1")) == ["done 1"]
    assert queue.state is QueueState.IDLE


def test_no_machine_is_started_for_a_source_that_has_none_yet() -> None:
    queue = Queue(2, 1)
    queue.add(Job(Waiting(*sets(1))))
    assert names(queue.ready("m1")) == ["run m1 0"]
    assert names(queue.lost("m2", LOST)) == []
    assert queue.machines == ("m1",)


def test_a_source_hears_of_a_set_that_was_given_up_before_it_is_asked() -> None:
    source = Waiting(*sets(1))
    queue = Queue(1, 1)
    job = Job(source)
    queue.add(job)
    queue.ready("m1")
    assert names(queue.lost("m1", FAULT)) == ["undecided m1 0"]
    source.waiting += sets(1)
    assert names(queue.told(job)) == ["start m2"]
    queue.ready("m2")
    assert names(queue.lost("m2", FAULT)) == ["undecided m2 1"]
    source.ended = True
    assert names(queue.told(job)) == ["done 1"]
    assert names(queue.told(job)) == []


def test_a_source_that_waits_for_nothing_ends_its_job_with_an_error() -> None:
    queue = Queue(1, 1)
    job = Job(Waiting(*sets(1)))
    queue.add(job)
    queue.ready("m1")
    assert names(queue.finished("m1")) == ["done 1"]
    assert "waits for a verdict, and none is to come" in str(job.error)
    with pytest.raises(ConfigurationError, match="at least one task set"):
        Job(Waiting())


def test_a_waiting_job_lets_others_go_first() -> None:
    source = Waiting(*sets(1))
    queue = Queue(2, 1)
    queue.add(Job(source))
    queue.add(Job(sets(2), number=2))
    assert names(queue.ready("m1")) == ["run m1 0"]
    assert names(queue.ready("m2")) == ["run m2 0"]
    assert names(queue.finished("m2")) == ["run m2 1"]
    source.waiting += sets(1)
    assert names(queue.finished("m1")) == ["run m1 1"]
