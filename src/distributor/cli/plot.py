"""``distributor plot``: a run's plots as PNG and SVG files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from distributor.cli.options import LastRunArgument, ReadStoreOption
from distributor.cli.show import find_taskset
from distributor.errors import ConfigurationError
from distributor.session.result import Verdict
from distributor.store.record import TaskSetRecord
from distributor.store.store import DEFAULT_STORE, Store

if TYPE_CHECKING:
    from distributor.figures.style import Drawing


class Plot(StrEnum):
    """What can be drawn."""

    #: One set: when its jobs were released, ran and ended.
    GANTT = "gantt"
    #: Response times: each task of one set, or all jobs of a run.
    RESPONSES = "responses"
    #: Share of sets that hold, over utilization.
    SCHEDULABILITY = "schedulability"


_ENDINGS = (".png", ".svg")


def plot(
    what: Annotated[Plot, typer.Argument(help="What to draw.")],
    run: LastRunArgument = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file, .png or .svg; WHAT.png if unset."),
    ] = None,
    store: ReadStoreOption = DEFAULT_STORE,
    taskset: Annotated[
        int | None,
        typer.Option(
            "--set", min=0, help="Index of the set; for gantt, the first that missed if unset."
        ),
    ] = None,
    job: Annotated[
        int | None,
        typer.Option("--job", min=1, help="Only sets of this job, by the order of adding them."),
    ] = None,
    begin_ms: Annotated[
        float | None, typer.Option("--from-ms", min=0, help="gantt: show from here on.")
    ] = None,
    end_ms: Annotated[
        float | None, typer.Option("--to-ms", min=0, help="gantt: show up to here.")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(help="schedulability: a curve for each value of this; may be repeated."),
    ] = None,
    theory: Annotated[bool, typer.Option(help="schedulability: draw what theory says.")] = True,
) -> None:
    """Draw a run: a Gantt chart, its response times, or the ratio of sets that hold."""
    path = output or Path(f"{what}.png")
    if path.suffix.lower() not in _ENDINGS:
        raise ConfigurationError(
            f"the name {path.name!r} does not say what to draw", hint="end it in .png or .svg"
        )
    with Store.open(store, create=False) as opened:
        run_id = opened.run(run).id
        if what is Plot.SCHEDULABILITY:
            drawing, height = _schedulability(opened, run_id, job, by, theory=theory)
            of = f"run {run_id}"
        elif what is Plot.RESPONSES and taskset is None:
            drawing, height = _all_responses(opened, run_id, job)
            of = f"run {run_id}"
        else:
            found = _chosen(opened, run_id, job, taskset)
            of = f"run {run_id}, job {found.batch}, set {found.set_index}: {found.verdict}"
            if what is Plot.GANTT:
                drawing, height = _gantt(opened, found, begin_ms, end_ms)
            else:
                drawing, height = _set_responses(opened, found)
    _save(drawing, path, height)
    typer.echo(f"{path}: {what} of {of}")


def _save(drawing: Drawing, path: Path, height: float) -> None:
    from distributor.figures.style import WIDE, save

    try:
        save(drawing, path, (WIDE, height))
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {path}: {error.strerror or error}",
            hint="see that its directory exists and may be written to",
        ) from error


def _chosen(store: Store, run_id: int, job: int | None, taskset: int | None) -> TaskSetRecord:
    if taskset is not None:
        return find_taskset(store, run_id, job, taskset)
    first: TaskSetRecord | None = None
    for record in store.tasksets(run_id, batch=job):
        first = first or record
        if record.verdict is Verdict.MISSED:
            return record
    if first is None:
        raise ConfigurationError(f"run {run_id} has no task set to draw")
    return first


def _gantt(
    store: Store, found: TaskSetRecord, begin_ms: float | None, end_ms: float | None
) -> tuple[Drawing, float]:
    from distributor.data.read import read_run
    from distributor.figures.gantt import Window, chart_height, gantt_chart, telling_window, whole
    from distributor.figures.trace import read_slices

    frames = read_run(store, found.run_id, batch=found.batch, set_index=found.set_index)
    window = telling_window(frames.jobs)
    if begin_ms is not None or end_ms is not None:
        begin_ns = round((begin_ms or 0) * 1e6)
        end_ns = whole(frames.jobs).end_ns if end_ms is None else round(end_ms * 1e6)
        if end_ns <= begin_ns:
            raise ConfigurationError(
                f"nothing lies between {begin_ns / 1e6:g} ms and {end_ns / 1e6:g} ms",
                hint="--to-ms is greater than --from-ms, and the run longer than that",
            )
        window = Window(begin_ns, end_ns)
    slices = read_slices(store, found.id)
    drawing = gantt_chart(frames.jobs, frames.tasks, window, slices)
    return drawing, chart_height(len(frames.tasks) + (slices is not None))


def _set_responses(store: Store, found: TaskSetRecord) -> tuple[Drawing, float]:
    from distributor.analysis.statistics import task_statistics
    from distributor.data.read import read_run
    from distributor.figures.responses import task_height, task_responses_plot

    frames = read_run(store, found.run_id, batch=found.batch, set_index=found.set_index)
    statistics = task_statistics(frames.jobs, frames.tasks)
    return task_responses_plot(frames.jobs, statistics), task_height(len(frames.tasks))


def _all_responses(store: Store, run_id: int, job: int | None) -> tuple[Drawing, float]:
    from distributor.data.read import read_jobs
    from distributor.figures.responses import HEIGHT, response_shares_plot

    return response_shares_plot(read_jobs(store, run_id, batch=job)), HEIGHT


def _schedulability(
    store: Store, run_id: int, job: int | None, by: list[str] | None, *, theory: bool
) -> tuple[Drawing, float]:
    from distributor.analysis.agreement import compare_with_theory, theory_holds
    from distributor.analysis.ratio import curve_columns, curves, schedulability
    from distributor.analysis.statistics import task_statistics
    from distributor.data.read import read_run
    from distributor.figures.schedulability import HEIGHT, schedulability_plot

    frames = read_run(store, run_id, batch=job)
    sets = frames.tasksets
    columns = curve_columns(sets, by) if by else curves(sets)
    expected = None
    if theory:
        statistics = task_statistics(frames.jobs, frames.tasks)
        agreement = compare_with_theory(
            sets, statistics, frames.members, frames.run.options.get("cpus")
        )
        expected = schedulability(sets, columns, held=theory_holds(agreement))
    return schedulability_plot(schedulability(sets, columns), expected), HEIGHT
