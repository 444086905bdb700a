"""A traced set as slices, as CSV and as Perfetto's protobuf, read back by its own classes."""

from __future__ import annotations

import csv
import random
from collections import Counter
from pathlib import Path

import pytest
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace as Protobuf
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import TrackEvent
from typer.testing import CliRunner

from distributor.analysis.slices import Slice, slices
from distributor.analysis.trace_file import to_csv, to_perfetto
from distributor.cli.main import app
from distributor.session.switch import Occupant, Switch
from distributor.store.store import Store
from tests.results import MS, a_result, a_traced_result, an_attempt

RESULT = a_traced_result()
PIECES = list(slices(RESULT.switches))


def test_a_slice_lasts_until_the_next_switch_of_its_processor() -> None:
    assert [(piece.cpu, piece.begin_ns, piece.end_ns, piece.occupant) for piece in PIECES] == [
        (0, -10_000, 20_000, Occupant.LOADER),
        (0, 20_000, MS, Occupant.JOB),
        (0, MS, 2 * MS, Occupant.JOB),
        (0, 2 * MS, 3 * MS, Occupant.JOB),
        (0, 3 * MS, 3 * MS + 40_000, Occupant.KERNEL),
        # The last of a processor ends with the last switch of all.
        (1, -10_000, 3 * MS + 40_000, Occupant.IDLE),
    ]
    assert list(slices([])) == []


def test_the_csv_holds_every_slice() -> None:
    rows = list(csv.DictReader(to_csv(PIECES).splitlines()))
    assert len(rows) == len(PIECES)
    assert rows[1] == {
        "cpu": "0",
        "begin_ns": "20000",
        "end_ns": "1000000",
        "occupant": "job",
        "task_id": "0",
        "job_index": "0",
    }
    assert (rows[0]["occupant"], rows[0]["task_id"]) == ("loader", "")


def parse(data: bytes) -> tuple[dict[str, list[tuple[str, int, int]]], Counter[str]]:
    """Slices of each track by its name, and the instants: read strictly, as they must nest."""
    trace = Protobuf()
    trace.ParseFromString(data)
    names: dict[int, str] = {}
    open_: dict[str, tuple[str, int]] = {}
    found: dict[str, list[tuple[str, int, int]]] = {}
    instants: Counter[str] = Counter()
    before = 0
    for packet in trace.packet:
        if packet.HasField("track_descriptor"):
            descriptor = packet.track_descriptor
            assert not descriptor.HasField("parent_uuid") or descriptor.parent_uuid in names
            names[descriptor.uuid] = descriptor.name
            found[descriptor.name] = []
            continue
        assert packet.timestamp >= before
        before = packet.timestamp
        event = packet.track_event
        track = names[event.track_uuid]
        if event.type == TrackEvent.TYPE_SLICE_BEGIN:
            assert track not in open_, "one slice at a time"
            open_[track] = (event.name, packet.timestamp)
        elif event.type == TrackEvent.TYPE_SLICE_END:
            name, begin = open_.pop(track)
            found[track].append((name, begin - 10**9, packet.timestamp - 10**9))
        else:
            instants[f"{track}: {event.name}"] += 1
    assert not open_
    return found, instants


def test_perfetto_gets_a_track_for_each_task_and_processor() -> None:
    tracks, instants = parse(to_perfetto("pair", ["busy", "hey"], PIECES, RESULT.jobs))
    assert tracks == {
        "pair": [],
        "task 0: busy": [("job 0", 20_000, MS), ("job 0", 2 * MS, 3 * MS)],
        "task 1: hey": [("job 0", MS, 2 * MS)],
        "processor 0": [
            ("loader", -10_000, 20_000),
            ("busy 0.0", 20_000, MS),
            ("hey 1.0", MS, 2 * MS),
            ("busy 0.0", 2 * MS, 3 * MS),
            ("kernel", 3 * MS, 3 * MS + 40_000),
        ],
        "processor 1": [],
    }
    assert instants == {
        "task 0: busy: release 0": 1,
        "task 0: busy: deadline 0": 1,
        "task 1: hey: release 0": 1,
        "task 1: hey: deadline 0": 1,
    }


def test_what_precedes_time_zero_has_its_place() -> None:
    early = [Slice(0, -(3 * 10**9), 5, Occupant.LOADER, None, None)]
    trace = Protobuf()
    trace.ParseFromString(to_perfetto("", ["hey"], early, ()))
    moments = [packet.timestamp for packet in trace.packet if packet.HasField("track_event")]
    assert moments == [10**9, 4 * 10**9 + 5]


def test_as_many_slices_come_back_as_went_in() -> None:
    dice = random.Random(5)
    switches, now = [], 0
    for _ in range(3000):
        now += dice.randrange(1, 10_000)
        who = dice.choice(list(Occupant))
        cpu = dice.randrange(4)
        # Each task has a processor of its own: its slices follow one another.
        job = (cpu, dice.randrange(9)) if who is Occupant.JOB else (None, None)
        switches.append(Switch(cpu, now, who, *job))
    pieces = list(slices(switches))
    tracks, _ = parse(to_perfetto("", list("abcd"), pieces, ()))
    count = Counter(piece.occupant for piece in pieces)
    on_processors = sum(len(found) for name, found in tracks.items() if "processor" in name)
    on_tasks = sum(len(found) for name, found in tracks.items() if "task " in name)
    assert on_tasks == count[Occupant.JOB]
    assert on_processors == len(pieces) - count[Occupant.IDLE]


@pytest.fixture
def store(tmp_path: Path) -> str:
    url = str(tmp_path / "store.db")
    with Store.open(url) as opened:
        run_id = opened.begin_run("x")
        opened.add(run_id, an_attempt(0), a_result())
        opened.add(run_id, an_attempt(1), a_traced_result())
    return url


@pytest.mark.parametrize("name", ["out.csv", "out.pftrace"])
def test_the_command_writes_the_file_that_its_name_says(
    store: str, tmp_path: Path, name: str
) -> None:
    output = tmp_path / name
    done = CliRunner().invoke(app, ["trace", "1", "1", "--store", store, "-o", str(output)])
    assert (done.exit_code, done.output) == (0, f"{output}: 6 slices\n")
    if name.endswith(".csv"):
        assert output.read_text() == to_csv(PIECES)
    else:
        assert sum(map(len, parse(output.read_bytes())[0].values())) == 3 + 5


def test_a_set_that_was_not_traced_has_none(store: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["trace", "1", "0", "--store", store, "-o", str(tmp_path / "x")])
    assert str(done.exception) == "set 0 of run 1 was not traced (run it with --trace)"
    assert not (tmp_path / "x").exists()
