"""A service of made-up jobs and machines, for what the page does with whatever it is told.

It answers as the HTTP API of the service does, as far as the page asks, and holds no machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import distributor
from distributor.service.guard import HEADERS

PAGE = Path(distributor.__file__).parent / "service" / "page"
TOKEN = "a-token-of-the-tests"
#: The service's own.
POLICY = HEADERS["content-security-policy"]
VERDICTS = ("schedulable", "missed", "failed", "undecided")
_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 730 200">'
    '<rect x="40" y="60" width="300" height="40" fill="#0072b2"/></svg>'
)


class Dashboard:
    """What the page is told; tests change it and :meth:`tell` events."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {
            "version": "0.1.0", "state": "running", "error": None, "maximum": 3, "max_allowed": 42,
            "clock": "virtual", "network": "none", "cpus": 1, "run": 7, "store": "distributor.db",
            "started_at": "2026-11-27T08:00:00Z", "jobs_done": 1, "jobs_open": 1, "machines": 0,
            "verdicts": dict.fromkeys(VERDICTS, 0), "sets_per_s": 4.25, "load": [1.5, 1.25, 1.0],
            "memory_free_mib": 20_480,
        }  # fmt: skip
        self.jobs: dict[int, dict[str, Any]] = {}
        self.machines: dict[str, dict[str, Any]] = {}
        self.sets: list[dict[str, Any]] = []
        self.points: list[dict[str, Any]] = []
        #: While it is not set, an answer with sets is on its way.
        self.sets_arrive = threading.Event()
        self.sets_arrive.set()
        self.consoles: dict[str, str] = {}
        self.console = ""
        self.tasks: list[dict[str, Any]] = []
        self.task_jobs: list[dict[str, Any]] = []
        #: Requests that would have changed something.
        self.changes: list[tuple[str, str, Any]] = []
        self._watchers: list[tuple[asyncio.AbstractEventLoop, asyncio.Queue[str | None]]] = []

    def tell(self, *events: tuple[str, Any]) -> None:
        """Send events to every page that is open; from any thread."""
        text = "".join(f"event: {name}\ndata: {json.dumps(told)}\n\n" for name, told in events)
        for loop, queue in self._watchers:
            loop.call_soon_threadsafe(queue.put_nowait, text)

    def hang_up(self) -> None:
        """End every stream of events."""
        for loop, queue in self._watchers:
            loop.call_soon_threadsafe(queue.put_nowait, None)

    def app(self) -> Starlette:
        """The ASGI application."""
        api = [
            Route("/state", lambda _: JSONResponse(self.state)),
            Route("/maximum", self._set_maximum, methods=["PUT"]),
            Route("/jobs", self._add, methods=["POST"]),
            Route("/jobs/{number:int}/{verb}", self._change_job, methods=["POST"]),
            Route("/machines/{id:path}/console", self._console),
            Route("/machines/{id:path}/kill", self._note, methods=["POST"]),
            Route("/results", self._results),
            Route("/results/{job:int}/{index:int}", self._detail),
            Route("/results/{job:int}/{index:int}/gantt.svg",
                  lambda _: Response(_SVG, media_type="image/svg+xml")),
            Route("/ratio", lambda _: JSONResponse({"points": self.points})),
            Route("/events", self._events),
            Route("/{verb}", self._change_all, methods=["POST"]),
        ]  # fmt: skip
        return Starlette(
            routes=[
                Route("/", lambda _: FileResponse(PAGE / "index.html")),
                Mount("/static", StaticFiles(directory=PAGE)),
                Mount("/api/v1", routes=api),
            ],
            middleware=[Middleware(_Guard)],
        )

    async def _events(self, request: Request) -> Response:
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        watcher = (asyncio.get_running_loop(), queue)
        snapshot = {
            "state": self.state,
            "jobs": list(self.jobs.values()),
            "machines": list(self.machines.values()),
        }

        async def stream() -> AsyncIterator[str]:
            yield f": hello\n\nevent: snapshot\nid: 1\ndata: {json.dumps(snapshot)}\n\n"
            self._watchers.append(watcher)
            try:
                while (text := await queue.get()) is not None:
                    yield text
            finally:
                self._watchers.remove(watcher)

        return StreamingResponse(stream(), media_type="text/event-stream")

    async def _results(self, request: Request) -> Response:
        asked = request.query_params
        before = int(asked.get("before", 2**53))
        limit = int(asked.get("limit", 100))
        found = [
            each
            for each in reversed(self.sets)
            if each["id"] < before
            and asked.get("verdict", each["verdict"]) == each["verdict"]
            and int(asked.get("job", each["job"])) == each["job"]
        ]
        more = found[limit - 1]["id"] if len(found) > limit else None
        await asyncio.to_thread(self.sets_arrive.wait, 20)
        return JSONResponse({"results": found[:limit], "next": more})

    async def _detail(self, request: Request) -> Response:
        where = (request.path_params["job"], request.path_params["index"])
        found = [each for each in self.sets if (each["job"], each["index"]) == where]
        if not found:
            return JSONResponse({"error": "there is no such set", "hint": ""}, 404)
        return JSONResponse(
            {**found[0], "tasks": self.tasks, "jobs": self.task_jobs, "jobs_left_out": 0,
             "console": self.console}
        )  # fmt: skip

    async def _console(self, request: Request) -> Response:
        name = request.path_params["id"]
        if name not in self.consoles:
            return JSONResponse({"error": f"there is no machine {name}", "hint": ""}, 404)
        return JSONResponse({"machine": name, "text": self.consoles.get(name, "")})

    async def _note(self, request: Request) -> Response:
        body = await request.body()
        content = json.loads(body) if body else None
        self.changes.append((request.method, request.url.path, content))
        return JSONResponse(self.state)

    async def _change_all(self, request: Request) -> Response:
        verb = request.path_params["verb"]
        self.state["state"] = {"pause": "paused", "resume": "running"}.get(verb, "running")
        return await self._note(request)

    async def _set_maximum(self, request: Request) -> Response:
        self.state["maximum"] = (await request.json())["maximum"]
        return await self._note(request)

    async def _change_job(self, request: Request) -> Response:
        await self._note(request)
        job = self.jobs[request.path_params["number"]]
        states = {"pause": "paused", "resume": "running", "cancel": "cancelled"}
        job["state"] = states[request.path_params["verb"]]
        return JSONResponse(job)

    async def _add(self, request: Request) -> Response:
        body = await request.body()
        kind = request.headers["content-type"]
        self.changes.append(("POST", kind, body.decode()))
        if b"wrong" in body:
            return JSONResponse({"error": "line 1: no task set", "hint": "see the schema"}, 400)
        number = max(self.jobs, default=0) + 1
        self.jobs[number] = a_job(number, name=request.query_params.get("name", "drawn"))
        return JSONResponse(self.jobs[number], 201)


class _Guard:
    """Asks for the token, and sends the policy."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Content-Security-Policy"] = POLICY
            await send(message)

        app: ASGIApp = self._app
        given = Headers(scope=scope).get("authorization")
        if scope["path"].startswith("/api/") and given != f"Bearer {TOKEN}":
            app = JSONResponse({"error": "the token is missing", "hint": "sign in"}, 401)
        await app(scope, receive, send_with_policy)


def a_job(number: int, **changes: Any) -> dict[str, Any]:
    """A job that has just been added."""
    return {
        "number": number, "name": "", "state": "waiting", "error": None,
        "added_at": "2026-11-27T08:00:00Z", "decided": 0, "total": 10,
        "verdicts": dict.fromkeys(VERDICTS, 0), "left_s": None, **changes,
    }  # fmt: skip


def a_machine(machine_id: str, **changes: Any) -> dict[str, Any]:
    """A machine that waits for a set."""
    return {
        "id": machine_id, "state": "ready", "health": "good", "job": None, "index": None,
        "name": None, "uptime_s": 12.0, "work_s": 3.0, "memory_mib": 128, "address": None,
        "sets": 4, **changes,
    }  # fmt: skip


def a_set(job: int, index: int, **changes: Any) -> dict[str, Any]:
    """A set that held its deadlines, decided now."""
    return {
        "id": job * 100_000 + index, "job": job, "index": index, "name": f"set {index}",
        "verdict": "schedulable", "reason": "", "machine": "qemu-1", "attempts": 1,
        "finished_at": datetime.now(UTC).isoformat(), "guest_s": 1.0, "host_s": 0.25,
        "utilization": 0.7, "tasks": 3, "noise": None, "digest": "0123456789abcdef", **changes,
    }  # fmt: skip


def a_task(task_id: int, **changes: Any) -> dict[str, Any]:
    """A task of one set."""
    return {
        "task_id": task_id, "executable": "busy", "name": f"task {task_id}", "arg1": "1000",
        "priority": task_id, "period_ns": 10**7, "deadline_ns": 10**7, "offset_ns": 0,
        "numberofjobs": 3, "executiontime_ns": None, "criticaltime_ns": None, "quota_bytes": None,
        "caps": None, "cores": None, "coreoffset": 0, "overrun": "kill", **changes,
    }  # fmt: skip


def a_task_job(task_id: int, index: int, response_ns: int, **changes: Any) -> dict[str, Any]:
    """A run of a task whose deadline is 10 ms."""
    release_ns = index * 10**7
    return {
        "task_id": task_id, "index": index, "release_ns": release_ns,
        "start_ns": release_ns + 1000, "completion_ns": release_ns + response_ns,
        "response_ns": response_ns, "deadline_ns": 10**7, "met": response_ns <= 10**7,
        "outcome": "EXIT", "exit_value": 0, **changes,
    }  # fmt: skip


@contextlib.contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an application on a loopback port that the kernel picks; its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
