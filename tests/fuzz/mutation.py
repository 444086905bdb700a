"""Input that is nearly right: seeds, changed in a few places."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

_EDITS_MAX = 6

#: Numbers on which parsers stumble.
NUMBERS = st.one_of(
    st.integers(-3, 300),
    st.sampled_from([2**31, 2**32, 2**61, 2**63, 2**64, 10**19, 10**30, -(2**63)]),
    st.integers(),
)

#: Values of JSON, most of them small.
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        NUMBERS,
        st.floats(),
        st.sampled_from(["busy", "pi", "hey", "kill", "late", "10", "1ms", "", "\0", "\ud800"]),
        st.text(max_size=8),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["from", "to", "step", "a"]), inner, max_size=3),
    ),
    max_leaves=8,
)


def mutated(seeds: Sequence[bytes], words: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """One of the seeds with up to six pieces taken out, put in, doubled or replaced."""
    piece = st.one_of(st.sampled_from(list(words)), st.binary(max_size=6))
    edit = st.tuples(st.integers(0, 3), st.integers(0, 1 << 16), st.integers(0, 40), piece)

    def change(seed: bytes, edits: list[tuple[int, int, int, bytes]]) -> bytes:
        for kind, where, size, new in edits:
            at = where % (len(seed) + 1)
            old = seed[at : at + size]
            seed = seed[:at] + (b"", new + old, old + old, new)[kind] + seed[at + size :]
        return seed

    return st.builds(
        change, st.sampled_from(list(seeds)), st.lists(edit, min_size=1, max_size=_EDITS_MAX)
    )


def mutated_document(seeds: Sequence[Any], names: Sequence[str]) -> st.SearchStrategy[Any]:
    """One of the seeds with some of its members taken out, added or replaced, at any depth."""

    @st.composite
    def build(draw: st.DrawFn) -> Any:
        document = json.loads(json.dumps(draw(st.sampled_from(list(seeds)))))
        for _ in range(draw(st.integers(0, 3))):
            document = _change(draw, document, names)
        return document

    return build()


def _change(draw: st.DrawFn, document: Any, names: Sequence[str]) -> Any:
    if isinstance(document, dict) and document and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(sorted(document)))
        if draw(st.booleans()):
            return {**document, key: _change(draw, document[key], names)}
        if draw(st.booleans()):
            return {name: value for name, value in document.items() if name != key}
        return {**document, draw(st.sampled_from(list(names))): draw(VALUES)}
    if isinstance(document, list) and document and draw(st.integers(0, 3)):
        at = draw(st.integers(0, len(document) - 1))
        return [*document[:at], _change(draw, document[at], names), *document[at + 1 :]]
    return draw(VALUES)
