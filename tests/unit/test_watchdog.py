"""The watchdog: progress, not liveness, and never the host's load."""

from __future__ import annotations

from distributor import Clock, Task, TaskSet
from distributor.session.watchdog import Watchdog

# 100 jobs, 100 ms apart: a horizon of 10 s.
SET = TaskSet([Task("hey", period_ms=100, numberofjobs=100)])


def virtual() -> Watchdog:
    return Watchdog(SET, Clock.VIRTUAL, timeout_s=40, work_per_guest_s=20)


def real() -> Watchdog:
    return Watchdog(SET, Clock.REAL, timeout_s=40, work_per_guest_s=20)


def test_virtual_time_is_limited_by_work_not_by_the_wall() -> None:
    dog = virtual()
    assert dog.complaint(0, 5.0) == ""
    # A day later, but the machine has worked little: the host is busy, nothing else.
    for step in range(1, 1000):
        assert dog.complaint(step * 30, 5.0 + step * 0.1) == ""
    assert "processor time" in dog.complaint(30_030, 5.0 + 10 * 20 + 40 + 1)


def test_virtual_time_does_not_wait_for_one_that_stands_still() -> None:
    dog = virtual()
    assert dog.complaint(0, 5.0) == ""
    assert dog.complaint(39, 5.0) == ""
    assert "stood still for 41 s" in dog.complaint(41, 5.0)


def test_real_time_is_limited_by_silence_beyond_the_longest_gap() -> None:
    dog = real()
    assert dog.complaint(0, 0) == ""
    assert dog.complaint(40, 0) == ""
    dog.progressed(40)
    assert dog.complaint(80, 0) == ""
    assert "nothing heard for 41 s" in dog.complaint(81.2, 0)


def test_a_machine_of_unknown_work_is_watched_by_its_silence() -> None:
    dog = virtual()
    assert dog.complaint(0, None) == ""
    assert dog.complaint(50, None) != ""
