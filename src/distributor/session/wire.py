"""The wire's words and frames as pure code: bytes in, messages out, no I/O.

The words and their meaning are in docs/protocol.md.
"""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from distributor.errors import WireError
from distributor.session.event import Event, EventType
from distributor.session.switch import Switch, TraceEnd, parse_end, parse_switches

#: Largest frame taken from a machine; a frame of our loader holds at most 64 KiB.
FRAME_MAX = 4 << 20
#: Largest number in an event: 73 years in nanoseconds, so that differences of two, and sums
#: with a task's own times, fit 64 bits.
_NUMBER_MAX = 2**61
#: Room for a binary's name, the NUL included.
_NAME_BYTES = 16


class Word(IntEnum):
    """Messages of the protocol."""

    SEND_DESCS = 0x00000DE5
    CLEAR = 0x00000DE6
    SEND_BINARIES = 0x0DE5F11E
    GO_SEND = 0x00000090
    START = 0x00514DE5
    STOP = 0x00514DE6
    GET_PROFILE = 0x000159D1
    GET_LIVE = 0x000159D2
    REBOOT = 0x000159D3
    OPTIMIZE = 0x006F7074
    AVAILABLE = 0x000AAAAA


def encode(word: Word) -> bytes:
    """A message that is one word."""
    return struct.pack("<I", word)


def encode_text(word: Word, xml: bytes) -> bytes:
    """SEND_DESCS or OPTIMIZE with its document."""
    return struct.pack("<II", word, len(xml)) + xml


def encode_binaries(count: int) -> bytes:
    """Announce ``count`` binaries; each is then sent when the machine says GO_SEND."""
    return struct.pack("<II", Word.SEND_BINARIES, count)


def encode_binary_head(name: str, size: int) -> bytes:
    """What precedes the bytes of one binary.

    :raise WireError: the name does not fit.
    """
    raw = name.encode("ascii", "strict")
    if not raw or len(raw) >= _NAME_BYTES:
        raise WireError(f"the binary name {name!r} does not fit into {_NAME_BYTES - 1} characters")
    return struct.pack(f"<{_NAME_BYTES}sI", raw, size)


class Decoder:
    """Cuts what a machine sends into words and frames.

    A word and the size of a frame look alike, so the caller says which word it waits
    for: that word is returned as it comes, anything else is the size of a frame.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Take in bytes as they came."""
        self._buffer += data

    def take(self, expected: Word | None = None) -> Word | bytes | None:
        """The next word or frame; None when more bytes are needed.

        :raise WireError: a frame larger than :data:`FRAME_MAX`.
        """
        buffer = self._buffer
        if len(buffer) < 4:
            return None
        (number,) = struct.unpack_from("<I", buffer)
        if number == expected and not _is_text(bytes(buffer[4:8])):
            del buffer[:4]
            return expected
        if number > FRAME_MAX:
            raise WireError(f"the machine announced a frame of {number} bytes (limit {FRAME_MAX})")
        if len(buffer) < 4 + number:
            return None
        frame = bytes(buffer[4 : 4 + number])
        del buffer[: 4 + number]
        return frame


def _is_text(start: bytes) -> bool:
    """Whether the bytes behind a number are a frame's text: the number is a size, no word.

    This tells a frame of 0x90 bytes from a GO_SEND, behind which there is nothing yet, or the
    size of a frame. A size may have "<" for its lowest byte, but what follows tells: read as
    a size, the text's first four letters are beyond any.
    """
    return start[:1] == b"<" and (len(start) < 4 or int.from_bytes(start, "little") > FRAME_MAX)


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile frame: attributes of its root (extensions), its events, and the switches."""

    attributes: Mapping[str, str]
    events: tuple[Event, ...]
    switches: tuple[Switch, ...] = ()
    #: None until all switches of a set that was traced are told.
    trace_end: TraceEnd | None = None
    #: How late the loader's canary has woken up at most; None where it has none.
    late_ns: int | None = None


def parse_profile(frame: bytes) -> Profile:
    """Read a profile frame, whatever follows its end cut off.

    :raise WireError: not the XML of a profile, or an event with an unknown type or a
        number that is none.
    """
    text = _cut(frame)
    # No entity, no document type: nothing in a frame may grow when it is parsed.
    if b"<!" in text or b"<?" in text:
        raise WireError("the machine sent a profile with a declaration in it")
    try:
        root = ET.fromstring(text.decode("ascii"))
    except (ET.ParseError, UnicodeDecodeError) as error:
        raise WireError(f"the machine sent a profile that is no XML: {error}") from None
    if root.tag != "profile":
        raise WireError(f"the machine sent <{root.tag[:40]}> where a profile was due")
    try:
        late_ns = _optional(root.get("late-ns"))
    except ValueError as error:
        raise WireError(f"the machine sent a profile that makes no sense: {error}") from None
    end = root.find("switches-end")
    return Profile(
        attributes=dict(root.attrib),
        events=tuple(_event(element.attrib) for element in root.iter("event")),
        switches=tuple(
            switch
            for element in root.iter("switches")
            for switch in parse_switches(element.get("cpu", ""), element.text or "")
        ),
        trace_end=None
        if end is None
        else parse_end(end.get("count", ""), end.get("cut", ""), end.get("lost", "")),
        late_ns=late_ns,
    )


def _cut(frame: bytes) -> bytes:
    """Real Genode machines leave garbage behind the document: end where it ends."""
    end = frame.find(b"</profile>")
    if end >= 0:
        return frame[: end + len(b"</profile>")]
    end = frame.find(b">")
    if end > 0 and frame[end - 1 : end] == b"/":
        return frame[: end + 1]
    return frame.rstrip(b"\0")


def _event(attributes: Mapping[str, str]) -> Event:
    try:
        kind = EventType(attributes["type"])
        task_id = _number(attributes["task-id"])
        stamp_ms = _number(attributes["time-stamp"])
        exact = "time-ns" in attributes
        return Event(
            type=kind,
            task_id=task_id,
            time_ns=_number(attributes["time-ns"] if exact else f"{stamp_ms}000000"),
            job=_optional(attributes.get("job")),
            release_ns=_optional(attributes.get("release-ns")),
            exit_value=_optional(attributes.get("exit")),
            exact=exact,
        )
    except (KeyError, ValueError) as error:
        raise WireError(f"the machine sent an event that makes no sense: {error}") from None


def _number(text: str) -> int:
    # int() also takes spaces, underscores and digits of other scripts.
    if not text.isascii() or not text.removeprefix("-").isdecimal() or len(text) > 20:
        raise ValueError(f"{text[:40]!r} is no number")
    number = int(text)
    if abs(number) > _NUMBER_MAX:
        raise ValueError(f"{text} is beyond any time")
    return number


def _optional(text: str | None) -> int | None:
    return None if text is None else _number(text)
