"""Rows as JSON lines, put together by columns: no object is made for a row."""

from __future__ import annotations

import json

import pyarrow
import pyarrow.compute as arrow


def json_lines(batch: pyarrow.RecordBatch) -> bytes:
    """One object a line, in UTF-8; what is not known is null."""
    parts: list[object] = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        before = "," if parts else "{"
        parts += [f"{before}{_quoted(name)}:", arrow.fill_null(_values(column), "null")]
    lines = arrow.binary_join_element_wise(*parts, "}\n", "")
    # The texts lie one after the other: what Arrow keeps is what the file holds.
    _, ends, texts = lines.buffers()
    end = memoryview(ends).cast("i")[len(lines)] if len(lines) else 0
    return memoryview(texts)[:end].tobytes() if end else b""


def _values(column: pyarrow.Array) -> pyarrow.Array:
    """Each value as JSON writes it; null where there is none."""
    if pyarrow.types.is_dictionary(column.type):
        # Every text is quoted once, however many rows have it.
        quoted = [_quoted(text) for text in column.dictionary.to_pylist()]
        return pyarrow.array(quoted, pyarrow.string()).take(column.indices)
    if pyarrow.types.is_floating(column.type):
        # JSON knows neither infinity nor what is not a number.
        column = arrow.if_else(arrow.is_finite(column), column, None)
    return column.cast(pyarrow.string())


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
