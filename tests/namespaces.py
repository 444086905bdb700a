"""Network namespaces: root's, or within a user namespace of whoever tests."""

from __future__ import annotations

import os
import subprocess

import pytest

#: Runs a command in a network namespace of its own, as root of it.
ALONE = ("unshare", *(() if os.geteuid() == 0 else ("--map-root-user",)), "--net")


def may_make_bridges() -> bool:
    """Whether this host lets this user make bridges and taps."""
    done = subprocess.run([*ALONE, "true"], check=False, capture_output=True)
    return done.returncode == 0 and os.access("/dev/net/tun", os.R_OK | os.W_OK)


def need_bridges() -> None:
    """Skip the test where there can be none."""
    if not may_make_bridges():
        pytest.skip("this host lets this user make no network namespace or no taps")
