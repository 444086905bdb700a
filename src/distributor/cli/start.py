"""Starts ``distributor service run`` apart from this terminal, and waits until it answers."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import typer

from distributor.errors import ConfigurationError

#: What of the log is shown of a service that did not come up.
_TAIL_BYTES = 4096


def start_service(arguments: Sequence[str], log: Path) -> None:
    """Start a service; it answers when this returns.

    :param arguments: of `distributor service run`.
    :param log: what it writes to; what is there stays.
    :raise ConfigurationError: the log cannot be written.
    :raise typer.Exit: the service did not come up; with its own exit value, and after its words.
    """
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise ConfigurationError(f"{log} cannot be written: {error.strerror}") from error
    with (
        os.fdopen(descriptor, "ab") as file,
        tempfile.TemporaryDirectory(prefix="distributor-") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as news,
    ):
        begin = file.tell()
        news.bind(f"{folder}/ready")
        process = subprocess.Popen(
            [sys.executable, "-m", "distributor", "service", "run", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            env={**os.environ, "NOTIFY_SOCKET": f"{folder}/ready"},
        )
        try:
            answers = _answers(process.pid, news)
        except BaseException:
            # Nobody would know of it: Ctrl-C does not reach its session.
            process.terminate()
            process.wait()
            raise
        if answers:
            # It is nobody's child from now on.
            process.returncode = 0
            return
        code = process.wait()
    with log.open("rb") as file:
        file.seek(max(begin, log.stat().st_size - _TAIL_BYTES))
        sys.stderr.write(file.read().decode("utf-8", "replace"))
    raise typer.Exit(code if code > 0 else 2)


def _answers(process: int, news: socket.socket) -> bool:
    """Whether the service says that it is ready, or ends before."""
    descriptor = os.pidfd_open(process)
    try:
        while True:
            ready, _, _ = select.select([news.fileno(), descriptor], [], [])
            if news.fileno() in ready and b"READY=1" in news.recv(4096):
                return True
            if descriptor in ready:
                return False
    finally:
        os.close(descriptor)
