"""Builds the guest's sources for the host, once for all tests of this folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

GUEST = Path(__file__).parents[2] / "guest"


def _make(out: Path, *targets: str) -> Path:
    done = subprocess.run(
        ["make", "-C", str(GUEST), f"OUT={out}", *targets],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="session")
def parsers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The loader's parsers as a host program, under the address and undefined sanitizers."""
    return _make(tmp_path_factory.mktemp("parsers"), "sanitized") / "parsers"


@pytest.fixture(scope="session")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built-in tasks, as the image build makes them."""
    return _make(tmp_path_factory.mktemp("guest")) / "tasks"
