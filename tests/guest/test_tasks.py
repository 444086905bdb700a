"""The built-in tasks, as programs on the host: they are the same in the guest."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from distributor.tasks.builtin import BUILTIN_TASKS


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program), *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def processor_s(program: Path, argument: str) -> float:
    """Processor time of one run, from the kernel's own account of the child."""
    child = subprocess.Popen([str(program), argument])
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return usage.ru_utime + usage.ru_stime


def test_the_folder_holds_every_built_in_task_and_nothing_else(tasks: Path) -> None:
    assert {path.name for path in tasks.iterdir()} == set(BUILTIN_TASKS)


def test_tasks_that_map_memory_have_it_for_themselves(tasks: Path) -> None:
    # The note of guest/tasks/task.h: a job that is killed would leave its memory to the next.
    shared = {path.name for path in tasks.iterdir() if b"Distributor\0" in path.read_bytes()}
    assert set(BUILTIN_TASKS) - shared == {"linpack", "tumatmul"}


@pytest.mark.parametrize("name", sorted(BUILTIN_TASKS))
def test_each_end_of_its_arguments_is_accepted(tasks: Path, name: str) -> None:
    variants = BUILTIN_TASKS[name].variants
    for argument in (variants[0], variants[-1]):
        done = run(tasks / name, str(argument))
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["hey", "namaste"])
@pytest.mark.parametrize("argument", ["1", "0", "-5", "2147483647"])
def test_greetings_are_printed(tasks: Path, name: str, argument: str) -> None:
    assert run(tasks / name, argument).stdout == f"{name} {argument}\n"


@pytest.mark.parametrize("name", sorted(set(BUILTIN_TASKS) - {"idle"}))
@pytest.mark.parametrize("argument", [["x"], ["1x"], [""], ["1.5"], ["9" * 30], [], ["1", "2"]])
def test_a_wrong_argument_is_told(tasks: Path, name: str, argument: list[str]) -> None:
    done = run(tasks / name, *argument)
    assert done.returncode == 2
    assert "arg1 is a whole number from" in done.stderr
    assert done.stdout == ""


def test_idle_takes_any_argument(tasks: Path) -> None:
    assert run(tasks / "idle", "x").returncode == 0
    assert run(tasks / "idle").returncode == 0


@pytest.mark.parametrize("micros", [20_000, 200_000])
def test_busy_burns_its_time_by_its_own_clock(tasks: Path, micros: int) -> None:
    spent_s = processor_s(tasks / "busy", str(micros))
    # the kernel accounts in ticks of up to 10 ms, and starting it costs something too
    assert micros / 1e6 - 0.011 <= spent_s <= micros / 1e6 + 0.05


@pytest.mark.parametrize(("name", "long"), [("cond_42", "42"), ("cond_mod", "6")])
def test_a_condition_decides_on_a_long_loop(tasks: Path, name: str, long: str) -> None:
    short_s = min(processor_s(tasks / name, "43") for _ in range(3))
    long_s = min(processor_s(tasks / name, long) for _ in range(3))
    assert long_s > short_s


def test_more_memory_than_there_is_ends_in_an_error(tasks: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'ulimit -v 10000; exec "$0" 1000000000', str(tasks / "tumatmul")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
