"""Between the store's rows and the objects that the rest of the program speaks of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row

from distributor.monitors.monitor import Attempt
from distributor.session.event import EventType
from distributor.session.result import Clock, MachineFacts, Noise, Result, TaskJob, Verdict
from distributor.session.switch import Occupant, Switch, Trace
from distributor.store.host import distributor_version, host_facts
from distributor.store.record import RunRecord, TaskSetRecord
from distributor.tasks.task import Task

#: Longest text kept; names, reasons and a console's last lines are cut here.
TEXT_MAX = 65536

_PASSWORD = re.compile(r"(://[^:/@\s]*):[^@\s]*@")


def run_row(
    command: str,
    *,
    clock: Clock | None,
    options: Mapping[str, Any],
    seed: int | str | None,
    qemu: str | None,
) -> dict[str, Any]:
    return {
        "started_at": datetime.now(UTC),
        "command": _text(_masked(command)),
        "clock": None if clock is None else clock.value,
        "options": masked(options),
        "seed": None if seed is None else _text(str(seed)),
        "distributor": distributor_version(),
        "qemu": None if qemu is None else _text(qemu),
        "host": host_facts(),
    }


def taskset_row(run_id: int, attempt: Attempt, result: Result) -> dict[str, Any]:
    facts = result.facts
    return {
        "run_id": run_id,
        "batch": attempt.job,
        "set_index": attempt.index,
        "name": _text(attempt.taskset.name),
        "origin": attempt.taskset.origin,
        "noise": None if result.noise is None else asdict(result.noise),
        "verdict": result.verdict.value,
        "reason": _text(result.reason),
        "finished_at": datetime.now(UTC),
        "attempts": attempt.number,
        "machine": _text(attempt.machine),
        "machines": [_text(machine) for machine in result.machines or (attempt.machine,)],
        "clock": None if facts is None else facts.clock.value,
        "kernel": None if facts is None else _text(facts.kernel),
        "loader": None if facts is None else _text(facts.loader),
        "qemu": None if facts is None else _text(facts.qemu),
        "accelerator": None if facts is None else _text(facts.accelerator),
        "guest_ns": result.guest_ns,
        "host_s": result.host_s,
        "digest": result.digest,
        "console": _text(result.console),
        "trace": None if result.trace is None else result.trace.value,
    }


def task_row(taskset_id: int, task_id: int, task: Task) -> dict[str, Any]:
    return {
        "taskset_id": taskset_id,
        "task_id": task_id,
        "executable": _text(task.binary),
        "name": _text(task.name),
        "arg1": task.arg1,
        "priority": task.priority,
        "period_ns": task.period_ns,
        "deadline_ns": task.deadline_ns,
        "offset_ns": task.offset_ns,
        "numberofjobs": task.numberofjobs,
        "executiontime_ns": task.executiontime_ns,
        "criticaltime_ns": task.criticaltime_ns,
        "quota_bytes": task.quota_bytes,
        "caps": task.caps,
        "cores": task.cores,
        "coreoffset": task.coreoffset,
        "overrun": task.overrun.value,
    }


def job_row(taskset_id: int, job: TaskJob) -> dict[str, Any]:
    return {
        "taskset_id": taskset_id,
        "task_id": job.task_id,
        "job_index": job.index,
        "release_ns": job.release_ns,
        "start_ns": job.start_ns,
        "completion_ns": job.completion_ns,
        "outcome": job.outcome.value,
        "exit_value": job.exit_value,
        "deadline_ns": job.deadline_ns,
    }


def switch_rows(taskset_id: int, switches: Iterable[Switch]) -> list[dict[str, Any]]:
    """One for each, counted from 0 on each processor."""
    following: Counter[int] = Counter()
    rows = []
    for switch in switches:
        rows.append(
            {
                "taskset_id": taskset_id,
                "cpu": switch.cpu,
                "sequence": following[switch.cpu],
                "time_ns": switch.time_ns,
                "occupant": switch.occupant.value,
                "task_id": switch.task_id,
                "job_index": switch.job_index,
            }
        )
        following[switch.cpu] += 1
    return rows


def switch_of(row: Row[Any]) -> Switch:
    return Switch(row.cpu, row.time_ns, Occupant(row.occupant), row.task_id, row.job_index)


def run_of(row: Row[Any]) -> RunRecord:
    values = row._asdict()
    values["clock"] = None if row.clock is None else Clock(row.clock)
    return RunRecord(**values)


def taskset_of(row: Row[Any]) -> TaskSetRecord:
    values = row._asdict()
    told = {name: values.pop(name) for name in ("kernel", "loader", "qemu", "accelerator")}
    clock = values.pop("clock")
    values["facts"] = None if clock is None else MachineFacts(row.machine, Clock(clock), **told)
    values["verdict"] = Verdict(row.verdict)
    if row.noise is not None:
        values["noise"] = Noise(**{**row.noise, "reasons": tuple(row.noise["reasons"])})
    values["machines"] = tuple(row.machines)
    values["trace"] = None if row.trace is None else Trace(row.trace)
    return TaskSetRecord(**values)


def job_of(row: Row[Any]) -> TaskJob:
    return TaskJob(
        task_id=row.task_id,
        index=row.job_index,
        release_ns=row.release_ns,
        start_ns=row.start_ns,
        completion_ns=row.completion_ns,
        outcome=EventType(row.outcome),
        exit_value=row.exit_value,
        deadline_ns=row.deadline_ns,
    )


def masked(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, as they are kept: no password of a URL in them."""
    return {name: _masked(value) for name, value in options.items()}


def _text(value: str) -> str:
    """A text that every database takes: cut, and without NUL and lone surrogates."""
    whole = value[:TEXT_MAX].replace("\0", "\N{REPLACEMENT CHARACTER}")
    return whole.encode("utf-8", "replace").decode("utf-8")


def _masked(value: Any) -> Any:
    """The value; the password of a URL in it becomes ***."""
    return _PASSWORD.sub(r"\1:***@", value) if isinstance(value, str) else value
