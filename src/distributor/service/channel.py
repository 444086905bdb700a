"""The connection of a client with a service: requests, errors, and the stream of events."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx

from distributor.errors import (
    ConfigurationError,
    DistributorError,
    NotThereError,
    ServiceError,
    StateError,
    StoreError,
)
from distributor.service.address import find_token, parse_address

_ANSWER_S = 60.0
#: Longer than the service's heartbeat.
_SILENCE_S = 45.0
#: How long a service that has gone is waited for: one that is restarted comes back.
PATIENCE_S = 30.0
_RETRY_S = 0.5
_API = "/api/v1"
_ERRORS: dict[int, type[DistributorError]] = {
    400: ConfigurationError,
    404: NotThereError,
    409: StateError,
    413: ConfigurationError,
    503: StoreError,
}


class Channel:
    """Requests to one service; errors come back as the library's own.

    Parameters and errors are those of :class:`~distributor.service.client.Client`.
    """

    def __init__(self, address: str | None, token: str | None) -> None:
        self._address = parse_address(address)
        path = self._address.path
        headers = {}
        if path is None:
            headers["authorization"] = f"Bearer {find_token(token, self._address)}"
        self._closed = False
        self._streaming: socket.socket | None = None
        self._http = httpx.Client(
            transport=None if path is None else httpx.HTTPTransport(uds=str(path)),
            base_url=self._address.url or "http://localhost",
            headers=headers,
            timeout=_ANSWER_S,
            trust_env=False,
        )

    @property
    def address(self) -> str:
        """Where the service is."""
        return str(self._address)

    def events(self, end_s: float | None) -> Iterator[tuple[str, Any]]:
        """See :meth:`.client.Client.events`."""
        gone_s: float | None = None
        while end_s is None or time.monotonic() < end_s:
            try:
                for each in self._stream(end_s):
                    gone_s = None
                    yield each
            except httpx.TimeoutException:
                continue
            except httpx.TransportError as error:
                if self._closed:
                    return
                now_s = time.monotonic()
                gone_s = gone_s or now_s
                if now_s - gone_s > PATIENCE_S:
                    raise self._silent(error) from error
            else:
                gone_s = gone_s or time.monotonic()
            # Nothing tells when a process that is gone has come back.
            time.sleep(_RETRY_S)

    def close(self) -> None:
        """End the connection, and :meth:`events` in another thread. Idempotent."""
        self._closed = True
        streaming, self._streaming = self._streaming, None
        if streaming is not None:
            # Wakes a thread that waits in `events`.
            with contextlib.suppress(OSError):
                streaming.shutdown(socket.SHUT_RDWR)
        self._http.close()

    def ask(self, verb: str, path: str, *, again: bool = False, **request: Any) -> bytes:
        """The content of an answer that is a success; ``request`` is as httpx takes it.

        :param again: ask again a service that was reached and gave no answer, as one that is
            restarted; for what may be asked twice.
        :raise DistributorError: of the kind that the answer tells.
        """
        gone_s: float | None = None
        while True:
            try:
                answer = self._http.request(verb, _API + path, **request)
                break
            except httpx.HTTPError as error:
                now_s = time.monotonic()
                if gone_s is None and again and not isinstance(error, httpx.ConnectError):
                    gone_s = now_s
                if gone_s is None or now_s - gone_s > PATIENCE_S:
                    raise self._silent(error) from error
                time.sleep(_RETRY_S)
        if answer.is_success:
            return answer.content
        raise _error(answer)

    def _stream(self, end_s: float | None) -> Iterator[tuple[str, Any]]:
        left_s = _SILENCE_S if end_s is None else max(0.1, end_s - time.monotonic())
        limit = httpx.Timeout(_ANSWER_S, read=min(_SILENCE_S, left_s))
        with self._http.stream("GET", f"{_API}/events", timeout=limit) as answer:
            if not answer.is_success:
                answer.read()
                raise _error(answer)
            self._streaming = answer.extensions["network_stream"].get_extra_info("socket")
            name = ""
            for line in answer.iter_lines():
                key, _, value = line.partition(": ")
                if key == "event":
                    name = value
                elif key == "data":
                    yield name, json.loads(value)
                if end_s is not None and time.monotonic() > end_s:
                    return

    def _silent(self, error: httpx.HTTPError) -> ServiceError:
        # httpx has the kernel's word for it as "[Errno 2] No such file or directory".
        what = re.sub(r"^\[Errno \d+\] ", "", str(error)) or type(error).__name__
        return ServiceError(
            f"no service answers at {self._address}: {what}",
            hint="`distributor service start` starts one",
        )


def _error(answer: httpx.Response) -> DistributorError:
    """What an answer that is no success stands for."""
    try:
        told = json.loads(answer.content)
        message, hint = str(told["error"]), str(told["hint"])
    except (ValueError, KeyError, TypeError):
        message, hint = f"the service answered with {answer.status_code}", ""
    return _ERRORS.get(answer.status_code, ServiceError)(message, hint=hint)
