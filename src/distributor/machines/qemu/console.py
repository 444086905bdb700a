"""What a machine prints: kept in a file of bounded size, its end also in memory."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
from collections import deque
from collections.abc import Callable
from pathlib import Path

_log = logging.getLogger(__name__)

#: Size at which a console file becomes ``NAME.old`` and another one is begun.
FILE_MAX = 512 << 10
_LINES_MAX = 200
_LINE_MAX = 400
_READ_MAX = 16 << 10
_READY = b"loader: ready"
#: Escape sequences, then whatever else a terminal would act on.
_CONTROL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Console:
    """Reads one machine's console to its end; nothing that it prints costs more than this.

    :param path: the file that keeps what was printed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # Those of the forks of one machine share a file, and its bound.
        self._size = path.stat().st_size if path.exists() else 0
        self._lines: deque[str] = deque(maxlen=_LINES_MAX)
        self._rest = b""
        self._source: socket.socket | None = None
        #: Called with all that is printed, as it is.
        self.hear: Callable[[bytes], None] = _nobody
        self.ready = asyncio.Event()

    async def read(self, source: socket.socket) -> None:
        """Read until QEMU closes its end. Owns ``source`` and closes it.

        Sets :attr:`ready` when the loader says that it listens.
        """
        source.setblocking(False)
        self._source = source
        loop = asyncio.get_running_loop()
        with contextlib.ExitStack() as stack:
            stack.callback(source.close)
            stack.callback(self._end_line)
            while True:
                try:
                    data = await loop.sock_recv(source, _READ_MAX)
                except ConnectionError:
                    return
                if not data:
                    return
                self.feed(data)

    def enter(self, data: bytes) -> None:
        """Hand the machine what was typed; what it does not take at once is lost."""
        if self._source is not None:
            with contextlib.suppress(OSError):
                self._source.send(data)

    def feed(self, data: bytes) -> None:
        """Take in what was printed."""
        self._write(data)
        self.hear(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(line)
        if len(self._rest) > _LINE_MAX:
            self._end_line()

    def tail(self, lines: int) -> str:
        """The last lines, without control characters."""
        rest = clean(self._rest)
        every = [*self._lines, rest] if rest else list(self._lines)
        return "\n".join(every[-lines:]) if lines > 0 else ""

    def find(self, text: str) -> str:
        """The last line that holds ``text``, "" if none of those still known does."""
        return next((line for line in reversed(self._lines) if text in line), "")

    def _end_line(self) -> None:
        if self._rest:
            self._take(self._rest)
        self._rest = b""

    def _take(self, line: bytes) -> None:
        if _READY in line:
            self.ready.set()
        self._lines.append(clean(line[:_LINE_MAX]))

    def _write(self, data: bytes) -> None:
        try:
            if self._size + len(data) > FILE_MAX:
                self._path.replace(self._path.with_name(f"{self._path.name}.old"))
                self._size = 0
            with self._path.open("ab") as file:
                file.write(data)
        except OSError as error:
            # A full disk must not end the machine: what was printed is still in memory.
            if self._size >= 0:
                _log.warning("cannot keep the console in %s: %s", self._path, error)
            self._size = -(1 << 62)
        else:
            self._size += len(data)


def _nobody(data: bytes) -> None:
    """Nobody hears it."""


def clean(line: bytes) -> str:
    """A line as text that is safe to show."""
    return _CONTROL.sub("", line.decode(errors="replace")).rstrip()
