"""Follows a job of a service to its end, and shows it as a run of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distributor.cli.progress import ProgressMonitor
from distributor.errors import MachineError
from distributor.jobs.job import JobState
from distributor.jobs.queue import QueueState
from distributor.monitors.monitor import Attempt
from distributor.session.result import Noise, Result
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet

if TYPE_CHECKING:
    from distributor.service import models
    from distributor.service.client import Client
    from distributor.service.models import Job, Set


def follow(client: Client, number: int, progress: ProgressMonitor) -> Job:
    """Until the job has ended; each set is told to ``progress`` once, as soon as it is known.

    What keeps the job waiting, and can be changed, is said once.

    :raise MachineError: the service gave up on its machines.
    :raise NotThereError: there is no such job.
    """
    from distributor.service.models import Set

    seen: set[int] = set()

    def tell(each: Set) -> None:
        if each.job == number and each.id not in seen:
            seen.add(each.id)
            progress.finished(*_told(each))

    def catch_up() -> None:
        """What the stream left out, the oldest first."""
        missed = [each for each in client.results(job=number) if each.id not in seen]
        for each in reversed(missed):
            tell(each)

    job = client.job(number)
    state: dict[str, Any] = {}
    said = ""
    for name, what in client.events():
        if name == "snapshot":
            # Whatever happened before this has to be asked for.
            job = client.job(number)
            catch_up()
            state = what["state"]
            _check(state)
            for machine in what["machines"]:
                _busy(progress, machine, number)
        elif name == "sets":
            for each in what:
                tell(Set.model_validate(each))
        elif name == "dropped":
            catch_up()
        elif name == "machine":
            _busy(progress, what, number)
        elif name == "state":
            state = what
            _check(state)
        elif name == "job" and what["number"] == number:
            job = type(job).model_validate(what)
        if job.state.ended:
            catch_up()
            return job
        why = _waits_for(state, job)
        if why and why != said:
            progress.say(f"waiting: {why}")
        said = why
    raise AssertionError("events do not end by themselves")


def _check(state: dict[str, Any]) -> None:
    if state["state"] == "failed":
        raise MachineError(f"the service has failed: {state['error']}")


def _waits_for(state: dict[str, Any], job: Job) -> str:
    """What somebody asked for that keeps the job waiting; "" if nothing does."""
    if state["state"] == QueueState.PAUSED:
        return "the service is paused (`distributor service resume` lets it go on)"
    if state["maximum"] == 0:
        return "the service may have no machine (`distributor service maximum N` lets it have N)"
    if job.state is JobState.PAUSED:
        return f"job {job.number} is paused (`distributor job resume {job.number}` lets it go on)"
    return ""


def _busy(progress: ProgressMonitor, machine: dict[str, Any], number: int) -> None:
    if machine["job"] == number:
        taskset = _named(machine["name"] or "")
        progress.started(Attempt(taskset, number, machine["index"], 1, machine["id"]))


def _told(each: Set) -> tuple[Attempt, Result]:
    """A set of the service as monitors are told of one; its tasks are not known here."""
    noise = each.noise
    return (
        Attempt(_named(each.name), each.job, each.index, each.attempts, each.machine),
        Result(
            verdict=each.verdict,
            reason=each.reason,
            guest_ns=round(each.guest_s * 1e9),
            host_s=each.host_s,
            noise=None if noise is None else _noise(noise),
        ),
    )


def _noise(told: models.Noise) -> Noise:
    return Noise(**dict(told) | {"reasons": tuple(told.reasons)})


def _named(name: str) -> TaskSet:
    return TaskSet(Task("busy"), name=name)
