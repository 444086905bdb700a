"""The application: the API, the page, the metrics, and errors as one line of JSON."""

from __future__ import annotations

import http
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from distributor.errors import (
    ConfigurationError,
    DistributorError,
    NotThereError,
    StateError,
    StoreError,
)
from distributor.service.api import PREFIX, routes
from distributor.service.document import first_of
from distributor.service.metrics import MEDIA_TYPE, Metrics
from distributor.service.openapi import describe
from distributor.store.host import distributor_version

if TYPE_CHECKING:
    from distributor.service.models import Where
    from distributor.service.service import Service

#: The page's files.
PAGE = Path(__file__).with_name("page")
#: The first that fits counts.
_STATUS: tuple[tuple[type[DistributorError], int], ...] = (
    (NotThereError, 404),
    (StateError, 409),
    (ConfigurationError, 400),
    (StoreError, 503),
)


def make_app(service: Service, where: Callable[[], Where], metrics: Metrics) -> FastAPI:
    """The ASGI application over a service; who may ask is :class:`.guard.Guard`'s business.

    :param where: tells how the service is reached.
    """
    app = FastAPI(
        title="Distributor",
        version=distributor_version(),
        description="Real-time task sets, run for real on a fleet of machines.",
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{PREFIX}/openapi.json",
    )
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    app.include_router(routes(service, where))
    _add_metrics(app, metrics)

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    app.mount("/static", StaticFiles(directory=PAGE), name="static")
    _add_errors(app)
    return app


def _add_metrics(app: FastAPI, metrics: Metrics) -> None:
    @app.get(
        "/metrics",
        summary="Metrics for Prometheus",
        tags=["service"],
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def read_metrics() -> Response:
        return Response(metrics.exposition(), media_type=MEDIA_TYPE)


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(DistributorError)
    async def ours(_request: Request, error: DistributorError) -> JSONResponse:
        status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
        return _error(status, error.message, error.hint)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        return _error(400, first_of(error.errors()))

    @app.exception_handler(HTTPException)
    async def refused(_request: Request, error: HTTPException) -> JSONResponse:
        answer = _error(error.status_code, http.HTTPStatus(error.status_code).phrase.lower())
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def unforeseen(_request: Request, error: Exception) -> JSONResponse:
        # Its traceback goes to the log, not to the client.
        return _error(500, f"an error of the service's own: {type(error).__name__}")


def _error(status: int, error: str, hint: str = "") -> JSONResponse:
    one_line = " ".join(error.encode("utf-8", "replace").decode().split())
    return JSONResponse({"error": one_line, "hint": hint}, status)
