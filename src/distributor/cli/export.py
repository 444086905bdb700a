"""``distributor export``: a run as a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from distributor.cli.options import LastRunArgument, ReadStoreOption
from distributor.data.export import Content, Format, format_of
from distributor.data.export import export as write
from distributor.store.store import DEFAULT_STORE, Store


def export(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to make; its ending says what it is.")
    ],
    run: LastRunArgument = None,
    store: ReadStoreOption = DEFAULT_STORE,
    format: Annotated[
        Format | None, typer.Option(help="What to write, where the file's ending does not say.")
    ] = None,
    rows: Annotated[Content, typer.Option(help="What each row is.")] = Content.JOBS,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a run's jobs, tasks or task sets as Parquet, CSV or JSON lines (.jsonl).

    An SQLite file (.sqlite) gets the three tables of earlier distributors: TaskSet, Task, Job.
    """
    kind = format or format_of(output)
    err = Console(stderr=True)
    shown = Progress(
        SpinnerColumn(),
        TextColumn("{task.completed:,.0f} rows"),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    with Store.open(store, create=False) as opened, shown:
        bar = shown.add_task("", total=None)
        found = opened.run(run)
        count = write(
            opened,
            found,
            output,
            format=kind,
            content=rows,
            replace=force,
            told=lambda more: shown.advance(bar, more),
        )
    typer.echo(f"{output}: {count} {rows} of run {found.id}")
