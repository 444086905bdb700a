"""The durable jobs of a store: where their sets come from, and how far they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    Select,
    delete,
    func,
    insert,
    inspect,
    select,
    update,
)

from distributor.store.database import explained, for_writing
from distributor.store.row import TEXT_MAX, task_row
from distributor.store.schema import batches, setbacks, tasks, tasksets
from distributor.tasks.taskset import TaskSet

#: States of a batch that is to go on when its run does.
OPEN, PAUSED = "open", "paused"
_UNFINISHED = (OPEN, PAUSED)
#: Machines remembered of one set that has cost some.
_MACHINES_MAX = 100


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A job of a run, as it was handed over, and how far it is."""

    run_id: int
    batch: int
    name: str
    #: How its sets are drawn again (:mod:`distributor.tasks.source`).
    source: Mapping[str, Any]
    #: Sets at its head that are left out.
    skipped: int
    #: What was asked for with it: ``goal`` and ``switches``.
    options: Mapping[str, Any]
    #: ``open``, ``paused``, ``done``, ``cancelled`` or ``failed``.
    state: str
    #: Why it failed; "" if it did not.
    error: str
    added_at: datetime
    #: None while it is open or paused.
    ended_at: datetime | None


class Setback(NamedTuple):
    """What a set without a verdict has cost so far."""

    tries: int
    losses: int
    machines: tuple[str, ...]


class Totals(NamedTuple):
    """Of a run's sets so far: guest time, and how many were kept though the host disturbed them."""

    guest_ns: int
    noisy: int


class Batches:
    """The jobs of a store's runs; part of :class:`~distributor.store.store.Store`.

    In a store of version 2 that is only read there are none. Every method raises
    :class:`~distributor.errors.StoreError` when the database fails.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._writer = for_writing(engine)
        self._name = name

    def add(
        self,
        run_id: int,
        batch: int,
        *,
        name: str,
        source: Mapping[str, Any],
        skipped: int,
        options: Mapping[str, Any],
    ) -> None:
        """A job was handed over; it is open."""
        row = {
            "run_id": run_id,
            "batch": batch,
            "name": name[:TEXT_MAX],
            "source": dict(source),
            "skipped": skipped,
            "options": dict(options),
            "state": OPEN,
            "error": "",
            "added_at": datetime.now(UTC),
        }
        with self._writing() as connection:
            connection.execute(insert(batches).values(row))

    def set_state(self, run_id: int, batch: int, state: str, error: str = "") -> None:
        """A job was paused or goes on, or has come to its end."""
        ended_at = None if state in _UNFINISHED else datetime.now(UTC)
        row = {"state": state, "error": error[:TEXT_MAX], "ended_at": ended_at}
        with self._writing() as connection:
            connection.execute(
                update(batches)
                .where(batches.c.run_id == run_id, batches.c.batch == batch)
                .values(row)
            )

    def of_run(self, run_id: int, *, unfinished: bool = False) -> list[BatchRecord]:
        """A run's jobs, in their order; all, or those that are open or paused."""
        query = select(batches).where(batches.c.run_id == run_id).order_by(batches.c.batch)
        if unfinished:
            query = query.where(batches.c.state.in_(_UNFINISHED))
        with self._reading() as connection:
            return [BatchRecord(**row._asdict()) for row in self._rows(connection, query)]

    def last(self, run_id: int) -> int:
        """Number of a run's last job, 0 if it has none."""
        query = select(func.max(batches.c.batch)).where(batches.c.run_id == run_id)
        with self._reading() as connection:
            return sum(number or 0 for (number,) in self._rows(connection, query))

    def unfinished_runs(self) -> list[int]:
        """Numbers of the runs with a job that is open or paused, upward."""
        query = select(batches.c.run_id).where(batches.c.state.in_(_UNFINISHED))
        with self._reading() as connection:
            rows = self._rows(connection, query.distinct().order_by(batches.c.run_id))
            return [run_id for (run_id,) in rows]

    def decided(self, run_id: int, batch: int) -> list[range]:
        """Indices of a job's sets that have their verdict, upward, neighbours in one range."""
        query = (
            select(tasksets.c.set_index)
            .where(tasksets.c.run_id == run_id, tasksets.c.batch == batch)
            .order_by(tasksets.c.set_index)
        )
        found: list[range] = []
        with (
            explained(f"cannot read the store {self._name}"),
            self._engine.connect() as connection,
            connection.execution_options(yield_per=10_000).execute(query) as rows,
        ):
            for (index,) in rows:
                if found and found[-1].stop == index:
                    found[-1] = range(found[-1].start, index + 1)
                else:
                    found.append(range(index, index + 1))
        return found

    def note_setback(self, run_id: int, batch: int, index: int, setback: Setback) -> None:
        """A set has cost a machine or a try; what was noted of it before is replaced."""
        key = (
            setbacks.c.run_id == run_id,
            setbacks.c.batch == batch,
            setbacks.c.set_index == index,
        )
        row = {
            "run_id": run_id,
            "batch": batch,
            "set_index": index,
            "tries": setback.tries,
            "losses": setback.losses,
            "machines": list(setback.machines[-_MACHINES_MAX:]),
        }
        with self._writing() as connection:
            connection.execute(delete(setbacks).where(*key))
            connection.execute(insert(setbacks).values(row))

    def setbacks(self, run_id: int, batch: int) -> dict[int, Setback]:
        """What sets without a verdict have cost, by index."""
        verdict = select(tasksets.c.id).where(
            tasksets.c.run_id == run_id,
            tasksets.c.batch == batch,
            tasksets.c.set_index == setbacks.c.set_index,
        )
        query = select(setbacks).where(
            setbacks.c.run_id == run_id, setbacks.c.batch == batch, ~verdict.exists()
        )
        with self._reading() as connection:
            return {
                row.set_index: Setback(row.tries, row.losses, tuple(row.machines))
                for row in self._rows(connection, query)
            }

    def same_tasks(self, run_id: int, batch: int, index: int, taskset: TaskSet) -> bool:
        """Whether the set has the tasks of the one that got the verdict of this place."""
        query = (
            select(*tasks.c)
            .join_from(tasksets, tasks, tasks.c.taskset_id == tasksets.c.id)
            .where(
                tasksets.c.run_id == run_id,
                tasksets.c.batch == batch,
                tasksets.c.set_index == index,
            )
            .order_by(tasks.c.task_id)
        )
        with self._reading() as connection:
            kept = [row._asdict() for row in self._rows(connection, query)]
        return kept == [
            task_row(row["taskset_id"], place, task)
            for row, (place, task) in zip(kept, enumerate(taskset), strict=False)
        ] and len(kept) == len(taskset)

    def totals(self, run_id: int) -> Totals:
        """What a run's sets come to."""
        query = select(
            func.coalesce(func.sum(tasksets.c.guest_ns), 0), func.count(tasksets.c.noise)
        ).where(tasksets.c.run_id == run_id)
        with self._reading() as connection:
            guest_ns, noisy = connection.execute(query).one()
        return Totals(int(guest_ns), noisy)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with (
            explained(f"cannot write to the store {self._name}"),
            self._writer.begin() as connection,
        ):
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with (
            explained(f"cannot read the store {self._name}"),
            self._engine.connect() as connection,
        ):
            yield connection

    def _rows(self, connection: Connection, query: Select[Any]) -> Sequence[Row[Any]]:
        if not inspect(connection).has_table(batches.name):
            return []
        return connection.execute(query).all()
