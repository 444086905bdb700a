"""The simulation beside one of another kind: nanosecond by nanosecond, as simple as can be."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from distributor.machines.simulated.schedule import SimulatedJob, SimulatedTask, simulate
from distributor.tasks.task import EDF


@dataclass
class _Job:
    release: int
    go: int
    left: int
    start: int | None = None
    end: int | None = None
    outcome: str = "EXIT"

    def stop(self, now: int, outcome: str) -> None:
        self.end, self.outcome = now, outcome


@dataclass
class _Lane:
    task: SimulatedTask
    place: int
    jobs: list[_Job] = field(default_factory=list)
    #: Releases that wait for the end of the job before.
    due: list[int] = field(default_factory=list)

    @property
    def running(self) -> _Job | None:
        return self.jobs[-1] if self.jobs and self.jobs[-1].end is None else None

    @property
    def over(self) -> bool:
        return len(self.jobs) == self.task.numberofjobs and self.running is None

    def begin(self, release: int, now: int) -> None:
        self.jobs.append(_Job(release, now, self.task.wcet_ns))

    def act(self, now: int) -> None:
        """What happens at a moment: ends, then kills, then what waited, then a release."""
        job, task = self.running, self.task
        if job is not None and job.left == 0:
            job.stop(now, "EXIT")
        elif job is not None and task.criticaltime_ns and now >= job.go + task.criticaltime_ns:
            job.stop(now, "EXIT_CRITICAL")
        if self.due and self.running is None:
            self.begin(self.due.pop(0), now)
        if now < task.offset_ns or (now - task.offset_ns) % task.period_ns:
            return
        more = len(self.jobs) + len(self.due) < task.numberofjobs
        if self.running is None:
            if more:
                self.begin(now, now)
        elif task.overrun == "late" and more:
            self.due.append(now)
        elif task.overrun == "kill":
            self.running.stop(now, "EXIT_PERIOD")

    def order(self) -> tuple[int, int, int, int]:
        job = self.running
        assert job is not None
        if self.task.priority == EDF:
            return 0, job.release + self.task.deadline_ns, job.go, self.place
        return 1, self.task.priority, job.go, self.place


def step_by_step(tasks: Sequence[SimulatedTask], cpus: int) -> list[list[SimulatedJob]]:
    lanes = [_Lane(task, place) for place, task in enumerate(tasks)]
    now = 0
    while True:
        for lane in lanes:
            lane.act(now)
        if all(lane.over for lane in lanes):
            break
        free = set(range(cpus))
        for lane in sorted((each for each in lanes if each.running), key=_Lane.order):
            its = free & set(range(lane.task.first_cpu, lane.task.behind_cpu))
            if its:
                free.discard(min(its))
                job = lane.running
                assert job is not None
                job.start = now if job.start is None else job.start
                job.left -= 1
        now += 1
    return [
        [SimulatedJob(job.release, job.start, job.end or 0, job.outcome) for job in lane.jobs]
        for lane in lanes
    ]


def draw(seed: int) -> tuple[list[SimulatedTask], int]:
    """Small numbers, so that many things happen at one moment; all bound, or none."""
    rng = random.Random(seed)
    cpus = rng.choice((1, 1, 2, 3))
    bound = rng.random() < 0.5
    tasks = []
    for _ in range(rng.randint(1, 6)):
        period = rng.choice((4, 5, 6, 8, 10))
        first = rng.randrange(cpus) if bound else 0
        tasks.append(
            SimulatedTask(
                wcet_ns=rng.randint(1, period),
                period_ns=period,
                deadline_ns=rng.randint(1, 2 * period),
                offset_ns=rng.randrange(6),
                priority=rng.choice((0, 1, 2, 3, EDF)),
                numberofjobs=rng.randint(1, 6),
                criticaltime_ns=rng.choice((None, None, rng.randint(1, period))),
                overrun=rng.choice(("kill", "skip", "late")),
                first_cpu=first,
                behind_cpu=first + 1 if bound else cpus,
            )
        )
    return tasks, cpus


@pytest.mark.parametrize("part", range(10))
def test_every_job_is_the_same(part: int) -> None:
    for seed in range(part * 40, part * 40 + 40):
        tasks, cpus = draw(seed)
        told = [[job._replace(stretches=()) for job in own] for own in simulate(tasks, cpus)]
        assert told == step_by_step(tasks, cpus), f"seed {seed}"


def test_stretches_add_up_on_processors_of_their_own() -> None:
    for seed in range(200):
        tasks, cpus = draw(seed)
        busy: list[tuple[int, int, int]] = []
        for task, own in zip(tasks, simulate(tasks, cpus), strict=True):
            for job in own:
                ran = sum(end - start for _, start, end in job.stretches)
                assert (ran == task.wcet_ns) == (job.outcome == "EXIT"), f"seed {seed}"
                assert all(task.first_cpu <= cpu < task.behind_cpu for cpu, _, _ in job.stretches)
                busy += job.stretches
        busy.sort()
        for (cpu, _, end), (other, start, _) in pairwise(busy):
            assert cpu != other or end <= start, f"seed {seed}"
