"""The process of a simulated machine: reads sets, answers with their jobs, ends with its owner.

A message is 8 bytes of length, little endian, and so many of JSON: the process's first one is
``"ready"``; a set is ``[cpus, [task, ...]]``, its answer ``[[job, ...], ...]``, each of their
fields in its order.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any, BinaryIO

from distributor.machines.simulated.library import simso
from distributor.machines.simulated.schedule import SimulatedJob, SimulatedTask, simulate

HEAD = struct.Struct("<Q")


def encode(message: Any) -> bytes:
    """A message, with its length before it."""
    text = json.dumps(message, separators=(",", ":")).encode()
    return HEAD.pack(len(text)) + text


def encode_set(tasks: Sequence[SimulatedTask], cpus: int) -> bytes:
    """What asks for a set."""
    return encode([cpus, [astuple(task) for task in tasks]])


def decode_jobs(text: bytes) -> list[list[SimulatedJob]]:
    """What answers."""
    return [[SimulatedJob(*job) for job in jobs] for jobs in json.loads(text)]


def serve(stream: BinaryIO) -> None:
    """Say that it is there, then answer until nobody asks any more."""
    simso()
    stream.write(encode("ready"))
    stream.flush()
    while len(head := stream.read(HEAD.size)) == HEAD.size:
        (size,) = HEAD.unpack(head)
        cpus, tasks = json.loads(stream.read(size))
        given = [SimulatedTask(*task) for task in tasks]
        stream.write(encode(simulate(given, cpus)))
        stream.flush()


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as owner, owner.makefile("rwb") as talk:
        serve(talk)  # type: ignore[arg-type]
