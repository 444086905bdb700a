"""Metrics of a service, for Prometheus (docs/service.md)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from distributor.jobs.job import JobState
from distributor.jobs.queue import QueueState
from distributor.machines.machine import MachineState

if TYPE_CHECKING:
    from distributor.service.service import Service

#: What :func:`exposition` makes (Prometheus, exposition formats).
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class LogCounter(logging.Handler):
    """Counts what is logged, by level."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.counts: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        self.counts[record.levelname.lower()] += 1


class Metrics:
    """What a service is at, read when it is asked for."""

    def __init__(self, service: Service, logged: LogCounter) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Reading(service, logged))

    def exposition(self) -> bytes:
        """All of them, in Prometheus' text format."""
        return generate_latest(self._registry)


class _Reading(Collector):
    def __init__(self, service: Service, logged: LogCounter) -> None:
        self._service = service
        self._logged = logged

    def collect(self) -> Iterator[Metric]:
        service = self._service
        state, watch = service.state(), service.watch
        yield _counter("sets", "Task sets that got a verdict.", "verdict", state.verdicts)
        yield _counter("sets_returned", "Sets that came back without a verdict.", watch.returned)
        yield _counter("guest_seconds", "Guest time of those sets.", watch.guest_ns / 1e9)
        yield _counter(
            "log_messages", "Warnings and errors in the log.", "level", dict(self._logged.counts)
        )
        yield _gauge("sets_per_second", "Verdicts a second, last minute.", state.sets_per_s)
        machines = Counter(machine.state for machine in service.machines())
        by_state = {each: machines[each] for each in MachineState}
        yield _gauge("machines", "Machines that exist.", "state", by_state)
        yield _gauge("machines_maximum", "Machines that there may be.", state.maximum)
        jobs = Counter(job.state for job in service.jobs.all())
        yield _gauge("jobs", "Jobs.", "state", {each: jobs[each] for each in JobState})
        waiting = _waiting(service)
        yield _gauge("queue_sets", "Sets that wait, where their number is known.", waiting)
        up = {each: float(state.state is each) for each in QueueState}
        yield _gauge("state", "1 for what the service is at.", "state", up)
        yield _gauge("listeners", "Clients that follow the events.", len(service.stream))
        yield _gauge("host_load", "Load of the host, last minute.", state.load[0])
        free = state.memory_free_mib * 2**20
        yield _gauge("host_memory_free_bytes", "Memory that can be had without swapping.", free)


def _waiting(service: Service) -> int:
    jobs = [job for job in service.jobs.all() if not job.state.ended]
    return sum(job.total - job.decided for job in jobs if job.total is not None)


def _counter(name: str, told: str, *value: Any) -> Metric:
    return _filled(CounterMetricFamily(f"distributor_{name}", told, labels=_labels(value)), value)


def _gauge(name: str, told: str, *value: Any) -> Metric:
    return _filled(GaugeMetricFamily(f"distributor_{name}", told, labels=_labels(value)), value)


def _labels(value: tuple[Any, ...]) -> list[str]:
    """None for a value alone; a label's name stands before a value for each label."""
    return [] if len(value) == 1 else [value[0]]


def _filled(family: CounterMetricFamily | GaugeMetricFamily, value: tuple[Any, ...]) -> Metric:
    for label, number in (((), value[0]),) if len(value) == 1 else _each(value[1]):
        family.add_metric(label, number)
    return family


def _each(values: dict[str, float]) -> Iterator[tuple[tuple[str], float]]:
    for label, number in values.items():
        yield (str(label),), number
