"""HTML in which nothing that a user or a machine named can be anything but text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from distributor.analysis.table import Column, printable

_VOID = frozenset({"br", "meta"})


@dataclass(frozen=True, slots=True)
class Html:
    """Markup that is safe as it is: made by :func:`tag`, or by this program alone."""

    text: str


#: What an element may hold; plain text is escaped.
Content = Html | str | int


def tag(name: str, /, *children: Content, **attributes: str) -> Html:
    """An element; an attribute's underscore at its end keeps it from being a word of Python."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(printable(value))}"'
        for key, value in attributes.items()
    )
    if name in _VOID:
        return Html(f"<{name}{told}>")
    return Html(f"<{name}{told}>{join(children).text}</{name}>")


def join(children: Iterable[Content]) -> Html:
    """All of them, one after the other."""
    return Html("".join(map(_text, children)))


def table(columns: Sequence[Column], rows: Iterable[Sequence[Content]], caption: str = "") -> Html:
    """A table that scrolls by itself where it is wider than the page."""
    head = tag("tr", *(tag("th", column.title, scope="col", **_side(column)) for column in columns))
    body = [
        tag("tr", *(tag("td", cell, **_side(column))
                    for cell, column in zip(row, columns, strict=True)))
        for row in rows
    ]  # fmt: skip
    above = [tag("caption", caption)] if caption else []
    whole = tag("table", *above, tag("thead", head), tag("tbody", *body))
    return tag("div", whole, class_="scroll", tabindex="0", role="region",
               aria_label=caption or "Table")  # fmt: skip


def _side(column: Column) -> dict[str, str]:
    return {"class_": "right"} if column.right else {}


def _text(child: Content) -> str:
    if isinstance(child, Html):
        return child.text
    return escape(printable(str(child)))
