"""A wheel that is installed outside any checkout works: it brings the guest's sources."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from distributor.machines.image import require_image
from distributor.machines.image.sources import hash_sources, source_files

ROOT = Path(__file__).parents[2]
GUEST = ROOT / "guest"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content; a pure wheel is installed by unpacking it."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_it_carries_the_guests_sources_and_nothing_that_was_built(unpacked: Path) -> None:
    guest = unpacked / "distributor" / "guest"
    carried = {path.relative_to(guest) for path in guest.rglob("*") if path.is_file()}
    assert carried == {path.relative_to(GUEST) for path in source_files(GUEST)}
    assert hash_sources(guest) == hash_sources(GUEST)


def test_it_carries_the_dashboard(unpacked: Path) -> None:
    page = Path("distributor", "service", "page")
    files = {path.name for path in (ROOT / "src" / page).iterdir()}
    assert {"index.html", "page.css", "main.js"} <= files
    assert files == {path.name for path in (unpacked / page).iterdir()}


def test_it_carries_every_module_and_says_that_it_is_typed(unpacked: Path) -> None:
    source = ROOT / "src"
    modules = {path.relative_to(source) for path in source.rglob("*.py")}
    assert modules <= {path.relative_to(unpacked) for path in unpacked.rglob("*.py")}
    assert (unpacked / "distributor" / "py.typed").is_file()
    profiles = {path.relative_to(source) for path in source.rglob("*.toml")}
    assert profiles == {path.relative_to(unpacked) for path in unpacked.rglob("*.toml")}
    assert len(profiles) == 2


@pytest.mark.integration
def test_it_stands_for_the_same_image_as_the_checkout(unpacked: Path, tmp_path: Path) -> None:
    program = (
        f"import distributor; assert {str(unpacked)!r} in distributor.__file__\n"
        "from distributor.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "image", "show", "--json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["key"] == require_image().key
