"""What a service is made with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from distributor.service.limit import Limits
from distributor.session.result import Clock


@dataclass(frozen=True, slots=True)
class Settings:
    """What a service is made with.

    :param maximum: machines at once, to begin with.
    :param memory_mib: what a machine takes of the host at most.
    :param options: of the machines, kept with the run.
    :param fresh: begin a new run, and leave what the last one has not finished.
    """

    store: str
    maximum: int
    max_allowed: int
    clock: Clock = Clock.VIRTUAL
    network: str = "auto"
    cpus: int = 1
    memory_mib: int = 0
    set_tries: int = 1
    noisy_tries: int = 0
    timeout_s: float = 40.0
    qemu: str | None = None
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    fresh: bool = False
    limits: Limits = field(default_factory=Limits)
