"""``distributor report``: a run as one page."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from distributor.analysis.table import counted
from distributor.cli.options import LastRunArgument, ReadStoreOption
from distributor.errors import ConfigurationError
from distributor.store.store import DEFAULT_STORE, Store


def report(
    run: LastRunArgument = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file; run-N.html if unset.")
    ] = None,
    store: ReadStoreOption = DEFAULT_STORE,
    against: Annotated[
        int | None,
        typer.Option(min=1, help="Number of another run of the same sets, to compare with."),
    ] = None,
) -> None:
    """Write a report of a run: one HTML file with tables and plots, which needs nothing else."""
    from distributor.data.read import read_run

    err = Console(stderr=True)
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        MofNCompleteColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    with Store.open(store, create=False) as opened, progress:
        bar = progress.add_task("reading", total=None)

        def told(what: str, steps: int | None) -> None:
            if what:
                progress.reset(bar, description=what, total=steps)
            else:
                progress.advance(bar)

        frames = read_run(opened, run)
        other = None if against is None else read_run(opened, against)
        # What follows is loaded while the line says that something goes on.
        from distributor.figures.against import against as section
        from distributor.figures.page import report_page
        from distributor.figures.trace import read_slices

        comparison = None if other is None else section(opened, frames, other)
        text = report_page(
            frames, slices=partial(read_slices, opened), comparison=comparison, told=told
        )
    path = output or Path(f"run-{frames.run.id}.html")
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {path}: {error.strerror or error}",
            hint="see that its directory exists and may be written to",
        ) from error
    typer.echo(f"{path}: run {frames.run.id}, {counted(len(frames.tasksets), 'task set')}")
