"""``distributor job``: the jobs of a running service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from distributor.analysis.table import Column, printable, table_lines
from distributor.cli.connect import AddressOption, connect
from distributor.cli.options import (
    JsonOption,
    JsonSummaryOption,
    OffsetOption,
    QuietOption,
    TraceLimitOption,
    TraceOption,
)
from distributor.session.description import Goal
from distributor.session.switch import SWITCHES_DEFAULT

if TYPE_CHECKING:
    from distributor.service.models import Job

job = typer.Typer(help="Jobs of the running service.", no_args_is_help=True)

NumberArgument = Annotated[int, typer.Argument(help="Number of the job.", min=1)]


@job.command("add")
def add(
    file: Annotated[
        Path,
        typer.Argument(
            help="Python that defines `tasksets`, JSON, JSON lines or CSV; - reads JSON lines.",
            show_default=False,
        ),
    ],
    name: Annotated[str | None, typer.Option(help="What lists call it; the file's name.")] = None,
    offset: OffsetOption = 0,
    admission: Annotated[
        Goal | None, typer.Option(help="Let the machine refuse tasks by their executiontime.")
    ] = None,
    trace: TraceOption = False,
    trace_limit: TraceLimitOption = SWITCHES_DEFAULT,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow it to its end.")] = False,
    address: AddressOption = None,
) -> None:
    """Hand over the task sets of FILE; prints the job's number."""
    goals = () if admission is None else (admission.parameters,)
    with connect(address) as client:
        number = client.add_job(
            file,
            None,
            offset,
            *goals,
            switches=trace_limit if trace else 0,
            name=file.name if name is None else name,
        )
    typer.echo(number)
    if watch:
        from distributor.cli.handover import watch_job

        watch_job(address, number, as_json=False, quiet=False)


@job.command("list")
def list_jobs(as_json: JsonOption = False, address: AddressOption = None) -> None:
    """List every job, the newest last."""
    with connect(address) as client:
        jobs = client.list_jobs()
    if as_json:
        typer.echo(json.dumps([each.model_dump(mode="json") for each in jobs]))
        return
    if not jobs:
        typer.echo("no job yet: `distributor job add FILE` adds one")
        return
    columns = [Column("job", right=True), Column("state"), Column("sets", right=True)]
    columns += [Column("verdicts"), Column("left", right=True), Column("name")]
    for line in table_lines(columns, [_row(each) for each in jobs]):
        typer.echo(line)


@job.command("watch")
def watch_one(
    number: NumberArgument,
    as_json: JsonSummaryOption = False,
    quiet: QuietOption = False,
    address: AddressOption = None,
) -> None:
    """Follow a job to its end; exits as `distributor run` does."""
    from distributor.cli.handover import watch_job

    watch_job(address, number, as_json=as_json, quiet=quiet)


@job.command("cancel")
def cancel(number: NumberArgument, address: AddressOption = None) -> None:
    """Run no more sets of a job; those that run are finished, and verdicts are kept."""
    with connect(address) as client:
        client.cancel_job(number)
        _say(client.job(number))


@job.command("pause")
def pause(number: NumberArgument, address: AddressOption = None) -> None:
    """Begin no set of a job until it is resumed; other jobs go on."""
    with connect(address) as client:
        client.pause_job(number)
        _say(client.job(number))


@job.command("resume")
def resume(number: NumberArgument, address: AddressOption = None) -> None:
    """Go on with a job that was paused."""
    with connect(address) as client:
        client.resume_job(number)
        _say(client.job(number))


def _say(told: Job) -> None:
    typer.echo(f"job {told.number} is {told.state}: {_sets(told)} sets decided")


def _row(told: Job) -> list[str]:
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in told.verdicts.items() if count)
    left = "" if told.left_s is None else f"{told.left_s:.0f} s"
    name = printable(told.name) + (f": {printable(told.error)}" if told.error else "")
    return [str(told.number), told.state.value, _sets(told), verdicts or "-", left, name]


def _sets(told: Job) -> str:
    return f"{told.decided}" if told.total is None else f"{told.decided} of {told.total}"
