"""``distributor run FILE --service``: a running service does the work."""

from __future__ import annotations

import sys
from pathlib import Path

import typer
from rich.console import Console

from distributor.cli.connect import connect
from distributor.cli.exits import EXIT_BAD_INPUT, EXIT_UNDECIDED
from distributor.cli.follow import follow
from distributor.cli.outcome import Outcome, sum_up
from distributor.cli.progress import ProgressMonitor
from distributor.cli.resume import is_given
from distributor.errors import ConfigurationError
from distributor.jobs.job import JobState
from distributor.session.description import Goal
from distributor.session.result import Verdict

#: Options of `distributor run` that say something of a job; all others are the service's.
OF_JOB = frozenset(
    """
    file service address offset admission trace trace_limit as_json quiet log log_format
    """.split()
)


def check_options(context: typer.Context) -> None:
    """:raise ConfigurationError: an option was given that the service has chosen already."""
    for parameter in context.command.params:
        name = parameter.name or ""
        if name not in OF_JOB and is_given(context, name):
            raise ConfigurationError(
                f"{parameter.opts[0]} does not go with --service, whose machines are there already",
                hint="give it to `distributor service start`",
            )


def hand_over(
    file: Path,
    address: str | None,
    *,
    offset: int,
    admission: Goal | None,
    switches: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Add the file's sets as a job, follow it to its end, and sum up as `distributor run` does.

    :raise typer.Exit: as `distributor run` exits.
    """
    goals = () if admission is None else (admission.parameters,)
    with connect(address) as client:
        number = client.add_job(file, None, offset, *goals, switches=switches, name=file.name)
        sys.stderr.write(f"job {number} of the service at {client.address}\n")
        watch_job(address, number, as_json=as_json, quiet=quiet)


def watch_job(address: str | None, number: int, *, as_json: bool, quiet: bool) -> None:
    """Follow a job to its end, and sum it up.

    :raise typer.Exit: as `distributor run` exits.
    """
    out, err = Console(), Console(stderr=True)
    outcome = Outcome()
    with connect(address) as client:
        job, state = client.job(number), client.state()
        progress = ProgressMonitor(job.total, lines=not quiet, out=out, err=err)
        with progress, outcome:
            job = follow(client, number, progress)
    sum_up(progress, state.clock, state.store, state.run, err, as_json=as_json)
    outcome.leave(f"job {number} goes on (`distributor job cancel {number}` ends it)")
    if job.state is JobState.FAILED:
        sys.stderr.write(f"distributor: {job.error}\n")
        raise typer.Exit(EXIT_BAD_INPUT)
    if job.state is JobState.CANCELLED:
        sys.stderr.write(f"distributor: job {number} was cancelled\n")
        raise typer.Exit(EXIT_UNDECIDED)
    if progress.verdicts[Verdict.UNDECIDED]:
        raise typer.Exit(EXIT_UNDECIDED)
