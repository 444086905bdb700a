"""What comes from a machine: frames, events, switches, sealed reports, consoles, requests."""

from __future__ import annotations

import asyncio
import contextlib
import re
import struct
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from distributor import Task, TaskSet, Verdict
from distributor.attach.request import parse_request
from distributor.attach.text import Cleaner
from distributor.errors import ConfigurationError, WireError
from distributor.machines.printed import KEPT_MAX, Printed
from distributor.machines.qemu.console import Console
from distributor.session import wire
from distributor.session.binary import Binaries
from distributor.session.event import Event, EventType
from distributor.session.record import Record
from distributor.session.result import Clock, MachineFacts
from distributor.session.sealed import SealedSession
from distributor.session.switch import parse_end, parse_switches
from distributor.session.wire import Word
from tests.fuzz.mutation import NUMBERS, mutated
from tests.fuzz.target import Target

SET = TaskSet(
    [Task("hey", period_ms=5, numberofjobs=2), Task("pi", period_ms=7, numberofjobs=1)],
    name="fuzzed",
)

_PROFILES = [
    b'<profile loader="0.1" clock="virtual"/>\0',
    b'<profile><events><event type="START" task-id="0" time-stamp="1" time-ns="1000000" job="0" '
    b'release-ns="0"/><event type="EXIT" task-id="0" time-stamp="2" exit="0"/></events></profile>',
    b'<profile late-ns="12"><event type="START" task-id="0" time-stamp="0"/><event type="EXIT" '
    b'task-id="0" time-stamp="1"/><event type="START" task-id="0" time-stamp="5"/><event '
    b'type="EXIT" task-id="0" time-stamp="6"/><event type="JOBS_DONE" task-id="0" time-stamp="6"/>'
    b'<event type="NOT_SCHEDULED" task-id="1" time-stamp="6"/></profile>\0garbage',
    b'<profile><switches cpu="0">-5 I 0 0.0 900 L 1000 K 1500 1.0</switches>'
    b'<switches-end count="5" cut="0" lost="0"/></profile>',
]
_WORDS = [
    *(kind.value.encode() for kind in EventType),
    *b"<event <profile> </profile> /> <events> <!DOCTYPE <? <![CDATA[ ]]> &amp; &#65; &x;".split(),
    *b'type=" task-id=" time-ns=" job=" exit=" late-ns=" cpu=" count=" " > <'.split(),
    *b"0 1 -1 2305843009213693952 99999999999999999999 1_0 \xd9\xa3 1.0 I L K".split(),
    b"\0",
    b" ",
]


def _framed(frame: bytes) -> bytes:
    return struct.pack("<I", len(frame)) + frame


def _profile(frame: bytes) -> None:
    with contextlib.suppress(WireError):
        profile = wire.parse_profile(frame)
        for event in profile.events:
            assert abs(event.time_ns) <= 2**61 * 10**6


def _take_all(decoder: wire.Decoder, expected: Word | None, pieces: list[bytes]) -> list[Any]:
    found: list[Any] = []
    try:
        for piece in pieces:
            decoder.feed(piece)
            while (item := decoder.take(expected)) is not None:
                found.append(item)
    except WireError:
        found.append("refused")
    return found


def _decoder(value: tuple[bytes, list[int], Word | None]) -> None:
    """However the bytes are cut, frames are the same. (A word may be told from the size of a
    frame by what follows it, so words are looked for in whole input alone.)"""
    data, sizes, expected = value
    whole = _take_all(wire.Decoder(), expected, [data])
    assert sum(len(item) for item in whole if isinstance(item, bytes)) <= len(data)
    pieces, rest = [], data
    for size in sizes:
        pieces.append(rest[:size])
        rest = rest[size:]
    if expected is None:
        assert _take_all(wire.Decoder(), None, [*pieces, rest]) == whole


_EVENTS = st.builds(
    Event,
    type=st.sampled_from(list(EventType)),
    task_id=st.integers(-1, 3),
    time_ns=st.one_of(st.integers(0, 10**8), st.integers(-(2**61), 2**61)),
    job=st.one_of(st.none(), st.integers(-1, 3), st.integers(-(2**61), 2**61)),
    release_ns=st.one_of(st.none(), st.integers(-1, 10**8), st.integers(-(2**61), 2**61)),
    exit_value=st.one_of(st.none(), st.integers(-300, 300), st.integers(-(2**61), 2**61)),
    exact=st.booleans(),
)


def _record(events: list[Event]) -> None:
    record = Record(SET)
    with contextlib.suppress(WireError):
        record.feed(events)
    _judged(record)


def _judged(record: Record) -> None:
    verdict, reason = record.judge()
    assert reason
    assert len(record.jobs) <= SET.jobs
    for job in record.jobs:
        assert 0 <= job.task_id < len(SET.tasks)
        assert 0 <= job.index < SET.tasks[job.task_id].numberofjobs
        for number in (job.release_ns, job.start_ns, job.completion_ns, job.response_ns):
            assert number is None or abs(number) < 2**63, "a store cannot keep it"
        assert job.exit_value is None or abs(job.exit_value) < 2**63
    if verdict is Verdict.SCHEDULABLE:
        assert record.done
        assert len(record.jobs) == SET.jobs


class _Sealed:
    """Leaves what it is told to leave."""

    id = "m1"
    holds: dict[str, Path] = {}
    facts = MachineFacts("m1", Clock.VIRTUAL)
    work_per_guest_s = 1.0

    def __init__(self, heard: bytes) -> None:
        self._heard = heard

    def work_s(self) -> float:
        return 0.0

    async def exchange(self, said: bytes, answer_max: int) -> bytes:
        return self._heard


def _sealed(heard: bytes) -> None:
    async def run() -> Record:
        session = SealedSession(
            _Sealed(heard),  # type: ignore[arg-type]  # as much of one as is needed
            binaries=Binaries(lambda task: Path("/dev/null")),
            timeout_s=60,
        )
        return await session.run(SET, lambda events: None, switches=8)

    with contextlib.suppress(WireError):
        record = asyncio.run(run())
        _judged(record)
        assert len(record.switches) <= 8


def _switches(value: tuple[str, str, str, str]) -> None:
    cpu, text, count, cut = value
    with contextlib.suppress(WireError):
        for switch in parse_switches(cpu, text):
            assert abs(switch.time_ns) <= 2**61
            assert 0 <= switch.cpu < 1024
    with contextlib.suppress(WireError):
        assert parse_end(count, cut, "0").count >= 0


#: Whatever a terminal acts on; a tab, a line's end and (in text that goes on) a return are kept.
_ACTED_ON = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def _console(pieces: list[bytes]) -> None:
    cleaner, printed = Cleaner(), Printed()
    with tempfile.TemporaryDirectory() as folder:
        console = Console(Path(folder) / "m1.log")
        for piece in pieces:
            console.feed(piece)
            printed.feed(piece)
            assert not _ACTED_ON.search(cleaner.feed(piece))
        shown = console.tail(1000)
        assert not _ACTED_ON.search(shown)
        assert "\r" not in shown
    assert len(printed.tail(10**6)) <= KEPT_MAX


def _request(line: bytes) -> None:
    with contextlib.suppress(ConfigurationError):
        parse_request(line)


_REQUESTS = [
    b'{"ask": "machines"}\n',
    b'{"ask": "listen", "machine": "m1", "lines": 5, "follow": true, "enter": true}\n',
]
_PIECES = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [b"\x1b[", b"31m", b"\x1b]0;", b"\x9b", b"\xc2", b"\xe2\x82", b"\r\n", b"x" * 500]
        ),
    ),
    max_size=30,
)
_FRAMES = mutated(_PROFILES, _WORDS)

TARGETS = [
    Target("profile", _FRAMES, _profile),
    Target(
        "decoder",
        st.tuples(
            mutated([_framed(frame) for frame in _PROFILES], [*_WORDS, b"\x90\0\0\0"]),
            st.lists(st.integers(0, 30), max_size=12),
            st.sampled_from([None, Word.GO_SEND, Word.AVAILABLE]),
        ),
        _decoder,
    ),
    Target("record", st.lists(_EVENTS, max_size=12), _record),
    Target(
        "sealed",
        st.lists(st.one_of(st.just(b"\x90\0\0\0"), _FRAMES.map(_framed)), max_size=4).map(b"".join),
        _sealed,
    ),
    Target(
        "switches",
        st.tuples(
            NUMBERS.map(str),
            st.lists(
                st.one_of(
                    NUMBERS.map(str), st.sampled_from(["I", "L", "K", "0.0", "1.", ".", "\u0663"])
                )
            ).map(" ".join),
            NUMBERS.map(str),
            st.text(max_size=4),
        ),
        _switches,
    ),
    Target("console", _PIECES, _console),
    Target("request", mutated(_REQUESTS, [b'"', b"{", b"}", b"[", b"1e999", b"NaN"]), _request),
]
