"""Switches as slices of time: who had a processor from when to when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from distributor.session.switch import Occupant, Switch


@dataclass(frozen=True, slots=True)
class Slice:
    """An uninterrupted stretch of one processor; times in nanoseconds after time zero."""

    cpu: int
    begin_ns: int
    end_ns: int
    occupant: Occupant
    #: Both None unless the occupant is a job.
    task_id: int | None
    job_index: int | None

    @property
    def length_ns(self) -> int:
        return self.end_ns - self.begin_ns


def slices(switches: Iterable[Switch]) -> Iterator[Slice]:
    """The slices of each processor, in the order of the switches.

    :param switches: each processor's in the order of their time. The last one of a processor
        lasts until the last switch of all.
    """
    by_cpu: dict[int, list[Switch]] = defaultdict(list)
    for switch in switches:
        by_cpu[switch.cpu].append(switch)
    end_ns = max((own[-1].time_ns for own in by_cpu.values()), default=0)
    for cpu in sorted(by_cpu):
        own = by_cpu[cpu]
        ends = [*(switch.time_ns for switch in own[1:]), end_ns]
        for switch, until_ns in zip(own, ends, strict=True):
            if until_ns > switch.time_ns:
                yield Slice(
                    cpu,
                    switch.time_ns,
                    until_ns,
                    switch.occupant,
                    switch.task_id,
                    switch.job_index,
                )
