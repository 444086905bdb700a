"""From inside a machine: what a task tries to reach, and does not. And what its QEMU may do."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from distributor import Distributor, Task, TaskSet
from distributor.network.user import UserLine
from tests.integration.conftest import Results
from tests.namespaces import need_bridges

pytestmark = pytest.mark.integration

#: reach.c
NETWORK = 64
#: linux/capability.h.
CAP_SYS_NICE = 23
WARM = TaskSet([Task("hey", arg1=1, period_ms=5)])


@dataclass
class Host:
    """Listens on this host, wherever a machine may come to."""

    port: int
    outside: str
    streams: list[socket.socket]
    datagrams: socket.socket

    def visited(self) -> bool:
        """Whether anything has come."""
        for stream in self.streams:
            with contextlib.suppress(BlockingIOError):
                stream.accept()[0].close()
                return True
        with contextlib.suppress(BlockingIOError):
            self.datagrams.recv(100)
            return True
        return False


@pytest.fixture
def host() -> Iterator[Host]:
    with contextlib.ExitStack() as stack:

        def bound(family: int, kind: int, address: str, port: int) -> socket.socket:
            made = stack.enter_context(socket.socket(family, kind))
            made.setblocking(False)
            made.bind((address, port))
            if kind == socket.SOCK_STREAM:
                made.listen()
            return made

        streams = [bound(socket.AF_INET, socket.SOCK_STREAM, "0.0.0.0", 0)]
        port = streams[0].getsockname()[1]
        with contextlib.suppress(OSError):  # a host without IPv6
            streams.append(bound(socket.AF_INET6, socket.SOCK_STREAM, "::1", port))
        datagrams = bound(socket.AF_INET, socket.SOCK_DGRAM, "0.0.0.0", port)
        yield Host(port, _outside(), streams, datagrams)


def _outside() -> str:
    """An address of this host that is not its loopback's, if it has one. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asks:
        try:
            asks.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(asks.getsockname()[0])


@pytest.fixture(scope="module")
def reach(compile_c: Callable[[str, str], Path]) -> Path:
    return compile_c("reach", (Path(__file__).parent / "reach.c").read_text())


def tries(reach: Path, host: Host, gateway: str, machines: str = "-") -> TaskSet:
    where = f"{gateway} {host.outside} {host.port} {machines}"
    return TaskSet([Task(str(reach), arg1=where, period_ms=60_000)], name="reach")


def reached(distributor: Distributor, *tasksets: TaskSet) -> list[int | None]:
    """What each of the sets, all at once on machines that run already, has reached."""
    distributor.add_job([WARM] * len(tasksets))
    assert distributor.wait(300)
    results = Results()
    distributor.add_job(list(tasksets), results)
    assert distributor.wait(300)
    return [result.jobs[0].exit_value for _, result in sorted(results.found.items())]


# The real clock: in virtual time a task that waits for an answer would not wait for the host.


def test_a_task_on_the_network_user_reaches_nobody(reach: Path, host: Host) -> None:
    with Distributor(network="user", clock="real", accelerator="tcg") as distributor:
        assert reached(distributor, tries(reach, host, "10.0.2.2")) == [NETWORK]
    assert not host.visited()


def test_the_same_task_reaches_the_host_if_it_is_let(
    reach: Path, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So what it does not reach otherwise, it is kept from."""
    closed = UserLine(3001).backend
    assert "restrict=on" in closed
    monkeypatch.setattr(UserLine, "backend", closed.replace("restrict=on", "restrict=off"))
    with Distributor(network="user", clock="real", accelerator="tcg") as distributor:
        (found,) = reached(distributor, tries(reach, host, "10.0.2.2"))
    assert found is not None
    assert found & NETWORK
    assert host.visited()


def test_tasks_on_the_bridge_reach_neither_each_other_nor_the_host(reach: Path, host: Host) -> None:
    need_bridges()
    options: dict[str, Any] = {"network": "bridge", "clock": "real", "accelerator": "tcg"}
    with Distributor(2, **options) as distributor:
        each = tries(reach, host, "10.200.45.254", "10.200.45.1,10.200.45.2")
        assert reached(distributor, each, each) == [NETWORK, NETWORK]
    assert not host.visited()


@pytest.mark.parametrize("network", ["none", "user"])
def test_qemu_is_nobody_and_has_no_rights(network: str) -> None:
    """Started by root; started by somebody else, it is still him, and has no right of root's."""
    with Distributor(network=network) as distributor:
        distributor.add_job(WARM)
        assert distributor.wait(300)
        (children,) = [Path("/proc", str(pid)) for pid in _qemus()]
        status = (children / "status").read_text()
        environment = (children / "environ").read_bytes()
        words = (children / "cmdline").read_bytes()
        limits = (children / "limits").read_text()
    told = dict(re.findall(r"^(\w+):[ \t]*(.*)$", status, re.MULTILINE))
    users = set(told["Uid"].split())
    assert len(users) == 1
    gained = ["CapInh", "CapPrm", "CapEff", "CapAmb"]
    if os.geteuid() == 0:
        assert int(users.pop()) >= 0x6000_0000
        assert told["Gid"] == told["Uid"]
        assert told["Groups"].strip() == ""
        gained.append("CapBnd")  # which nobody but root can give up
    else:
        assert int(users.pop()) == os.geteuid()
    for kind in gained:
        assert int(told[kind], 16) == 0, kind
    assert told["NoNewPrivs"] == "1"
    assert told["Seccomp"] == "2"  # -sandbox: a filter of system calls
    assert b"HOME=" not in environment
    # It is told of no file of root's; QEMU itself may lie in a folder whose name ends so.
    assert not re.search(rb"(?<!\w)/root", words)
    bounds = dict(re.findall(r"^Max (.+?)\s{2,}(\d+)\s", limits, re.MULTILINE))
    assert (bounds["core file size"], bounds["file size"]) == ("0", "0")
    assert int(bounds["address space"]) < 4 << 30
    if os.geteuid() == 0:  # a user's processes are counted all together
        assert int(bounds["processes"]) < 64
    assert bounds["realtime timeout"] == "1000000"


def _qemus() -> list[int]:
    """The QEMU processes that this one has started."""
    found = []
    for thread in Path(f"/proc/{os.getpid()}/task").iterdir():
        # One of our threads, or a QEMU, may end at any time.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for pid in (thread / "children").read_text().split():
                if "qemu" in Path(f"/proc/{pid}/comm").read_text():
                    found.append(int(pid))
    return found


def test_the_main_loop_of_a_sealed_machine_goes_first_while_a_set_runs() -> None:
    """Of a QEMU that is another user's, too; as far as this process may."""
    long = TaskSet(Task("busy", arg1=1000, period_ms=5, numberofjobs=200))
    seen: Counter[int] = Counter()
    with Distributor() as distributor:
        distributor.add_job(long)
        while not distributor.wait(0.02):
            for pid in _qemus():
                with contextlib.suppress(ProcessLookupError):
                    seen[os.sched_getscheduler(pid) & ~os.SCHED_RESET_ON_FORK] += 1
    capable = re.search(r"^CapEff:\s+(\w+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert capable is not None
    may = bool(int(capable[1], 16) >> CAP_SYS_NICE & 1)
    may |= resource.getrlimit(resource.RLIMIT_RTPRIO)[0] != 0
    assert (os.SCHED_FIFO in seen) == may, seen


def test_without_the_right_to_move_threads_sets_run_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "sets.py").write_text(
        "from distributor import *\ntasksets = [TaskSet(Task('hey', arg1=1, period_ms=5))]\n"
    )
    root = os.geteuid() == 0  # nobody else has that right, nor one to give away
    # As in a container with the rights that containers have by default.
    less = ["setpriv", "--bounding-set", "-sys_nice", "--inh-caps", "-sys_nice"] if root else []
    run = subprocess.run(
        [*less, sys.executable, "-m", "distributor", "run", "sets.py", "--store", "runs.db"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert ("CAP_SYS_NICE" in run.stderr) == root
