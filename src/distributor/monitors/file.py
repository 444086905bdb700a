"""Monitors that append each finished set to a file, a row for each job: CSV and JSON lines."""

from __future__ import annotations

import csv
import errno
import fcntl
import io
import json
import logging
import os
import stat
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path

from distributor.analysis.table import printable
from distributor.errors import ConfigurationError, DistributorError, StoreError
from distributor.monitors.monitor import Attempt, Monitor
from distributor.monitors.row import COLUMNS, Value, job_rows, now_text
from distributor.session.result import Result

_log = logging.getLogger(__name__)

#: Longest first line that is looked at to tell whether a file is ours.
_HEAD_MAX = 1 << 20
_BLOCK = 1 << 16


class FileMonitor(Monitor, ABC):
    """Appends rows to a file; the base of the two that are handed to a distributor.

    A set's rows are with the operating system, all in one piece, when the call that brought
    it returns: a kill of the program loses at most the set that was being written. A set
    that does not fit on the disk is taken back whole. An existing file is continued if it
    holds such rows, and refused if it holds anything else; one program writes it at a time.

    :param path: the file; made if it is not there.
    :param run: name of the run in each row; the present time (UTC) if not given.
    :raise ConfigurationError: the file holds something else.
    :raise StoreError: it cannot be opened or written.
    """

    def __init__(self, path: str | os.PathLike[str], *, run: str | None = None) -> None:
        self._path = Path(path)
        self._run = now_text() if run is None else run
        self._fd: int | None = self._open()
        try:
            self._prepare(self._fd)
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise self._fault("open", error) from error
            raise

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def finished(self, attempt: Attempt, result: Result) -> None:
        self._add(attempt, result)
        super().finished(attempt, result)

    def bad(self, attempt: Attempt, result: Result) -> None:
        self._add(attempt, result)
        super().bad(attempt, result)

    def close(self) -> None:
        """Close the file; idempotent."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    # What a format is

    @abstractmethod
    def _head(self) -> bytes:
        """What a new file begins with."""

    @abstractmethod
    def _continues(self, first_line: bytes) -> bool:
        """Whether a file that begins so is one of this format."""

    @abstractmethod
    def _line(self, row: dict[str, Value]) -> bytes:
        """A row as one line, its end included."""

    # The file

    def _add(self, attempt: Attempt, result: Result) -> None:
        if self._fd is None:
            raise StoreError(
                f"{self._path} is closed", hint="a monitor serves one distributor: make another"
            )
        rows = job_rows(self._run, attempt, result)
        self._write(self._fd, b"".join(map(self._line, rows)))

    def _open(self) -> int:
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise self._fault("open", error) from error
        return fd

    def _prepare(self, fd: int) -> None:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ConfigurationError(f"{self._path} is no plain file", hint="give another name")
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                f"cannot open {self._path}: another program is writing to it",
                hint="wait for that program, or use another file",
            ) from None
        size = os.fstat(fd).st_size
        whole = _end_of_last_line(fd, size)
        first_line = os.pread(fd, _HEAD_MAX, 0).partition(b"\n")[0]
        if whole and not self._continues(first_line):
            raise self._foreign()
        if not whole and size and not self._head().startswith(first_line):
            raise self._foreign()
        if whole < size:
            # Left by a host that went down, or by a kill in the middle of a write.
            _log.warning("%s ended in the middle of a line, which is left out", self._path)
            os.ftruncate(fd, whole)
        if not whole:
            self._write(fd, self._head())

    def _foreign(self) -> ConfigurationError:
        return ConfigurationError(
            f"{self._path} is there, and holds something else than rows of results as they "
            "are written now",
            hint="give another name, or move it away",
        )

    def _write(self, fd: int, data: bytes) -> None:
        before = os.fstat(fd).st_size
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(fd, rest) :]
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(fd, before)
            raise self._fault("write to", error) from error

    def _fault(self, doing: str, error: OSError) -> DistributorError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StoreError(
                f"cannot {doing} {self._path}: the disk is full",
                hint="free some space; the sets before are in it, whole",
            )
        return StoreError(f"cannot {doing} {self._path}: {error.strerror or error}")


class CsvMonitor(FileMonitor):
    """Appends to a CSV file, with a line of column names at its head (see docs/results.md).

    What is not known is an empty field, a truth ``true`` or ``false``; texts are on one line.
    """

    def _head(self) -> bytes:
        return _csv(dict.fromkeys(COLUMNS) | {name: name for name in COLUMNS})

    def _continues(self, first_line: bytes) -> bool:
        return first_line.rstrip(b"\r") + b"\n" == self._head()

    def _line(self, row: dict[str, Value]) -> bytes:
        return _csv(row)


class JsonLinesMonitor(FileMonitor):
    """Appends to a file of JSON objects, one a line, with the same names as the CSV's columns."""

    def _head(self) -> bytes:
        return b""

    def _continues(self, first_line: bytes) -> bool:
        try:
            first = json.loads(first_line)
        except ValueError:
            return False
        return isinstance(first, dict) and tuple(first) == COLUMNS

    def _line(self, row: dict[str, Value]) -> bytes:
        ordered = {name: row[name] for name in COLUMNS}
        return json.dumps(ordered, separators=(",", ":")).encode() + b"\n"


def _csv(row: dict[str, Value]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([_cell(row[name]) for name in COLUMNS])
    return line.getvalue().encode("utf-8", "replace")


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return printable(str(value))


def _end_of_last_line(fd: int, size: int) -> int:
    """Where the last line that has an end has it; 0 if none has."""
    end = size
    while end:
        start = max(0, end - _BLOCK)
        found = os.pread(fd, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
