"""Which host core a QEMU is kept on while its virtual processors take turns."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from contextlib import ExitStack

from distributor.machines.qemu.onecore import OneCore


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
