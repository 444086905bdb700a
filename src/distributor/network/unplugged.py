"""No network: a card that is plugged into nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unplugged:
    """What a template boots with, and what sealed machines have: no packet ever comes.

    Implements :class:`~distributor.network.line.Plug`.
    """

    port: int = 0
    hardware: bytes | None = None
    backend: str | None = None
    descriptors: tuple[int, ...] = ()
