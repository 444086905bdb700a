"""The service as a process: sockets, HTTP servers, signals, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from distributor.machines.machine import MachineKind
from distributor.service.app import make_app
from distributor.service.guard import Guard
from distributor.service.limit import Limits
from distributor.service.listen import tcp_socket, unix_socket
from distributor.service.metrics import LogCounter, Metrics
from distributor.service.models import Where
from distributor.service.run import service_run
from distributor.service.service import Service
from distributor.service.settings import Settings

log = logging.getLogger("distributor.service")

#: Bytes of a request's line and headers.
HEAD_BYTES = 32 * 1024
#: Connections of one address at once.
CONNECTIONS_MAX = 256
#: How long requests that are under way may take to end.
_GRACE_S = 3


@dataclass(frozen=True, slots=True)
class Doors:
    """Where a service listens.

    :param path: of its Unix socket.
    :param tcp: host and port, if it is to be reached from elsewhere too.
    :param token: what clients of TCP must bring, and where it is kept.
    :param hosts: names that the TCP address is called by.
    """

    path: Path
    tcp: tuple[str, int] | None = None
    token: str | None = None
    token_file: Path | None = None
    hosts: Collection[str] = ()


@asynccontextmanager
async def listening(service: Service, doors: Doors) -> AsyncIterator[list[str]]:
    """Serve HTTP; yields the addresses. The service has been entered.

    :raise StateError: another service listens there.
    :raise ConfigurationError: it cannot be listened there.
    """
    addresses: list[str] = []
    logged = LogCounter()
    app = make_app(service, lambda: _where(addresses, doors), Metrics(service, logged))
    limits = service.settings.limits
    async with contextlib.AsyncExitStack() as stack:
        ours = logging.getLogger("distributor")
        ours.addHandler(logged)
        stack.callback(ours.removeHandler, logged)
        local = stack.enter_context(unix_socket(doors.path))
        addresses.append(str(doors.path))
        await stack.enter_async_context(_served(Guard(app, limits), local, limits))
        if doors.tcp is not None:
            assert doors.token, "an address that others reach has a token"
            reached = stack.enter_context(tcp_socket(*doors.tcp))
            guard = Guard(app, limits, token=doors.token, hosts=doors.hosts)
            await stack.enter_async_context(_served(guard, reached, limits))
            host, port = reached.getsockname()[:2]
            addresses.append(f"http://{f'[{host}]' if ':' in host else host}:{port}")
        # Streams end first: the servers wait for what is under way.
        stack.callback(service.stream.close)
        yield addresses


@asynccontextmanager
async def open_service(
    kind: MachineKind, settings: Settings, builtin: Mapping[str, Path] | None = None
) -> AsyncIterator[Service]:
    """A service with its run of the store; errors are those of :func:`.run.service_run`."""
    with service_run(settings) as run:
        async with Service(kind, run, settings, builtin=builtin) as service:
            yield service


async def live(
    make: Callable[[], AbstractAsyncContextManager[Service]],
    doors: Doors,
) -> None:
    """Run a service until SIGTERM or SIGINT; its machines are down when this returns.

    :param make: the service, entered and left here.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with make() as service, listening(service, doors) as addresses:
            log.info("listening on %s", " and ".join(addresses))
            notify("READY=1")
            await stop.wait()
            notify("STOPPING=1")
            log.info("stopping")
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def notify(state: str) -> None:
    """Tell who started this process how it stands (sd_notify(3)); nothing if nobody asked."""
    where = os.environ.get("NOTIFY_SOCKET")
    if where:
        name = "\0" + where[1:] if where.startswith("@") else where
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.sendto(state.encode(), name)


def _where(addresses: list[str], doors: Doors) -> Where:
    token_file = None if doors.token_file is None else str(doors.token_file.absolute())
    return Where(addresses=addresses, token_file=token_file, process=os.getpid())


class _Server(uvicorn.Server):
    """Signals are the process's business, and it has two of these."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def _served(app: Guard, listener: socket.socket, limits: Limits) -> AsyncIterator[None]:
    server = _Server(
        uvicorn.Config(
            app,
            http=_protocol(limits.head_s),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=HEAD_BYTES,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    try:
        waiting = asyncio.ensure_future(server.ready.wait())
        await asyncio.wait({waiting, serving}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        yield
    finally:
        server.should_exit = True
        await serving


def _protocol(head_s: float) -> type[H11Protocol]:
    """HTTP/1.1 that waits so long for the head of a request, and no longer."""

    class Protocol(H11Protocol):
        _head: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > CONNECTIONS_MAX:
                transport.abort()
            self._wait()

        def data_received(self, data: bytes) -> None:
            waiting = self._head
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._forget()
            elif waiting is None:
                self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget()
            super().connection_lost(exc)

        def send_400_response(self, msg: str) -> None:
            # What is no HTTP at all is answered as everything else is.
            body = json.dumps({"error": "this is no HTTP request", "hint": ""}).encode()
            headers = [("content-type", "application/json"), ("connection", "close")]
            for event in (
                h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
            self.transport.close()

        def _wait(self) -> None:
            self._head = self.loop.call_later(head_s, self.transport.abort)

        def _forget(self) -> None:
            if self._head is not None:
                self._head.cancel()
                self._head = None

    return Protocol
