"""What reads bytes from outside: right answers, any fragmentation, and no step beyond.

The program under test is built with sanitizers: a read beyond a buffer, an overflow or a
leak ends it with an error, whatever it has printed.
"""

from __future__ import annotations

import random
import socket
import struct
import subprocess
from pathlib import Path

import pytest

from tests.guest.plain_host import (
    AVAILABLE,
    CLEAR,
    GET_LIVE,
    GET_PROFILE,
    OPTIMIZE,
    REBOOT,
    SEND_BINARIES,
    SEND_DESCS,
    START,
    STOP,
    describe,
)

MAC = "525400123456"
MS = 10**6
YEAR_MS = 365 * 24 * 3600 * 1000


def run(parsers: Path, *arguments: str, data: bytes = b"") -> bytes:
    done = subprocess.run(
        [str(parsers), *arguments], input=data, capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def lines(parsers: Path, *arguments: str, data: bytes = b"") -> list[str]:
    return run(parsers, *arguments, data=data).decode(errors="replace").splitlines()


def words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def binary(name: bytes, content: bytes) -> bytes:
    return name.ljust(16, b"\0") + words(len(content)) + content


def read_tasks(parsers: Path, xml: str | bytes) -> list[dict[str, str]]:
    data = xml.encode() if isinstance(xml, str) else xml
    found = lines(parsers, "taskset", data=data)
    assert not any(line.startswith("refused") for line in found), found
    return [dict(part.split("=", 1) for part in line.split(" ")) for line in found]


def refusal(parsers: Path, xml: str | bytes) -> str:
    data = xml.encode() if isinstance(xml, str) else xml
    (found,) = lines(parsers, "taskset", data=data)
    assert found.startswith("refused "), found
    return found.removeprefix("refused ")


def task(**elements: object) -> bytes:
    return describe([{"pkg": "hey", **elements}])


# --- the wire


@pytest.mark.parametrize("chunk", [1, 3, 7, 1 << 20])
def test_every_message_is_read_however_it_is_cut(parsers: Path, chunk: int) -> None:
    data = (
        words(AVAILABLE, SEND_DESCS, 3)
        + b"abc"
        + words(SEND_BINARIES, 2)
        + binary(b"hey", b"12345")
        + binary(b"fifteen_letters", b"")
        + words(START, STOP, CLEAR, GET_PROFILE, GET_LIVE, OPTIMIZE, 0, REBOOT)
    )
    found = lines(parsers, "wire", str(chunk), data=data)
    chunks = [line for line in found if line.startswith("chunk")]
    assert sum(int(line.split()[1]) for line in chunks) == 5
    assert [line for line in found if line not in chunks] == [
        f"command {AVAILABLE:#x} 0",
        f"command {SEND_DESCS:#x} 3 abc",
        "ask",
        "binary hey 5",
        "stored",
        "ask",
        "binary fifteen_letters 0",
        "stored",
        f"command {START:#x} 0",
        f"command {STOP:#x} 0",
        f"command {CLEAR:#x} 0",
        f"command {GET_PROFILE:#x} 0",
        f"command {GET_LIVE:#x} 0",
        f"command {OPTIMIZE:#x} 0",
        f"command {REBOOT:#x} 0",
    ]


def test_go_send_is_due_before_any_byte_of_a_binary(parsers: Path) -> None:
    assert lines(parsers, "wire", "1", data=words(SEND_BINARIES, 1)) == ["ask"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (words(0x12345678), "unknown word"),
        (words(SEND_DESCS, (1 << 20) + 1), "over 1 MiB"),
        (words(SEND_DESCS, 0xFFFFFFFF), "over 1 MiB"),
        (words(OPTIMIZE, 0xFFFFFFFF), "over 1 MiB"),
        (words(SEND_BINARIES, 0xFFFFFFFF), "more than 1024 binaries"),
        (words(SEND_BINARIES, 1) + b"n" * 16 + words(1), "without an end"),
        (words(SEND_BINARIES, 1) + b"".ljust(16, b"\0"), "no plain file name"),
        (words(SEND_BINARIES, 1) + b"../init".ljust(16, b"\0"), "no plain file name"),
        (words(SEND_BINARIES, 1) + b"a/b".ljust(16, b"\0"), "no plain file name"),
        (words(SEND_BINARIES, 1) + b"..".ljust(16, b"\0"), "no plain file name"),
        (words(SEND_BINARIES, 1) + b"big".ljust(16, b"\0") + words((64 << 20) + 1), "over 64 MiB"),
    ],
)
def test_what_the_protocol_does_not_allow_is_named(parsers: Path, data: bytes, why: str) -> None:
    last = lines(parsers, "wire", "5", data=data)[-1]
    assert last.startswith("bad ")
    assert why in last


def test_random_bytes_do_no_harm(parsers: Path) -> None:
    dice = random.Random(2026)
    known = [SEND_DESCS, SEND_BINARIES, OPTIMIZE, START, AVAILABLE, CLEAR]
    for _ in range(60):
        data = b"".join(
            words(dice.choice(known), dice.randrange(40)) + dice.randbytes(dice.randrange(80))
            for _ in range(20)
        )
        run(parsers, "wire", str(dice.randrange(1, 30)), data=data)


# --- task sets


def test_a_task_has_the_documented_defaults(parsers: Path) -> None:
    (found,) = read_tasks(parsers, task())
    assert found == {
        "id": "0",
        "pkg": "hey",
        "arg1": "-",
        "priority": "128",
        "period": str(MS),
        "deadline": str(MS),
        "offset": "0",
        "executiontime": "0",
        "criticaltime": "0",
        "jobs": "1",
        "quota": "0",
        "cores": "0",
        "coreoffset": "0",
        "overrun": "0",
    }


def test_every_element_is_read(parsers: Path) -> None:
    (found,) = read_tasks(
        parsers,
        task(
            arg1=7,
            priority=3,
            period=10,
            deadline=8,
            offset=2,
            numberofjobs=4294967295,
            executiontime=1,
            criticaltime=9,
            quota="5M",
            caps=235,
            cores=2,
            coreoffset=1,
            overrun="late",
        ),
    )
    assert found == {
        "id": "0",
        "pkg": "hey",
        "arg1": "7",
        "priority": "3",
        "period": str(10 * MS),
        "deadline": str(8 * MS),
        "offset": str(2 * MS),
        "executiontime": str(MS),
        "criticaltime": str(9 * MS),
        "jobs": "4294967295",
        "quota": str(5 << 20),
        "cores": "2",
        "coreoffset": "1",
        "overrun": "2",
    }


def test_nanoseconds_win_over_milliseconds_in_either_order(parsers: Path) -> None:
    (first,) = read_tasks(parsers, task(period=10, period_ns=1234567, deadline_ns=5, deadline=9))
    assert (first["period"], first["deadline"]) == ("1234567", "5")


def test_the_deadline_is_the_period_if_none_is_given(parsers: Path) -> None:
    (found,) = read_tasks(parsers, task(period_ns=1234567))
    assert found["deadline"] == "1234567"


def test_arg1_keeps_what_its_entities_stand_for(parsers: Path) -> None:
    (found,) = read_tasks(parsers, task(arg1="<&\"'>&#65;"))
    assert found["arg1"] == "<&\"'>&#65;"
    xml = (
        "<taskset><periodictask><id>0</id><pkg>a</pkg>"
        "<config><arg1>&#65;&#x42;</arg1></config></periodictask></taskset>"
    )
    assert read_tasks(parsers, xml)[0]["arg1"] == "AB"


def test_what_hosts_may_add_is_passed_over(parsers: Path) -> None:
    xml = (
        "<?xml version='1.0'?><!-- a set --><taskset name='x'>\n <comment/>"
        "<periodictask newer='1'><id> 4 </id><pkg>\they\n</pkg><quota/>"
        "<unknown><arg1>9</arg1><deeper a='1'/>text</unknown>"
        "<config><heap>1</heap><arg1>5</arg1></config></periodictask>\n</taskset>\n\0"
    )
    (found,) = read_tasks(parsers, xml)
    assert (found["id"], found["pkg"], found["arg1"]) == ("4", "hey", "5")


def test_a_task_without_jobs_is_ignored(parsers: Path) -> None:
    found = read_tasks(parsers, describe([{"pkg": "a", "numberofjobs": 0}, {"pkg": "b"}]))
    assert [one["pkg"] for one in found] == ["b"]


def test_256_tasks_are_read_and_257_refused(parsers: Path) -> None:
    assert len(read_tasks(parsers, describe([{"pkg": "hey"}] * 256))) == 256
    assert "more than 256 tasks" in refusal(parsers, describe([{"pkg": "hey"}] * 257))
    assert "more than 256 tasks" in refusal(parsers, describe([{"pkg": "hey"}] * 300))


@pytest.mark.parametrize(
    ("elements", "named"),
    [
        ({"priority": 129}, "priority"),
        ({"priority": -1}, "priority"),
        ({"period": 0}, "period"),
        ({"period": "ten"}, "period"),
        ({"period": "10ms"}, "period"),
        ({"period": 99999999999999999999}, "period"),
        ({"period": 11 * YEAR_MS}, "period"),
        ({"offset": -1}, "offset"),
        ({"numberofjobs": 4294967296}, "numberofjobs"),
        ({"numberofjobs": 4294967295, "period": YEAR_MS}, "numberofjobs"),
        ({"quota": "much"}, "quota"),
        ({"quota": "-5M"}, "quota"),
        ({"quota": "99999999999999G"}, "quota"),
        ({"cores": 0}, "cores"),
        ({"coreoffset": 5000}, "coreoffset"),
        ({"overrun": "maybe"}, "overrun"),
        ({"pkg": "sixteen_letters_"}, "pkg"),
        ({"pkg": "../hey"}, "pkg"),
        ({"pkg": ".hey"}, "pkg"),
        ({"pkg": ""}, "pkg"),
        ({"arg1": "x" * 5000}, "too long"),
    ],
)
def test_a_value_out_of_range_is_named(
    parsers: Path, elements: dict[str, object], named: str
) -> None:
    assert named in refusal(parsers, task(**elements))


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "<",
        "<taskset",
        "<taskset>",
        "<taskset/>junk",
        "<taskset></tasket>",
        "<periodictask/>",
        "<taskset>text</taskset>",
        "<taskset><periodictask></taskset></periodictask>",
        "<taskset><periodictask><id>1</id></periodictask></taskset>",
        "<taskset><periodictask><pkg>a</pkg></periodictask></taskset>",
        "<taskset><periodictask><pkg a=>a</pkg></periodictask></taskset>",
        "<taskset><periodictask><pkg a='>a</pkg></periodictask></taskset>",
        "<taskset><periodictask><id>1</id><pkg>&unknown;</pkg></periodictask></taskset>",
        "<taskset><periodictask><id>1</id><pkg>&#0;</pkg></periodictask></taskset>",
        "<taskset><periodictask><id>1</id><pkg>&#</pkg></periodictask></taskset>",
        "<taskset><!-- </taskset>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><taskset/>",
        "<a>" * 100000,
        "<taskset>" + "<a>" * 40 + "</a>" * 40 + "</taskset>",
        "<taskset><" + "a" * 10000 + "/></taskset>",
    ],
)
def test_what_is_no_task_set_is_refused(parsers: Path, xml: str) -> None:
    assert refusal(parsers, xml)


def test_two_tasks_of_one_id_are_refused(parsers: Path) -> None:
    xml = "<taskset>" + "<periodictask><id>1</id><pkg>a</pkg></periodictask>" * 2 + "</taskset>"
    assert "another task's" in refusal(parsers, xml)


def test_every_beginning_of_a_description_is_refused(parsers: Path) -> None:
    xml = task(arg1="<5>", quota="5M", period=10)
    for size in range(len(xml)):
        assert refusal(parsers, xml[:size])


def test_damaged_descriptions_do_no_harm(parsers: Path) -> None:
    dice = random.Random(2026)
    good = describe([{"pkg": "hey", "arg1": 5, "period_ns": 10**6, "quota": "5M"}] * 3)
    for _ in range(150):
        damaged = bytearray(good)
        for _ in range(dice.randrange(1, 6)):
            damaged[dice.randrange(len(damaged))] = dice.choice(b"<>&/;'\"=\0a1 \xff!?-")
        run(parsers, "taskset", data=bytes(damaged))


# --- DHCP


def answer(kind: int = 2, identity: int = 7, mac: str = MAC, options: bytes = b"") -> bytes:
    head = bytes([2, 1, 6, 0]) + struct.pack(">I", identity) + bytes(8)
    head += socket.inet_aton("10.0.2.15") + bytes(8) + bytes.fromhex(mac) + bytes(10 + 64 + 128)
    cookie = bytes([99, 130, 83, 99])
    return head + cookie + bytes([53, 1, kind]) + options + b"\xff"


OPTIONS = (
    bytes([1, 4, 255, 255, 255, 0, 0, 0])
    + bytes([3, 8, 10, 0, 2, 2, 10, 0, 2, 3])
    + bytes([54, 4, 10, 0, 2, 2])
)


def test_a_lease_is_read(parsers: Path) -> None:
    assert lines(parsers, "lease", "7", MAC, data=answer(5, options=OPTIONS)) == [
        "type=5 address=10.0.2.15 netmask=255.255.255.0 router=10.0.2.2 server=10.0.2.2"
    ]


@pytest.mark.parametrize(
    "packet",
    [
        answer(identity=8),
        answer(mac="525400000000"),
        answer(kind=1),
        answer(options=bytes([3, 200, 1])),
        b"",
        bytes(240),
        answer()[:240],
        b"\x01" + answer()[1:],
    ],
)
def test_what_is_no_answer_to_us_is_passed_over(parsers: Path, packet: bytes) -> None:
    assert lines(parsers, "lease", "7", MAC, data=packet) == ["no answer"]


def test_every_piece_of_an_answer_does_no_harm(parsers: Path) -> None:
    packet = answer(5, options=OPTIONS)
    for size in range(230, len(packet)):
        run(parsers, "lease", "7", MAC, data=packet[:size])
    dice = random.Random(2026)
    for _ in range(100):
        run(parsers, "lease", "7", MAC, data=packet[:240] + dice.randbytes(60))


def test_a_request_asks_for_what_was_offered(parsers: Path) -> None:
    discover = run(parsers, "ask", "1", "7", MAC)
    request = run(parsers, "ask", "3", "7", MAC)
    for packet in (discover, request):
        assert packet[:4] == bytes([1, 1, 6, 0])
        assert packet[4:8] == struct.pack(">I", 7)
        assert packet[10] & 0x80, "the answer must come as a broadcast"
        assert packet[28:34] == bytes.fromhex(MAC)
        assert packet[236:240] == bytes([99, 130, 83, 99])
    assert discover[240:243] == bytes([53, 1, 1])
    assert request[240:243] == bytes([53, 1, 3])
    assert bytes([50, 4]) + socket.inet_aton("10.0.2.15") in request
    assert bytes([54, 4]) + socket.inet_aton("10.0.2.2") in request


# --- pages of the kernel's trace


def event(size_words: int, delta: int, content: bytes) -> bytes:
    return words(size_words | delta << 5) + content


def page(time_ns: int, body: bytes, lost: bool = False) -> bytes:
    return struct.pack("<QQ", time_ns, len(body) | (1 << 31 if lost else 0)) + body


def test_events_of_a_page_get_their_moments(parsers: Path) -> None:
    body = (
        event(2, 5, b"\x01\x00aaaaaa")
        + words(30 | 3 << 5, 2)  # a long pause: 2 << 27, and 3
        + event(1, 10, b"\x02\x00bb")
        + words(29 | 4 << 5, 8)  # an event that a filter took out
        + bytes(4)
        + event(0, 1, words(8) + b"\x03\x00cc")
    )
    after = 1000 + 5 + (2 << 27) + 3 + 10
    assert lines(parsers, "page", data=page(1000, body)) == [
        "1005 8 01 00 61 61",
        f"{after} 4 02 00 62 62",
        f"{after + 4 + 1} 4 03 00 63 63",
    ]
    assert lines(parsers, "page", data=page(1000, body, lost=True))[:2] == [
        "lost before 1000",
        "1005 8 01 00 61 61",
    ]


def test_any_page_does_no_harm(parsers: Path) -> None:
    dice = random.Random(2026)
    for _ in range(150):
        body = dice.randbytes(dice.randrange(300))
        run(parsers, "page", data=page(1, body)[: dice.randrange(16 + len(body) + 1)])
        run(parsers, "page", data=struct.pack("<QQ", 1, 4080) + body)
