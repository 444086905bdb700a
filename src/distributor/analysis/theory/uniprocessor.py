"""One processor's tasks: the quick analysis first, the exact schedule where it leaves a doubt."""

from __future__ import annotations

from collections.abc import Sequence

from distributor.analysis.duration import format_duration, format_moment
from distributor.analysis.theory.answer import Answer, Part, Test
from distributor.analysis.theory.edf import qpa
from distributor.analysis.theory.fixed import TooLong, worst_response
from distributor.analysis.theory.model import Costs, TheoryTask, total_utilization
from distributor.analysis.theory.schedule import first_miss

#: Jobs within which an overloaded set's first miss is looked for.
JOBS_SOON = 10_000


def judge_processor(tasks: Sequence[TheoryTask], costs: Costs) -> Part:
    """What is known of tasks that are bound to one processor and share it with no other."""
    if total_utilization(tasks) > 1:
        return _overloaded(tasks)
    share = total_utilization(costs.of(tasks))
    if share > 1:
        return Part(
            Answer.UNKNOWN,
            (Test.UTILIZATION,),
            f"with the machine's costs the utilization is {float(share):.4f}",
        )
    parts = []
    if by_deadline := [task for task in tasks if task.edf]:
        parts.append(_judge_demand(by_deadline, tasks, costs))
    if fixed := [task for task in tasks if not task.edf]:
        parts.append(_judge_responses(fixed, tasks, costs))
    part = _joined(parts)
    if part.answer is Answer.SCHEDULABLE or costs or _exact(tasks, part):
        return part
    return _judge_schedule(tasks, part)


def _overloaded(tasks: Sequence[TheoryTask]) -> Part:
    """A miss is certain; the schedule tells whose it is, if it comes soon."""
    reason = (
        f"the utilization is {float(total_utilization(tasks)):.4f}, more than a processor gives"
    )
    try:
        miss = first_miss(tasks, JOBS_SOON)
    except TooLong:
        miss = None
    if miss is None:
        return Part(Answer.NOT_SCHEDULABLE, (Test.UTILIZATION,), reason)
    return Part(
        Answer.NOT_SCHEDULABLE,
        (Test.UTILIZATION,),
        f"{reason}; job {miss.job} of {miss.task} misses its deadline",
        miss.task.place,
        miss.job,
    )


def _judge_demand(tasks: Sequence[TheoryTask], every: Sequence[TheoryTask], costs: Costs) -> Part:
    try:
        found = qpa(tasks, costs, [task for task in every if not task.edf])
    except TooLong as error:
        return Part(Answer.UNKNOWN, (Test.DEMAND,), str(error))
    if found is None:
        return Part(Answer.SCHEDULABLE, (Test.DEMAND,), "")
    return Part(
        Answer.UNKNOWN if costs else Answer.NOT_SCHEDULABLE,
        (Test.DEMAND,),
        f"{format_duration(found.demand_ns)} of work is due within "
        f"{format_duration(found.time_ns)}, by the deadline of job {found.job} of {found.task}",
        found.task.place,
        found.job,
    )


def _judge_responses(
    tasks: Sequence[TheoryTask], every: Sequence[TheoryTask], costs: Costs
) -> Part:
    responses_ns: dict[int, int] = {}
    failure: Part | None = None
    for task in sorted(tasks, key=lambda task: task.priority):
        try:
            found = worst_response(every, task, costs, limit_ns=task.deadline_ns)
        except TooLong as error:
            failure = failure or Part(Answer.UNKNOWN, (Test.RESPONSE_TIMES,), str(error))
            continue
        if found.late_job is None:
            responses_ns[task.place] = found.response_ns
        else:
            failure = failure or Part(
                Answer.UNKNOWN if costs else Answer.NOT_SCHEDULABLE,
                (Test.RESPONSE_TIMES,),
                f"job {found.late_job} of {task} takes longer than its deadline of "
                f"{format_duration(task.deadline_ns)}",
                task.place,
                found.late_job,
            )
    if failure is None:
        return Part(Answer.SCHEDULABLE, (Test.RESPONSE_TIMES,), "", responses_ns=responses_ns)
    return Part(
        failure.answer,
        failure.tests,
        failure.reason,
        failure.task_id,
        failure.job,
        responses_ns,
    )


def _joined(parts: Sequence[Part]) -> Part:
    """A failure of one is that of all."""
    for part in parts:
        if part.answer is not Answer.SCHEDULABLE:
            return part
    (*first, last) = parts
    tests = tuple(test for part in parts for test in part.tests)
    return Part(Answer.SCHEDULABLE, tests, "", responses_ns=last.responses_ns) if first else last


def _exact(tasks: Sequence[TheoryTask], part: Part) -> bool:
    """Whether a miss that the quick analysis found is one that occurs."""
    if part.answer is Answer.UNKNOWN:
        return False
    if len({task.offset_ns for task in tasks}) > 1:
        return False
    priorities = [task.priority for task in tasks if not task.edf]
    return len(set(priorities)) == len(priorities)


def _judge_schedule(tasks: Sequence[TheoryTask], doubt: Part) -> Part:
    try:
        miss = first_miss(tasks)
    except TooLong as error:
        return Part(
            Answer.UNKNOWN, doubt.tests, f"{doubt.reason}, at worst; {error}", doubt.task_id
        )
    if miss is None:
        return Part(Answer.SCHEDULABLE, (Test.SCHEDULE,), "", responses_ns=doubt.responses_ns)
    return Part(
        Answer.NOT_SCHEDULABLE,
        (Test.SCHEDULE,),
        f"job {miss.job} of {miss.task} misses its deadline at {format_moment(miss.due_ns)}",
        miss.task.place,
        miss.job,
        doubt.responses_ns,
    )
