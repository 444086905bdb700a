"""A job's body read: what a client sent, to task sets and the rest of a job. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from distributor.errors import ConfigurationError
from distributor.service.models import OFFERED, Offer
from distributor.tasks.formats.text import ENCODING, parse_json
from distributor.tasks.source import Source, draw
from distributor.tasks.taskset import TaskSet

JSON, JSON_LINES, CSV = "application/json", "application/jsonl", "text/csv"
_SUFFIXES = {JSON: ".json", JSON_LINES: ".jsonl", CSV: ".csv"}
#: What messages call the body.
_BODY = "the body"
#: A binary's relative path would begin here: no such file can be, and the message says why.
_NOWHERE = Path("/a-job's-paths-are-absolute")


def read_job(body: bytes, media_type: str, offer: dict[str, Any]) -> tuple[Source, Offer]:
    """Where a job's sets come from, and what else it is.

    :param media_type: of the body: :data:`JSON`, :data:`JSON_LINES` or :data:`CSV`.
    :param offer: the fields of an :class:`Offer` that came beside the body; those in it go first.
    :raise ConfigurationError: the body cannot be read; with its place.
    """
    kind = media_type.partition(";")[0].strip().lower()
    if kind not in _SUFFIXES:
        raise ConfigurationError(
            f"a body of the type {kind[:60]!r} is not read",
            hint=f"send {', '.join(_SUFFIXES)}",
        )
    try:
        text = body.decode(ENCODING)
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{_BODY} is no UTF-8: {error.reason}") from None
    if kind == JSON:
        document = parse_json(text, _BODY, several_lines=True)
        if isinstance(document, dict) and OFFERED & document.keys():
            offer = offer | {key: document.pop(key) for key in OFFERED if key in document}
            text = json.dumps(document)
    source = {
        "content": text,
        "format": _SUFFIXES[kind],
        "name": _BODY,
        "folder": str(_NOWHERE),
    }
    return source, read_offer(offer)


def draw_body(source: Source) -> Iterable[TaskSet]:
    """The sets of a body that was read.

    :raise ConfigurationError: it holds none, or what is none; with its place.
    """
    try:
        drawn = draw(source)
        return [drawn] if isinstance(drawn, TaskSet) else drawn
    except RecursionError:
        raise ConfigurationError(f"{_BODY} is nested too deeply") from None
    except ValueError as error:
        raise ConfigurationError(f"{_BODY} cannot be read: {error}") from None


def read_offer(fields: dict[str, Any]) -> Offer:
    """:raise ConfigurationError: a field is wrong."""
    try:
        return Offer.model_validate(fields, strict=True)
    except ValidationError as error:
        raise ConfigurationError(first_of(error.errors())) from None


def first_of(errors: Iterable[Any]) -> str:
    """The first of pydantic's errors in one line: where, and what."""
    first = next(iter(errors))
    place = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    what = str(first["msg"]).removeprefix("Value error, ")  # one of our own checks
    return f"{place}: {what}" if place else what
