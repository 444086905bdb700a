"""Machines that start as a profile says: foreign images, and other boards."""

from __future__ import annotations

from distributor.machines.profile.file import read_profile, shipped_profiles
from distributor.machines.profile.kind import ProfileKind
from distributor.machines.profile.profile import Profile

__all__ = ["Profile", "ProfileKind", "read_profile", "shipped_profiles"]
