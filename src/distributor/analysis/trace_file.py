"""A traced task set as a file: for Perfetto, or as plain CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

from distributor.analysis.slices import Slice
from distributor.session.result import TaskJob
from distributor.session.switch import Occupant

if TYPE_CHECKING:
    from perfetto.trace_builder.proto_builder import TraceProtoBuilder

#: Columns of the CSV.
COLUMNS = ("cpu", "begin_ns", "end_ns", "occupant", "task_id", "job_index")

# Numbers of the tracks, and of the one sequence that all packets are of.
_SET, _TASKS, _CPUS = 1, 1_000, 1_000_000
_SEQUENCE = 1


def to_csv(slices: Iterable[Slice]) -> str:
    """One row for each slice; empty where there is no job."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for piece in slices:
        writer.writerow([getattr(piece, column) for column in COLUMNS])
    return text.getvalue()


def to_perfetto(
    name: str, tasks: Sequence[str], slices: Iterable[Slice], jobs: Iterable[TaskJob]
) -> bytes:
    """A trace of TrackEvents in Perfetto's protobuf, as ui.perfetto.dev opens it.

    One track for each task, with a slice for each stretch that a job of it ran, and instants
    at each release and deadline; one for each processor, with who had it, idle time empty.
    Time zero of the set is second 1 of the trace, since what precedes it has a place there,
    too, and Perfetto knows no negative moments.

    :param name: of the task set.
    :param tasks: their names, by id.
    :param slices: see :func:`~distributor.analysis.slices.slices`.
    :param jobs: whose releases and deadlines are told, where they are known.
    """
    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import TrackEvent
    from perfetto.trace_builder.proto_builder import TraceProtoBuilder

    trace = TraceProtoBuilder()
    _track(trace, _SET, name or "task set")
    pieces = list(slices)
    for task_id, task in enumerate(tasks):
        _track(trace, _TASKS + task_id, f"task {task_id}: {task}", parent=_SET)
    for cpu in sorted({piece.cpu for piece in pieces}):
        _track(trace, _CPUS + cpu, f"processor {cpu}", parent=_SET)
    # Packets come in the order of time; at one moment a slice ends before another begins.
    events: list[tuple[int, int, int, Any, str]] = []
    begin, end, instant = (
        TrackEvent.TYPE_SLICE_BEGIN,
        TrackEvent.TYPE_SLICE_END,
        TrackEvent.TYPE_INSTANT,
    )
    for piece in pieces:
        for track, label in _places(piece, tasks):
            events.append((piece.begin_ns, 2, track, begin, label))
            events.append((piece.end_ns, 0, track, end, ""))
    for job in jobs:
        if job.release_ns is not None:
            track = _TASKS + job.task_id
            release, deadline = f"release {job.index}", f"deadline {job.index}"
            events.append((job.release_ns, 1, track, instant, release))
            events.append((job.release_ns + job.deadline_ns, 1, track, instant, deadline))
    for time_ns, _, track, kind, label in sorted(events, key=lambda event: event[:3]):
        packet = trace.add_packet()
        packet.timestamp = time_ns + _zero_ns(pieces)
        packet.trusted_packet_sequence_id = _SEQUENCE
        packet.track_event.type = kind
        packet.track_event.track_uuid = track
        if label:
            packet.track_event.name = label
    return bytes(trace.serialize())


def _zero_ns(pieces: Sequence[Slice]) -> int:
    """Time zero's place in the trace: whole seconds, enough for what precedes it."""
    first_ns = min((piece.begin_ns for piece in pieces), default=0)
    return 10**9 * (1 + max(0, -first_ns) // 10**9)


def _places(piece: Slice, tasks: Sequence[str]) -> list[tuple[int, str]]:
    """The tracks that a slice is drawn on, with its label there."""
    cpu = _CPUS + piece.cpu
    if piece.occupant is Occupant.IDLE:
        return []
    if piece.task_id is None:
        return [(cpu, piece.occupant.value)]
    label = f"{tasks[piece.task_id]} {piece.task_id}.{piece.job_index}"
    return [(cpu, label), (_TASKS + piece.task_id, f"job {piece.job_index}")]


def _track(trace: TraceProtoBuilder, uuid: int, name: str, *, parent: int | None = None) -> None:
    descriptor = trace.add_packet().track_descriptor
    descriptor.uuid = uuid
    descriptor.name = name
    if parent is None:
        descriptor.child_ordering = descriptor.EXPLICIT
    else:
        descriptor.parent_uuid = parent
        descriptor.sibling_order_rank = uuid
