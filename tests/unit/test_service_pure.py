"""The service's parts that do no I/O: what watchers are told, and how much may be asked."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.errors import ConfigurationError
from distributor.jobs.job import JobState
from distributor.jobs.queue import Health, QueueState
from distributor.machines.machine import MachineState
from distributor.service.address import find_token, make_token, parse_address, parse_listen
from distributor.service.changes import REFRESH_S, SETS_MAX, Changes, Event
from distributor.service.ledger import WINDOW_S, Rate
from distributor.service.limit import Bucket, Buckets
from distributor.service.models import Job, Machine, Set, State
from distributor.service.stream import BACKLOG_BYTES, Listener, encode
from distributor.service.watch import Watch
from distributor.session.result import Clock, Verdict
from tests.results import a_result, an_attempt

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NONE = dict.fromkeys(Verdict, 0)


def state(**changed: Any) -> State:
    values: dict[str, Any] = {
        "version": "1",
        "state": QueueState.RUNNING,
        "error": None,
        "maximum": 1,
        "max_allowed": 500,
        "clock": Clock.VIRTUAL,
        "network": "none",
        "cpus": 1,
        "run": 1,
        "store": "x.db",
        "started_at": NOW,
        "jobs_done": 0,
        "jobs_open": 1,
        "machines": 1,
        "verdicts": NONE,
        "sets_per_s": 0.0,
        "load": (0, 0, 0),
        "memory_free_mib": 1,
    }
    return State(**values | changed)


def machine(name: str, **changed: Any) -> Machine:
    values: dict[str, Any] = {
        "id": name,
        "state": MachineState.READY,
        "health": Health.GOOD,
        "job": 1,
        "index": 0,
        "name": "",
        "uptime_s": 0.0,
        "work_s": 0.0,
        "memory_mib": 64,
        "address": None,
        "sets": 0,
    }
    return Machine(**values | changed)


def job(number: int = 1, **changed: Any) -> Job:
    values: dict[str, Any] = {
        "number": number,
        "name": "",
        "state": JobState.RUNNING,
        "error": None,
        "added_at": NOW,
        "decided": 0,
        "total": 9,
        "verdicts": NONE,
        "left_s": None,
    }
    return Job(**values | changed)


def a_set(number: int) -> Set:
    return Set(
        id=number,
        job=1,
        index=number,
        name="",
        verdict=Verdict.MISSED,
        reason="",
        machine="m1",
        attempts=1,
        finished_at=NOW,
        guest_s=0,
        host_s=0,
        utilization=None,
        noise=None,
        digest="",
        tasks=1,
    )


def names(events: list[Event]) -> list[str]:
    return [event.name for event in events]


def test_what_has_not_changed_is_not_told_again() -> None:
    changes = Changes()
    first = changes.batch(0, state(), [job()], [machine("m1")])
    assert names(first) == ["job", "machine", "state"]
    assert changes.batch(0.2, state(), [job()], [machine("m1")]) == []
    assert names(changes.batch(0.4, state(), [job(decided=1)], [machine("m1")])) == ["job"]


def test_what_always_changes_is_told_now_and_then() -> None:
    changes = Changes()
    changes.batch(0, state(), [], [machine("m1")])
    told = [
        name
        for tick in range(1, 11)
        for name in names(
            changes.batch(tick * 0.2, state(load=(tick, 0, 0)), [], [machine("m1", uptime_s=tick)])
        )
    ]
    assert told == ["machine", "state"]
    assert REFRESH_S == 2.0


def test_what_has_changed_before_it_rested_is_told_at_last() -> None:
    changes = Changes()
    changes.batch(0, state(), [], [machine("m1")])
    load = (1, 1, 1)
    assert changes.batch(1, state(load=load), [], [machine("m1", work_s=3)]) == []
    told = [
        event.told for event in changes.batch(2, state(load=load), [], [machine("m1", work_s=3)])
    ]
    assert told == [machine("m1", work_s=3), state(load=load)]


def test_a_machine_that_is_gone_is_told_of_once_as_dead() -> None:
    changes = Changes()
    changes.batch(0, state(), [], [machine("m1")])
    (event,) = changes.batch(0.2, state(), [], [])
    assert isinstance(event.told, Machine)
    assert (event.told.id, event.told.state, event.told.job) == ("m1", MachineState.DEAD, None)
    assert changes.batch(0.4, state(), [], []) == []


def test_a_batch_is_bounded_however_much_happens() -> None:
    changes = Changes()
    for number in range(10_000):
        changes.finished(a_set(number))
    told = changes.batch(0, state(), [], [])
    (sets,) = [event.told for event in told if event.name == "sets"]
    assert isinstance(sets, list)
    assert len(sets) == SETS_MAX
    (dropped,) = [event.told for event in told if event.name == "dropped"]
    assert dropped == {"dropped": 10_000 - SETS_MAX}
    assert changes.batch(0.2, state(), [], []) == []


def test_only_a_set_that_is_kept_is_told_with_its_number() -> None:
    ids: list[int | None] = [8, None, None, 11]
    told: list[Set] = []
    watch = Watch(lambda *_: None, lambda: ids[len(told) + watch.unkept], told.append)
    for index in range(len(ids)):
        watch.finished(an_attempt(index), a_result(jobs=0))
    assert [(each.id, each.index) for each in told] == [(8, 0), (11, 3)]
    assert watch.unkept == 2


@given(
    st.lists(st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2), max_size=4), max_size=20)
)
def test_who_applies_all_batches_has_what_there_is(history: list[dict[str, int]]) -> None:
    """Whatever comes and goes, the events add up to the machines as they are."""
    changes = Changes()
    seen: dict[str, int] = {}
    for tick, present in enumerate(history):
        machines = [machine(name, index=index) for name, index in present.items()]
        for event in changes.batch(tick * 0.01, state(), [], machines):
            if isinstance(event.told, Machine):
                if event.told.state is MachineState.DEAD:
                    del seen[event.told.id]
                else:
                    assert event.told.index is not None
                    seen[event.told.id] = event.told.index
        assert seen == present


def test_events_are_lines_that_no_text_can_break_out_of() -> None:
    told = encode([Event("job", job(name="a\n\nevent: state\ndata: {}"))], 7)
    lines = told.decode().split("\n")
    assert lines[:2] == ["event: job", "id: 7"]
    assert lines[2].startswith("data: {")
    assert lines[3:] == ["", ""]


async def test_who_does_not_read_is_ended_and_keeps_no_memory() -> None:
    listener = Listener()
    for _ in range(3):
        listener.put(b"x" * (BACKLOG_BYTES // 2))
    assert [piece async for piece in listener.pieces()] == []


async def test_who_reads_gets_everything_in_order() -> None:
    listener = Listener()
    listener.put(b"a")
    listener.put(b"b")
    pieces = listener.pieces()
    assert await anext(pieces) == b"ab"
    listener.put(b"c")
    assert await anext(pieces) == b"c"
    listener.end()
    assert [piece async for piece in pieces] == []


def test_a_bucket_gives_as_much_as_it_holds_and_then_as_it_fills() -> None:
    bucket = Bucket(rate_per_s=2, burst=3, now_s=0)
    assert [bucket.take(0) for _ in range(3)] == [0, 0, 0]
    assert bucket.take(0) == pytest.approx(0.5)
    assert bucket.take(0.5) == 0
    assert bucket.take(0.5) > 0
    # However long nobody came, it holds no more than it can.
    assert [bucket.take(1000) == 0 for _ in range(4)] == [True, True, True, False]


def test_one_client_takes_nothing_from_another_and_their_number_is_bounded() -> None:
    buckets = Buckets(rate_per_s=1, burst=1)
    assert buckets.take("a", 0) == 0
    assert buckets.take("a", 0) > 0
    assert buckets.take("b", 0) == 0
    for number in range(Buckets.CLIENTS_MAX):
        buckets.take(str(number), 0)
    assert len(buckets._buckets) == Buckets.CLIENTS_MAX
    assert buckets.take("a", 0) == 0  # it was forgotten


def test_the_rate_is_that_of_the_last_minute() -> None:
    rate = Rate(0)
    assert rate.per_s(0) == 0
    for second in range(10):
        rate.count(second)
        rate.count(second + 0.5)
    assert rate.per_s(10) == pytest.approx(2)
    assert rate.per_s(WINDOW_S + 5) == pytest.approx(10 / WINDOW_S)
    assert rate.per_s(1000) == 0


def test_addresses_are_read_as_users_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1")
    monkeypatch.delenv("DISTRIBUTOR_ADDRESS", raising=False)
    assert str(parse_address(None)) == "/run/user/1/distributor/service.sock"
    assert str(parse_address("unix:///x/y.sock")) == "/x/y.sock"
    assert parse_address("http://lab:8080/").url == "http://lab:8080"
    assert parse_listen("[::1]:0") == ("::1", 0)
    for wrong in ("8080", ":1", "h:65536", "h:x"):
        with pytest.raises(ConfigurationError, match="HOST:PORT"):
            parse_listen(wrong)
    for wrong in ("ftp://x", "/" + "x" * 200):
        with pytest.raises(ConfigurationError):
            parse_address(wrong)


def test_this_hosts_token_is_shown_to_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("DISTRIBUTOR_TOKEN", raising=False)
    token = make_token(tmp_path / "distributor" / "service.token")
    assert make_token(tmp_path / "distributor" / "service.token") == token
    for own in ("http://127.0.0.1:1", "http://[::1]:1", "http://localhost"):
        assert find_token(None, parse_address(own)) == token
    with pytest.raises(ConfigurationError, match="on another host"):
        find_token(None, parse_address("http://lab:8080"))
    assert find_token("given", parse_address("http://lab:8080")) == "given"
    (tmp_path / "distributor" / "service.token").chmod(0o644)
    with pytest.raises(ConfigurationError, match="may be read by others"):
        find_token(None, parse_address("http://localhost"))
