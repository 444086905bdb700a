"""The names that ``import distributor`` offers, each from its home."""

from __future__ import annotations

from distributor.data.read import read_jobs, read_tasks, read_tasksets
from distributor.distributor import Distributor
from distributor.errors import (
    BootError,
    ConfigurationError,
    DistributorError,
    GuestFault,
    ImageError,
    LaunchError,
    MachineError,
    MachineLost,
    NetworkError,
    NotThereError,
    QMPError,
    ServiceError,
    SessionClosed,
    SessionError,
    SessionTimeout,
    StateError,
    StoreError,
    WireError,
)
from distributor.jobs.job import JobState
from distributor.jobs.queue import Health, QueueState
from distributor.machines.machine import Machine, MachineKind, MachineState
from distributor.monitors.console import ConsoleMonitor
from distributor.monitors.file import CsvMonitor, JsonLinesMonitor
from distributor.monitors.logging import LoggingMonitor
from distributor.monitors.mongodb import MongoMonitor
from distributor.monitors.monitor import Attempt, Monitor
from distributor.monitors.store import StoreMonitor
from distributor.session.event import Event, EventType
from distributor.session.result import Clock, MachineFacts, Noise, Result, TaskJob, Verdict
from distributor.session.switch import Occupant, Switch, Trace
from distributor.tasks.block import BlockTaskSet
from distributor.tasks.generate.tasksets import RandomTaskSets
from distributor.tasks.task import Overrun, Task
from distributor.tasks.taskset import TaskSet
from distributor.view import JobView, MachineView

__all__ = [
    "Attempt",
    "BlockTaskSet",
    "BootError",
    "Clock",
    "ConfigurationError",
    "ConsoleMonitor",
    "CsvMonitor",
    "Distributor",
    "DistributorError",
    "Event",
    "EventType",
    "GuestFault",
    "Health",
    "ImageError",
    "JobState",
    "JobView",
    "JsonLinesMonitor",
    "LaunchError",
    "LoggingMonitor",
    "Machine",
    "MachineError",
    "MachineFacts",
    "MachineKind",
    "MachineLost",
    "MachineState",
    "MachineView",
    "MongoMonitor",
    "Monitor",
    "NetworkError",
    "Noise",
    "NotThereError",
    "Occupant",
    "Overrun",
    "QMPError",
    "QueueState",
    "RandomTaskSets",
    "Result",
    "ServiceError",
    "SessionClosed",
    "SessionError",
    "SessionTimeout",
    "StateError",
    "StoreError",
    "StoreMonitor",
    "Switch",
    "Task",
    "TaskJob",
    "TaskSet",
    "Trace",
    "Verdict",
    "WireError",
    "read_jobs",
    "read_tasks",
    "read_tasksets",
]
