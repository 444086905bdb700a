"""What a task set means, on a real machine in virtual time: textbook truth, and each
parameter of a task."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from distributor import EventType, Result, Task, TaskSet, Verdict
from distributor.machines.qemu import qemu_kind
from distributor.session.binary import Binaries, binary_finder
from distributor.session.sealed import SealedSession
from tests.integration.conftest import Runner

pytestmark = pytest.mark.integration

MS = 10**6


def busy(ms: float, **timing: object) -> Task:
    return Task("busy", arg1=round(ms * 1000), **timing)


def outcomes(result: Result, task_id: int = 0) -> list[EventType]:
    return [job.outcome for job in result.jobs if job.task_id == task_id]


def releases_ms(result: Result, task_id: int = 0) -> list[float]:
    return [(job.release_ns or 0) / MS for job in result.jobs if job.task_id == task_id]


# -- textbook truth ----------------------------------------------------------------------


@pytest.mark.parametrize("edf", [False, True], ids=["rate-monotonic", "edf"])
def test_sets_under_the_bound_of_liu_and_layland_hold(run: Runner, edf: bool) -> None:
    # Three tasks: 3 (2^(1/3) - 1) = 0.7798; these use 0.25 + 0.25 + 0.25.
    pairs = [(2, 8), (3, 12), (5, 20)]
    result = run(
        TaskSet(
            [
                busy(c, period_ms=t, priority=128 if edf else rank, numberofjobs=240 // t)
                for rank, (c, t) in enumerate(pairs)
            ]
        )
    )
    assert (result.verdict, len(result.jobs)) == (Verdict.SCHEDULABLE, 30 + 20 + 12)
    # The first job of the lowest task: 5 + 2 * 2 + 1 * 3 = 12 ms under fixed priorities...
    lowest = next(job for job in result.jobs if job.task_id == 2)
    assert lowest.response_ns == pytest.approx(15 * MS if not edf else 10 * MS, rel=0.5)


def test_rate_monotonic_misses_what_edf_holds(run: Runner) -> None:
    pairs = [(20, 50), (40, 70)]
    # As in theory, by response-time analysis: 40 + 2 * 20 = 80 ms of 70.
    fixed = run(
        TaskSet(
            [
                busy(c, period_ms=t, priority=rank, numberofjobs=350 // t, overrun="late")
                for rank, (c, t) in enumerate(pairs)
            ]
        )
    )
    assert fixed.verdict is Verdict.MISSED
    late = next(job for job in fixed.jobs if job.task_id == 1)
    assert late.response_ns == pytest.approx(80 * MS, rel=0.01)
    dynamic = run(TaskSet([busy(c, period_ms=t, numberofjobs=350 // t) for c, t in pairs]))
    assert dynamic.verdict is Verdict.SCHEDULABLE


@pytest.mark.parametrize("edf", [False, True], ids=["rate-monotonic", "edf"])
def test_an_overload_misses(run: Runner, edf: bool) -> None:
    result = run(
        TaskSet(
            [
                busy(c, period_ms=t, priority=128 if edf else rank, numberofjobs=10)
                for rank, (c, t) in enumerate([(6, 10), (10, 20)])
            ]
        )
    )
    assert result.verdict is Verdict.MISSED


def test_a_higher_priority_runs_first_and_0_is_the_highest(run: Runner) -> None:
    result = run(
        TaskSet(
            [
                busy(3, period_ms=50, priority=9),
                busy(3, period_ms=50, priority=0),
                busy(3, period_ms=50, priority=127),
            ]
        )
    )
    order = sorted(result.jobs, key=lambda job: job.completion_ns)
    assert [job.task_id for job in order] == [1, 0, 2]


def test_an_edf_task_preempts_every_fixed_priority(run: Runner) -> None:
    result = run(
        TaskSet(
            [
                busy(20, period_ms=100, priority=0),
                busy(5, period_ms=50, offset_ms=10),
            ]
        )
    )
    fixed, edf = result.jobs
    assert edf.response_ns < 6 * MS
    assert fixed.response_ns == pytest.approx(25 * MS, rel=0.02)


# -- the parameters of a task ------------------------------------------------------------


def test_releases_are_on_the_grid_whatever_the_jobs_do(run: Runner) -> None:
    result = run(TaskSet([busy(1, period_ms=7.5, offset_ms=2.25, priority=1, numberofjobs=20)]))
    assert releases_ms(result) == [2.25 + 7.5 * k for k in range(20)]
    latencies = [job.start_latency_ns for job in result.jobs]
    assert all(latency is not None and 0 < latency < 100_000 for latency in latencies)


def test_the_deadline_decides(run: Runner) -> None:
    assert run(TaskSet([busy(4, period_ms=20, deadline_ms=3, priority=1)])).verdict is (
        Verdict.MISSED
    )
    assert run(TaskSet([busy(4, period_ms=20, deadline_ms=5, priority=1)])).verdict is (
        Verdict.SCHEDULABLE
    )


def test_a_job_is_killed_at_its_critical_time(run: Runner) -> None:
    result = run(TaskSet([busy(50, period_ms=100, criticaltime_ms=10, priority=1, numberofjobs=2)]))
    assert outcomes(result) == [EventType.EXIT_CRITICAL] * 2
    assert result.verdict is Verdict.MISSED
    for job in result.jobs:
        assert job.completion_ns - job.start_ns == pytest.approx(10 * MS, abs=0.2 * MS)


def test_an_overrun_kills_and_its_release_starts_nothing(run: Runner) -> None:
    result = run(TaskSet([busy(15, period_ms=10, priority=1, numberofjobs=3)]))
    assert result.verdict is Verdict.MISSED
    assert outcomes(result) == [EventType.EXIT_PERIOD] * 3
    assert releases_ms(result) == [0, 20, 40]


def test_an_overrun_skips(run: Runner) -> None:
    result = run(TaskSet([busy(15, period_ms=10, priority=1, numberofjobs=3, overrun="skip")]))
    assert result.verdict is Verdict.MISSED
    assert outcomes(result) == [EventType.EXIT] * 3
    assert releases_ms(result) == [0, 20, 40]


def test_an_overrun_makes_late(run: Runner) -> None:
    result = run(TaskSet([busy(15, period_ms=10, priority=1, numberofjobs=3, overrun="late")]))
    assert outcomes(result) == [EventType.EXIT] * 3
    assert releases_ms(result) == [0, 10, 20]
    assert [round(job.response_ns / MS) for job in result.jobs] == [15, 20, 25]


def test_a_deadline_beyond_the_period_allows_late_jobs(run: Runner) -> None:
    # Two of three milliseconds of every job, but the first one is held up by 8.
    result = run(
        TaskSet(
            [
                busy(8, period_ms=100, priority=0),
                busy(2, period_ms=5, deadline_ms=20, priority=1, numberofjobs=6, overrun="late"),
            ]
        )
    )
    assert result.verdict is Verdict.SCHEDULABLE
    assert max(job.response_ns for job in result.jobs if job.task_id == 1) > 9 * MS


def test_a_quota_is_enforced(run: Runner) -> None:
    # The sieve of a million numbers takes a million bytes.
    sieve = {"arg1": 1_000_000, "period_ms": 200, "priority": 1}
    result = run(TaskSet([Task("tumatmul", quota_mib=0.5, **sieve)]))
    assert (result.verdict, outcomes(result)) == (Verdict.FAILED, [EventType.OUT_OF_QUOTA])
    assert run(TaskSet([Task("tumatmul", quota_mib=5, **sieve)])).verdict is Verdict.SCHEDULABLE


@pytest.mark.parametrize(
    ("name", "body", "value"),
    [
        ("seven", "return 7;", 7),
        ("abort", "__builtin_trap();", 128 + 4),
        ("null", "*(volatile int *)0 = 1; return 0;", 128 + 11),
    ],
)
def test_an_exit_value_other_than_0_fails_the_set(
    run: Runner, compile_c: Callable[[str, str], Path], name: str, body: str, value: int
) -> None:
    own = compile_c(name, f"int main(void) {{ {body} }}\n")
    result = run(TaskSet([Task(own, period_ms=50, priority=1, numberofjobs=2)]))
    assert result.verdict is Verdict.FAILED
    assert outcomes(result) == [EventType.EXIT_ERROR] * 2
    assert [job.exit_value for job in result.jobs] == [value] * 2


def test_an_argument_arrives_as_it_was_given(
    run: Runner, compile_c: Callable[[str, str], Path]
) -> None:
    own = compile_c(
        "argument",
        "#include <string.h>\n"
        'int main(int n, char **v) { return n != 2 || strcmp(v[1], "a <b> &c; \\"d\\" \'e\'"); }\n',
    )
    result = run(TaskSet([Task(own, arg1="a <b> &c; \"d\" 'e'", period_ms=50)]))
    assert result.verdict is Verdict.SCHEDULABLE


async def test_another_program_in_place_of_a_built_in_task_is_the_one_that_runs(
    compile_c: Callable[[str, str], Path],
) -> None:
    # As another host may send it. Processes of the one that the image has are there already.
    other = compile_c("hey", "int main(void) { return 7; }\n")
    kind = qemu_kind()
    machine = kind.create_sealed("m1")
    await machine.start()
    try:
        binaries = Binaries(binary_finder({"hey": other}))
        async with SealedSession(machine, binaries=binaries, timeout_s=60) as session:
            for jobs in (1, 3):
                taskset = TaskSet(
                    [Task("hey", arg1=1, period_ms=20, priority=0, numberofjobs=jobs)]
                )
                record = await session.run(taskset, lambda _: None)
                assert [job.exit_value for job in record.jobs] == [7] * jobs
    finally:
        await machine.stop()
        await asyncio.to_thread(kind.close)


def test_each_of_many_tasks_has_its_own_argument(run: Runner) -> None:
    # More than have a process from the machine's start, and one with a long argument.
    burned_us = [100 * (number + 1) for number in range(13)]
    result = run(
        TaskSet(
            [
                *(
                    Task("busy", arg1=micros, period_ms=50, priority=place, numberofjobs=2)
                    for place, micros in enumerate(burned_us)
                ),
                Task("idle", arg1="x" * 200, period_ms=50, priority=20, numberofjobs=2),
            ]
        )
    )
    assert (result.verdict, len(result.jobs)) == (Verdict.SCHEDULABLE, 28)
    for place, micros in enumerate(burned_us):
        for job in result.jobs:
            if job.task_id == place:
                assert micros * 1000 <= job.completion_ns - job.start_ns < micros * 1000 + 60_000


def test_a_job_that_leaves_children_behind_is_cleaned_up(
    run: Runner, compile_c: Callable[[str, str], Path]
) -> None:
    own = compile_c(
        "forks",
        "#include <unistd.h>\nint main(void) { if (!fork()) for (;;); return 0; }\n",
    )
    result = run(TaskSet([Task(own, period_ms=20, priority=1, numberofjobs=5)]))
    assert outcomes(result) == [EventType.EXIT] * 5
    # Nothing of them is left to disturb the next set.
    after = run(TaskSet([busy(3, period_ms=10, priority=1, numberofjobs=10)]))
    assert max(job.response_ns for job in after.jobs) < 3.2 * MS


def test_what_is_no_executable_fails_by_name(run: Runner, tmp_path: Path) -> None:
    text = tmp_path / "poem"
    text.write_text("roses are red\n")
    result = run(TaskSet([Task(text, period_ms=50), busy(1, period_ms=50)]))
    assert result.verdict is Verdict.FAILED
    assert "(poem)" in result.reason
    # The rest of the set was run.
    assert outcomes(result, 1) == [EventType.EXIT]


def test_a_processor_that_is_not_there_fails_the_task(run: Runner) -> None:
    result = run(TaskSet([busy(1, period_ms=50, cores=1, coreoffset=3)]))
    assert result.verdict is Verdict.FAILED


def test_a_large_set_runs(run: Runner) -> None:
    tasks = [busy(0.1, period_ms=100, priority=n % 128, numberofjobs=2) for n in range(60)]
    result = run(TaskSet(tasks))
    assert (result.verdict, len(result.jobs)) == (Verdict.SCHEDULABLE, 120)


@pytest.mark.parametrize(
    ("name", "arg1"),
    [
        ("cond_42", 42),
        ("cond_42", 7),
        ("cond_mod", 2),
        ("hey", 1),
        ("idle", 1),
        ("linpack", 40),
        ("namaste", 1),
        ("pi", 10_000),
        ("tumatmul", 10_000),
    ],
)
def test_every_built_in_task_runs(run: Runner, name: str, arg1: int) -> None:
    result = run(TaskSet([Task(name, arg1=arg1, period_ms=500, numberofjobs=2)]))
    assert result.verdict is Verdict.SCHEDULABLE


def test_many_jobs_of_a_short_period(run: Runner) -> None:
    result = run(TaskSet([busy(0.1, period_ms=1, priority=1, numberofjobs=1000)]))
    assert (result.verdict, len(result.jobs)) == (Verdict.SCHEDULABLE, 1000)


@pytest.mark.parametrize("edf", [False, True], ids=["fixed", "edf"])
@pytest.mark.parametrize(
    ("name", "arg1", "jobs"), [("busy", 100, 600), ("linpack", 5, 250)], ids=["turns", "executed"]
)
def test_a_long_job_holds_up_no_task_above_it(
    run: Runner, name: str, arg1: int, jobs: int, edf: bool
) -> None:
    # It leaves no idle time, and there are more jobs than a stock of ready processes has.
    result = run(
        TaskSet(
            [
                Task(
                    name,
                    arg1=arg1,
                    period_ms=1,
                    priority=128 if edf else 0,
                    numberofjobs=jobs,
                ),
                busy(jobs, period_ms=10 * jobs, priority=128 if edf else 1),
            ]
        )
    )
    assert (result.verdict, len(result.jobs)) == (Verdict.SCHEDULABLE, jobs + 1)
    task = [job for job in result.jobs if job.task_id == 0]
    assert max(job.response_ns for job in task) < MS
    # Where one process runs all jobs, it is always ready.
    ready = task[: jobs if name == "busy" else 120]
    assert max(job.start_ns - (job.release_ns or 0) for job in ready) < MS / 20


#: Ends with the number of processes that are called as its argument says.
COUNT = r"""
#include <dirent.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	int found = 0;

	while (argc == 2 && (entry = readdir(folder)) != NULL) {
		char path[300], name[32] = "";
		FILE *file;

		snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
		file = fopen(path, "r");
		if (file != NULL && fgets(name, sizeof name, file) != NULL)
			found += strncmp(name, argv[1], strlen(argv[1])) == 0 && name[strlen(argv[1])] == 10;
		if (file != NULL)
			fclose(file);
	}
	return found;
}
"""


def test_a_sealed_machine_has_ten_processes_of_a_built_in_task_and_needs_no_more(
    run: Runner, compile_c: Callable[[str, str], Path]
) -> None:
    count = compile_c("count", COUNT)
    result = run(
        TaskSet(
            [
                busy(0.1, period_ms=2, priority=0, numberofjobs=50),
                Task(count, arg1="busy", period_ms=50, offset_ms=21, priority=1, numberofjobs=2),
            ]
        )
    )
    assert outcomes(result, 0) == [EventType.EXIT] * 50
    assert [job.exit_value for job in result.jobs if job.task_id == 1] == [10, 10]


def test_a_release_that_finds_its_job_running_costs_the_tasks_above_no_more_than_others(
    run: Runner,
) -> None:
    # At 38 ms the second task's first job is late, and killed while the first task runs.
    result = run(
        TaskSet(
            [
                busy(16, period_ms=23, priority=0, numberofjobs=9),
                busy(7.6, period_ms=38, priority=1, numberofjobs=6),
            ]
        )
    )
    assert EventType.EXIT_PERIOD in outcomes(result, 1)
    assert max(job.response_ns for job in result.jobs if job.task_id == 0) < 16.045 * MS


def test_late_jobs_for_which_no_process_is_ready_keep_the_order_of_their_deadlines(
    run: Runner,
) -> None:
    # A quota keeps few processes ready, and an overload leaves no time to make any.
    pairs = [(4, 10, 100), (9, 13, 75)]
    result = run(
        TaskSet(
            [
                busy(c, period_ms=t, numberofjobs=count, overrun="late", quota_mib=4)
                for c, t, count in pairs
            ]
        )
    )
    assert result.verdict is Verdict.MISSED
    due_ns = {
        (job.task_id, job.index): (job.release_ns or 0) + pairs[job.task_id][1] * MS
        for job in result.jobs
    }
    for job in result.jobs:
        for other in result.jobs:
            waits = (other.release_ns or 0) + MS < job.start_ns
            before = due_ns[other.task_id, other.index] + MS < due_ns[job.task_id, job.index]
            assert not (waits and before and other.start_ns > job.completion_ns), (job, other)


def test_deadline_jobs_that_end_just_before_their_next_release(run: Runner) -> None:
    # Their process may not sleep yet when it is to have its next turn.
    seen = set()
    for micros in range(950, 1000, 2):
        result = run(TaskSet([busy(micros / 1000, period_ms=1, numberofjobs=12)]))
        assert set(outcomes(result)) <= {EventType.EXIT, EventType.EXIT_PERIOD}
        assert len(result.jobs) == 12
        kept = [job for job in result.jobs if job.outcome is EventType.EXIT]
        assert all(micros * 1000 <= job.completion_ns - job.start_ns < 1.1 * MS for job in kept)
        seen |= {result.verdict}
    assert seen == {Verdict.SCHEDULABLE, Verdict.MISSED}


@pytest.mark.parametrize("edf", [False, True], ids=["fixed", "edf"])
def test_a_process_that_is_killed_between_its_jobs_is_replaced(
    run: Runner, compile_c: Callable[[str, str], Path], edf: bool
) -> None:
    own = compile_c("kills", "#include <signal.h>\nint main(void) { return kill(-1, SIGKILL); }\n")
    result = run(
        TaskSet(
            [
                Task(own, offset_ms=50, priority=128 if edf else 0),
                busy(1, period_ms=20, priority=128 if edf else 1, numberofjobs=10),
            ]
        )
    )
    assert outcomes(result, 1) == [EventType.EXIT] * 10
    assert max(job.response_ns for job in result.jobs if job.task_id == 1) < 2 * MS


def test_a_task_that_kills_all_others_ends_them_and_not_the_machine(
    run: Runner, compile_c: Callable[[str, str], Path]
) -> None:
    own = compile_c("kills", "#include <signal.h>\nint main(void) { return kill(-1, SIGKILL); }\n")
    result = run(
        TaskSet(
            [
                Task(own, offset_ms=20, period_ms=20, priority=0, numberofjobs=2),
                busy(0.1, period_ms=1, priority=1, numberofjobs=600),
                Task("linpack", arg1=5, period_ms=1, priority=2, numberofjobs=600),
            ]
        )
    )
    assert (result.verdict, len(result.jobs)) == (Verdict.FAILED, 2 + 600 + 600)
    assert outcomes(result, 1)[-1] is outcomes(result, 2)[-1] is EventType.EXIT
    after = run(TaskSet([busy(3, period_ms=10, priority=1, numberofjobs=10)]))
    assert after.verdict is Verdict.SCHEDULABLE


def test_repeated_runs_agree(run: Runner) -> None:
    taskset = TaskSet(
        [
            busy(1, period_ms=5, priority=0, numberofjobs=40),
            busy(3, period_ms=20, priority=1, numberofjobs=10),
        ]
    )
    first, second = run(taskset), run(taskset)
    spread_ns = [
        abs(a.response_ns - b.response_ns) for a, b in zip(first.jobs, second.jobs, strict=True)
    ]
    # Packets of the talk before may still be under way; a sealed machine would have none.
    assert sorted(spread_ns)[len(spread_ns) // 2] < 1_000
    assert max(spread_ns) < 50_000
