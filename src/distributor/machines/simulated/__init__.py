"""Machines without a guest: simso computes what a set would do (docs/theory.md)."""

from __future__ import annotations

from distributor.machines.simulated.kind import SimsoKind

__all__ = ["SimsoKind"]
