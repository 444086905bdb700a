"""The store's tables (docs/results.md describes them to users).

Tables, one inside the other: a run has batches and task sets, a task set has tasks, jobs and
switches.
Times are nanoseconds and end in ``_ns``; a value that nobody knew is NULL. What a later
version adds may be NULL or is a table of its own, so that :mod:`distributor.store.upgrade`
can bring an older store up to it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

#: Version of these tables, recorded in the store; raised with every change of them.
SCHEMA_VERSION = 3
#: Older versions that can be read as they are: what they lack are whole tables that are only
#: asked for by name (:mod:`distributor.store.batch`).
READABLE = frozenset({2})


class UTCTime(TypeDecorator[datetime]):
    """A moment with its zone, also in a database that keeps none (SQLite)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite counts up by itself only on a column whose type is INTEGER, which is 64 bits there.
_Id = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData()

schema = Table(
    "distributor_schema",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("started_at", UTCTime, nullable=False),
    Column("ended_at", UTCTime),
    Column("command", Text, nullable=False),
    Column("clock", Text),
    Column("seed", Text),
    Column("options", JSON, nullable=False),
    Column("distributor", Text, nullable=False),
    Column("qemu", Text),
    Column("host", JSON, nullable=False),
    sqlite_autoincrement=True,
)

tasksets = Table(
    "tasksets",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("run_id", ForeignKey(runs.c.id), nullable=False),
    Column("batch", BigInteger, nullable=False),
    Column("set_index", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("origin", JSON(none_as_null=True)),
    Column("noise", JSON(none_as_null=True)),
    Column("verdict", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("finished_at", UTCTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("machine", Text, nullable=False),
    Column("machines", JSON, nullable=False),
    Column("clock", Text),
    Column("kernel", Text),
    Column("loader", Text),
    Column("qemu", Text),
    Column("accelerator", Text),
    Column("guest_ns", BigInteger, nullable=False),
    Column("host_s", Float, nullable=False),
    Column("digest", Text, nullable=False),
    Column("console", Text, nullable=False),
    Column("trace", Text),
    UniqueConstraint("run_id", "batch", "set_index", name="one_verdict_per_taskset"),
    # Counts a run's verdicts without reading its rows.
    Index("tasksets_by_verdict", "run_id", "verdict"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("taskset_id", ForeignKey(tasksets.c.id), primary_key=True),
    Column("task_id", Integer, primary_key=True, autoincrement=False),
    # Task.binary; "binary" itself is a reserved word of PostgreSQL.
    Column("executable", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("arg1", Text, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("period_ns", BigInteger, nullable=False),
    Column("deadline_ns", BigInteger, nullable=False),
    Column("offset_ns", BigInteger, nullable=False),
    Column("numberofjobs", BigInteger, nullable=False),
    Column("executiontime_ns", BigInteger),
    Column("criticaltime_ns", BigInteger),
    Column("quota_bytes", BigInteger),
    Column("caps", BigInteger),
    Column("cores", Integer),
    Column("coreoffset", Integer, nullable=False),
    Column("overrun", Text, nullable=False),
    # The rows lie in the order of their key, and no index repeats it.
    sqlite_with_rowid=False,
)

jobs = Table(
    "jobs",
    metadata,
    Column("taskset_id", ForeignKey(tasksets.c.id), primary_key=True),
    Column("task_id", Integer, primary_key=True, autoincrement=False),
    Column("job_index", BigInteger, primary_key=True, autoincrement=False),
    Column("release_ns", BigInteger),
    Column("start_ns", BigInteger, nullable=False),
    Column("completion_ns", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("exit_value", BigInteger),
    Column("deadline_ns", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

switches = Table(
    "switches",
    metadata,
    Column("taskset_id", ForeignKey(tasksets.c.id), primary_key=True),
    Column("cpu", Integer, primary_key=True, autoincrement=False),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("occupant", Text, nullable=False),
    Column("task_id", Integer),
    Column("job_index", BigInteger),
    sqlite_with_rowid=False,
)

batches = Table(
    "batches",
    metadata,
    Column("run_id", ForeignKey(runs.c.id), primary_key=True),
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("source", JSON, nullable=False),
    Column("skipped", BigInteger, nullable=False),
    Column("options", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("error", Text, nullable=False),
    Column("added_at", UTCTime, nullable=False),
    Column("ended_at", UTCTime),
)

setbacks = Table(
    "setbacks",
    metadata,
    Column("run_id", ForeignKey(runs.c.id), primary_key=True),
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("set_index", BigInteger, primary_key=True, autoincrement=False),
    Column("tries", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("machines", JSON, nullable=False),
)
