"""What people, terminals and stores are told of task sets."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import pytest

from distributor.errors import StoreError
from distributor.monitors.console import ConsoleMonitor
from distributor.monitors.fanout import Fanout
from distributor.monitors.logging import LoggingMonitor
from distributor.monitors.monitor import Monitor
from distributor.monitors.store import StoreMonitor
from distributor.session.event import Event, EventType
from distributor.session.result import Verdict
from distributor.store.store import Store
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet
from tests.results import a_result, an_attempt, an_undecided_result

EVENTS = [
    Event(EventType.START, 0, 27_120, job=0, release_ns=0, exact=True),
    Event(EventType.EXIT, 0, 2_000_000, job=0, release_ns=0, exit_value=0, exact=True),
    Event(EventType.JOBS_DONE, 0, 2_000_000),
]


def tell_all(monitor: Monitor) -> None:
    attempt = an_attempt()
    monitor.started(attempt)
    monitor.event(attempt, EVENTS)
    monitor.finished(attempt, a_result())
    monitor.stopped(an_attempt(1))
    monitor.bad(an_attempt(1, number=2), an_undecided_result())
    monitor.close()


class Recorder(Monitor):
    """Notes each call, and raises where it is told to."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.calls: list[str] = []
        self.fault = fault

    def _note(self, what: str) -> None:
        self.calls.append(what)
        if self.fault is not None:
            raise self.fault

    def started(self, *_: Any) -> None:
        self._note("started")

    def event(self, *_: Any) -> None:
        self._note("event")

    def finished(self, *_: Any) -> None:
        self._note("finished")

    def stopped(self, *_: Any) -> None:
        self._note("stopped")

    def bad(self, *_: Any) -> None:
        self._note("bad")

    def close(self) -> None:
        self._note("close")


ALL = ["started", "event", "finished", "stopped", "bad", "close"]


class Ancestor:
    """The methods that scripts of earlier distributors override."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __taskset_start__(self, taskset: TaskSet) -> None:
        self.calls.append(("start", taskset.name))

    def __taskset_event__(self, taskset: TaskSet, event: Event) -> None:
        self.calls.append(("event", event.type))

    def __taskset_finish__(self, taskset: TaskSet) -> None:
        self.calls.append(("finish", taskset.name))

    def __taskset_stop__(self, taskset: TaskSet) -> None:
        self.calls.append(("stop", taskset.name))

    def __taskset_bad__(self, taskset: TaskSet, n: int) -> None:
        self.calls.append(("bad", n))


@pytest.mark.parametrize("base", [Monitor, LoggingMonitor, ConsoleMonitor, StoreMonitor])
def test_the_ancestors_methods_are_called(
    base: type[Monitor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Script(Ancestor, base):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            Ancestor.__init__(self)
            base.__init__(self)

    monkeypatch.chdir(tmp_path)
    monitor = Script()
    tell_all(monitor)
    assert monitor.calls == [
        ("start", "pair"),
        ("event", EventType.START),
        ("event", EventType.EXIT),
        ("event", EventType.JOBS_DONE),
        ("finish", "pair"),
        ("stop", "pair"),
        ("bad", 2),
    ]


# Logging


@pytest.fixture
def unconfigured() -> logging.Logger:
    """A logger of a program that has set up no logging."""
    logger = logging.Logger("unconfigured")  # noqa: LOG001 - its root is not pytest's
    logger.addHandler(logging.NullHandler())
    return logger


def test_a_plain_script_reads_the_log_on_standard_error(
    unconfigured: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    tell_all(LoggingMonitor(unconfigured))
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.splitlines() == [
        "job 1 set 0 (pair) started on m1",
        "job 1 set 0 (pair) is schedulable on m1 (12.00 ms of guest time in 250.0 ms): "
        "every job met its deadline",
        "    Task         Jobs  Response min    median       max  Start latency max"
        "  Misses  Errors",
        "    0 busy 2000     2      2.000 ms  2.000 ms  2.000 ms           27.00 us"
        "       0       0",
        "    1 hey 1         0             -         -         -                  -"
        "       -       -",
        "job 1 set 1 (pair) stopped on m1; it is back in the queue",
        "job 1 set 1 (pair) is undecided after 2 tries: the guest panicked",
        "    console: Kernel panic",
        "    console: halted",
    ]


def test_a_program_that_logs_gets_records(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO):
        tell_all(LoggingMonitor())
    levels = [record.levelname for record in caplog.records]
    assert levels == ["INFO", "INFO", "WARNING", "WARNING"]
    assert caplog.records[0].name == "distributor.monitors.logging"
    assert capsys.readouterr().err == ""


def test_a_later_try_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        LoggingMonitor().started(an_attempt(number=3))
    assert caplog.messages == ["job 1 set 0 (pair) started on m1, try 3"]


def test_percent_signs_and_escapes_in_a_name_do_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    taskset = TaskSet(Task("hey"), name="100%s\x1b[2J\n")
    with caplog.at_level(logging.INFO):
        LoggingMonitor().started(an_attempt(taskset=taskset))
    assert caplog.messages == ["job 1 set 0 (100%s�[2J�) started on m1"]


# Console


def test_the_console_shows_everything(capsys: pytest.CaptureFixture[str]) -> None:
    tell_all(ConsoleMonitor())
    assert capsys.readouterr().out.splitlines() == [
        "started batch=1 set=0 machine=m1 try=1 tasks=2 name='pair'",
        "event batch=1 set=0 machine=m1 task=0 type=START time_ns=27120 job=0 release_ns=0",
        "event batch=1 set=0 machine=m1 task=0 type=EXIT time_ns=2000000 job=0 release_ns=0 exit=0",
        "event batch=1 set=0 machine=m1 task=0 type=JOBS_DONE time_ns=2000000",
        "finished batch=1 set=0 machine=m1 verdict=schedulable jobs=2 guest_ns=12000000 "
        "host_s=0.250 reason='every job met its deadline'",
        "stopped batch=1 set=1 machine=m1",
        "bad batch=1 set=1 machine=m1 verdict=undecided jobs=0 guest_ns=0 host_s=0.000 "
        "reason='the guest panicked'",
    ]


def test_the_console_writes_where_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    tell_all(ConsoleMonitor(stream))
    assert len(stream.getvalue().splitlines()) == 7
    assert capsys.readouterr().out == ""


# Store


def test_a_result_is_in_the_store_when_the_call_returns(tmp_path: Path) -> None:
    url = str(tmp_path / "results.db")
    monitor = StoreMonitor(url, command="test", options={"machines": 2}, seed=7)
    with Store.open(url, create=False) as reader:
        monitor.started(an_attempt(0))
        assert not list(reader.tasksets(monitor.run_id))
        monitor.finished(an_attempt(0), a_result())
        monitor.stopped(an_attempt(1))
        monitor.bad(an_attempt(1), an_undecided_result())
        kept = [(each.set_index, each.verdict) for each in reader.tasksets(monitor.run_id)]
        assert kept == [(0, Verdict.SCHEDULABLE), (1, Verdict.UNDECIDED)]
        assert reader.run().ended_at is None
        monitor.close()
        monitor.close()
        run = reader.run()
    assert run.ended_at is not None
    assert (run.command, run.options, run.seed) == ("test", {"machines": 2}, "7")


def test_a_store_that_was_handed_in_stays_open(tmp_path: Path) -> None:
    with Store.open(str(tmp_path / "results.db")) as store:
        first, second = StoreMonitor(store), StoreMonitor(store)
        tell_all(first)
        tell_all(second)
        assert first.run_id != second.run_id
        assert [sum(store.counts(run.id).values()) for run in store.runs()] == [2, 2]


def test_a_result_after_the_end_is_not_lost_in_silence(tmp_path: Path) -> None:
    monitor = StoreMonitor(str(tmp_path / "results.db"))
    monitor.close()
    with pytest.raises(StoreError, match="has ended"):
        monitor.finished(an_attempt(), a_result())


# Fan-out


def test_all_monitors_are_told_in_their_order() -> None:
    monitors = [Recorder(), Recorder()]
    tell_all(Fanout(*monitors))
    assert [monitor.calls for monitor in monitors] == [ALL, ALL]


def test_a_monitor_that_raises_is_logged_and_harms_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, well = Recorder(ValueError("no")), Recorder()
    tell_all(Fanout(broken, well))
    assert broken.calls == well.calls == ALL
    assert caplog.messages == [
        "the monitor Recorder raised; the run goes on",
        "the monitor Recorder raised 6 times in all",
    ]
    assert caplog.records[0].exc_info is not None


def test_lost_results_come_through_when_all_have_been_told() -> None:
    lost, also, well = Recorder(StoreError("full")), Recorder(StoreError("too")), Recorder()
    fanout = Fanout(lost, also, well)
    with pytest.raises(StoreError, match="full"):
        fanout.finished(an_attempt(), a_result())
    with pytest.raises(StoreError, match="full"):
        fanout.close()
    assert also.calls == well.calls == ["finished", "close"]


def test_an_interrupt_is_no_fault_of_a_monitor() -> None:
    class Interrupted(Monitor):
        def close(self) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Fanout(Interrupted()).close()
