"""``distributor trace``: a traced task set as a file for Perfetto, or as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from distributor.analysis.slices import slices
from distributor.analysis.trace_file import to_csv, to_perfetto
from distributor.cli.options import ReadStoreOption
from distributor.cli.show import find_taskset
from distributor.errors import ConfigurationError
from distributor.session.switch import Trace
from distributor.store.store import DEFAULT_STORE, Store

_SHORT = {
    Trace.CUT: "there were more switches than were recorded: it ends early (run: --trace-limit)",
    Trace.LOST: "some switches are missing in between",
}


def trace(
    run: Annotated[int, typer.Argument(help="Number of the run.", show_default=False)],
    set_index: Annotated[
        int, typer.Argument(metavar="SET", help="Index of the set in it.", show_default=False)
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="FILE.csv: one row for each slice of time; any other name: Perfetto's protobuf, "
            "for ui.perfetto.dev.",
            show_default=False,
        ),
    ],
    job: Annotated[
        int | None, typer.Option(help="Number of the job, where several have such a set.")
    ] = None,
    store: ReadStoreOption = DEFAULT_STORE,
) -> None:
    """Write who had which processor while a task set ran, for Perfetto or as CSV.

    The set must have been run with --trace.
    """
    with Store.open(store, create=False) as opened:
        kept = find_taskset(opened, opened.run(run).id, job, set_index)
        if kept.trace is None:
            raise ConfigurationError(
                f"set {set_index} of run {run} was not traced", hint="run it with --trace"
            )
        pieces = list(slices(opened.switches(kept.id)))
        if output.suffix == ".csv":
            content = to_csv(pieces).encode()
        else:
            content = to_perfetto(
                kept.name,
                [task.name for task in opened.tasks(kept.id)],
                pieces,
                (record.job for record in opened.jobs(run, batch=kept.batch, set_index=set_index)),
            )
    try:
        output.write_bytes(content)
    except OSError as error:
        raise ConfigurationError(f"cannot write {output}: {error.strerror}") from None
    typer.echo(f"{output}: {len(pieces)} slices")
    if kept.trace in _SHORT:
        typer.echo(_SHORT[kept.trace], err=True)
