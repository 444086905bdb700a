"""The sockets that a service listens on, and the locks that keep a second one away."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distributor.errors import ConfigurationError, StateError

_BACKLOG = 128


@contextmanager
def unix_socket(path: Path) -> Iterator[socket.socket]:
    """A listening socket that only this user can connect to; what a dead service left goes.

    :raise StateError: a service listens there.
    :raise ConfigurationError: it cannot be made.
    """
    with contextlib.ExitStack() as stack:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            stack.enter_context(_locked(path.with_name(path.name + ".lock"), f"on {path}"))
            if path.exists() and not path.is_socket():
                raise ConfigurationError(f"{path} is there, and is no socket")
            path.unlink(missing_ok=True)
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(str(path))
            stack.callback(path.unlink, missing_ok=True)
            # Nobody can connect before listen().
            path.chmod(0o600)
            listener.listen(_BACKLOG)
        except OSError as error:
            raise ConfigurationError(
                f"the service cannot listen on {path}: {error.strerror or error}",
                hint="--socket names another place",
            ) from error
        yield listener


@contextmanager
def tcp_socket(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket.

    :param port: 0 lets the kernel choose.
    :raise ConfigurationError: it cannot be made.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError, UnicodeError) as error:
        what = getattr(error, "strerror", None) or error
        raise ConfigurationError(
            f"the service cannot listen on {host}:{port}: {what}",
            hint="--listen 127.0.0.1:0 lets the kernel choose a port",
        ) from error
    with listener:
        yield listener


@contextmanager
def _locked(path: Path, what: str) -> Iterator[None]:
    """A lock that ends with this process, however that ends. The file stays."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateError(
                f"a service runs already {what}", hint="`distributor service status` tells of it"
            ) from None
        yield
    finally:
        os.close(descriptor)
