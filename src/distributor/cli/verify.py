"""``distributor verify``: stored task sets run again, and the runs compared to the nanosecond."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console

from distributor.analysis.compare import first_difference
from distributor.cli.exits import EXIT_UNDECIDED
from distributor.cli.options import ReadStoreOption
from distributor.cli.progress import ProgressMonitor
from distributor.distributor import MAX_ALLOWED, Distributor
from distributor.errors import ConfigurationError
from distributor.machines.kind import machine_kind, machine_options, machines_of
from distributor.monitors.monitor import Attempt, Monitor
from distributor.session.description import Goal
from distributor.session.result import Result
from distributor.store.record import RunRecord, TaskSetRecord
from distributor.store.store import DEFAULT_STORE, Store
from distributor.tasks.taskset import TaskSet


def verify(
    run: Annotated[
        int | None, typer.Argument(help="Number of the run; the last one if unset.")
    ] = None,
    store: ReadStoreOption = DEFAULT_STORE,
    machines: Annotated[
        str, typer.Option("--machines", "-n", help="How many machines at once, or auto.")
    ] = "auto",
) -> None:
    """Run a stored run's task sets again and compare every job, to the nanosecond.

    Exit value 0: all were the same; 1: some were not; 2: bad input. Keeps nothing.
    """
    err = Console(stderr=True)
    with Store.open(store, create=False) as opened:
        record = opened.run(run)
        options = machine_options(record.options)
        kind = machine_kind(**options)
        if not options or kind.network_name != "none":
            raise ConfigurationError(
                f"run {record.id} was not sealed: only a run with --network none repeats exactly"
            )
        most = machines_of(kind, machines)
        rows = list(opened.tasksets(record.id))
        comparison = _Comparison(opened, record, rows)
        progress = ProgressMonitor(len(rows), lines=False, out=Console(), err=err)
        with (
            Distributor(
                most,
                max(most, MAX_ALLOWED),
                session_type=kind,
                builtin=kind.builtin,
                monitors=[progress, comparison],
            ) as distributor,
            progress,
        ):
            admission = record.options.get("admission")
            distributor.add_job(
                _tasksets(opened, rows),
                None,
                0,
                *([] if admission is None else [Goal(admission).parameters]),
                switches=int(record.options.get("switches", 0)),
            )
            distributor.wait()
    for line in comparison.differences:
        typer.echo(line)
    same = len(rows) - len(comparison.differences)
    typer.echo(
        f"{same} of {len(rows)} task sets of run {record.id} ran as before, to the nanosecond."
    )
    if comparison.differences:
        if record.qemu != kind.qemu_version:
            typer.echo(
                f"That run was made with QEMU {record.qemu}; here it is {kind.qemu_version}."
            )
        raise typer.Exit(EXIT_UNDECIDED)


class _Comparison(Monitor):
    """Holds each result against the one that is stored."""

    def __init__(self, store: Store, run: RunRecord, rows: list[TaskSetRecord]) -> None:
        self.differences: list[str] = []
        self._store = store
        self._run = run
        self._rows = rows

    def finished(self, attempt: Attempt, result: Result) -> None:
        self._compare(attempt, result)

    def bad(self, attempt: Attempt, result: Result) -> None:
        self._compare(attempt, result)

    def _compare(self, attempt: Attempt, result: Result) -> None:
        row = self._rows[attempt.index]
        if (row.digest, row.verdict) == (result.digest, result.verdict):
            return
        records = self._store.jobs(self._run.id, batch=row.batch, set_index=row.set_index)
        why = first_difference((record.job for record in records), result.jobs)
        name = f" ({row.name})" if row.name else ""
        self.differences.append(
            f"set {row.set_index}{name}: {row.verdict}, now {result.verdict}; "
            f"{why or result.reason}"
        )


def _tasksets(store: Store, rows: list[TaskSetRecord]) -> Iterator[TaskSet]:
    for row in rows:
        tasks = [task.task() for task in store.tasks(row.id)]
        yield TaskSet(tasks, name=row.name, origin=row.origin)
