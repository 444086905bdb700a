"""``distributor diff``: where two stored runs part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from distributor.analysis.compare import first_difference
from distributor.cli.exits import EXIT_UNDECIDED
from distributor.cli.options import ReadStoreOption
from distributor.session.result import TaskJob
from distributor.store.record import TaskSetRecord
from distributor.store.store import DEFAULT_STORE, Store


def diff(
    first: Annotated[int, typer.Argument(help="Number of a run.", min=1)],
    second: Annotated[int, typer.Argument(help="Number of another run of the same sets.", min=1)],
    store: ReadStoreOption = DEFAULT_STORE,
) -> None:
    """Show for each task set where two runs of it part.

    Exit value 0: they are the same, to the nanosecond; 1: they are not; 2: bad input.
    """
    with Store.open(store, create=False) as opened:
        one, other = (opened.run(number) for number in (first, second))
        others = {_place(row): row for row in opened.tasksets(other.id)}
        same = different = 0
        for row in opened.tasksets(one.id):
            twin = others.pop(_place(row), None)
            if twin is not None and (row.digest, row.verdict) == (twin.digest, twin.verdict):
                same += 1
                continue
            different += 1
            typer.echo(f"{_name(row)}: {_part(opened, row, twin)}")
        for row in others.values():
            different += 1
            typer.echo(f"{_name(row)}: only in run {second}")
    typer.echo(f"{same} task sets are the same in runs {first} and {second}, {different} are not.")
    if different:
        raise typer.Exit(EXIT_UNDECIDED)


def _place(row: TaskSetRecord) -> tuple[int, int]:
    return row.batch, row.set_index


def _name(row: TaskSetRecord) -> str:
    return f"set {row.set_index}" + (f" ({row.name})" if row.name else "")


def _part(store: Store, row: TaskSetRecord, twin: TaskSetRecord | None) -> str:
    if twin is None:
        return f"only in run {row.run_id}"
    where = first_difference(_jobs(store, row), _jobs(store, twin))
    if row.verdict is twin.verdict:
        return f"{row.verdict}, but {where}"
    return f"{row.verdict} and {twin.verdict}" + (f": {where}" if where else "")


def _jobs(store: Store, row: TaskSetRecord) -> Iterator[TaskJob]:
    records = store.jobs(row.run_id, batch=row.batch, set_index=row.set_index)
    return (record.job for record in records)
