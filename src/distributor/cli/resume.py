"""How a run of ``distributor run`` begins, and how one goes on, with its own options."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from distributor.durable import NOT_DURABLE, DurableRun, find_unfinished
from distributor.errors import ConfigurationError
from distributor.jobs.job import Job
from distributor.store.record import RunRecord
from distributor.store.store import Store
from distributor.tasks.generate.tasksets import RandomTaskSets
from distributor.tasks.source import describe_file
from distributor.tasks.taskset import TaskSet

#: What a run of this command says of who began it.
BEGUN_BY = "run"
#: Options that may be given anew; they change no verdict.
_FREE = frozenset(
    """
    resume number machines store also timeout power_cycle as_json quiet verbose log log_format
    """.split()
)


def find_run(
    context: typer.Context, file: Path | None, store: str, number: int | None
) -> RunRecord:
    """The run that is to go on.

    :raise ConfigurationError: the call asks for something else than the run did.
    :raise StoreError: there is no such run.
    """
    if not is_given(context, "resume"):
        if number is not None:
            raise ConfigurationError("--run names the run that --resume goes on with")
        raise ConfigurationError("run needs a FILE, or --resume")
    if file is not None:
        raise ConfigurationError(
            f"--resume goes on with the task sets that the store knows of: it takes no file {file}",
            hint="without --resume, a new run begins",
        )
    for parameter in context.command.params:
        name = parameter.name or ""
        if name not in _FREE and is_given(context, name):
            raise ConfigurationError(
                f"{parameter.opts[0]} cannot be changed when a run goes on",
                hint="only --machines and --timeout can, and how it is shown",
            )
    with Store.open(store, create=False) as opened:
        record = find_unfinished(opened, number, begun_by=BEGUN_BY)
    if record.options.get("begun_by") != BEGUN_BY:
        raise ConfigurationError(
            f"run {record.id} was not begun by `distributor run`",
            hint="what began it goes on with it",
        )
    return record


def is_given(context: typer.Context, name: str) -> bool:
    """Whether the user gave this option."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def begin_or_go_on(
    before: RunRecord | None,
    file: Path | None,
    tasksets: TaskSet | Iterable[TaskSet],
    store: str,
    about: dict[str, Any],
    err: Console,
    **asked: Any,
) -> tuple[DurableRun, list[Job]]:
    """A run of the store, and the jobs that are to be run in it.

    :param before: the run that goes on; a new one begins if None.
    :param about: of a new run, as :class:`DurableRun` takes it.
    :param asked: of its job.
    """
    if before is None:
        assert file is not None
        return _begin(file, tasksets, store, about, err, **asked)
    run = DurableRun.resume(store, before.id)
    return run, _go_on(run)


def _begin(
    file: Path,
    tasksets: TaskSet | Iterable[TaskSet],
    store: str,
    about: dict[str, Any],
    err: Console,
    **asked: Any,
) -> tuple[DurableRun, list[Job]]:
    """A new run, which can go on after a crash if its task sets can be drawn again."""
    seed = tasksets.seed if isinstance(tasksets, RandomTaskSets) else None
    try:
        source = describe_file(file)
    except ConfigurationError as why:
        if file.suffix == ".py":
            told = f"This run could not go on after a crash: {why}"
            err.print(told, highlight=False, markup=False, soft_wrap=True)
        options = {**about["options"], NOT_DURABLE: str(why)}
        run = DurableRun(store, seed=seed, **{**about, "options": options})
        return run, [Job(tasksets, **asked)]
    run = DurableRun(store, seed=seed, **about)
    try:
        return run, [run.add(source, tasksets, name=str(file), **asked)]
    except BaseException:
        run.close()
        raise


def total_of(jobs: list[Job], decided: int) -> int | None:
    """Sets of the whole run, where that is known.

    :param decided: those that had their verdict before, of these jobs and of others.
    """
    count = decided
    for job in jobs:
        if job.total is None:
            return None
        count += job.total - job.decided
    return count


def _go_on(run: DurableRun) -> list[Job]:
    """What is left of a run; a job that was paused goes on, too."""
    try:
        jobs = run.unfinished()
    except BaseException:
        run.close()
        raise
    for job in jobs:
        job.held = False
    return jobs
