"""The JSON Schema of documents that describe task sets; docs/tasksets.schema.json holds it."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from distributor.tasks.generate.partition import FITS
from distributor.tasks.generate.priority import ASSIGNMENTS
from distributor.tasks.generate.utilization import METHODS
from distributor.tasks.span import UNIT_NS
from distributor.tasks.task import EDF, JOBS_MAX, NAME_MAX, TIME_MAX_NS, Overrun
from distributor.tasks.taskset import TASKS_MAX

#: Times of a task, and whether 0 is one of them.
_TIMES = {
    "period": ("time between releases; default 1 ms", False),
    "deadline": ("relative deadline; default the period", False),
    "offset": ("first release after time zero; default 0", True),
    "executiontime": ("worst-case execution time; the budget of an EDF job", False),
    "criticaltime": ("a job that runs this long is killed; default never (0)", True),
}
_TEXT = {"type": "string", "pattern": "^[ -~]*$", "maxLength": 4095}


def schema() -> dict[str, Any]:
    """The schema, in the dialect 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Task sets of Distributor",
        "description": "Sets as they are, a product of values, or what to draw at random.",
        "oneOf": [
            {"$ref": "#/$defs/tasksets"},
            _object({"tasksets": {"$ref": "#/$defs/tasksets"}}, ["tasksets"]),
            _object({"product": {"$ref": "#/$defs/product"}}, ["product"]),
            _object({"generate": {"$ref": "#/$defs/generate"}}, ["generate"]),
        ],
        "$defs": {
            "tasksets": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/taskset"}},
            "taskset": _closed(
                {
                    "name": {"type": "string"},
                    "tasks": _tasks({"$ref": "#/$defs/task"}),
                    "origin": {
                        "type": ["object", "null"],
                        "description": "what made the set, with its seed; kept with the results",
                    },
                },
                ["tasks"],
            ),
            "task": _task(_parameters()),
            "product": _closed(
                {"name": {"type": "string"}, "tasks": _tasks({"$ref": "#/$defs/variants"})},
                ["tasks"],
            ),
            "variants": _task({name: _several(each) for name, each in _parameters().items()}),
            "generate": _generate(),
        },
    }


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return _closed({"$schema": {"type": "string"}, **properties}, required)


def _closed(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _tasks(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "maxItems": TASKS_MAX, "items": items}


def _task(properties: dict[str, Any]) -> dict[str, Any]:
    """An object of parameters: one binary, and no time given twice."""
    twice = [
        {"required": [f"{time}_{one}", f"{time}_{other}"]}
        for time in _TIMES
        for one, other in combinations(UNIT_NS, 2)
    ]
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "oneOf": [{"required": ["binary"]}, {"required": ["pkg"]}],
        "not": {"anyOf": twice},
    }


def _parameters() -> dict[str, dict[str, Any]]:
    # The last part of a path is the binary's name on the wire.
    binary = {"type": "string", "pattern": f"(^|/)[ -.0-~]{{1,{NAME_MAX}}}$"}
    parameters: dict[str, dict[str, Any]] = {
        "binary": {**binary, "description": "a built-in task, or the path of an executable"},
        "pkg": {**binary, "description": "the same, as earlier distributors called it"},
        "arg1": {
            "anyOf": [{"type": "number"}, _TEXT],
            "description": "the job's only argument; for busy, microseconds to burn",
        },
        "priority": {
            **_whole(0, EDF),
            "description": "0 is the highest, 127 the lowest, 128 (default) stands for EDF",
        },
        "numberofjobs": _whole(1, JOBS_MAX),
        "quota_mib": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 2**20},
        "caps": _whole(0, 2**31),
        "cores": _whole(1, 1024),
        "coreoffset": _whole(0, 1023),
        "overrun": {"enum": [each.value for each in Overrun]},
    }
    for time, (meaning, zero) in _TIMES.items():
        for unit, unit_ns in UNIT_NS.items():
            parameters[f"{time}_{unit}"] = {
                "type": ["integer" if unit == "ns" else "number", "null"],
                "minimum" if zero else "exclusiveMinimum": 0,
                "maximum": TIME_MAX_NS // unit_ns,
                "description": f"{meaning}; whole nanoseconds, given in one unit only",
            }
    return parameters


def _whole(low: int, high: int) -> dict[str, Any]:
    return {"type": ["integer", "null"], "minimum": low, "maximum": high}


def _several(parameter: dict[str, Any]) -> dict[str, Any]:
    """The parameter, a list of it, or a range of whole numbers."""
    whole = {"type": "integer"}
    span = _closed({"from": whole, "to": whole, "step": {**whole, "minimum": 1}}, ["from", "to"])
    return {
        "anyOf": [parameter, {"type": "array", "minItems": 1, "items": parameter}, span],
    }


def _generate() -> dict[str, Any]:
    size = {"type": "integer", "minimum": 1, "maximum": TASKS_MAX}
    total = {"type": "number", "exclusiveMinimum": 0, "maximum": 1024}
    return _closed(
        {
            "tasks": _one_or_more(size),
            "utilization": _one_or_more(total),
            "sets": {"type": "integer", "minimum": 1},
            "method": {"enum": list(METHODS)},
            "caps": _one_or_more(total),
            "periods": {"type": "string", "examples": ["log-uniform:10ms-1s", "automotive"]},
            "deadlines": {"type": "string", "examples": ["implicit", "constrained:0.5"]},
            "priorities": {"enum": list(ASSIGNMENTS)},
            "processors": {"type": "integer", "minimum": 1, "maximum": 1024},
            "fit": {"enum": list(FITS)},
            "duration_ms": {"type": "number", "exclusiveMinimum": 0},
            "seed": {"type": "integer", "minimum": 0},
        },
        ["tasks", "utilization", "seed"],
    )


def _one_or_more(each: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [each, {"type": "array", "minItems": 1, "items": each}]}
