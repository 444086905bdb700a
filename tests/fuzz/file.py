"""What a user's files say: task sets in every format, boards, addresses."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from distributor import ConfigurationError, TaskSet
from distributor.machines.board.address import parse_hosts
from distributor.machines.board.file import read_boards
from distributor.machines.profile.file import SHIPPED, read_profile
from distributor.network.bridge.leases import parse_leases
from distributor.service.document import draw_body, read_job
from distributor.session.description import describe
from distributor.tasks.formats import rtapp
from distributor.tasks.formats.document import entry_of, taskset_of
from distributor.tasks.load import load
from tests.fuzz.mutation import VALUES, mutated, mutated_document
from tests.fuzz.target import Target

_TASK = {"binary": "busy", "arg1": 1000, "period_ms": 10, "priority": 3, "numberofjobs": 5}
_FULL = {
    "binary": "./mine",
    "period_us": 10_000,
    "deadline_us": 9_000,
    "offset_ms": 1,
    "executiontime_us": 100,
    "criticaltime_ms": 9,
    "quota_mib": 2.5,
    "caps": 235,
    "cores": 1,
    "coreoffset": 1,
    "overrun": "late",
}
_DOCUMENTS: list[Any] = [
    {"tasksets": [{"name": "a", "tasks": [_TASK, _FULL], "origin": {"seed": 1}}]},
    [{"tasks": [_TASK]}],
    {
        "product": {
            "tasks": [{**_TASK, "arg1": {"from": 1, "to": 9, "step": 3}, "priority": [0, 1]}]
        }
    },
    {
        "generate": {
            "tasks": [2, 3],
            "utilization": [0.5, 1.0],
            "sets": 2,
            "seed": 1,
            "method": "uunifast",
            "periods": "log-uniform",
        }
    },
]
_NAMES = [
    *_TASK,
    *_FULL,
    *"tasksets product generate tasks name origin utilization sets seed method periods".split(),
    *"priorities processors fit duration_ms deadlines caps pkg period_s x from to step".split(),
]
_RT_APP = [
    {
        "global": {"duration": 2, "default_policy": "SCHED_FIFO"},
        "tasks": {
            "a": {"run": 1000, "timer": {"ref": "t", "period": 10_000}, "priority": 90},
            "b": {"policy": "SCHED_DEADLINE", "dl-runtime": 1, "dl-period": 9, "run": 5, "loop": 3},
            "c": {"phases": {"p": {"loop": 2, "run": 1, "sleep": 9}}, "instance": 2, "cpus": [0]},
        },
    }
]
_RT_NAMES = (
    "run timer sleep loop phases instance cpus policy priority delay duration period".split()
)
_TABLES = [
    b"set,name,binary,arg1,period_ms,priority,origin\n0,a,busy,5,10,1,\n0,a,pi,,7.5,,\n",
    b'binary,period_ns,overrun,origin\nbusy,1000000,late,"{""seed"": 1}"\n',
]
_BOARDS = [
    b'[[board]]\nhost = "10.200.33.0/28"\nboot_s = 5\npower = { cycle = "x {host}" }\n',
    b'[power]\noff = "a"\non = "b"\n[[board]]\nhost = "lab-7:3001"\n',
]
_HOSTS = [b"10.200.33.0/28", b"lab-7:3001", b"[fe80::1]:3001", b"10.0.0.1"]
_OFFER = ["name", "offset", "switches", "admission"]
_MANY = 5


def _use(tasksets: TaskSet | Iterable[TaskSet]) -> None:
    """What was taken can be told to a machine, and written down again as the same."""
    several = [tasksets] if isinstance(tasksets, TaskSet) else tasksets
    for taskset in islice(several, _MANY):
        describe(taskset, extended=True)
        describe(taskset, extended=False)
        told = json.loads(json.dumps(entry_of(taskset), allow_nan=False))
        again = taskset_of(told, "again", Path("/"))
        assert again.tasks == taskset.tasks


def _loads(suffix: str) -> Callable[[bytes], None]:
    def check(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "mine").touch()
            path = Path(folder) / f"input{suffix}"
            path.write_bytes(data)
            with contextlib.suppress(ConfigurationError):
                _use(load(path))

    return check


def _rt_app(data: bytes) -> None:
    try:
        document = rtapp.parse(data.decode(errors="replace"))
    except (ValueError, RecursionError):
        return
    if rtapp.looks_like_rtapp(document):
        with contextlib.suppress(ConfigurationError):
            _use(rtapp.from_rtapp(document)[0])


def _boards(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "boards.toml"
        path.write_bytes(data)
        with contextlib.suppress(ConfigurationError):
            assert len(read_boards(path, port=3001, most=64)) <= 64


def _hosts(data: bytes) -> None:
    with contextlib.suppress(ConfigurationError):
        parse_hosts(data.decode(errors="replace"), port=3001, most=64)


def _profile(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "profile.toml"
        path.write_bytes(data)
        with contextlib.suppress(ConfigurationError):
            read_profile(path)


def _body(value: tuple[bytes, str, dict[str, Any]]) -> None:
    with contextlib.suppress(ConfigurationError):
        source, _ = read_job(*value)
        _use(draw_body(source))


def _leases(data: bytes) -> None:
    for lease in parse_leases(data.decode(errors="replace")):
        assert lease.hardware
        assert lease.address


def _written(document: Any) -> bytes:
    return json.dumps(document).encode()


def _in_lines(document: Any) -> bytes:
    return b"\n".join(_written(each) for each in document)


_WORDS = [
    *b'{ } [ ] , : " \\ 1e999 NaN -Infinity null true 0.1 -1 99999999999999999999 \\ud800'.split(),
    *(f'"{name}": '.encode() for name in _NAMES),
    b"[" * 3000,
    b"9" * 5000,
    b"\xff",
    b"\0",
    b"\n",
]
_SETS = mutated_document(list(_DOCUMENTS[0]["tasksets"]), _NAMES)

TARGETS = [
    Target(
        "json",
        st.one_of(
            mutated_document(_DOCUMENTS, _NAMES).map(_written),
            mutated([_written(each) for each in _DOCUMENTS], _WORDS),
        ),
        _loads(".json"),
    ),
    Target(
        "jsonl",
        st.one_of(
            st.lists(_SETS, max_size=3).map(_in_lines),
            mutated([_in_lines(_DOCUMENTS[0]["tasksets"] * 2)], _WORDS),
        ),
        _loads(".jsonl"),
    ),
    Target(
        "csv",
        mutated(
            _TABLES, [*b'" "" , ,, \r \n set origin period_s 1e999 nan -1 \xff'.split(), b"\0"]
        ),
        _loads(".csv"),
    ),
    Target(
        "rtapp",
        st.one_of(
            mutated_document(_RT_APP, _RT_NAMES).map(_written),
            mutated([_written(each) for each in _RT_APP], [*_WORDS, b"/*", b"*/", b"//"]),
        ),
        _rt_app,
    ),
    Target("boards", mutated(_BOARDS, [*b'[ ]] " = { } 1e999 nan host power'.split()]), _boards),
    Target(
        "machine-profile",
        mutated(
            [path.read_bytes() for path in sorted(SHIPPED.glob("*.toml"))],
            [*b'[ ]] " = { } 1e999 nan [machine] [start] [loader] true -1 []'.split(), b"\n"],
        ),
        _profile,
    ),
    Target(
        "body",
        st.tuples(
            st.one_of(
                mutated_document(_DOCUMENTS, [*_NAMES, *_OFFER]).map(_written),
                mutated([_written(each) for each in _DOCUMENTS], _WORDS),
                mutated(_TABLES, [b'"', b",", b"\n", b"\xff"]),
            ),
            st.sampled_from(["application/json", "application/jsonl", "text/csv", "text/html"]),
            st.dictionaries(st.sampled_from(_OFFER), VALUES, max_size=3),
        ),
        _body,
    ),
    Target(
        "leases",
        mutated([b"0 0a:06:00:00:00:01 10.200.45.1 m1 *\n"], [b" ", b"\n", b"\0", b"\x85"]),
        _leases,
    ),
    Target("hosts", mutated(_HOSTS, [*b": / [ ] . , 0 999 -1 :: % \xff".split(), b" "]), _hosts),
]
