"""The switches that a machine tells: read, checked against the set, and bounded."""

from __future__ import annotations

import pytest

from distributor import EventType, Task, TaskSet, WireError
from distributor.errors import ConfigurationError
from distributor.session import wire
from distributor.session.description import describe
from distributor.session.event import Event
from distributor.session.record import Record
from distributor.session.switch import Occupant, Switch, Trace, TraceEnd

SET = TaskSet([Task("hey", arg1=1, period_ms=10, numberofjobs=2), Task("hey", period_ms=10)])


def read(inner: str) -> wire.Profile:
    return wire.parse_profile(f"<profile>{inner}</profile>".encode())


def test_switches_are_read() -> None:
    told = read('<switches cpu="3">-20 L 40 1.17 90 K 120 I</switches>')
    assert told.switches == (
        Switch(3, -20, Occupant.LOADER),
        Switch(3, 40, Occupant.JOB, 1, 17),
        Switch(3, 90, Occupant.KERNEL),
        Switch(3, 120, Occupant.IDLE),
    )
    assert told.trace_end is None


@pytest.mark.parametrize(
    ("cut", "lost", "trace"),
    [(0, 0, Trace.COMPLETE), (1, 0, Trace.CUT), (0, 1, Trace.LOST), (1, 1, Trace.LOST)],
)
def test_the_end_says_whether_all_are_there(cut: int, lost: int, trace: Trace) -> None:
    told = read(f'<switches-end count="5" cut="{cut}" lost="{lost}"/>')
    assert told.trace_end == TraceEnd(5, trace)


@pytest.mark.parametrize(
    "text",
    [
        '<switches cpu="0">5</switches>',
        '<switches cpu="0">5 X</switches>',
        '<switches cpu="0">5 1</switches>',
        '<switches cpu="0">5 1.</switches>',
        '<switches cpu="0">5 1.2.3</switches>',
        '<switches cpu="0">5 -1.2</switches>',
        '<switches cpu="0">--5 I</switches>',
        '<switches cpu="0">5_0 I</switches>',
        '<switches cpu="0">\N{ARABIC-INDIC DIGIT FIVE} I</switches>',
        f'<switches cpu="0">{"9" * 5000} I</switches>',
        f'<switches cpu="0">{2**62} I</switches>',
        '<switches cpu="-1">5 I</switches>',
        '<switches cpu="1024">5 I</switches>',
        "<switches>5 I</switches>",
        "<switches-end/>",
        '<switches-end count="many" cut="0" lost="0"/>',
    ],
)
def test_what_is_no_switch_is_refused(text: str) -> None:
    with pytest.raises(WireError):
        wire.parse_profile(f"<profile>{text}</profile>".encode("ascii", "xmlcharrefreplace"))


def over(record: Record) -> None:
    record.feed([Event(EventType.JOBS_DONE, task_id, 0, exact=True) for task_id in range(len(SET))])


def test_a_traced_set_is_done_when_its_switches_are_told() -> None:
    record = Record(SET, switches=10)
    over(record)
    done = [record.done]
    record.feed_switches([Switch(1, 5, Occupant.IDLE), Switch(0, 9, Occupant.JOB, 0, 1)], None)
    done.append(record.done)
    record.feed_switches([Switch(0, 11, Occupant.IDLE)], TraceEnd(3, Trace.COMPLETE))
    assert [*done, record.done] == [False, False, True]
    assert record.trace is Trace.COMPLETE
    assert [(switch.cpu, switch.time_ns) for switch in record.switches] == [(0, 9), (0, 11), (1, 5)]


def test_an_untraced_set_waits_for_nothing() -> None:
    record = Record(SET)
    over(record)
    assert record.done
    assert (record.trace, record.switches) == (None, ())


IDLE = Switch(0, 5, Occupant.IDLE)


@pytest.mark.parametrize(
    ("switches", "end"),
    [
        ([IDLE] * 4, None),  # more than were asked for
        ([IDLE, Switch(0, 4, Occupant.IDLE)], None),  # backwards
        ([Switch(0, 5, Occupant.JOB, 2, 0)], None),  # a task that is not there
        ([Switch(0, 5, Occupant.JOB, 1, 1)], None),  # a job that is not there
        ([IDLE], TraceEnd(2, Trace.COMPLETE)),  # fewer than are said
    ],
)
def test_switches_that_the_set_cannot_have_are_refused(
    switches: list[Switch], end: TraceEnd | None
) -> None:
    with pytest.raises(WireError):
        Record(SET, switches=3).feed_switches(switches, end)


@pytest.mark.parametrize(("switches", "end"), [([IDLE], None), ([], TraceEnd(0, Trace.COMPLETE))])
def test_switches_that_nobody_asked_for_are_refused(
    switches: list[Switch], end: TraceEnd | None
) -> None:
    with pytest.raises(WireError):
        Record(SET).feed_switches(switches, end)


def test_nothing_follows_the_end() -> None:
    record = Record(SET, switches=3)
    record.feed_switches([IDLE], TraceEnd(1, Trace.CUT))
    with pytest.raises(WireError):
        record.feed_switches([IDLE], None)


def test_the_loader_is_asked_and_a_plain_one_refused() -> None:
    assert describe(SET, extended=True, switches=99).startswith(
        b"<taskset><switches>99</switches><periodictask>"
    )
    assert b"switches" not in describe(SET, extended=True)
    with pytest.raises(ConfigurationError, match="a plain loader cannot trace"):
        describe(SET, extended=False, switches=99)
