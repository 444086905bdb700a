"""The description of the HTTP API in OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from distributor.service.models import Offer
from distributor.tasks.formats.schema import schema

_REF = "#/components/schemas/"


def job_schema() -> dict[str, Any]:
    """Of a job's document: what a file holds, and the fields of an Offer beside it."""
    offered = Offer.model_json_schema(ref_template=_REF + "{model}")["properties"]
    kinds = []
    for kind in _renamed(schema())["oneOf"]:
        if "properties" in kind:
            kind["properties"] |= offered
        kinds.append(kind)
    return {"oneOf": kinds}


def describe(app: FastAPI) -> dict[str, Any]:
    """FastAPI's description, with the schemas of task sets, and without answers never given."""
    if app.openapi_schema is None:
        from fastapi.openapi.utils import get_openapi

        told = get_openapi(
            title="Distributor",
            version=app.version,
            description=app.description,
            routes=app.routes,
        )
        schemas = told["components"]["schemas"]
        schemas |= {_name(name): each for name, each in _renamed(schema())["$defs"].items()}
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        for path in told["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
        told["components"]["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer", "description": "on TCP alone"}
        }
        told["security"] = [{}, {"token": []}]
        app.openapi_schema = told
    return app.openapi_schema


def _name(name: str) -> str:
    return f"file_{name}"


def _renamed(value: Any) -> Any:
    """The same with references to where OpenAPI keeps its schemas."""
    if isinstance(value, dict):
        return {
            key: _REF + _name(each.rpartition("/")[2]) if key == "$ref" else _renamed(each)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_renamed(each) for each in value]
    return value
