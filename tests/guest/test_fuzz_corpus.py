"""What the fuzzer of the loader's parsers begins with, and what it has found, once again."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[1] / "fuzz" / "guest"
CORPUS = FUZZ / "corpus"
TARGETS = sorted(path.name for path in CORPUS.iterdir())


@pytest.fixture(scope="module")
def replays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fuzzer's targets as plain programs, under the address and undefined sanitizers."""
    out = tmp_path_factory.mktemp("fuzz")
    done = subprocess.run(
        ["make", "-s", "-j2", "-C", str(FUZZ), f"OUT={out}", "replays"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out / "replay"


@pytest.mark.parametrize("target", TARGETS)
def test_every_kept_input_does_no_harm(replays: Path, target: str) -> None:
    inputs = sorted(map(str, (CORPUS / target).iterdir()))
    assert inputs
    done = subprocess.run([replays / target, *inputs], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")


def test_a_target_sees_what_must_not_be(replays: Path, tmp_path: Path) -> None:
    """Whoever cannot fail shows nothing: a file that cannot be read is no success."""
    missing = tmp_path / "missing"
    done = subprocess.run([replays / "wire", missing], capture_output=True, check=False)
    assert done.returncode != 0
