"""Machines that somebody else runs: boards, and hosts with a loader on a port."""

from __future__ import annotations

from distributor.machines.board.kind import BoardKind

__all__ = ["BoardKind"]
