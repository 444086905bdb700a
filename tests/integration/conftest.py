"""What the tests on real machines share."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from distributor import Attempt, Distributor, Monitor, Result, TaskSet
from distributor.machines.image import Image, find_image


class Results(Monitor):
    """Keeps each set's result by its job and index; a second one is an error."""

    def __init__(self) -> None:
        self.found: dict[tuple[int, int], Result] = {}

    def finished(self, attempt: Attempt, result: Result) -> None:
        assert (attempt.job, attempt.index) not in self.found
        self.found[attempt.job, attempt.index] = result

    def bad(self, attempt: Attempt, result: Result) -> None:
        self.finished(attempt, result)


Runner = Callable[[TaskSet], Result]


def run_on(distributor: Distributor, taskset: TaskSet) -> Result:
    """Run one set and return its result."""
    results = Results()
    job = distributor.add_job(taskset, results)
    assert distributor.wait(300)
    return results.found[job, 0]


@pytest.fixture(scope="session")
def image() -> Image:
    """The image that `make test` has built."""
    found = find_image()
    assert found is not None, "there is no guest image: distributor image build"
    return found


@pytest.fixture
def run() -> Iterator[Runner]:
    """Runs a set in virtual time, on a sealed machine."""
    with Distributor() as distributor:
        yield lambda taskset: run_on(distributor, taskset)


@pytest.fixture(scope="session")
def compile_c(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Compiles a user's own task: name and C source in, path of a static binary out."""
    folder = tmp_path_factory.mktemp("own")

    def build(name: str, source: str) -> Path:
        path = folder / name
        code = folder / f"{name}.c"
        code.write_text(source)
        subprocess.run(["gcc", "-O1", "-static", "-o", path, code], check=True)
        return path

    return build
