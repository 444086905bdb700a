"""Which host core a QEMU is kept on while its virtual processors take turns."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Collection
from contextlib import ExitStack

import pytest

from distributor.machines.qemu import onecore
from distributor.machines.qemu.onecore import OneCore


def _may_go_first() -> bool:
    """Whether a thread of this process may go before all ordinary ones."""
    code = "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))"
    return subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL).returncode == 0


def test_every_thread_is_kept_on_one_core_and_cores_are_shared_out() -> None:
    cores = sorted(os.sched_getaffinity(0))
    one_core = OneCore()
    used: Counter[int] = Counter()
    with ExitStack() as stack:
        for _ in range(2 * len(cores)):
            child = stack.enter_context(subprocess.Popen(["sleep", "60"]))
            stack.callback(child.kill)
            stack.enter_context(one_core.hold(child.pid))
            (core,) = os.sched_getaffinity(child.pid)
            used[core] += 1
    assert used == dict.fromkeys(cores, 2)
    with subprocess.Popen(["sleep", "60"]) as child, one_core.hold(child.pid):
        assert os.sched_getaffinity(child.pid) == {cores[0]}
        child.kill()


def test_a_process_that_is_gone_is_nobodys_mistake() -> None:
    with subprocess.Popen(["true"]) as child:
        child.wait()
    with OneCore().hold(child.pid):
        pass


def test_the_main_loop_goes_first_where_it_may() -> None:
    with subprocess.Popen(["sleep", "60"]) as child, OneCore().hold(child.pid):
        policy = os.sched_getscheduler(child.pid)
        child.kill()
    first = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
    assert policy == (first if _may_go_first() else os.SCHED_OTHER)


def test_a_thread_that_ends_meanwhile_leaves_the_others_their_core(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = "import threading; threading.Thread(target=input).start(); print(flush=True); input()"
    kept: set[int] = set()

    def ended(thread: int, cores: Collection[int]) -> None:
        kept.add(thread)
        raise ProcessLookupError

    monkeypatch.setattr(os, "sched_setaffinity", ended)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with OneCore().hold(child.pid):
            pass
        child.kill()
    assert len(kept) == 2


def test_a_root_that_may_not_move_another_users_qemu_says_so_and_runs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    onecore._say_not_kept.cache_clear()
    onecore._say_not_first.cache_clear()
    caplog.set_level(logging.INFO)
    with subprocess.Popen(["sleep", "60"]) as child:
        for _ in range(2):
            with OneCore().hold(child.pid):
                pass
        child.kill()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "CAP_SYS_NICE" in caplog.text
