"""Task sets and results to test with, made up but consistent."""

from __future__ import annotations

from hypothesis import strategies as st

from distributor.monitors.monitor import Attempt
from distributor.session.event import EventType
from distributor.session.result import Clock, MachineFacts, Result, TaskJob, Verdict
from distributor.session.switch import Occupant, Switch, Trace
from distributor.tasks.task import EDF, Overrun, Task
from distributor.tasks.taskset import TaskSet

FACTS = MachineFacts(
    machine="m1",
    clock=Clock.VIRTUAL,
    kernel="6.1.0-rt",
    loader="distributor 0.1.0",
    qemu="7.2.22",
    accelerator="tcg",
)
MS = 10**6


def a_job(
    task_id: int = 0,
    index: int = 0,
    *,
    response_ns: int = 2 * MS,
    deadline_ns: int = 10 * MS,
    outcome: EventType = EventType.EXIT,
) -> TaskJob:
    """A job released every deadline, started 27 us later."""
    release_ns = index * deadline_ns
    return TaskJob(
        task_id=task_id,
        index=index,
        release_ns=release_ns,
        start_ns=release_ns + 27_000,
        completion_ns=release_ns + response_ns,
        outcome=outcome,
        exit_value=0 if outcome is EventType.EXIT else 1,
        deadline_ns=deadline_ns,
    )


def an_attempt(
    index: int = 0, *, job: int = 1, number: int = 1, taskset: TaskSet | None = None
) -> Attempt:
    taskset = taskset or TaskSet(
        Task("busy", arg1=2000, period_ms=10, priority=0, numberofjobs=2),
        Task("hey", arg1=1, period_ms=20),
        name="pair",
    )
    return Attempt(taskset=taskset, job=job, index=index, number=number, machine="m1")


def a_result(verdict: Verdict = Verdict.SCHEDULABLE, jobs: int = 2) -> Result:
    return Result(
        verdict=verdict,
        reason="every job met its deadline",
        jobs=tuple(a_job(0, index) for index in range(jobs)),
        facts=FACTS,
        guest_ns=12 * MS,
        host_s=0.25,
        machines=("m1",),
    )


def a_traced_result() -> Result:
    """One job of task 0, preempted by one of task 1; a second processor that idles."""
    return Result(
        verdict=Verdict.SCHEDULABLE,
        reason="every job met its deadline",
        jobs=(a_job(0, 0, response_ns=3 * MS), a_job(1, 0, response_ns=2 * MS)),
        facts=FACTS,
        trace=Trace.COMPLETE,
        switches=(
            Switch(0, -10_000, Occupant.LOADER),
            Switch(0, 20_000, Occupant.JOB, 0, 0),
            Switch(0, 1 * MS, Occupant.JOB, 1, 0),
            Switch(0, 2 * MS, Occupant.JOB, 0, 0),
            Switch(0, 3 * MS, Occupant.KERNEL),
            Switch(0, 3 * MS + 40_000, Occupant.IDLE),
            Switch(1, -10_000, Occupant.IDLE),
        ),
    )


def an_undecided_result() -> Result:
    return Result(
        verdict=Verdict.UNDECIDED,
        reason="the guest panicked",
        console="Kernel panic\nhalted",
        machines=("m2", "m1"),
    )


# What a machine can make the session believe.
NUMBERS = st.integers(0, 2**63 - 1)

JOBS = st.builds(
    TaskJob,
    task_id=st.integers(0, 255),
    index=st.integers(0, 2**32 - 1),
    release_ns=st.none() | NUMBERS,
    start_ns=NUMBERS,
    completion_ns=NUMBERS,
    outcome=st.sampled_from(EventType),
    exit_value=st.none() | st.integers(-(2**31), 2**32 - 1),
    deadline_ns=NUMBERS,
)


def one_each(jobs: list[TaskJob]) -> tuple[TaskJob, ...]:
    """As a session gives them: each job once, by task and index."""
    by_key = {(job.task_id, job.index): job for job in jobs}
    return tuple(by_key[key] for key in sorted(by_key))


RESULTS = st.builds(
    Result,
    verdict=st.sampled_from(Verdict),
    reason=st.text(),
    jobs=st.lists(JOBS, max_size=20).map(one_each),
    facts=st.none() | st.builds(MachineFacts, st.just("m1"), st.sampled_from(Clock), st.text()),
    guest_ns=NUMBERS,
    host_s=st.floats(0, 1e9),
    console=st.text(),
    machines=st.lists(st.sampled_from(["m1", "m2"]), min_size=1).map(tuple),
)

TASKS = st.builds(
    lambda **parameters: Task("busy", **parameters),
    arg1=st.integers(0, 10**9),
    priority=st.integers(0, EDF),
    period_ns=st.integers(1, 10**17),
    deadline_ns=st.none() | st.integers(1, 10**17),
    offset_ns=st.integers(0, 10**17),
    numberofjobs=st.integers(1, 2**32 - 1),
    executiontime_ns=st.none() | st.integers(1, 10**17),
    criticaltime_ns=st.none() | st.integers(1, 10**17),
    quota_mib=st.none() | st.integers(1, 2**20),
    caps=st.none() | st.integers(0, 2**31),
    cores=st.none() | st.integers(1, 1024),
    coreoffset=st.integers(0, 1023),
    overrun=st.sampled_from(Overrun),
)
