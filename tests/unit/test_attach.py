"""Looking in: requests of strangers, text of machines, and what is kept of it."""

from __future__ import annotations

import json

import pytest

from distributor import ConfigurationError
from distributor.attach.request import Listen, ListMachines, parse_request
from distributor.attach.text import Cleaner
from distributor.machines.printed import KEPT_MAX, Printed


def test_requests_are_read() -> None:
    assert parse_request(b'{"ask": "machines"}\n') == ListMachines()
    line = b'{"ask": "listen", "machine": "m1", "lines": 5, "follow": true, "enter": true}'
    assert parse_request(line) == Listen("m1", 5, follow=True, enter=True)
    assert parse_request(b'{"ask": "listen", "machine": "m1"}') == Listen("m1")


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"ask": "kill"},
        {"ask": ["machines"]},
        {"ask": "machines", "machine": "m1"},
        {"ask": "listen"},
        {"ask": "listen", "machine": ""},
        {"ask": "listen", "machine": "m" * 101},
        {"ask": "listen", "machine": 1},
        {"ask": "listen", "machine": "m1", "lines": -1},
        {"ask": "listen", "machine": "m1", "lines": 1001},
        {"ask": "listen", "machine": "m1", "lines": True},
        {"ask": "listen", "machine": "m1", "follow": 1},
        {"ask": "listen", "machine": "m1", "enter": "yes"},
        {"ask": "listen", "machine": "m1", "more": 1},
        [],
        "machines",
        None,
    ],
)
def test_what_is_no_request_is_refused(asked: object) -> None:
    with pytest.raises(ConfigurationError):
        parse_request(json.dumps(asked).encode())


@pytest.mark.parametrize("line", [b"", b"\n", b"{", b"\xff\xfe", b"[" * 4000, b"NaN", b"1" * 4090])
def test_what_is_no_json_is_refused(line: bytes) -> None:
    with pytest.raises(ConfigurationError):
        parse_request(line)


def test_text_does_nothing_to_a_terminal() -> None:
    cleaner = Cleaner()
    assert cleaner.feed(b"\x1b[31mred\x1b[0m\ttab\r\n") == "red\ttab\r\n"
    # Torn in the middle of a letter, and of a sequence.
    assert cleaner.feed(b"5 \xe2\x82") + cleaner.feed(b"\xac \x1b") == "5 € "
    assert cleaner.feed(b"[2Jx\x9b\xc2\x9b\x07\x7f\x00") == "[2Jx�"
    assert Cleaner().feed("a\u202eb\u2066c".encode()) == "abc"


def test_what_was_printed_is_kept_within_bounds_and_told_to_its_end() -> None:
    printed = Printed()
    printed.feed(b"one\r\ntwo\r\nthr")
    assert printed.tail(2) == b"two\r\nthr"
    assert printed.tail(0) == b""
    heard: list[bytes] = []
    stop = printed.listen(heard.append)
    printed.feed(b"ee\r\n")
    assert printed.tail(1) == b"three\r\n"
    stop()
    stop()
    printed.feed(b"four")
    assert heard == [b"ee\r\n"]
    for _ in range(40):
        printed.feed(b"x" * 10_000)
    assert len(printed.tail(1000)) == KEPT_MAX
    printed.listen(heard.append)
    printed.end()
    printed.end()
    late: list[bytes] = []
    printed.listen(late.append)
    assert heard[1:] == [b""] == late
