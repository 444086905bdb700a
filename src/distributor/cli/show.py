"""``distributor show``: what a store holds, as tables or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import Annotated, Any

import typer

from distributor.analysis.duration import format_duration
from distributor.analysis.report import PRIORITY_NOTE, job_table, parameter_table, task_table
from distributor.analysis.summary import summarize
from distributor.analysis.table import Column, counted, printable, shortened, table_lines
from distributor.analysis.theory import judge
from distributor.cli.options import JsonLinesOption, LastRunArgument, ReadStoreOption
from distributor.errors import ConfigurationError, StoreError
from distributor.session.result import TaskJob
from distributor.store.record import JobRecord, RunRecord, TaskSetRecord
from distributor.store.store import DEFAULT_STORE, Store

#: Lines of a table that fit together; longer ones are laid out in parts of this many.
_PART = 1000
_REASON_WIDTH = 60

_RUN_COLUMNS = (
    Column("Run", right=True),
    Column("Started (UTC)"),
    Column("Took", right=True),
    Column("Sets", right=True),
    Column("Clock"),
    Column("Command"),
)
_SET_COLUMNS = (
    Column("Job", right=True),
    Column("Set", right=True),
    Column("Name"),
    Column("Tasks", right=True),
    Column("Verdict"),
    Column("Reason"),
)


def show(
    store: ReadStoreOption = DEFAULT_STORE,
    run: LastRunArgument = None,
    same: Annotated[
        int | None, typer.Option("--run", min=1, help="The same as RUN, as an option.")
    ] = None,
    taskset: Annotated[
        int | None,
        typer.Option("--set", min=0, help="Index of one task set, to see its tasks and jobs."),
    ] = None,
    job: Annotated[
        int | None,
        typer.Option("--job", min=1, help="Only sets of this job, by the order of adding them."),
    ] = None,
    runs: Annotated[bool, typer.Option("--runs", help="List the runs instead.")] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", min=0, help="Rows to show at most; 0: all. Default 50; with --json, all."
        ),
    ] = None,
    as_json: JsonLinesOption = False,
) -> None:
    """Show what a store holds: a run's task sets, or one set's tasks and jobs."""
    if None not in (run, same) and run != same:
        raise ConfigurationError(
            f"run {run} and --run {same} are not the same", hint="leave one of them out"
        )
    run = run or same
    most = limit or None if limit is not None or as_json else 50
    with Store.open(store, create=False) as opened:
        if runs:
            lines = _runs(opened, most, as_json=as_json)
        elif taskset is None:
            lines = _tasksets(opened, opened.run(run), job, most, as_json=as_json)
        else:
            found = find_taskset(opened, opened.run(run).id, job, taskset)
            lines = _taskset(opened, found, most, as_json=as_json)
        for line in lines:
            typer.echo(line)


def _runs(store: Store, most: int | None, *, as_json: bool) -> Iterator[str]:
    if as_json:
        for run in islice(store.runs(), most):
            yield _json({**asdict(run), "counts": store.counts(run.id)})
        return
    # The newest runs are those of interest, and stand last, where the eye is.
    total = store.count_runs()
    skipped = 0 if most is None else max(0, total - most)
    if skipped:
        yield f"{counted(skipped, 'older run')} left out; --limit 0 shows all"
    rows = islice(store.runs(), skipped, None)
    yield from _in_parts(_RUN_COLUMNS, (_run_cells(store, run) for run in rows))


def _run_cells(store: Store, run: RunRecord) -> tuple[str, ...]:
    return (
        str(run.id),
        f"{run.started_at:%Y-%m-%d %H:%M:%S}",
        _took(run),
        str(sum(store.counts(run.id).values())),
        run.clock or "-",
        shortened(run.command, _REASON_WIDTH),
    )


def _took(run: RunRecord) -> str:
    if run.ended_at is None:
        return "not ended"
    return format_duration(round((run.ended_at - run.started_at).total_seconds() * 1e9))


def _tasksets(
    store: Store, run: RunRecord, job: int | None, most: int | None, *, as_json: bool
) -> Iterator[str]:
    found = store.tasksets(run.id, batch=job)
    if as_json:
        yield from (_json(asdict(each)) for each in islice(found, most))
        return
    counts = store.counts(run.id, batch=job)
    total = sum(counts.values())
    yield (
        f"Run {run.id} of {run.started_at:%Y-%m-%d %H:%M:%S} UTC, {_took(run)}: "
        f"{shortened(printable(run.command), 200)}"
    )
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    yield f"{counted(total, 'task set')}: {told}"
    yield from _in_parts(_SET_COLUMNS, map(_set_cells, islice(found, most)))
    yield from _left_out(total, most, "task set")


def _set_cells(taskset: TaskSetRecord) -> tuple[str, ...]:
    return (
        str(taskset.batch),
        str(taskset.set_index),
        shortened(taskset.name, 24),
        str(taskset.task_count),
        taskset.verdict if taskset.noise is None else f"{taskset.verdict} (noisy)",
        shortened(taskset.reason, _REASON_WIDTH),
    )


def find_taskset(store: Store, run_id: int, job: int | None, set_index: int) -> TaskSetRecord:
    """The one set of that index, whichever job it is of."""
    found = list(islice(store.tasksets(run_id, batch=job, set_index=set_index), 10))
    if not found:
        where = f"run {run_id}" if job is None else f"job {job} of run {run_id}"
        raise StoreError(
            f"{where} has no set {set_index} in {store.name}",
            hint=f"`distributor show {run_id}` lists its sets",
        )
    if len(found) > 1:
        of = " and ".join(str(each.batch) for each in found)
        raise ConfigurationError(
            f"jobs {of} each have a set {set_index}", hint="--job says which one is meant"
        )
    return found[0]


def _taskset(
    store: Store, taskset: TaskSetRecord, most: int | None, *, as_json: bool
) -> Iterator[str]:
    tasks = list(store.tasks(taskset.id))
    cpus = store.run(taskset.run_id).options.get("cpus")
    theory = judge(tasks, cpus if isinstance(cpus, int) else None)

    def jobs() -> Iterator[TaskJob]:
        records: Iterator[JobRecord] = store.jobs(
            taskset.run_id, batch=taskset.batch, set_index=taskset.set_index
        )
        return (record.job for record in records)

    if as_json:
        told = asdict(taskset) | {
            "tasks": [asdict(task) for task in tasks],
            "theory": theory.plain(),
        }
        yield _json(told | {"jobs": [_job_object(job) for job in islice(jobs(), most)]})
        return
    yield from _set_head(taskset)
    test = f" by {theory.test}" if theory.test else ""
    yield f"theory: {theory.answer}{test}: {printable(theory.finding)}"
    summaries = summarize(jobs())
    yield ""
    yield from parameter_table(tasks)
    yield PRIORITY_NOTE
    yield ""
    yield from task_table(tasks, summaries)
    yield ""
    if not summaries:
        yield "No job ran."
    shown = islice(jobs(), most)
    while part := list(islice(shown, _PART)):
        yield from job_table(tasks, part)
    yield from _left_out(sum(summary.jobs for summary in summaries), most, "job")
    if taskset.console:
        yield "\nThe machine's console ended with:"
        yield from (f"    {printable(line)}" for line in taskset.console.splitlines())


def _set_head(taskset: TaskSetRecord) -> Iterator[str]:
    name = f" ({printable(taskset.name)})" if taskset.name else ""
    yield f"Run {taskset.run_id}, job {taskset.batch}, set {taskset.set_index}{name}"
    yield f"{taskset.verdict}: {printable(taskset.reason)}"
    tries = f"{counted(taskset.attempts, 'try', 'tries')}"
    facts = taskset.facts
    clock = "" if facts is None else f", {facts.clock} clock"
    yield (
        f"{tries}, on {printable(', '.join(taskset.machines))}{clock}; "
        f"{format_duration(taskset.guest_ns)} of guest time "
        f"in {format_duration(round(taskset.host_s * 1e9))}"
    )
    if facts is not None:
        told = (
            ("kernel", facts.kernel),
            ("loader", facts.loader),
            ("QEMU", facts.qemu),
            ("accelerator", facts.accelerator),
        )
        yield ", ".join(f"{what} {printable(value)}" for what, value in told if value)
    if taskset.noise is not None:
        yield f"noisy: {printable(str(taskset.noise))}"
    if taskset.digest:
        yield f"digest {taskset.digest}"


def _job_object(job: TaskJob) -> dict[str, Any]:
    return asdict(job) | {
        "response_ns": job.response_ns,
        "lateness_ns": job.lateness_ns,
        "tardiness_ns": job.tardiness_ns,
    }


def _in_parts(columns: tuple[Column, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """A table laid out part by part, so that its first lines do not wait for its last."""
    rows = iter(rows)
    while part := list(islice(rows, _PART)):
        yield from table_lines(columns, part)


def _left_out(total: int, most: int | None, what: str) -> Iterator[str]:
    left = 0 if most is None else total - most
    if left > 0:
        yield f"{counted(left, f'more {what}')} left out; --limit 0 shows all"


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, default=_json_value)


def _json_value(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value)
