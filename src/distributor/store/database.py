"""Opens the database behind a store and says in one line what is wrong with it."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    update,
)
from sqlalchemy import select as sql_select
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from distributor.errors import ConfigurationError, StoreError
from distributor.store.schema import READABLE, SCHEMA_VERSION, metadata, schema
from distributor.store.secret import reveal
from distributor.store.upgrade import UPGRADABLE, upgrade

#: How long a writer waits for another one's transaction, and for a server to answer.
LOCK_WAIT_S = 5
CONNECT_WAIT_S = 10
#: Key of PostgreSQL's advisory lock under which the tables are made; any number of our own.
_CREATION_LOCK = 0x44495354
#: Option of a connection that is going to write.
_WRITING = "distributor_writing"

_HINT_URL = "a store is a file's path or a URL: sqlite:///results.db, postgresql://user@host/name"


def parse_url(text: str) -> URL:
    """A store's URL, also from the plain path of an SQLite file, or out of the file of ``@FILE``.

    :raise ConfigurationError: it is no URL, or one that cannot name a store.
    """
    text = reveal(text)
    if "://" not in text:
        if not text.strip():
            raise ConfigurationError("the store has no name", hint=_HINT_URL)
        return _no_folder(URL.create("sqlite", database=text))
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # The text is not repeated: it may hold a password.
        raise ConfigurationError("the store's URL cannot be read", hint=_HINT_URL) from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and (url.database or ":memory:") == ":memory:":
        raise ConfigurationError(
            "a store in memory is lost when the program ends", hint="give a file: sqlite:///x.db"
        )
    return _no_folder(url)


def _no_folder(url: URL) -> URL:
    place = Path(str(url.database))
    if url.get_backend_name() == "sqlite" and place.is_dir():
        raise ConfigurationError(
            f"the store {place} is a folder", hint=f"name a file, as {place / 'results.db'}"
        )
    return url


def name_of(url: URL) -> str:
    """What messages call the store: the file, or the URL without its password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.render_as_string(hide_password=True)


def open_database(url: URL, *, create: bool) -> Engine:
    """An engine over a database that has the store's tables, in the version known here.

    A store of an older version is brought up to it; one that is opened to be read only where
    it cannot be read as it is.

    :param create: open it for writing, and make what is missing; else it must exist.
    :raise ConfigurationError: there is no driver for the URL.
    :raise StoreError: it cannot be opened, or is no store, or one of another version.
    """
    sqlite = url.get_backend_name() == "sqlite"
    if sqlite and not create and not Path(str(url.database)).is_file():
        raise StoreError(
            f"there is no store {name_of(url)}",
            hint="`distributor run` makes one; --store names another",
        )
    engine = _engine(url, create=create)
    try:
        with explained(f"cannot open the store {name_of(url)}"):
            _check_schema(engine, name_of(url), create=create)
    except _Outdated:
        engine.dispose()
        open_database(url, create=True).dispose()
        engine = _engine(url, create=False)
    except StoreError as error:
        engine.dispose()
        # A write-ahead log needs a file beside the database. Where none can be made (a
        # read-only medium), a database that was closed properly can be read without.
        cause = getattr(error.__cause__, "orig", None)
        if not (sqlite and not create and _sqlite_code(cause).startswith("SQLITE_CANTOPEN")):
            raise
        if Path(f"{url.database}-wal").exists():
            raise
        engine = _engine(url, create=False, immutable=True)
        with explained(f"cannot open the store {name_of(url)}"):
            _check_schema(engine, name_of(url), create=False)
    return engine


class _Outdated(StoreError):
    """The store was opened to be read, and has yet to be brought up to the version known here."""


def for_writing(engine: Engine) -> Engine:
    """The same database, for transactions that write."""
    return engine.execution_options(**{_WRITING: True})


def _engine(url: URL, *, create: bool, immutable: bool = False) -> Engine:
    options: dict[str, Any] = {"json_serializer": partial(json.dumps, default=str)}
    sqlite = url.get_backend_name() == "sqlite"
    file = Path(str(url.database))
    if sqlite:
        options["connect_args"] = {"timeout": LOCK_WAIT_S}
        mode = {"mode": "rwc" if create else "rw", "uri": "true"}
        if immutable:
            mode = {"mode": "ro", "immutable": "1", "uri": "true"}
        url = url.set(
            database=f"file:{quote(os.fsencode(str(url.database)))}", query={**url.query, **mode}
        )
    else:
        # The connection may lie idle for as long as a task set runs.
        options["pool_pre_ping"] = True
        if url.drivername == "postgresql+psycopg":
            options["connect_args"] = {"connect_timeout": CONNECT_WAIT_S}
    try:
        engine = create_engine(url, **options)
    except NoSuchModuleError:
        raise ConfigurationError(
            f"there is no kind of store {url.drivername!r}", hint=_HINT_URL
        ) from None
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"a store of kind {url.get_backend_name()} needs the Python package {error.name}",
            hint="pip install 'distributor[postgresql]'"
            if error.name == "psycopg"
            else "install it, or use another store",
        ) from None
    except (SQLAlchemyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"the store's URL cannot be used: {_first_line(error)}", hint=_HINT_URL
        ) from None
    if engine.dialect.is_async:
        raise ConfigurationError(
            f"the store's driver {url.drivername} is an asynchronous one",
            hint=f"write {url.get_backend_name()}://",
        )
    if sqlite:
        if create:
            _create_private(file)
        _prepare_sqlite(engine, writable=create)
    return engine


def _create_private(path: Path) -> None:
    """A new file is its owner's alone; SQLite gives those beside it the same rights."""
    with suppress(OSError):  # SQLite says what is wrong with the place
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _prepare_sqlite(engine: Engine, *, writable: bool) -> None:
    """Write-ahead log, and transactions that begin where SQLAlchemy says they do."""

    @event.listens_for(engine, "connect")
    def _(connection: sqlite3.Connection, _record: object) -> None:
        # The driver begins transactions by rules of its own, too late for a consistent read.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        if writable:
            _keep_write_ahead_log(connection)
            # A crash of the program loses nothing; one of the host may lose the newest
            # sets, never the file (docs/decisions/0006-store-writes.md).
            connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        # A writer takes its lock at once: one that had read first could not wait for it.
        writing = connection.get_execution_options().get(_WRITING, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _keep_write_ahead_log(connection: sqlite3.Connection) -> None:
    end = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # Alone among statements, this one does not wait where two programs make the
            # same new file; a transaction does.
            if not _sqlite_code(error).startswith("SQLITE_BUSY") or time.monotonic() > end:
                raise
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")


def _check_schema(engine: Engine, name: str, *, create: bool) -> None:
    with (for_writing(engine) if create else engine).begin() as connection:
        if engine.dialect.name == "postgresql" and create:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_CREATION_LOCK})")
        found = set(inspect(connection).get_table_names()) & set(metadata.tables)
        if schema.name not in found:
            if not create:
                raise StoreError(f"{name} is no store of Distributor's: it lacks its tables")
            if found:
                raise StoreError(
                    f"{name} has tables of somebody else's called {', '.join(sorted(found))}",
                    hint="use another store",
                )
            metadata.create_all(connection)
            connection.execute(insert(schema).values(version=SCHEMA_VERSION))
        versions = list(connection.scalars(sql_select(schema.c.version)))
        if not create and len(versions) == 1 and versions[0] in READABLE:
            return
        if len(versions) == 1 and versions[0] in UPGRADABLE:
            if not create:
                raise _Outdated(
                    f"the store {name} has tables of version {versions[0]}, which cannot be "
                    "brought up to date here",
                    hint="copy it to where it may be written",
                )
            upgrade(connection)
            return
        if create and versions == [SCHEMA_VERSION]:
            # Changes nothing, but tells at once where writing is going to fail.
            connection.execute(update(schema).values(version=SCHEMA_VERSION))
    if versions != [SCHEMA_VERSION]:
        told = " and ".join(map(str, versions)) or "none"
        raise StoreError(
            f"the store {name} has tables of version {told}; this Distributor knows "
            f"version {SCHEMA_VERSION}",
            hint="use the Distributor that wrote it, or another store",
        )


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turns what a database raises into a :class:`StoreError` of one line.

    :param doing: what could not be done, with the store's name.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError, OverflowError) as error:
        cause = getattr(error, "orig", None) or error
        what, hint = _explain(cause)
        raise StoreError(f"{doing}: {what}", hint=hint) from error


_FULL = ("the disk is full", "free some space; what had been written is kept")
_LOCKED = ("another program is writing to it", "wait for that program, or use another store")
_READONLY = ("it is read-only", "change its rights or use another store")

#: By the start of SQLite's own name for the error.
_SQLITE = {
    "SQLITE_FULL": _FULL,
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_LOCKED": _LOCKED,
    "SQLITE_READONLY": _READONLY,
    "SQLITE_CANTOPEN": (
        "the file cannot be opened or made",
        "see that its directory exists and may be written to",
    ),
    "SQLITE_NOTADB": ("it is no SQLite database", "use another store"),
    "SQLITE_CORRUPT": ("the file is damaged", "use another store; `sqlite3 FILE .recover` helps"),
    "SQLITE_IOERR": ("reading or writing the file failed", "see whether the disk is full or ill"),
}
#: By SQLSTATE, of PostgreSQL and others.
_SQLSTATE = {"53100": _FULL, "55P03": _LOCKED, "25006": _READONLY}


def _explain(cause: BaseException) -> tuple[str, str]:
    if isinstance(cause, OverflowError):
        return "a number has more than 64 bits", ""
    code = _sqlite_code(cause)
    for start, told in _SQLITE.items():
        if code.startswith(start):
            return told
    return _SQLSTATE.get(str(getattr(cause, "sqlstate", "")), (_first_line(cause), ""))


def _sqlite_code(cause: object) -> str:
    return str(getattr(cause, "sqlite_errorname", ""))


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
