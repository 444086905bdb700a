"""Host cores for machines of the real clock: lent once, the controller's last."""

from __future__ import annotations

import logging
import os
import platform
import resource
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from distributor.machines.qemu import counter, lock
from distributor.machines.qemu.cores import Cores


@pytest.fixture
def thread() -> Iterator[Callable[[], int]]:
    """Makes threads that wait; gives their ids."""
    over = threading.Event()
    threads: list[threading.Thread] = []

    def make() -> int:
        made = threading.Thread(target=over.wait)
        made.start()
        threads.append(made)
        assert made.native_id is not None
        return made.native_id

    yield make
    over.set()
    for each in threads:
        each.join()


def test_each_machine_gets_its_own_core_and_the_first_goes_last(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned: dict[int, set[int]] = {}
    monkeypatch.setattr(os, "sched_setaffinity", pinned.__setitem__)
    # Two distributors on one host, each with four cores in sight.
    one, other = Cores(tmp_path, range(4)), Cores(tmp_path, range(4))
    first = one.lend("m1", [11])
    second = other.lend("m1", [21, 22])
    assert first is not None
    assert second is not None
    assert pinned == {11: {3}, 21: {2}, 22: {1}}
    with caplog.at_level(logging.WARNING):
        assert one.lend("m2", [12, 13]) is None
        assert one.lend("m3", [14, 15]) is None
    (said,) = caplog.messages
    assert "of 4 cores 1 are free, and it has 2 processors" in said
    last = one.lend("m4", [16])
    assert last is not None
    assert pinned[16] == {0}
    second.end()
    again = one.lend("m5", [17, 18])
    assert again is not None
    assert (pinned[17], pinned[18]) == ({2}, {1})
    for loan in (first, again, last):
        loan.end()


def test_a_root_that_may_not_move_another_users_threads_says_so_and_lends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    cores = Cores(tmp_path, range(1))
    assert cores.lend("m1", [11]) is None
    assert cores.lend("m2", [12]) is None
    (said,) = caplog.messages
    assert "CAP_SYS_NICE" in said
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None)
    lent = cores.lend("m3", [os.getpid()])
    assert lent is not None, "the core was not given back"
    lent.end()


def test_a_thread_is_really_pinned(tmp_path: Path, thread: Callable[[], int]) -> None:
    one = thread()
    loan = Cores(tmp_path).lend("m1", [one])
    assert loan is not None
    assert os.sched_getaffinity(one) == {max(os.sched_getaffinity(0))}
    loan.end()


def test_a_machine_that_has_died_meanwhile_hurts_nobody(tmp_path: Path) -> None:
    loan = Cores(tmp_path).lend("m1", [2**22 + 1])
    assert loan is not None
    loan.end()


def test_memory_is_locked_where_the_limit_or_a_capability_allows(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    locks = False
    monkeypatch.setattr(lock, "_locks", lambda size: locks)
    for limit, allowed in ((-1, True), (600 << 20, True), (512 << 20, True), (8 << 20, False)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limit=limit: (limit, limit))
        assert lock.may_lock(512) is allowed
    assert "the limit is 8 MiB, one takes 512 MiB" in caplog.text
    locks = True
    assert lock.may_lock(512)


def test_the_counters_speed_is_measured_once_in_each_boot_of_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = iter([2_300_000, 2_400_000])
    monkeypatch.setattr(counter, "_measure", lambda: next(measured))
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert counter.counter_khz(tmp_path, "a boot") == 2_300_000
    assert counter.counter_khz(tmp_path, "a boot") == 2_300_000
    assert counter.counter_khz(tmp_path, "the next") == 2_400_000
    (tmp_path / "counter.json").write_text("garbage")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert counter.counter_khz(tmp_path, "the next") == 0


def test_the_counter_runs_where_it_is_known(tmp_path: Path) -> None:
    khz = counter.counter_khz(tmp_path, "a boot")
    if os.uname().machine == "x86_64":
        assert 100_000 < khz < 10_000_000
    else:
        assert khz == 0
