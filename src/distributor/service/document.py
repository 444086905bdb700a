"""A job's body read: what a client sent, to task sets and the rest of a job. Pure."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from distributor.errors import ConfigurationError
from distributor.service.models import OFFERED, Offer
from distributor.tasks.formats.document import tasksets_of
from distributor.tasks.formats.lines import read_lines
from distributor.tasks.formats.table import read_table
from distributor.tasks.taskset import TaskSet

JSON, JSON_LINES, CSV = "application/json", "application/jsonl", "text/csv"
#: What messages call the body.
_BODY = "the body"
#: A binary's relative path would begin here: no such file can be, and the message says why.
_NOWHERE = Path("/a-job's-paths-are-absolute")


def read_job(
    body: bytes, media_type: str, offer: dict[str, Any]
) -> tuple[Iterable[TaskSet], Offer]:
    """The sets of a job, and what else it is.

    :param media_type: of the body: :data:`JSON`, :data:`JSON_LINES` or :data:`CSV`.
    :param offer: the fields of an :class:`Offer` that came beside the body; those in it go first.
    :raise ConfigurationError: the body cannot be read; with its place.
    """
    kind = media_type.partition(";")[0].strip().lower()
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{_BODY} is no UTF-8: {error.reason}") from None
    if kind == JSON:
        document = _parse(text)
        if isinstance(document, dict):
            offer = offer | {key: document.pop(key) for key in OFFERED if key in document}
        return tasksets_of(document, _BODY, _NOWHERE), read_offer(offer)
    if kind == JSON_LINES:
        return list(_lines(text)), read_offer(offer)
    if kind == CSV:
        return _table(text), read_offer(offer)
    raise ConfigurationError(
        f"a body of the type {kind[:60]!r} is not read", hint=f"send {JSON}, {JSON_LINES} or {CSV}"
    )


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
    return f"{place}: {first['msg']}" if place else str(first["msg"])


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{_BODY}, line {error.lineno}: {error.msg}") from None
    except ValueError as error:
        raise ConfigurationError(f"{_BODY} holds a number that is too long: {error}") from None
    except RecursionError:
        raise ConfigurationError(f"{_BODY} is nested too deeply") from None


def _table(text: str) -> list[TaskSet]:
    try:
        return read_table(io.StringIO(text, newline=""), _BODY, _NOWHERE)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{_BODY} cannot be read: {error}") from None


def _lines(text: str) -> Iterable[TaskSet]:
    try:
        yield from read_lines(text.splitlines(), _BODY, _NOWHERE)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{_BODY} cannot be read: {error}") from None
