"""Machines of ARM run the sets of theory with the verdicts of theory, as those of x86 do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from distributor import Distributor, Result, Task, TaskSet, Verdict
from distributor.machines.image import Image, build_image, find_image
from tests.integration.conftest import Results
from tests.namespaces import may_make_bridges

pytestmark = pytest.mark.integration

MS = 10**6
#: Milliseconds of execution and period: under fixed priorities the second misses (by
#: response-time analysis it takes 40 + 2 * 20 = 80 ms), by earliest deadline first none does.
PAIRS = [(20, 50), (40, 70)]


def busy(ms: float, **timing: object) -> Task:
    return Task("busy", arg1=round(ms * 1000), **timing)


def pairs(name: str, *, edf: bool) -> TaskSet:
    return TaskSet(
        [
            busy(c, period_ms=t, priority=128 if edf else rank, numberofjobs=350 // t)
            for rank, (c, t) in enumerate(PAIRS)
        ],
        name=name,
    )


SETS = [
    TaskSet([busy(5, period_ms=20, priority=1, numberofjobs=5)], name="busy"),
    pairs("fixed", edf=False),
    pairs("edf", edf=True),
    TaskSet([Task("pi", arg1="x", period_ms=20, priority=1)], name="broken"),
    TaskSet([Task("/bin/true", period_ms=20, priority=1)], name="foreign"),
]


def arm_image(arch: str) -> Image:
    """The image, built where it has not been."""
    return find_image(arch) or build_image(arch=arch)


def results_of(sets: list[TaskSet], **options: Any) -> Mapping[str, Result]:
    """Each set's result by its name, all from one machine."""
    results = Results()
    with Distributor(1, timeout=120, **options) as distributor:
        job = distributor.add_job(sets, results)
        assert distributor.wait(300)
    return {each.name: results.found[job, place] for place, each in enumerate(sets)}


@pytest.fixture(scope="module", params=["arm64", "armhf", "linux-vexpress-a9"])
def results(request: pytest.FixtureRequest) -> Iterator[Mapping[str, Result]]:
    """What one machine made of the sets, in virtual time."""
    if request.param == "linux-vexpress-a9":
        arm_image("armhf")
        # Where there can be no bridge, the board's card is tried on QEMU's own network.
        network = "bridge" if may_make_bridges() else "user"
        yield results_of(SETS, profile=request.param, network=network)
    else:
        yield results_of(SETS, image=arm_image(request.param))


def test_every_set_has_the_verdict_that_theory_gives(results: Mapping[str, Result]) -> None:
    assert {name: result.verdict for name, result in results.items()} == {
        "busy": Verdict.SCHEDULABLE,
        "fixed": Verdict.MISSED,
        "edf": Verdict.SCHEDULABLE,
        "broken": Verdict.FAILED,
        "foreign": Verdict.UNDECIDED,
    }
    assert "exit value 2" in results["broken"].reason
    assert "is a program for x86-64, and the machines are arm" in results["foreign"].reason


def test_jobs_are_released_and_stamped_to_the_nanosecond(results: Mapping[str, Result]) -> None:
    jobs = results["busy"].jobs
    assert [job.release_ns for job in jobs] == [k * 20 * MS for k in range(5)]
    for job in jobs:
        # the trace stamps starts: without it they would be those of the loader, a release early
        assert job.start_latency_ns is not None
        assert 0 < job.start_latency_ns < 1 * MS
        assert 5 * MS <= job.response_ns < 7 * MS
    facts = results["busy"].facts
    assert facts is not None
    assert facts.accelerator == "tcg"
    assert "arm" in facts.kernel


def test_a_machine_of_arm_runs_in_real_time() -> None:
    """With what a busy host may make of it: such a run is marked."""
    sets = [TaskSet([busy(5, period_ms=200, priority=1, numberofjobs=3)], name="slow")]
    result = results_of(sets, image=arm_image("arm64"), clock="real")["slow"]
    assert len(result.jobs) == 3
    assert result.verdict is Verdict.SCHEDULABLE or result.noise is not None


def test_an_image_that_is_not_ours_is_driven_by_its_profile_alone(tmp_path: Path) -> None:
    """On a board with its own card; the loader is asked until it answers, and for nothing more."""
    image = arm_image("armhf")
    tree = image.kernel.parent / "vexpress-v2p-ca9.dtb"
    profile = tmp_path / "foreign.toml"
    profile.write_text(
        f"""
        about = "Somebody's Linux, of which nothing is known but how it is started."
        port = 4001
        tasks = "{image.folder / "tasks"}"

        [machine]
        program = "qemu-system-arm"
        type = "vexpress-a9"
        card = "lan9118"
        device_tree = "{tree}"
        sound = true

        [start]
        kernel = "{image.kernel}"
        initrd = "{image.initramfs}"
        append = "console=ttyAMA0 quiet panic=-1 distributor.clock=real distributor.port=4001"

        [loader]
        extensions = false
        quota_mib = 5
        caps = 235
        """
    )
    sets = [TaskSet([busy(5, period_ms=200, priority=1, numberofjobs=3)], name="plain")]
    result = results_of(sets, profile=str(profile))["plain"]
    assert len(result.jobs) == 3
    assert result.facts is not None
    assert result.facts.kernel == ""  # it was not asked who it is
    assert result.verdict is Verdict.SCHEDULABLE or result.noise is not None
