"""A built-in task whose process runs one job after the other, beside a stand-in for the loader."""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import signal
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from distributor.tasks.builtin import BUILTIN_TASKS

#: As guest/turn.h has it.
OVER, JOB, TELL = range(3)
FILE, SIZE, TURNS = 3, 128, 384
NUMBER = 5
#: Of the file, whose first word is rung; and where the turn of that number is in it.
FILE_SIZE, AT = SIZE + TURNS * SIZE, SIZE + NUMBER * SIZE
#: futex(2), by the numbers of Linux.
SYS_FUTEX = {"x86_64": 202, "aarch64": 98}[os.uname().machine]
FUTEX_WAIT, FUTEX_WAKE = 0, 1
TURNING = sorted(set(BUILTIN_TASKS) - {"linpack", "tumatmul"})


class Turns:
    """The file of turns, and one process that takes them."""

    def __init__(self, program: Path, argument: str | None) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        made = os.memfd_create("turns")
        file = fcntl.fcntl(made, fcntl.F_DUPFD_CLOEXEC, FILE + 1)  # else it is closed there
        os.close(made)
        os.ftruncate(file, FILE_SIZE)
        self._memory = mmap.mmap(file, FILE_SIZE)
        if argument is not None:
            text = b"\0" * 4 + struct.pack("i", 1) + b"\0" * 32 + argument.encode()
            self._memory[AT : AT + len(text)] = text
        self._word = ctypes.c_int.from_buffer(self._memory, AT)
        self._file = file
        self._reader, made = os.pipe()
        self._writer = fcntl.fcntl(made, fcntl.F_DUPFD_CLOEXEC, FILE + 1)
        os.close(made)
        self.pid = self.start(program)

    def start(self, program: Path) -> int:
        """A process that takes the turn, stopped before it has had one."""
        pid = os.posix_spawn(
            program,
            [f"+{NUMBER}", program.name],
            {},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, self._writer, 1),
                (os.POSIX_SPAWN_DUP2, self._file, FILE),
            ],
        )
        assert os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1])
        return pid

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        for each in (self._reader, self._writer, self._file):
            os.close(each)
        del self._word
        self._memory.close()

    def give(self, whose: int) -> bool:
        """Whether a process was woken for it."""
        self._word.value = whose
        address = ctypes.c_void_p(ctypes.addressof(self._word))
        return bool(self._libc.syscall(SYS_FUTEX, address, FUTEX_WAKE, 1, None, None, 0))

    def wait_for_end(self) -> tuple[float, float]:
        """When the job began and ended, in seconds of the monotonic clock."""
        end_s = time.monotonic() + 20
        while self._word.value != OVER:
            assert time.monotonic() < end_s
        moments = struct.unpack_from("4l", self._memory, AT + 8)
        return moments[0] + moments[1] / 1e9, moments[2] + moments[3] / 1e9

    def wait_for_sleep(self) -> None:
        end_s = time.monotonic() + 20
        while self.state() != "S":
            assert time.monotonic() < end_s

    def sleep(self) -> int:
        """Sleep as the executor does, for 15 s at most: 0 when woken, or the error."""
        most = (ctypes.c_long * 2)(15, 0)
        bell = ctypes.c_void_p(self._bell())
        done = self._libc.syscall(SYS_FUTEX, bell, FUTEX_WAIT, 0, most, None, 0)
        return 0 if done == 0 else ctypes.get_errno()

    def _bell(self) -> int:
        return ctypes.addressof(self._word) - AT

    def wait_for_sleeper(self) -> None:
        """Wait until a thread of ours is in that call, by proc(5)'s `syscall`."""
        asleep = [str(SYS_FUTEX), hex(self._bell())]
        end_s = time.monotonic() + 10
        threads = Path("/proc/self/task")
        while not any(each.read_text().split()[:2] == asleep for each in threads.glob("*/syscall")):
            assert time.monotonic() < end_s

    def rung(self) -> int:
        return int(struct.unpack_from("I", self._memory)[0])

    def state(self) -> str:
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2][0]

    def printed(self) -> str:
        os.set_blocking(self._reader, False)
        try:
            return os.read(self._reader, 4096).decode()
        except BlockingIOError:
            return ""


@pytest.fixture
def turns(tasks: Path, request: pytest.FixtureRequest) -> Iterator[Turns]:
    name, argument = getattr(request, "param", ("hey", "7"))
    turns = Turns(tasks / name, argument)
    yield turns
    turns.close()


@pytest.mark.parametrize(
    "turns", [(name, str(BUILTIN_TASKS[name].variants[0])) for name in TURNING], indirect=True
)
def test_a_ready_process_is_stopped_and_then_sleeps_between_its_jobs(turns: Turns) -> None:
    before_s = time.monotonic()
    assert not turns.give(JOB)
    os.kill(turns.pid, signal.SIGCONT)
    for _ in range(3):
        start_s, end_s = turns.wait_for_end()
        assert before_s <= start_s <= end_s <= time.monotonic()
        turns.wait_for_sleep()
        before_s = time.monotonic()
        assert turns.give(JOB)
    turns.wait_for_end()


def test_each_turn_does_what_the_program_does(turns: Turns) -> None:
    turns.give(JOB)
    os.kill(turns.pid, signal.SIGCONT)
    for _ in range(3):
        turns.wait_for_end()
        assert turns.printed() == "hey 7\n"
        turns.wait_for_sleep()
        assert turns.give(JOB)


def test_only_who_asks_hears_of_the_end(turns: Turns) -> None:
    turns.give(JOB)
    os.kill(turns.pid, signal.SIGCONT)
    turns.wait_for_end()
    turns.wait_for_sleep()
    turns.give(JOB)
    turns.wait_for_end()
    turns.wait_for_sleep()
    assert turns.rung() == 0
    turns.give(TELL)
    turns.wait_for_end()
    turns.wait_for_sleep()
    assert turns.rung() == 1


def test_who_sleeps_on_the_bell_is_woken_by_the_end(turns: Turns) -> None:
    turns.give(JOB)
    os.kill(turns.pid, signal.SIGCONT)
    turns.wait_for_end()
    turns.wait_for_sleep()
    with ThreadPoolExecutor(1) as pool:
        sleeper = pool.submit(turns.sleep)
        turns.wait_for_sleeper()
        turns.give(TELL)
        assert sleeper.result(20) == 0


def test_one_that_goes_on_before_it_has_the_turn_waits_for_it(turns: Turns) -> None:
    os.kill(turns.pid, signal.SIGCONT)
    turns.wait_for_sleep()
    assert turns.printed() == ""
    assert turns.give(JOB)
    turns.wait_for_end()
    assert turns.printed() == "hey 7\n"


def test_a_process_that_is_made_meanwhile_leaves_the_turn_alone(turns: Turns, tasks: Path) -> None:
    turns.give(JOB)
    os.kill(turns.pid, signal.SIGCONT)
    moments = turns.wait_for_end()
    second = turns.start(tasks / "hey")
    assert turns.wait_for_end() == moments
    turns.wait_for_sleep()
    assert turns.give(JOB)
    turns.wait_for_end()
    assert turns.printed() == "hey 7\nhey 7\n"
    os.kill(second, signal.SIGKILL)
    os.waitpid(second, 0)


@pytest.mark.parametrize("turns", [("hey", "wrong"), ("hey", None)], indirect=True)
def test_a_job_that_fails_ends_the_process(turns: Turns) -> None:
    turns.give(JOB)
    os.kill(turns.pid, signal.SIGCONT)
    ended = os.waitid(os.P_PID, turns.pid, os.WEXITED | os.WNOWAIT)
    assert ended is not None
    assert (ended.si_code, ended.si_status) == (os.CLD_EXITED, 2)


def test_a_program_without_a_turn_is_as_any_other(tasks: Path) -> None:
    pid = os.posix_spawn(tasks / "idle", ["idle"], {})
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
