"""The routes of the HTTP API, version 1 (docs/service.md)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from distributor.errors import ConfigurationError, StateError
from distributor.service.document import read_job
from distributor.service.models import (
    DIGITS,
    NUMBER_MAX,
    Console,
    Error,
    Job,
    Machine,
    Maximum,
    Offer,
    Ratio,
    Results,
    SetDetail,
    State,
    Where,
)
from distributor.service.results import draw_gantt, read_results, read_set
from distributor.service.service import Service
from distributor.service.stream import EventResponse
from distributor.session.result import Verdict

PREFIX = "/api/v1"
#: Errors that any route may answer with.
_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Error, "description": "the request is wrong"},
    401: {"model": Error, "description": "no token, or a wrong one"},
    429: {"model": Error, "description": "too many requests of one client"},
    503: {"model": Error, "description": "the store cannot be read or written"},
}
_MISSING: dict[int | str, dict[str, Any]] = {
    404: {"model": Error, "description": "it is not there"}
}
_STATE: dict[int | str, dict[str, Any]] = {
    409: {"model": Error, "description": "its state does not allow that"}
}
_TOO_LARGE: dict[int | str, dict[str, Any]] = {
    408: {"model": Error, "description": "the body took too long to come"},
    413: {"model": Error, "description": "the body is too large"},
}

Number = Annotated[int, Path(ge=1, le=NUMBER_MAX, description="number of the job"), DIGITS]
Index = Annotated[int, Path(ge=0, le=NUMBER_MAX, description="index of the set in its job"), DIGITS]
Name = Annotated[str, Path(max_length=64, description="id of the machine")]
JobFilter = Annotated[
    int | None, Query(ge=1, le=NUMBER_MAX, description="only sets of this job"), DIGITS
]


def routes(service: Service, where: Callable[[], Where]) -> APIRouter:
    """The routes, for one service that is reached there."""
    api = APIRouter(prefix=PREFIX, responses=_ERRORS, dependencies=[Depends(_each_once)])
    for add in (_add_state, _add_jobs, _add_machines, _add_results, _add_events):
        add(api, service)

    @api.get("/where", summary="Where the service is reached", tags=["service"])
    async def read_where() -> Where:
        return where()

    return api


async def _each_once(request: Request) -> None:
    """Of a parameter that is given twice, the last would count and nobody be told."""
    given = Counter(name for name, _ in request.query_params.multi_items())
    for name, times in given.items():
        if times > 1:
            raise ConfigurationError(f"the query has {name} more than once")


def _add_state(api: APIRouter, service: Service) -> None:
    @api.get("/state", summary="The service as a whole", tags=["service"])
    async def state() -> State:
        return service.state()

    @api.put(
        "/maximum",
        summary="Change how many machines there may be",
        tags=["service"],
        responses=_TOO_LARGE,
    )
    async def maximum(wanted: Maximum) -> State:
        """Machines above a lower maximum finish the set that they run."""
        service.set_maximum(wanted.maximum)
        return service.state()

    def verb(name: str, summary: str, act: Callable[[], None]) -> None:
        @api.post(f"/{name}", name=name, summary=summary, tags=["service"], responses=_TOO_LARGE)
        async def do() -> State:
            act()
            return service.state()

    verb("pause", "End machines with their sets, begin nothing", service.pause)
    verb("resume", "Go on after pause, kill or a failure", service.resume)
    verb("kill", "End all machines at once; their sets come back", service.kill)


def _add_jobs(api: APIRouter, service: Service) -> None:
    @api.get("/jobs", summary="Every job, the newest last", tags=["jobs"])
    async def jobs() -> list[Job]:
        return service.jobs.all()

    @api.post(
        "/jobs",
        summary="Hand over a job",
        tags=["jobs"],
        status_code=201,
        responses=_STATE | _TOO_LARGE,
        openapi_extra={"requestBody": _job_body()},
    )
    async def add_job(request: Request, offer: Annotated[Offer, Query()]) -> Job:
        """Task sets as `distributor run` takes them: JSON, JSON lines or CSV.

        In JSON, the fields of the query may also stand beside `tasksets`, `product` or
        `generate`. A binary is a built-in task, or the absolute path of an executable on the
        service's host.
        """
        body = await request.body()
        beside = offer.model_dump(exclude_unset=True)
        kind = request.headers.get("content-type", "")
        source, whole = await asyncio.to_thread(read_job, body, kind, beside)
        return await service.jobs.add(source, whole)

    @api.get("/jobs/{number}", summary="One job", tags=["jobs"], responses=_MISSING)
    async def job(number: Number) -> Job:
        return service.jobs.one(number)

    def verb(name: str, summary: str, act: Callable[[int], Job]) -> None:
        @api.post(
            f"/jobs/{{number}}/{name}",
            name=f"{name}_job",
            summary=summary,
            tags=["jobs"],
            responses=_MISSING | _STATE | _TOO_LARGE,
        )
        async def do(number: Number) -> Job:
            return act(number)

    verb("cancel", "Run no more sets of a job; those that run are finished", service.jobs.cancel)
    verb("pause", "Begin no set of a job until it is resumed", service.jobs.hold)
    verb("resume", "Go on with a job that was paused", service.jobs.release)


def _add_machines(api: APIRouter, service: Service) -> None:
    @api.get("/machines", summary="The machines that there are", tags=["machines"])
    async def machines() -> list[Machine]:
        return service.machines()

    @api.get(
        "/machines/{name}/console",
        summary="What a machine printed last",
        tags=["machines"],
        responses=_MISSING,
    )
    async def console(
        name: Name, lines: Annotated[int, Query(ge=1, le=10_000), DIGITS] = 200
    ) -> Console:
        return Console(machine=name, text=service.console(name, lines))

    @api.post(
        "/machines/{name}/kill",
        summary="End a machine at once; its set comes back",
        tags=["machines"],
        responses=_MISSING | _STATE | _TOO_LARGE,
    )
    async def kill_machine(name: Name) -> Machine:
        return service.kill_machine(name)


def _add_results(api: APIRouter, service: Service) -> None:
    # Plain functions: FastAPI runs them in threads, so that the store holds nobody up.
    @api.get("/results", summary="Sets that have their verdict, the newest first", tags=["results"])
    def results(
        job: JobFilter = None,
        verdict: Verdict | None = None,
        before: Annotated[
            int | None, Query(ge=0, le=NUMBER_MAX, description="`next` of the page before"), DIGITS
        ] = None,
        limit: Annotated[int, Query(ge=1, le=1000), DIGITS] = 100,
    ) -> Results:
        return read_results(
            service.store, service.run, job=job, verdict=verdict, before=before, limit=limit
        )

    @api.get(
        "/results/{job}/{index}",
        summary="A set with its tasks and their jobs",
        tags=["results"],
        responses=_MISSING,
    )
    def result(job: Number, index: Index) -> SetDetail:
        return read_set(service.store, service.run, job, index)

    @api.get(
        "/results/{job}/{index}/gantt.svg",
        summary="A set's Gantt chart",
        tags=["results"],
        response_class=Response,
        responses={
            **_MISSING,
            200: {"content": {"image/svg+xml": {"schema": {"type": "string"}}}},
        },
    )
    def gantt(job: Number, index: Index, dark: bool = False, narrow: bool = False) -> Response:
        svg = draw_gantt(service.store, service.run, job, index, dark=dark, narrow=narrow)
        return Response(svg, media_type="image/svg+xml")

    @api.get(
        "/ratio", summary="The schedulability ratio over utilization, as it grows", tags=["results"]
    )
    def ratio(job: JobFilter = None) -> Ratio:
        return service.ratio.read(job)


def _add_events(api: APIRouter, service: Service) -> None:
    @api.get(
        "/events",
        summary="What happens, as it happens",
        tags=["service"],
        response_class=EventResponse,
        responses={
            **_STATE,
            200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
        },
    )
    async def events() -> EventResponse:
        """Server-sent events: `snapshot` first, then `state`, `job`, `machine`, `sets` and
        `dropped`, at most 5 batches a second, each with the newest of each thing."""
        if len(service.stream) >= service.settings.limits.streams:
            raise StateError(
                f"{len(service.stream)} clients listen already", hint="close some of them"
            )
        return EventResponse(service.stream.listen(service.snapshot()))


def _job_body() -> dict[str, Any]:
    """OpenAPI's description of a job's body; the sets' own schema is a file's."""
    from distributor.service.openapi import job_schema

    text = {"schema": {"type": "string"}}
    return {
        "required": True,
        "content": {
            "application/json": {"schema": job_schema()},
            "application/jsonl": text,
            "text/csv": text,
        },
    }
