"""Who may ask, and how much: stands before the application on every address."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import time
from collections.abc import Collection
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from distributor.service.limit import Buckets, Limits

#: What the page's own files may be had without: they hold no data.
_OPEN = ("/static/",)
#: Nothing that a page of ours shows may load, run or frame anything from elsewhere.
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """ASGI middleware: token, host, rate and size, before anything is read.

    :param token: what a client must bring; None on an address that only this user can reach.
    :param hosts: names beside IP addresses and ``localhost`` that the address is called by: a
        page of somebody else's could give its own name our address (DNS rebinding).
    """

    def __init__(
        self,
        app: ASGIApp,
        limits: Limits,
        *,
        token: str | None = None,
        hosts: Collection[str] = (),
    ) -> None:
        self._app = app
        self._limits = limits
        self._token = None if token is None else token.encode()
        self._hosts = {host.lower() for host in hosts} | {"localhost"}
        self._buckets = Buckets(limits.rate_per_s, limits.burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            # No lifespan of ours, and no web socket.
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return
        send = _with_headers(send)
        headers = dict(scope["headers"])
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _answer(send, *refusal)
            return
        body = await self._body(headers, receive)
        if isinstance(body, int):
            what = {413: "the body is larger than", 408: "the body took longer than"}[body]
            bound = {
                413: f"{self._limits.body_bytes} bytes",
                408: f"{self._limits.body_s:g} seconds",
            }[body]
            await _answer(send, body, f"{what} {bound}", "send less at a time")
            return
        given = False

        async def whole() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, whole, send)

    def _refusal(
        self, scope: Scope, headers: dict[bytes, bytes]
    ) -> tuple[int, str, str] | tuple[int, str, str, dict[str, str]] | None:
        client = scope.get("client")
        wait_s = self._buckets.take(client[0] if client else "", time.monotonic())
        if wait_s > 0:
            again = {"retry-after": str(int(wait_s) + 1)}
            return 429, "too many requests", f"wait {wait_s:.1f} s", again
        if self._token is None:
            return None
        if not self._knows(headers.get(b"host", b"").decode("latin-1")):
            return (
                400,
                "this address is not called by that name",
                "use its IP address or localhost, or start the service with --host NAME",
            )
        path = scope["path"]
        if scope["method"] in ("GET", "HEAD") and (path == "/" or path.startswith(_OPEN)):
            return None
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"bearer" and hmac.compare_digest(given.strip(), self._token):
            return None
        return (
            401,
            "no token, or a wrong one",
            "send `Authorization: Bearer TOKEN`; `distributor service status` says where it is",
            {"www-authenticate": "Bearer"},
        )

    def _knows(self, host: str) -> bool:
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        name = name.strip("[]").lower()
        if name in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    async def _body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes | int:
        """The whole body, or the status that refuses it."""
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self._limits.body_bytes:
            return 413
        pieces: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._limits.body_s):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        return b""  # the client has gone
                    pieces.append(message.get("body", b""))
                    size += len(pieces[-1])
                    if size > self._limits.body_bytes:
                        return 413
                    if not message.get("more_body", False):
                        return b"".join(pieces)
        except TimeoutError:
            return 408


def _with_headers(send: Send) -> Send:
    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: list[Any] = list(message.get("headers", []))
            present = {name.lower() for name, _ in headers}
            headers += [
                (name.encode(), value.encode())
                for name, value in HEADERS.items()
                if name.encode() not in present
            ]
            message = {**message, "headers": headers}
        await send(message)

    return add


async def _answer(
    send: Send, status: int, error: str, hint: str, more: dict[str, str] | None = None
) -> None:
    body = json.dumps({"error": error, "hint": hint}).encode()
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        # What is left of the request is not read.
        "connection": "close",
        **(more or {}),
    }
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})
