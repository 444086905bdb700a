"""Tables in plain text, for logs and terminals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple


class Column(NamedTuple):
    """Head of a column; numbers stand to the right."""

    title: str
    right: bool = False


def table_lines(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table: its heads, then its rows, two spaces between columns.

    Every cell is made safe to print (:func:`printable`). The widths need all rows, so
    what is long should come in parts.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    heads = [column.title for column in columns]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    for line in (heads, *cells):
        parts = (
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        )
        yield "  ".join(parts).rstrip()


def printable(text: str) -> str:
    """The text on one line, with nothing in it that could command a terminal."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def counted(count: int, one: str, many: str = "") -> str:
    """The number and what is counted, in the singular or the plural."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def shortened(text: str, width: int) -> str:
    """The text, cut to a width with an ellipsis where it is longer."""
    return text if len(text) <= width else text[: width - 1] + "…"
