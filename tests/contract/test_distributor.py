"""One suite over a distributor in this process and one that is reached through a service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from distributor import (
    ConfigurationError,
    Distributor,
    JobState,
    Monitor,
    QueueState,
    RandomTaskSets,
    StateError,
    Task,
    TaskSet,
)
from distributor.session.description import Goal
from tests.services import running

if TYPE_CHECKING:
    from distributor.service.client import Client


@pytest.fixture(params=["local", "connected"])
def distributor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Distributor | Client]:
    if request.param == "local":
        with Distributor(2, 42, clock="simulated") as local:
            yield local
        return
    with running(tmp_path) as service, Distributor.connect(str(service.path)) as connected:
        yield connected


def sets(count: int) -> list[TaskSet]:
    return [TaskSet(Task("busy", arg1=n + 1, period_ms=10), name=f"{n}") for n in range(count)]


def test_a_job_is_run_to_its_end(distributor: Distributor | Client) -> None:
    assert distributor.jobs == []
    assert distributor.get_distributor_state() is QueueState.IDLE
    assert distributor.add_job(sets(1)[0]) == 1
    assert distributor.add_job((each for each in sets(3)), None, 1) == 2
    assert distributor.wait()
    first, second = distributor.jobs
    assert (first.number, first.decided, first.total, first.done) == (1, 1, 1, True)
    assert (second.number, second.decided, second.total, second.state) == (2, 2, 2, JobState.DONE)
    assert 0 < len(distributor.machines) <= 2
    assert all(machine.running is None for machine in distributor.machines)


def test_random_sets_are_drawn_where_they_run(distributor: Distributor | Client) -> None:
    drawn = RandomTaskSets(tasks=2, utilization=0.5, sets=4, seed=1, duration_ms=100)
    distributor.add_job(drawn, None, 2, Goal.FAIRNESS.parameters)
    assert distributor.wait()
    assert [(job.decided, job.total) for job in distributor.jobs] == [(2, 2)]


@pytest.mark.parametrize("wrong", [[], 5, [5], "no such file.json"])
def test_what_is_no_job_is_refused(distributor: Distributor | Client, wrong: object) -> None:
    with pytest.raises(ConfigurationError):
        distributor.add_job(wrong)  # type: ignore[arg-type]
    assert distributor.jobs == []


def test_parameters_that_are_wrong_are_refused(distributor: Distributor | Client) -> None:
    for offset, switches in ((1, 0), (-1, 0), (0, -1), (0, 2**40)):
        with pytest.raises(ConfigurationError):
            distributor.add_job(sets(1), None, offset, switches=switches)
    with pytest.raises(ConfigurationError):
        distributor.add_job(sets(1), object())  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError):
        distributor.add_job(sets(1), None, 0, {"goal": "x"})
    assert distributor.jobs == []


def test_the_maximum_is_what_was_set(distributor: Distributor | Client) -> None:
    assert distributor.get_max_machine_value() == 2
    distributor.set_max_machine_value(5)
    assert distributor.get_max_machine_value() == 5
    for wrong in (43, -1, True, 1.5, "2"):
        with pytest.raises(ConfigurationError):
            distributor.set_max_machine_value(wrong)  # type: ignore[arg-type]
    assert distributor.get_max_machine_value() == 5


def test_nothing_runs_while_it_is_shut_down(distributor: Distributor | Client) -> None:
    distributor.shut_down_all_machines()
    assert distributor.get_distributor_state() is QueueState.PAUSED
    distributor.add_job(sets(3))
    assert not distributor.wait(0.1)
    assert distributor.machines == []
    assert [job.state for job in distributor.jobs] == [JobState.WAITING]
    distributor.resume()
    assert distributor.wait()
    assert [job.decided for job in distributor.jobs] == [3]


def test_killed_machines_give_their_sets_back(distributor: Distributor | Client) -> None:
    distributor.add_job(sets(20))
    distributor.kill_all_machines()
    assert distributor.get_distributor_state() is QueueState.PAUSED
    distributor.resume()
    assert distributor.wait()
    assert [job.decided for job in distributor.jobs] == [20]


def test_a_job_is_paused_resumed_and_cancelled_alone(distributor: Distributor | Client) -> None:
    distributor.shut_down_all_machines()
    for _ in range(3):
        distributor.add_job(sets(2))
    distributor.pause_job(1)
    distributor.cancel_job(2)
    distributor.resume()
    assert not distributor.wait(0.1)
    assert [job.state for job in distributor.jobs][:2] == [JobState.PAUSED, JobState.CANCELLED]
    distributor.resume_job(1)
    assert distributor.wait()
    assert [job.state for job in distributor.jobs] == [
        JobState.DONE,
        JobState.CANCELLED,
        JobState.DONE,
    ]
    for verb in (distributor.cancel_job, distributor.pause_job, distributor.resume_job):
        with pytest.raises(StateError):
            verb(2)
        with pytest.raises(StateError):
            verb(99)


def test_a_monitor_is_refused_where_it_would_see_nothing(tmp_path: Path) -> None:
    with (
        running(tmp_path) as service,
        Distributor.connect(str(service.path)) as connected,
        pytest.raises(ConfigurationError, match="a monitor cannot watch over a connection"),
    ):
        connected.add_job(sets(1), Monitor())  # type: ignore[arg-type]
