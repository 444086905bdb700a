"""The queue as a pure state machine: events in, actions out."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

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
from distributor.jobs.action import Action, Check, GiveUp, JobDone, PutBack, Run, Start, Stop
from distributor.jobs.job import LATER, LINE_END_MAX, Job, JobState, Later, Past, Ticket
from distributor.jobs.queue import FAILED_STARTS_MAX, LOSSES_MAX, SICK_MAX, Health, Queue

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
            case Check(machine):
                said.append(f"check {machine}")
            case PutBack(machine, ticket):
                said.append(f"back {machine} {ticket.index}")
            case GiveUp(machine, ticket, _):
                said.append(f"undecided {machine} {ticket.index}")
            case JobDone(job):
                said.append(f"done {job.number}")
    return said


def ready(queue: Queue, machine: str) -> list[str]:
    """A machine has come up, and has run the canary where there is doubt."""
    actions = names(queue.ready(machine))
    return names(queue.checked(machine)) if actions == [f"check {machine}"] else actions


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
    queue.add(Job(sets(1)))
    machine = "m1"
    for _ in range(LOSSES_MAX - 1):
        assert ready(queue, machine) == [f"run {machine} 0"]
        back, start = names(queue.lost(machine, LOST))
        assert back == f"back {machine} 0"
        machine = start.removeprefix("start ")
    # ... but not without end.
    ready(queue, machine)
    assert names(queue.lost(machine, LOST))[0] == f"undecided {machine} 0"


def test_a_set_that_breaks_its_machine_pays_with_its_own_tries() -> None:
    queue = Queue(1, 2)
    queue.add(Job(sets(1)))
    queue.ready("m1")
    assert names(queue.lost("m1", FAULT)) == ["back m1 0", "start m2"]
    queue.ready("m2")
    assert names(queue.lost("m2", FAULT)) == ["undecided m2 0", "done 1"]


def test_a_set_that_cost_a_machine_is_tried_again_when_the_others_have_run() -> None:
    queue = Queue(1, 2)
    queue.add(Job(sets(3)))
    queue.ready("m1")
    assert names(queue.lost("m1", FAULT)) == ["back m1 0", "start m2"]
    assert names(queue.ready("m2")) == ["run m2 1"]
    assert names(queue.lost("m2", LOST)) == ["back m2 1", "start m3"]
    assert names(queue.ready("m3")) == ["check m3"]
    assert names(queue.checked("m3")) == ["run m3 2"]
    assert names(queue.finished("m3")) == ["run m3 0"]
    assert names(queue.lost("m3", FAULT)) == ["undecided m3 0", "start m4"]
    assert names(queue.ready("m4")) == ["run m4 1"]
    assert names(queue.finished("m4")) == ["done 1"]


def test_the_end_of_the_line_is_that_of_the_sets_own_job() -> None:
    queue = Queue(1, 2)
    queue.add(Job(sets(1)))
    queue.add(Job(sets(1), number=2))
    queue.ready("m1")
    queue.lost("m1", FAULT)
    queue.ready("m2")
    assert names(queue.finished("m2")) == ["done 1", "run m2 0"]


def test_sets_that_cost_machines_do_not_pile_up_at_the_end_of_an_endless_line() -> None:
    queue = Queue(1, 2)
    (one,) = sets(1)
    queue.add(Job(itertools.repeat(one)))
    given_up = 0
    for number in range(1, 5 * LINE_END_MAX):
        ready(queue, f"m{number}")
        given_up += names(queue.lost(f"m{number}", FAULT))[0].startswith("undecided")
    # Each round either adds one to the end of the line or takes one from there.
    assert given_up > LINE_END_MAX


# Machines in doubt


def lose_two(queue: Queue) -> None:
    """Two machines are lost under sets, one after the other; m3 has been asked for."""
    queue.ready("m1")
    queue.lost("m1", FAULT)
    queue.ready("m2")
    assert names(queue.lost("m2", LOST))[-1] == "start m3"


def test_a_machine_in_doubt_runs_the_canary_before_a_set() -> None:
    queue = Queue(1, 3)
    queue.add(Job(sets(9)))
    lose_two(queue)
    assert names(queue.ready("m3")) == ["check m3"]
    assert queue.health("m3") is Health.UNKNOWN
    assert queue.running("m3") is None
    assert names(queue.checked("m3")) == ["run m3 2"]
    assert queue.health("m3") == "good"
    # With the canary the doubt is gone: the next loss is the first one again.
    assert names(queue.lost("m3", FAULT)) == ["back m3 2", "start m4"]
    assert names(queue.ready("m4")) == ["run m4 3"]


def test_a_set_that_is_finished_between_two_losses_leaves_no_doubt() -> None:
    queue = Queue(2, 3)
    queue.add(Job(sets(9)))
    queue.ready("m1")
    queue.ready("m2")
    queue.lost("m1", FAULT)
    queue.finished("m2")
    queue.lost("m2", FAULT)
    assert names(queue.ready("m3")) == ["run m3 3"]


def test_machines_that_fail_the_canary_are_replaced_and_then_the_queue_gives_up() -> None:
    queue = Queue(1, 3)
    job = Job(sets(9))
    queue.add(job)
    lose_two(queue)
    for number in range(3, 3 + SICK_MAX - 1):
        queue.ready(f"m{number}")
        assert names(queue.lost(f"m{number}", FAULT)) == [f"start m{number + 1}"]
    last = f"m{2 + SICK_MAX}"
    queue.ready(last)
    assert names(queue.lost(last, FAULT)) == []
    assert queue.state is QueueState.FAILED
    assert "3 machines in a row failed a task set whose verdict is known" in str(queue.error)
    assert "the last one: panic" in str(queue.error)
    # No set has paid for it, and all goes on when the host has been mended.
    assert job.decided == 0
    assert names(queue.resume()) == ["start m6"]
    assert names(queue.ready("m6")) == ["run m6 2"]


def test_machines_that_fail_the_canary_now_and_then_do_not_end_the_run() -> None:
    queue = Queue(1, 99)
    queue.add(Job(sets(99)))

    def lose() -> None:
        queue.lost(queue.machines[0], FAULT)

    for _ in range(2 * SICK_MAX):
        for _ in range(2):
            ready(queue, queue.machines[0])
            lose()
        assert names(queue.ready(queue.machines[0])) == [f"check {queue.machines[0]}"]
        lose()
        # The next one passes it.
        assert ready(queue, queue.machines[0])[0].startswith("run")
        (last,) = queue.machines
        queue.finished(last)
        queue.kill(last)
        queue.lost(last, None)
    assert queue.state is QueueState.RUNNING


def test_a_machine_whose_report_came_to_nothing_is_in_doubt() -> None:
    queue = Queue(1, 1)
    queue.add(Job(sets(2)))
    queue.ready("m1")
    assert names(queue.finished("m1", doubtful=True)) == ["check m1"]
    assert names(queue.checked("m1")) == ["run m1 1"]
    # Nothing is checked that has nothing to run.
    assert names(queue.finished("m1", doubtful=True)) == ["done 1"]
    assert names(queue.add(Job(sets(1), number=2))) == ["check m1"]


def test_no_further_machine_is_started_for_the_set_of_one_that_is_checked() -> None:
    queue = Queue(2, 1)
    queue.add(Job(sets(1)))
    queue.ready("m1")
    queue.finished("m1", doubtful=True)
    assert names(queue.add(Job(sets(1), number=2))) == ["check m1"]


def test_a_machine_that_is_checked_ends_as_others_do() -> None:
    queue = Queue(1, 3)
    queue.add(Job(sets(9)))
    lose_two(queue)
    queue.ready("m3")
    assert names(queue.kill_all()) == ["kill m3"]
    assert names(queue.lost("m3", None)) == []
    assert names(queue.resume()) == ["start m4"]
    queue.ready("m4")
    queue.lost("m4", FAULT)
    queue.ready("m5")
    queue.lost("m5", FAULT)
    queue.ready("m6")
    assert names(queue.shut_down()) == ["stop m6"]
    assert names(queue.checked("m6")) == []


# What the user asks of one job


def test_a_held_job_gives_no_set_and_lets_the_others_run() -> None:
    queue = Queue(1, 1)
    held, other = Job(sets(3)), Job(sets(1), number=2)
    queue.add(held)
    queue.add(other)
    states = [held.state]
    queue.ready("m1")
    states.append(held.state)
    assert names(queue.hold(held)) == []
    assert names(queue.hold(held)) == []
    states.append(held.state)
    assert names(queue.finished("m1")) == ["run m1 0"]
    assert names(queue.finished("m1")) == ["done 2"]
    assert held.decided == 1
    assert names(queue.release(held)) == ["run m1 1"]
    states.append(held.state)
    assert states == ["waiting", "running", "paused", "running"]


def test_no_machine_is_started_for_a_held_job() -> None:
    queue = Queue(2, 1)
    job = Job(sets(3))
    queue.add(job)
    queue.hold(job)
    queue.ready("m1")
    assert names(queue.lost("m2", LOST)) == []
    assert names(queue.lost("m1", LOST)) == []
    assert names(queue.release(job)) == ["start m3", "start m4"]


def test_a_held_job_keeps_the_sets_that_come_back() -> None:
    queue = Queue(1, 2)
    job = Job(sets(1))
    queue.add(job)
    queue.ready("m1")
    queue.hold(job)
    assert names(queue.lost("m1", FAULT)) == ["back m1 0"]
    assert names(queue.release(job)) == ["start m2"]
    assert names(queue.ready("m2")) == ["run m2 0"]


def test_a_cancelled_job_finishes_what_runs_and_nothing_else() -> None:
    queue = Queue(2, 1)
    job = Job(sets(9))
    queue.add(job)
    queue.add(Job(sets(1), number=2))
    queue.ready("m1")
    queue.ready("m2")
    assert names(queue.cancel(job)) == []
    assert job.state is JobState.CANCELLED
    assert names(queue.finished("m1")) == ["run m1 0"]
    assert names(queue.finished("m2")) == ["done 1"]
    assert (job.decided, job.done, job.error) == (2, True, None)
    assert names(queue.finished("m1")) == ["done 2"]


def test_a_cancelled_jobs_set_that_comes_back_is_dropped() -> None:
    queue = Queue(1, 2)
    job = Job(sets(3))
    queue.add(job)
    queue.ready("m1")
    queue.cancel(job)
    assert names(queue.lost("m1", FAULT)) == ["back m1 0", "done 1"]
    assert queue.done
    assert job.decided == 0


def test_a_job_of_which_nothing_runs_ends_when_it_is_cancelled() -> None:
    closed = []

    def source() -> Iterator[TaskSet]:
        try:
            yield from sets(9)
        finally:
            closed.append(True)

    queue = Queue(1, 1)
    job = Job(source())
    queue.add(job)
    assert names(queue.cancel(job)) == ["done 1"]
    assert closed == [True]
    for verb in (queue.cancel, queue.hold, queue.release):
        with pytest.raises(StateError, match="job 1 is cancelled: it cannot be"):
            verb(job)
    # The machine that was coming up is there for the next job.
    assert names(queue.ready("m1")) == []
    assert names(queue.add(Job(sets(1), number=2))) == ["run m1 0"]


def test_a_cancelled_source_that_waits_is_not_asked_again() -> None:
    source = Waiting(*sets(1))
    queue = Queue(1, 1)
    job = Job(source)
    queue.add(job)
    queue.ready("m1")
    queue.cancel(job)
    source.waiting += sets(4)
    assert names(queue.finished("m1")) == ["done 1"]
    assert job.error is None
    assert len(source.waiting) == 4


def test_a_machine_that_is_killed_gives_its_set_to_another() -> None:
    queue = Queue(1, 1)
    queue.add(Job(sets(2)))
    queue.ready("m1")
    assert names(queue.kill("m1")) == ["back m1 0", "kill m1"]
    assert names(queue.kill("m1")) == []
    assert names(queue.lost("m1", None)) == ["start m2"]
    assert names(queue.ready("m2")) == ["run m2 0"]
    with pytest.raises(StateError, match="machine m1 is gone"):
        queue.kill("m1")


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
@given(st.integers(1, 12), st.integers(1, 4), st.booleans(), st.integers(0, 2**32))
def test_whatever_happens_every_set_gets_exactly_one_verdict(
    count: int, maximum: int, cancels: bool, seed: int
) -> None:
    """Random lives: machines come, finish, break, are lost; the user interferes.

    Two jobs; the second one may be cancelled, and then has at most one verdict for a set.
    """
    chance = random.Random(seed)
    queue = Queue(maximum, 2, noisy_tries=1)
    verdicts: list[tuple[int, int]] = []
    starting: list[str] = []
    running: dict[str, Ticket] = {}
    checking: list[str] = []
    ending: list[str] = []
    done = 0
    jobs = [Job(sets(count)), Job(sets(count), number=2)]

    def place(ticket: Ticket) -> tuple[int, int]:
        return ticket.job.number, ticket.index

    def apply(actions: list[Action]) -> None:
        nonlocal done
        for action in actions:
            match action:
                case Start(machine):
                    starting.append(machine)
                case Stop(machine, _):
                    ending.append(machine)
                    for those in (starting, checking):
                        if machine in those:
                            those.remove(machine)
                case Check(machine):
                    checking.append(machine)
                case Run(machine, ticket):
                    assert queue.health(machine) is Health.GOOD
                    assert not ticket.job.held
                    assert not ticket.job.cancelled
                    running[machine] = ticket
                case PutBack(machine, _):
                    running.pop(machine)
                case GiveUp(machine, ticket, _):
                    running.pop(machine)
                    verdicts.append(place(ticket))
                case JobDone():
                    done += 1
        if any(isinstance(action, Start) for action in actions):
            assert len(queue.machines) <= queue.maximum

    for job in jobs:
        apply(queue.add(job))
    for _ in itertools.count():
        choices = ["user"] * 2
        choices += ["ready"] * 6 * bool(starting)
        choices += ["finished", "finished", "disturbed", "lost", "fault"] * bool(running)
        choices += ["ended"] * 4 * bool(ending)
        choices += ["checked", "checked", "checked", "sick"] * bool(checking)
        match chance.choice(choices):
            case "ready":
                apply(queue.ready(starting.pop(chance.randrange(len(starting)))))
            case "finished":
                machine = chance.choice(list(running))
                verdicts.append(place(running.pop(machine)))
                apply(queue.finished(machine))
            case "disturbed":
                machine = chance.choice(list(running))
                if again := queue.disturbed(machine):
                    apply(again)
                else:
                    verdicts.append(place(running.pop(machine)))
                apply(queue.finished(machine))
            case "lost" | "fault" as how:
                machine = chance.choice(list(running))
                apply(queue.lost(machine, LOST if how == "lost" else FAULT))
            case "checked":
                apply(queue.checked(checking.pop(chance.randrange(len(checking)))))
            case "sick":
                apply(queue.lost(checking.pop(), FAULT))
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
                for job in jobs:
                    if not job.done and not job.cancelled:
                        wishes += [partial(queue.hold, job), *[partial(queue.release, job)] * 2]
                if queue.machines:
                    wishes.append(lambda: queue.kill(chance.choice(queue.machines)))
                if cancels and not jobs[1].done and not jobs[1].cancelled:
                    wishes.append(partial(queue.cancel, jobs[1]))
                apply(chance.choice(wishes)())
        if queue.done:
            break
    assert len(set(verdicts)) == len(verdicts)
    expected = {(job.number, index) for job in jobs for index in range(count)}
    assert Counter({job.number: job.decided for job in jobs}) == Counter(job for job, _ in verdicts)
    if not jobs[1].cancelled:
        assert set(verdicts) == expected
    assert {index for job, index in verdicts if job == 1} == set(range(count))
    assert done == 2


# Jobs that were begun by a program that is gone


@pytest.mark.parametrize("lazy", [False, True])
def test_a_job_that_goes_on_runs_what_has_no_verdict(lazy: bool) -> None:
    drawn = sets(9)
    past = Past(decided=[range(2, 4), range(5, 7), range(8, 9)])
    queue = Queue(1, 1)
    job = Job(iter(drawn) if lazy else drawn, offset=1, past=past)
    assert (job.decided, job.total) == (5, None if lazy else 8)
    queue.add(job)
    said = names(queue.ready("m1"))
    while not job.done:
        said += names(queue.finished("m1"))
    assert said == ["run m1 1", "run m1 4", "run m1 7", "done 1"]
    assert (job.decided, job.total) == (8, 8)


def test_a_job_that_has_all_its_verdicts_is_done_at_once() -> None:
    job = Job(sets(3), past=Past(decided=[range(3)]))
    assert (job.done, job.state, job.total, job.left) == (True, "done", 3, 0)


def test_a_set_goes_on_with_the_tries_that_it_has_spent_and_waits_at_the_end() -> None:
    queue = Queue(1, 3)
    queue.add(Job(sets(3), past=Past(setbacks={0: (2, 4, ["m7", "m8"])})))
    assert names(queue.ready("m1")) == ["run m1 1"]
    assert names(queue.finished("m1")) == ["run m1 2"]
    assert names(queue.finished("m1")) == ["run m1 0"]
    ticket = queue.running("m1")
    assert ticket is not None
    assert ticket.machines == ["m7", "m8", "m1"]
    assert names(queue.lost("m1", FAULT)) == ["undecided m1 0", "done 1"]


def test_a_job_with_nothing_but_such_a_set_goes_on() -> None:
    past = Past(decided=[range(2)], setbacks={2: (1, 0, ["m1"])})
    queue = Queue(1, 3)
    assert names(queue.add(Job(sets(3), past=past))) == ["start m1"]
    assert names(queue.ready("m1")) == ["run m1 2"]


def test_a_source_that_has_changed_since_is_found_out_when_it_is_drawn() -> None:
    def passed(place: int, taskset: TaskSet) -> None:
        if taskset.tasks[0].arg1 != str(place):
            raise ConfigurationError("not what was run")

    right = Job(iter(sets(4)), past=Past([range(2)], passed=passed))
    assert right.error is None
    wrong = Job(iter(sets(4)[::-1]), past=Past([range(2)], passed=passed))
    assert str(wrong.error) == "set 0 of job 1 cannot be had: not what was run"
    assert wrong.state is JobState.FAILED


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
