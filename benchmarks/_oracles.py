"""Theory held against two programs that others wrote: random sets, and what each says of them.

``response-time-analysis`` (MPI-SWS) analyses, after the proofs of Prosa; simso simulates, on
its own schedulers. Neither knows anything of ours.
"""

from __future__ import annotations

import contextlib
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass
from math import lcm

from distributor.analysis.theory import Answer, TheoryTask, judge_modelled
from distributor.analysis.theory.fixed import worst_response
from distributor.analysis.theory.model import total_utilization
from distributor.machines.simulated.library import simso
from distributor.tasks.task import EDF

#: A tenth of a millisecond; the periods' multiples of it have a hyperperiod of 40.
UNIT_NS = 100_000
PERIODS = (1, 2, 4, 5, 8, 10, 20, 40)
TASKS_MAX = 6
#: Hyperperiods that an overloaded set is followed for.
OVERLOADED = 4


@dataclass(frozen=True)
class Kind:
    """A kind of sets: how they are scheduled, and whether they have offsets."""

    edf: bool
    offsets: bool

    def __str__(self) -> str:
        policy = "EDF" if self.edf else "fixed priorities"
        return f"{policy}, {'offsets' if self.offsets else 'released together'}"


KINDS = tuple(Kind(edf, offsets) for edf in (False, True) for offsets in (False, True))


def draw(seed: int) -> tuple[Kind, list[TheoryTask]]:
    """The set of a seed; a quarter of the seeds for each kind.

    Utilizations by UUniFast (Bini and Buttazzo), in all from 0.3 to 1.02; a third each of
    implicit, constrained and arbitrary deadlines; random distinct priorities.
    """
    kind = KINDS[seed % len(KINDS)]
    rng = random.Random(seed)
    count = rng.randint(1, TASKS_MAX)
    left = rng.uniform(0.3, 1.02)
    shares = []
    for place in range(1, count):
        rest = left * rng.random() ** (1 / (count - place))
        shares.append(left - rest)
        left = rest
    shares.append(left)
    priorities = rng.sample(range(EDF), count)
    style = rng.choice(("implicit", "constrained", "arbitrary"))
    tasks = []
    for place, share in enumerate(shares):
        period_ns = rng.choice(PERIODS) * UNIT_NS
        wcet_ns = min(period_ns, max(1, round(share * period_ns)))
        deadline_ns = {
            "implicit": period_ns,
            "constrained": rng.randint((wcet_ns + period_ns) // 2, period_ns),
            "arbitrary": rng.randint(wcet_ns, 3 * period_ns),
        }[style]
        offset_ns = rng.randrange(0, 2 * period_ns, UNIT_NS // 4) if kind.offsets else 0
        tasks.append(
            TheoryTask(
                wcet_ns,
                period_ns,
                deadline_ns,
                offset_ns,
                EDF if kind.edf else priorities[place],
                place=place,
            )
        )
    return kind, tasks


def analysed(tasks: Sequence[TheoryTask]) -> list[int] | None:
    """Response times by ``response-time-analysis``, all phasings allowed; None if overloaded."""
    from response_time_analysis import edf, fp, model

    if total_utilization(tasks) > 1:
        return None
    given = [
        model.Task(
            model.Periodic(task.period_ns),
            model.FullyPreemptive(model.WCET(task.wcet_ns)),
            model.Deadline(task.deadline_ns),
            # Its tasks are the same when their numbers are: a priority, of no meaning to
            # EDF, keeps two like ones apart. Its higher numbers are the higher priorities.
            model.Priority(task.place if task.priority == EDF else EDF - task.priority),
        )
        for task in tasks
    ]
    rta = edf.rta if tasks[0].edf else fp.rta
    whole = model.taskset(given)
    found = [rta(whole, task, model.IdealProcessor()).response_time_bound for task in given]
    return [response for response in found if response is not None]


@dataclass(frozen=True)
class Simulated:
    """What simso saw of each task: the longest response time of a job, and misses by job."""

    longest_ns: list[int]
    #: Task and job, of jobs that ended late or had not ended when due.
    misses: list[tuple[int, int]]


def simulated(tasks: Sequence[TheoryTask], duration_ns: int) -> Simulated:
    """A schedule by simso, on its own schedulers.

    simso counts "cycles", of which there are here one to its "millisecond": both are then
    nanoseconds, and whole.
    """
    library = simso()
    configuration = library.Configuration()
    configuration.cycles_per_ms = 1
    configuration.duration = duration_ns
    for task in tasks:
        configuration.add_task(
            f"t{task.place}",
            task.place,
            abort_on_miss=False,
            period=task.period_ns,
            activation_date=task.offset_ns,
            wcet=task.wcet_ns,
            deadline=task.deadline_ns,
            data={"priority": -task.priority},
        )
    configuration.add_processor("p", 0)
    name = "EDF_mono" if tasks[0].edf else "FP"
    configuration.scheduler_info.clas = f"simso.schedulers.{name}"
    with contextlib.redirect_stdout(io.StringIO()):
        run = library.Model(configuration)
        run.run_model()
    longest, misses = [], []
    for task, seen in zip(tasks, run.task_list, strict=True):
        times = [(round(job.activation_date), job.end_date) for job in seen.jobs]
        ended = [round(end) - begin for begin, end in times if end is not None]
        longest.append(max(ended, default=0))
        for number, (begin, end) in enumerate(times):
            if (duration_ns if end is None else end) > begin + task.deadline_ns:
                misses.append((task.place, number))
    return Simulated(longest, misses)


def compare(seed: int) -> str:
    """How the oracles differ from us on the set of a seed; "" where they agree."""
    kind, tasks = draw(seed)
    ours = judge_modelled(tasks)
    told = [_against_analysis(kind, tasks, ours.answer)]
    hyperperiod_ns = lcm(*(task.period_ns for task in tasks))
    duration_ns = max(task.offset_ns for task in tasks) + 2 * hyperperiod_ns
    if total_utilization(tasks) > 1:
        duration_ns += (OVERLOADED - 2) * hyperperiod_ns
    # What is released before is to be seen to its deadline.
    duration_ns += max(task.deadline_ns for task in tasks)
    seen = simulated(tasks, duration_ns)
    if ours.answer is Answer.SCHEDULABLE:
        if seen.misses:
            told.append(f"simso: job {seen.misses[0]} misses")
        if not kind.edf and not kind.offsets and list(ours.responses_ns) != seen.longest_ns:
            told.append(f"simso: responses {seen.longest_ns}, ours {ours.responses_ns}")
    elif ours.answer is Answer.NOT_SCHEDULABLE:
        if not seen.misses and _due_ns(tasks, ours.task_id, ours.job) < duration_ns:
            told.append(f"simso: no miss; ours: {ours.reason}")
    else:
        told.append(f"unknown: {ours.reason}")
    return "; ".join(each for each in told if each)


def _due_ns(tasks: Sequence[TheoryTask], place: int | None, job: int | None) -> int:
    if place is None or job is None:
        return 2**63
    task = tasks[place]
    return task.offset_ns + job * task.period_ns + task.deadline_ns


def _against_analysis(kind: Kind, tasks: Sequence[TheoryTask], answer: Answer) -> str:
    theirs = analysed(tasks)
    if theirs is None:
        return "" if answer is Answer.NOT_SCHEDULABLE else "analysis: overloaded"
    holds = all(
        response_ns <= task.deadline_ns for response_ns, task in zip(theirs, tasks, strict=True)
    )
    if holds and answer is not Answer.SCHEDULABLE:
        return "analysis: schedulable"
    if not holds and not kind.offsets and answer is not Answer.NOT_SCHEDULABLE:
        return f"analysis: responses {theirs}"
    if not kind.edf:
        mine = [worst_response(tasks, task).response_ns for task in tasks]
        if mine != theirs:
            return f"analysis: responses {theirs}, ours {mine}"
    return ""


def differing(seeds: Sequence[int]) -> dict[int, str]:
    """The seeds whose sets the oracles judge otherwise, each with how."""
    return {seed: told for seed in seeds if (told := compare(seed))}
