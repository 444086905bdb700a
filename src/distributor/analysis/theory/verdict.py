"""What theory says of a task set."""

from __future__ import annotations

from collections.abc import Sequence

from distributor.analysis.duration import format_duration
from distributor.analysis.theory.answer import Answer, Part, Test, TheoryVerdict
from distributor.analysis.theory.bounds import (
    rate_monotonic,
    within_global_edf,
    within_hyperbolic,
    within_liu_layland,
)
from distributor.analysis.theory.fixed import TooLong, worst_response
from distributor.analysis.theory.model import (
    FREE,
    AnalysedTask,
    Costs,
    NotAnalysable,
    TheoryTask,
    model,
    total_utilization,
)
from distributor.analysis.theory.uniprocessor import judge_processor


def judge(
    tasks: Sequence[AnalysedTask], cpus: int | None = None, costs: Costs = FREE
) -> TheoryVerdict:
    """What theory says of a task set, without running it.

    ::

        verdict = judge(list(store.tasks(row.id)), cpus=run.options.get("cpus"))
        verdict.answer, verdict.test, verdict.reason

    Takes a :class:`~distributor.tasks.taskset.TaskSet`'s tasks or a store's records of
    them; each says its ``wcet_ns`` (None makes the set ``unknown``). What cannot be
    analysed is ``unknown`` and never an exception; the reason says why.

    Tasks are periodic for ever, independent, preemptive, and take their WCET. Tasks of
    priority 128 are scheduled by their deadlines, above all fixed priorities, as in the
    machine. On several processors each task that is bound to one is analysed there; of a
    set with tasks that move between processors only bounds are known.

    :param cpus: processors of the machine; None for as many as the tasks' placement names.
    :param costs: of the machine. With any, a verdict is ``schedulable`` or ``unknown``
        (or ``not schedulable`` where it is so without them): what is charged is the worst,
        so that a miss need not occur.
    """
    try:
        modelled = model(tasks, cpus)
    except NotAnalysable as reason:
        return TheoryVerdict(Answer.UNKNOWN, "", str(reason))
    return judge_modelled(modelled, cpus, costs)


def judge_modelled(
    tasks: Sequence[TheoryTask], cpus: int | None = None, costs: Costs = FREE
) -> TheoryVerdict:
    """As :func:`judge`, for tasks that are numbers already; ``place`` is each one's own."""
    if any(task.processor is None for task in tasks):
        parts = [_judge_migrating(tasks, cpus or _processors_named(tasks), costs)]
    else:
        processors = sorted({task.processor for task in tasks if task.processor is not None})
        parts = [
            judge_processor([task for task in tasks if task.processor == processor], costs)
            for processor in processors
        ]
    order = (Answer.NOT_SCHEDULABLE, Answer.UNKNOWN, Answer.SCHEDULABLE)
    worst = min(parts, key=lambda part: order.index(part.answer))
    schedulable = worst.answer is Answer.SCHEDULABLE
    # For a set that holds, all that was shown; for another, what decided it.
    tests = [test for part in parts for test in part.tests] if schedulable else worst.tests
    responses_ns = {place: time for part in parts for place, time in part.responses_ns.items()}
    on_one = {task.processor for task in tasks} == {tasks[0].processor}
    bounded = on_one and tasks[0].processor is not None and rate_monotonic(tasks) and not costs
    return TheoryVerdict(
        answer=worst.answer,
        test=" and ".join(dict.fromkeys(tests)),
        reason="every job meets its deadline" if schedulable else worst.reason,
        utilization=total_utilization(tasks),
        task_id=worst.task_id,
        job=worst.job,
        responses_ns=tuple(responses_ns.get(task.place) for task in tasks),
        liu_layland=within_liu_layland(tasks) if bounded else None,
        hyperbolic=within_hyperbolic(tasks) if bounded else None,
    )


def _processors_named(tasks: Sequence[TheoryTask]) -> int:
    """As many as are named, and two at least, where a task moves."""
    return max([2, *(task.processor + 1 for task in tasks if task.processor is not None)])


def _judge_migrating(tasks: Sequence[TheoryTask], cpus: int, costs: Costs) -> Part:
    share = total_utilization(tasks)
    if share > cpus:
        return Part(
            Answer.NOT_SCHEDULABLE,
            (Test.UTILIZATION,),
            f"the utilization is {float(share):.4f}, more than {cpus} processors give",
        )
    for task in tasks:
        if task.wcet_ns > task.deadline_ns:
            return Part(
                Answer.NOT_SCHEDULABLE,
                (Test.UTILIZATION,),
                f"{task} takes {format_duration(task.wcet_ns)}, and its deadline is "
                f"{format_duration(task.deadline_ns)}",
                task.place,
                0,
            )
    laden = costs.of(tasks)
    if all(task.edf and task.processor is None for task in tasks) and within_global_edf(
        laden, cpus
    ):
        return Part(Answer.SCHEDULABLE, (Test.GLOBAL_EDF,), "")
    return Part(
        Answer.UNKNOWN,
        (),
        "tasks move between processors, and no bound that is known here decides",
    )


def response_bounds_ns(
    tasks: Sequence[AnalysedTask],
    *,
    release_ns: int = 0,
    preemption_ns: int = 0,
    cpus: int | None = None,
) -> tuple[int | None, ...]:
    """What each task's response time is at most, on a machine that has costs.

    No job that is run on such a machine may exceed its task's bound, whatever the offsets:
    C becomes C + release + preemption for the task and for all that precede it, and each
    job of a lower task on its processor costs one more release.

    :param tasks: as for :func:`judge`; fixed priorities have a bound, and their number of
        jobs does not matter.
    :param release_ns: see :class:`~distributor.analysis.theory.model.Costs`.
    :param preemption_ns: see there.
    :return: by task; None for one that is scheduled by its deadline or moves between
        processors, and where there is no bound: the processor is overloaded at its level,
        or the search is too long. All None where a WCET is unknown.
    """
    costs = Costs(release_ns, preemption_ns)
    try:
        modelled = model(tasks, cpus)
    except NotAnalysable:
        return (None,) * len(tasks)
    if any(task.processor is None for task in modelled):
        return (None,) * len(tasks)
    return tuple(_bound_ns(modelled, task, costs) for task in modelled)


def _bound_ns(tasks: Sequence[TheoryTask], task: TheoryTask, costs: Costs) -> int | None:
    if task.edf:
        return None
    own = [other for other in tasks if other.processor == task.processor]
    try:
        return worst_response(own, task, costs).response_ns
    except TooLong:
        return None
