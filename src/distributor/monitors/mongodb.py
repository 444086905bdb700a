"""A monitor that keeps every result in a MongoDB database, a document for each task set."""

from __future__ import annotations

import json
import re
import shlex
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from distributor.errors import ConfigurationError, StoreError
from distributor.monitors.monitor import Attempt, Monitor
from distributor.session.result import Clock, Result
from distributor.store.row import job_row, run_row, task_row, taskset_row

if TYPE_CHECKING:
    from pymongo import MongoClient
    from pymongo.collection import Collection

#: Where results go if the URL names no database.
DEFAULT_DATABASE = "distributor"
#: How long the server may take to be found, and for each write, reconnecting included.
CONNECT_WAIT_S = 10
WRITE_WAIT_S = 30
#: Jobs in one document. One takes 250 bytes at most, so that 30,000 stay well below the 16 MiB
#: that a document may have, beside the texts of its set.
JOBS_IN_DOCUMENT = 30_000


class MongoMonitor(Monitor):
    """Keeps what it sees as one run in a MongoDB database (see docs/results.md).

    A result is on the server when the call that brought it returns. Needs the package
    ``pymongo`` (``pip install 'distributor[mongodb]'``).

    :param url: ``mongodb://user:password@host/database``, with any option that pymongo knows;
        the database is ``distributor`` if none is named.
    :param command: the command line or script; that of this program if not given.
    :param clock: the clock, options and QEMU version asked for, where known.
    :raise ConfigurationError: pymongo is missing, or the URL cannot be used.
    :raise StoreError: the server is not reached, or refuses.
    """

    def __init__(
        self,
        url: str,
        *,
        command: str | None = None,
        clock: Clock | None = None,
        options: Mapping[str, Any] | None = None,
        qemu: str | None = None,
    ) -> None:
        self._client = _client(url)
        try:
            base = self._client.get_default_database(DEFAULT_DATABASE)
            self._name = f"{','.join(_hosts(url))}/{base.name}"
            self._runs, self._tasksets, self._jobs = base["runs"], base["tasksets"], base["jobs"]
            run = run_row(
                shlex.join(sys.argv) if command is None else command,
                clock=clock,
                options=json.loads(json.dumps(dict(options or {}), default=str)),
                seed=None,
                qemu=qemu,
            )
            with self._writing(CONNECT_WAIT_S):
                self._run_id = self._runs.insert_one({**run, "ended_at": None}).inserted_id
        except BaseException:
            self._client.close()
            raise
        self._closed = False

    @property
    def run_id(self) -> Any:
        """``_id`` of the run's document."""
        return self._run_id

    def finished(self, attempt: Attempt, result: Result) -> None:
        self._add(attempt, result)
        super().finished(attempt, result)

    def bad(self, attempt: Attempt, result: Result) -> None:
        self._add(attempt, result)
        super().bad(attempt, result)

    def close(self) -> None:
        """Record the run's end, and leave the server; idempotent."""
        if self._closed:
            return
        self._closed = True
        try:
            with self._writing(WRITE_WAIT_S):
                self._runs.update_one(
                    {"_id": self._run_id}, {"$set": {"ended_at": datetime.now(UTC)}}
                )
        finally:
            self._client.close()

    def _add(self, attempt: Attempt, result: Result) -> None:
        if self._closed:
            raise StoreError(
                f"the run in {self._name} has ended",
                hint="a MongoMonitor serves one distributor: make another for the next",
            )
        key = {"run": self._run_id, "batch": attempt.job, "set_index": attempt.index}
        tasks = [_without_set(task_row(0, *each)) for each in enumerate(attempt.taskset.tasks)]
        jobs = (_without_set(job_row(0, job)) for job in result.jobs)
        parts = list(iter(lambda: list(islice(jobs, JOBS_IN_DOCUMENT)), []))
        document = {
            **taskset_row(0, attempt, result),
            "run_id": self._run_id,
            "tasks": tasks,
            "jobs": parts[0] if len(parts) == 1 else [],
            "job_parts": len(parts) if len(parts) > 1 else 0,
        }
        with self._writing(WRITE_WAIT_S):
            # The set comes last: where it is, its jobs are.
            for number, part in enumerate(parts if len(parts) > 1 else ()):
                self._put(self._jobs, {"_id": {**key, "part": number}, "jobs": part})
            self._put(self._tasksets, {"_id": key, **document})

    def _put(self, collection: Collection[dict[str, Any]], document: dict[str, Any]) -> None:
        """Write a document; again, once, where the connection broke and nobody knows."""
        from pymongo.errors import AutoReconnect

        which = {"_id": document["_id"]}
        try:
            collection.replace_one(which, document, upsert=True)
        except AutoReconnect:
            collection.replace_one(which, document, upsert=True)

    @contextmanager
    def _writing(self, wait_s: float) -> Iterator[None]:
        import pymongo
        from bson.errors import BSONError
        from pymongo.errors import PyMongoError

        try:
            with pymongo.timeout(wait_s):
                yield
        except OverflowError as error:
            raise StoreError(
                f"cannot write to {self._name}: a number has more than 64 bits"
            ) from error
        except (PyMongoError, BSONError) as error:
            raise StoreError(
                f"cannot write to {self._name}: {_first_line(error)}",
                hint="see that the server runs, and that this user may write there",
            ) from error


def _client(url: str) -> MongoClient[dict[str, Any]]:
    try:
        from pymongo import MongoClient
        from pymongo.errors import PyMongoError
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"writing to MongoDB needs the Python package {error.name}",
            hint="pip install 'distributor[mongodb]'",
        ) from None
    try:
        with warnings.catch_warnings():
            # An option that it cannot read it would leave out with a warning.
            warnings.simplefilter("error", UserWarning)
            return MongoClient(url, tz_aware=True, appname="distributor")
    except (PyMongoError, ValueError, TypeError, UserWarning) as error:
        # The text of the URL is not repeated: it may hold a password.
        raise ConfigurationError(
            f"the MongoDB server's URL cannot be used: {_first_line(error)}",
            hint="it looks like mongodb://user:password@host:27017/database",
        ) from error


def _hosts(url: str) -> list[str]:
    """The servers that the URL names, without who logs in there."""
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2].split(",")


def _first_line(error: Exception) -> str:
    # pymongo adds all that it knows of its servers to some messages.
    text = re.split(r"[\n,]? Timeout:|\n| \(configured timeouts:", str(error), maxsplit=1)[
        0
    ].strip()
    return text[:300] or type(error).__name__


def _without_set(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "taskset_id"}
