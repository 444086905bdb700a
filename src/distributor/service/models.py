"""What the HTTP API takes and gives (docs/service.md), as pydantic models."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from distributor.jobs.job import JobState
from distributor.jobs.queue import Health, QueueState
from distributor.machines.machine import MachineState
from distributor.session.description import Goal
from distributor.session.result import Clock, Verdict
from distributor.session.switch import SWITCHES_MAX
from distributor.store.record import TaskRecord

#: Greatest whole number that a browser's numbers hold exactly.
NUMBER_MAX = 2**53 - 1


def _digits(value: Any) -> Any:
    """Where a number comes as text, pydantic takes `5.0` and `1_000` for whole ones, too."""
    if isinstance(value, str) and not (value.isascii() and value.removeprefix("-").isdigit()):
        raise ValueError("a whole number is written with digits alone")
    return value


#: Stands last, behind the bounds of a number in a path or a query.
DIGITS = BeforeValidator(_digits)


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True)


class State(_Told):
    """The service as a whole."""

    version: str = Field(description="of Distributor")
    state: QueueState
    error: str | None = Field(description="why it is failed, in one line")
    maximum: int = Field(description="machines that there may be at once")
    max_allowed: int = Field(description="the most that `maximum` can be set to")
    clock: Clock
    network: str = Field(
        description="none (sealed or simulated machines), user, bridge, or host: boards that the "
        "host reaches by itself"
    )
    cpus: int = Field(description="processors of each machine")
    run: int = Field(description="number of the run in the store")
    store: str
    started_at: datetime
    jobs_done: int
    jobs_open: int
    machines: int = Field(description="machines that exist")
    verdicts: dict[Verdict, int]
    sets_per_s: float = Field(description="verdicts a second over the last minute")
    load: tuple[float, float, float] = Field(description="of the host over 1, 5 and 15 minutes")
    memory_free_mib: int


class Job(_Told):
    """A batch of task sets."""

    number: int
    name: str
    state: JobState
    error: str | None
    added_at: datetime
    decided: int = Field(description="sets that have their verdict")
    total: int | None = Field(description="sets in all; null while that is not known")
    verdicts: dict[Verdict, int]
    left_s: float | None = Field(description="seconds that it may still take, estimated")


class Machine(_Told):
    """A machine; with the state `dead` it is gone."""

    id: str
    state: MachineState
    health: Health
    job: int | None = Field(description="number of the job that it runs a set of")
    index: int | None = Field(description="of that set in its job")
    name: str | None = Field(description="of that set")
    uptime_s: float
    work_s: float | None = Field(description="host processor seconds that it has used")
    memory_mib: int = Field(description="what it takes of the host at most")
    address: str | None
    sets: int = Field(description="how many it has finished")


class Noise(_Told):
    """That the host disturbed a run in real time, and what shows it."""

    reasons: list[str]
    took_s: float
    late_ns: int | None
    waited_s: float | None
    stolen_s: float | None
    pressure: float | None


class _Decided(_Told):
    """What both ways to tell of a set have in common."""

    id: int = Field(description="in the store; `before` takes it")
    job: int
    index: int
    name: str
    verdict: Verdict
    reason: str
    machine: str
    attempts: int
    finished_at: datetime
    guest_s: float
    host_s: float
    utilization: float | None
    noise: Noise | None
    digest: str


class Set(_Decided):
    """A task set that has its verdict."""

    tasks: int = Field(description="how many it has")


@dataclass(frozen=True, slots=True)
class Task(TaskRecord):
    """A task of a set; times are nanoseconds."""


class TaskJob(_Told):
    """One run of one task; times are nanoseconds after the set's time zero."""

    task_id: int
    index: int
    release_ns: int | None
    start_ns: int
    completion_ns: int
    response_ns: int
    deadline_ns: int
    met: bool
    outcome: str
    exit_value: int | None


class SetDetail(_Decided):
    """A set with its tasks and the first of their jobs."""

    tasks: list[Task]
    jobs: list[TaskJob]
    jobs_left_out: int = Field(description="jobs beyond those that are told")
    console: str


class Results(_Told):
    """Sets, the newest first."""

    results: list[Set]
    next: int | None = Field(description="`before` of the next page; null if there is none")


class Console(_Told):
    """What a machine printed last."""

    machine: str
    text: str


class Point(_Told):
    """How many sets of one utilization hold their deadlines, with Wilson's 95 % interval."""

    utilization: float
    sets: int
    schedulable: int
    low: float
    high: float


class Ratio(_Told):
    """The schedulability ratio over utilization."""

    points: list[Point]


class Where(_Told):
    """Where the service is reached."""

    addresses: list[str] = Field(description="its socket's path, and a URL if it has one")
    token_file: str | None = Field(description="where its user finds the token for the URL")
    process: int


class Maximum(BaseModel):
    """How many machines there may be."""

    model_config = ConfigDict(extra="forbid", strict=True)

    maximum: int = Field(ge=0, le=NUMBER_MAX)


class Error(BaseModel):
    """What went wrong, in one line, and what can be done."""

    error: str
    hint: str = ""


class Offer(BaseModel):
    """What a job is, beside its sets."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("", max_length=200)
    offset: Annotated[
        int, Field(ge=0, le=NUMBER_MAX, description="sets to leave out at its head"), DIGITS
    ] = 0
    switches: Annotated[
        int,
        Field(ge=0, le=SWITCHES_MAX, description="switches of the processors to record of a set"),
        DIGITS,
    ] = 0
    key: str = Field(
        "",
        pattern="^[A-Za-z0-9_-]{0,64}$",
        description="any word of the client's own: what is sent again with it is no second job",
    )
    admission: Goal | None = Field(None, strict=False, description="goal of admission control")


#: The keys of a job's document that are an :class:`Offer`'s.
OFFERED = frozenset(Offer.model_fields)
