"""A host that speaks the plain wire protocol of docs/protocol.md, and nothing else.

It is written from that page alone and shares no code with the product: what it can run,
any other host can. Attributes of events that it does not know are kept, not needed.
"""

from __future__ import annotations

import socket
import struct
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping
from pathlib import Path

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

ENDS_TASK = ("JOBS_DONE", "NOT_SCHEDULED")
FRAME_MAX = 4 << 20

Event = dict[str, str]


def describe(tasks: Iterable[Mapping[str, object]]) -> bytes:
    """The XML of a task set; ids are the places in the list, `arg1` goes into config."""
    root = ElementTree.Element("taskset")
    for place, task in enumerate(tasks):
        element = ElementTree.SubElement(root, "periodictask")
        ElementTree.SubElement(element, "id").text = str(place)
        config = ElementTree.SubElement(element, "config")
        for name, value in task.items():
            parent = config if name == "arg1" else element
            ElementTree.SubElement(parent, name).text = str(value)
    return ElementTree.tostring(root)


class PlainHost:
    """One connection to a task loader; a context manager."""

    def __init__(self, address: str, port: int, timeout_s: float = 60.0) -> None:
        self.socket = socket.create_connection((address, port), timeout=timeout_s)

    def __enter__(self) -> PlainHost:
        return self

    def __exit__(self, *exc: object) -> None:
        self.socket.close()

    def send_word(self, *words: int) -> None:
        self.socket.sendall(struct.pack(f"<{len(words)}I", *words))

    def receive(self, size: int) -> bytes:
        """Exactly that many bytes.

        :raise EOFError: the peer hung up before.
        """
        data = bytearray()
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise EOFError(f"the loader hung up after {len(data)} of {size} bytes")
            data += piece
        return bytes(data)

    def receive_word(self) -> int:
        (word,) = struct.unpack("<I", self.receive(4))
        return int(word)

    def receive_frame(self) -> ElementTree.Element:
        """The next frame, as XML."""
        size = self.receive_word()
        assert 0 < size <= FRAME_MAX, f"a frame of {size} bytes"
        data = self.receive(size)
        assert data.endswith(b"\0"), "a frame without its NUL"
        return ElementTree.fromstring(data[:-1].decode("ascii"))

    def is_there(self) -> bool:
        self.send_word(AVAILABLE)
        return self.receive_word() == AVAILABLE

    def send_binaries(self, binaries: Mapping[str, bytes]) -> None:
        self.send_word(SEND_BINARIES, len(binaries))
        for name, content in binaries.items():
            word = self.receive_word()
            assert word == GO_SEND, f"{word:#x} where GO_SEND is due"
            encoded = name.encode("ascii")
            assert len(encoded) < 16, "a name has 15 characters at most"
            self.socket.sendall(encoded.ljust(16, b"\0") + struct.pack("<I", len(content)))
            self.socket.sendall(content)

    def send_description(self, xml: bytes) -> None:
        self.send_word(SEND_DESCS, len(xml))
        self.socket.sendall(xml)

    def events_until_done(self, tasks: int) -> list[Event]:
        """All events, from now until each of so many tasks has ended."""
        events: list[Event] = []
        done: set[str] = set()
        while len(done) < tasks:
            for element in self.receive_frame().iter("event"):
                events.append(dict(element.attrib))
                if element.attrib["type"] in ENDS_TASK:
                    done.add(element.attrib["task-id"])
        return events

    def run(self, tasks: list[Mapping[str, object]]) -> list[Event]:
        """Runs a task set whose binaries have been sent, and returns its events."""
        self.send_description(describe(tasks))
        self.send_word(START)
        return self.events_until_done(len(tasks))


def binaries_of(folder: Path) -> dict[str, bytes]:
    """Each file of a folder by its name."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
