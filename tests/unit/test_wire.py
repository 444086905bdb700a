"""The wire's codec: pieces of any size, hostile frames, Genode's oddities."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.errors import WireError
from distributor.session import wire
from distributor.session.event import EventType
from distributor.session.wire import Word

FRAME = (
    b'<profile zero-ns="81" clock="virtual"><events>'
    b'<event type="START" task-id="0" time-stamp="1240" job="0" release-ns="0" time-ns="27120"/>'
    b'<event type="EXIT" task-id="0" time-stamp="1262" job="0" release-ns="0" time-ns="99"'
    b' exit="0"/></events></profile>\0'
)


def framed(text: bytes) -> bytes:
    return struct.pack("<I", len(text)) + text


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60))
def test_frames_come_out_whole_however_they_are_cut(sizes: list[int]) -> None:
    stream = framed(FRAME) + framed(b"<profile/>\0") + framed(FRAME)
    decoder = wire.Decoder()
    frames = []
    place = 0
    for size in [*sizes, len(stream)]:
        decoder.feed(stream[place : place + size])
        place += size
        while (item := decoder.take()) is not None:
            frames.append(item)
    assert frames == [FRAME, b"<profile/>\0", FRAME]


def test_a_word_is_taken_only_where_it_is_expected() -> None:
    decoder = wire.Decoder()
    decoder.feed(framed(FRAME) + struct.pack("<I", Word.GO_SEND))
    assert decoder.take(Word.GO_SEND) == FRAME
    assert decoder.take(Word.GO_SEND) is Word.GO_SEND
    assert decoder.take(Word.GO_SEND) is None


def test_a_frame_as_long_as_a_word_is_no_word() -> None:
    text = b"<profile>" + b" " * (Word.GO_SEND - 20) + b"</profile>\0"
    assert len(text) == Word.GO_SEND
    decoder = wire.Decoder()
    decoder.feed(framed(text))
    assert decoder.take(Word.GO_SEND) == text


@pytest.mark.parametrize("length", [60, 0x13C, 0x3C3C, 0x03C73C])
def test_a_word_before_a_frame_of_any_length_is_a_word(length: int) -> None:
    # The lowest byte of the frame's size is "<", with which the text of a frame begins.
    text = b"<profile>" + b" " * (length - 20) + b"</profile>\0"
    decoder = wire.Decoder()
    decoder.feed(struct.pack("<I", Word.GO_SEND) + framed(text))
    assert decoder.take(Word.GO_SEND) is Word.GO_SEND
    assert decoder.take(Word.GO_SEND) == text


def test_an_endless_frame_is_refused_before_it_is_kept() -> None:
    decoder = wire.Decoder()
    decoder.feed(struct.pack("<I", wire.FRAME_MAX + 1))
    with pytest.raises(WireError, match="frame of 4194305 bytes"):
        decoder.take()


def test_events_carry_nanoseconds_where_they_are_told() -> None:
    profile = wire.parse_profile(FRAME)
    start, end = profile.events
    assert profile.attributes == {"zero-ns": "81", "clock": "virtual"}
    assert (start.type, start.time_ns, start.release_ns, start.job) == (
        EventType.START,
        27120,
        0,
        0,
    )
    assert end.exit_value == 0
    assert start.exact


def test_a_plain_event_is_milliseconds() -> None:
    (event,) = wire.parse_profile(
        b'<profile><events><event type="EXIT" task-id="3" time-stamp="12"/></events></profile>\0'
    ).events
    assert (event.time_ns, event.exact, event.release_ns) == (12_000_000, False, None)


@pytest.mark.parametrize(
    "frame",
    [
        b"<profile><events></events></profile>\xff\xfe garbage\0\0",
        b"<profile/>\0\x01\x02",
        b"<profile></profile>",
        b'<profile loader="x"/>\n\0',
    ],
)
def test_garbage_after_the_document_is_cut_off(frame: bytes) -> None:
    assert wire.parse_profile(frame).events == ()


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\0",
        b"<live/>\0",
        b"<profile",
        b'<!DOCTYPE p [<!ENTITY a "aaaa">]><profile>&a;</profile>',
        b"<?xml version='1.0'?><profile></profile>",
        b'<profile><event type="NOVEL" task-id="0" time-stamp="1"/></profile>',
        b'<profile><event type="EXIT" task-id="x" time-stamp="1"/></profile>',
        b'<profile><event type="EXIT" task-id="0"/></profile>',
        b'<profile><event type="EXIT" task-id="0" time-stamp="9223372036854775"/></profile>',
        b'<profile><event type="EXIT" task-id="0" time-stamp="0" time-ns="4611686018427387905"'
        b"/></profile>",
        b'<profile><event type="EXIT" task-id="0" time-stamp="1_0"/></profile>',
        b'<profile><event type="EXIT" task-id="0" time-stamp="' + b"9" * 30 + b'"/></profile>',
        b"<profile>\xc3\xa9</profile>",
    ],
)
def test_what_is_no_profile_is_refused(frame: bytes) -> None:
    with pytest.raises(WireError):
        wire.parse_profile(frame)


@given(st.binary(max_size=300))
def test_random_bytes_end_in_an_answer_or_a_wire_error(data: bytes) -> None:
    decoder = wire.Decoder()
    decoder.feed(data)
    try:
        while (item := decoder.take(Word.AVAILABLE)) is not None:
            if isinstance(item, bytes):
                wire.parse_profile(item)
    except WireError:
        pass


def test_messages_are_little_endian_words() -> None:
    assert wire.encode(Word.START) == b"\xe5\x4d\x51\x00"
    assert wire.encode_text(Word.SEND_DESCS, b"<x/>") == b"\xe5\x0d\0\0\x04\0\0\0<x/>"
    assert wire.encode_binary_head("hey", 5) == b"hey" + b"\0" * 13 + b"\x05\0\0\0"


def test_a_name_needs_room_for_its_end() -> None:
    assert len(wire.encode_binary_head("a" * 15, 0)) == 20
    with pytest.raises(WireError):
        wire.encode_binary_head("a" * 16, 0)
