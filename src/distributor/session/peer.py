"""Who answers at the other end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Peer:
    """Our loader says who it is, a plain one says nothing."""

    loader: str = ""
    kernel: str = ""
    cpus: int | None = None
    #: Name of its clock, as it says.
    clock: str = ""

    @classmethod
    def of(cls, about: Mapping[str, str]) -> Self:
        """Out of the attributes of a profile frame, whose texts may be anything."""
        cpus = about.get("cpus", "")
        return cls(
            loader=about.get("loader", "")[:64],
            kernel=about.get("kernel", "")[:128],
            cpus=int(cpus) if cpus.isdecimal() and cpus.isascii() and len(cpus) < 6 else None,
            clock=about.get("clock", "")[:16],
        )

    @property
    def extended(self) -> bool:
        """Whether it knows the extensions of docs/protocol.md."""
        return bool(self.loader)
