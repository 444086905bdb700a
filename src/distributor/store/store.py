"""The store: runs, their task sets with the verdicts, and every job, in an SQL database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import Column, ColumnElement, Engine, Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from distributor.errors import StoreError
from distributor.monitors.monitor import Attempt
from distributor.session.result import Clock, Result, Verdict
from distributor.session.switch import Switch
from distributor.store.batch import Batches
from distributor.store.claim import Claim, claim
from distributor.store.columns import TASKSET_COLUMNS, read_batches
from distributor.store.database import explained, for_writing, name_of, open_database, parse_url
from distributor.store.record import JobRecord, RunRecord, TaskRecord, TaskSetRecord
from distributor.store.row import (
    job_of,
    job_row,
    masked,
    run_of,
    run_row,
    switch_of,
    switch_rows,
    task_row,
    taskset_of,
    taskset_row,
)
from distributor.store.schema import jobs, runs, switches, tasks, tasksets

if TYPE_CHECKING:
    import pyarrow

#: Where results go if nobody says otherwise: a file in the current directory.
DEFAULT_STORE = "distributor.db"
#: Rows fetched at a time while reading.
_CHUNK = 1000


class Store:
    """A database of results. Made by :meth:`open`; a context manager that closes itself.

    Usable from any thread. Reading while a run is being written sees the sets that are
    complete. Every method raises :class:`~distributor.errors.StoreError`, with one line
    that says what and where, when the database fails.
    """

    def __init__(self, engine: Engine, name: str, database: str = "") -> None:
        self._engine = engine
        self._writer = for_writing(engine)
        self._name = name
        self._database = database
        #: The durable jobs of its runs.
        self.batches = Batches(engine, name)

    @classmethod
    def open(cls, url: str = DEFAULT_STORE, *, create: bool = True) -> Self:
        """Open a store.

        :param url: the path of an SQLite file, or the URL of a database.
        :param create: make what is missing, for writing; otherwise the store must exist,
            and is only read.
        :raise ConfigurationError: the URL names no database that can be used.
        :raise StoreError: it cannot be opened, is no store, or one of another version.
        """
        parsed = parse_url(url)
        return cls(open_database(parsed, create=create), name_of(parsed), str(parsed.database))

    @property
    def name(self) -> str:
        """The file, or the URL without its password."""
        return self._name

    def close(self) -> None:
        """Close every connection; idempotent."""
        with explained(f"cannot close the store {self._name}"):
            self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # Writing

    def begin_run(
        self,
        command: str,
        *,
        clock: Clock | None = None,
        options: Mapping[str, Any] | None = None,
        seed: int | str | None = None,
        qemu: str | None = None,
    ) -> int:
        """Record that a run begins; its id is for :meth:`add` and :meth:`end_run`.

        :param command: the command line or script; a password in a URL is masked.
        :param options: what was asked for, by name.
        :param seed: seed of the generators that draw the task sets.
        :param qemu: QEMU's version.
        """
        row = run_row(command, clock=clock, options=options or {}, seed=seed, qemu=qemu)
        with self._writing(), self._writer.begin() as connection:
            key = connection.execute(insert(runs).values(row)).inserted_primary_key
        assert key is not None
        return int(key[0])

    def claim(self, run_id: int) -> Claim:
        """Keep others from writing a run until the claim is closed, or this program ends.

        :raise StoreError: somebody else has it.
        """
        with self._writing():
            return claim(self._engine, self._database, run_id, self._name)

    def add(self, run_id: int, attempt: Attempt, result: Result) -> int:
        """Keep a task set's verdict, its tasks, jobs and switches, in one transaction.

        :return: the set's id.
        :raise StoreError: also where the run has a verdict for this set already.
        """
        with self._writing(), self._writer.begin() as connection:
            try:
                key = connection.execute(
                    insert(tasksets), taskset_row(run_id, attempt, result)
                ).inserted_primary_key
            except IntegrityError as error:
                raise StoreError(
                    f"cannot keep set {attempt.index} of job {attempt.job} in {self._name}: "
                    f"run {run_id} has a verdict for it already, or is not there"
                ) from error
            assert key is not None
            members = [task_row(key[0], *task) for task in enumerate(attempt.taskset.tasks)]
            connection.execute(insert(tasks), members)
            if result.jobs:
                connection.execute(insert(jobs), [job_row(key[0], job) for job in result.jobs])
            if result.switches:
                connection.execute(insert(switches), switch_rows(key[0], result.switches))
            return int(key[0])

    def continue_run(self, run_id: int, options: Mapping[str, Any]) -> int:
        """Record that a run that was interrupted goes on.

        :param options: what is asked for now; it replaces what was.
        :return: number of its last batch, 0 if it has none.
        :raise StoreError: there is no such run.
        """
        row = {"ended_at": None, "options": masked(options)}
        last = select(func.coalesce(func.max(tasksets.c.batch), 0)).where(
            tasksets.c.run_id == run_id
        )
        with self._writing(), self._writer.begin() as connection:
            if not connection.execute(update(runs).where(runs.c.id == run_id).values(row)).rowcount:
                raise StoreError(f"the store {self._name} has no run {run_id}")
            return int(connection.scalar(last) or 0)

    def end_run(self, run_id: int) -> None:
        """Record that the run came to its end by itself."""
        with self._writing(), self._writer.begin() as connection:
            connection.execute(
                update(runs).where(runs.c.id == run_id).values(ended_at=datetime.now(UTC))
            )

    # Reading

    def runs(self) -> Iterator[RunRecord]:
        """Every run, in the order of their beginning."""
        return (run_of(row) for row in self.rows(select(runs).order_by(runs.c.id)))

    def run(self, run_id: int | None = None) -> RunRecord:
        """One run; the last one without an id.

        :raise StoreError: there is none.
        """
        query = select(runs).order_by(runs.c.id.desc()).limit(1)
        if run_id is not None:
            query = query.where(runs.c.id == run_id)
        for row in self.rows(query):
            return run_of(row)
        which = "no run yet" if run_id is None else f"no run {run_id}"
        raise StoreError(f"the store {self._name} has {which}")

    def count_runs(self) -> int:
        """How many runs there are."""
        return sum(count for (count,) in self.rows(select(func.count()).select_from(runs)))

    def counts(self, run_id: int, *, batch: int | None = None) -> dict[Verdict, int]:
        """How many sets of a run, or of one batch of it, have which verdict.

        Every verdict is there, with 0 where no set has it.
        """
        query = select(tasksets.c.verdict, func.count()).where(tasksets.c.run_id == run_id)
        if batch is not None:
            query = query.where(tasksets.c.batch == batch)
        query = query.group_by(tasksets.c.verdict)
        counts = dict.fromkeys(Verdict, 0)
        counts.update({Verdict(verdict): count for verdict, count in self.rows(query)})
        return counts

    def newer_ids(self, run_id: int, known: int) -> range:
        """From the first id to the last of a run's sets that were kept after the set ``known``.

        Another run's sets may have some of the ids between them.
        """
        query = select(func.min(tasksets.c.id), func.max(tasksets.c.id))
        query = query.where(_is_of(run_id), tasksets.c.id > known)
        for first, last in self.rows(query):
            if last is not None:
                return range(first, last + 1)
        return range(0)

    def tasksets(
        self, run_id: int, *, batch: int | None = None, set_index: int | None = None
    ) -> Iterator[TaskSetRecord]:
        """Sets of a run, ordered by batch and index; all, or those with the numbers given."""
        members = select(func.count()).where(tasks.c.taskset_id == tasksets.c.id).scalar_subquery()
        query = select(*tasksets.c, members.label("task_count"))
        return (taskset_of(row) for row in self.rows(_of(query, run_id, batch, set_index)))

    def tasks(self, taskset_id: int) -> Iterator[TaskRecord]:
        """The tasks of one set, by id."""
        columns = [column for column in tasks.c if column is not tasks.c.taskset_id]
        query = select(*columns).where(tasks.c.taskset_id == taskset_id).order_by(tasks.c.task_id)
        return (TaskRecord(*row) for row in self.rows(query))

    def jobs(
        self, run_id: int, *, batch: int | None = None, set_index: int | None = None
    ) -> Iterator[JobRecord]:
        """Jobs of a run, ordered by batch, set, task and index; all, or those of some sets."""
        query = select(tasksets.c.batch, tasksets.c.set_index, *jobs.c).join_from(
            tasksets, jobs, jobs.c.taskset_id == tasksets.c.id
        )
        query = _of(query, run_id, batch, set_index).order_by(jobs.c.task_id, jobs.c.job_index)
        return (JobRecord(row.batch, row.set_index, job_of(row)) for row in self.rows(query))

    def taskset_batches(
        self,
        run_id: int,
        *,
        batch: int | None = None,
        set_index: int | None = None,
        ids: range | None = None,
    ) -> Iterator[pyarrow.RecordBatch]:
        """What :meth:`tasksets` tells, as columns: for many rows, without an object for each.

        The columns are those of the table, but for times of day, machines and console.

        :param ids: only sets with one of these ids, which go up as sets are kept.
        """
        query = select(*TASKSET_COLUMNS)
        return self._batches(_of(query, run_id, batch, set_index, ids), TASKSET_COLUMNS)

    def task_batches(
        self,
        run_id: int,
        *,
        batch: int | None = None,
        set_index: int | None = None,
        ids: range | None = None,
    ) -> Iterator[pyarrow.RecordBatch]:
        """The tasks of a run's sets, as columns, ordered by batch, set and task."""
        columns = tuple(tasks.c)
        query = select(*columns).join_from(tasksets, tasks, tasks.c.taskset_id == tasksets.c.id)
        query = _of(query, run_id, batch, set_index, ids).order_by(tasks.c.task_id)
        return self._batches(query, columns)

    def job_batches(
        self, run_id: int, *, batch: int | None = None, set_index: int | None = None
    ) -> Iterator[pyarrow.RecordBatch]:
        """The jobs of a run's sets, as columns, ordered by batch, set, task and index."""
        columns = tuple(jobs.c)
        query = select(*columns).join_from(tasksets, jobs, jobs.c.taskset_id == tasksets.c.id)
        query = _of(query, run_id, batch, set_index).order_by(jobs.c.task_id, jobs.c.job_index)
        return self._batches(query, columns)

    def _batches(
        self, query: Select[Any], columns: tuple[Column[Any], ...]
    ) -> Iterator[pyarrow.RecordBatch]:
        with (
            explained(f"cannot read the store {self._name}"),
            self._engine.connect() as connection,
        ):
            yield from read_batches(connection, query, columns)

    def switches(self, taskset_id: int) -> Iterator[Switch]:
        """Who ran on which processor in one set, by processor and time; none where it was
        not traced."""
        query = select(switches).where(switches.c.taskset_id == taskset_id)
        query = query.order_by(switches.c.cpu, switches.c.sequence)
        return (switch_of(row) for row in self.rows(query))

    def _writing(self) -> AbstractContextManager[None]:
        return explained(f"cannot write to the store {self._name}")

    def rows(self, query: Select[Any]) -> Iterator[Any]:
        """Stream the rows of a query on the tables.

        The connection goes back when the iterator ends or is dropped.
        """
        with (
            explained(f"cannot read the store {self._name}"),
            self._engine.connect() as connection,
            connection.execution_options(yield_per=_CHUNK).execute(query) as rows,
        ):
            yield from rows


def _is_of(run_id: int) -> ColumnElement[bool]:
    """Of a run, where a query goes by ids.

    A sum is in no index: SQLite would go through all of the run by one of its indexes.
    """
    return tasksets.c.run_id + 0 == run_id


def _of(
    query: Select[Any],
    run_id: int,
    batch: int | None,
    set_index: int | None,
    ids: range | None = None,
) -> Select[Any]:
    if ids is None:
        query = query.where(tasksets.c.run_id == run_id)
    else:
        query = query.where(_is_of(run_id))
        query = query.where(tasksets.c.id >= ids.start, tasksets.c.id < ids.stop)
    if batch is not None:
        query = query.where(tasksets.c.batch == batch)
    if set_index is not None:
        query = query.where(tasksets.c.set_index == set_index)
    return query.order_by(tasksets.c.batch, tasksets.c.set_index)
