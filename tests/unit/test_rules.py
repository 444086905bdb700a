"""What loaders do otherwise than ours: what they are sent, and how long they may be silent."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from distributor.errors import ConfigurationError
from distributor.session.binary import Binaries, Binary
from distributor.session.description import describe
from distributor.session.result import Clock
from distributor.session.rules import OURS, Rules
from distributor.session.session import Session
from distributor.session.watchdog import Watchdog
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet
from tests.fakes.loader import ExtendedLoader
from tests.fakes.machine import FakeMachine

GENODE = Rules(
    extensions=False,
    quota_bytes=5 << 20,
    caps=235,
    first_after_period=True,
    offsets_in_turn=True,
)
SET = TaskSet(
    [
        Task("hey", period_ms=1000, offset_ms=2000, quota_mib=8),
        Task("hey", period_ms=4000, offset_ms=3000, caps=100),
    ]
)


def elements(rules: Rules) -> list[dict[str, str | None]]:
    described = ET.fromstring(describe(SET, extended=False, rules=rules))
    return [{each.tag: each.text for each in task} for task in described]


def test_a_task_is_granted_what_it_names_and_else_what_the_rules_say() -> None:
    first, second = elements(GENODE)
    assert (first["quota"], first["caps"]) == ("8M", "235")
    assert (second["quota"], second["caps"]) == ("5M", "100")
    first, second = elements(OURS)
    assert "caps" not in first
    assert "quota" not in second


def test_late_releases_are_waited_for() -> None:
    assert OURS.delay_ns(SET) == 0
    # the second offset begins when the first is over, and the first release a period later
    assert GENODE.delay_ns(SET) == (2 + 4) * 10**9
    assert Rules(offsets_in_turn=True).delay_ns(SET) == 2 * 10**9

    def silent_s(rules: Rules) -> int:
        dog = Watchdog(SET, Clock.REAL, timeout_s=10, work_per_guest_s=1, rules=rules)
        return next(now for now in range(100) if dog.complaint(now, None))

    assert silent_s(GENODE) == silent_s(OURS) + 6


def elf(number: int) -> Binary:
    data = b"\x7fELF\x02\x01" + bytes(12) + number.to_bytes(2, "little")
    return Binary("mine", data, (Path("/somewhere/mine"), 0, 0))


@pytest.mark.parametrize(
    ("architecture", "runs"), [("amd64", {62, 3}), ("arm64", {183, 40}), ("armhf", {40})]
)
def test_a_program_for_another_processor_is_refused_by_name(
    architecture: str, runs: set[int]
) -> None:
    for number in (3, 40, 62, 183, 243):
        if number in runs:
            elf(number).check(architecture)
        else:
            with pytest.raises(ConfigurationError, match=f"/somewhere/mine .*are {architecture}"):
                elf(number).check(architecture)
    elf(243).check("")  # a machine that does not say
    Binary("mine", b"#!/bin/sh", (Path("/somewhere/mine"), 0, 0)).check(architecture)


@pytest.mark.parametrize("rules", [GENODE, OURS])
async def test_a_loader_is_asked_for_extensions_where_its_rules_have_them(
    tmp_path: Path, rules: Rules
) -> None:
    class Ruled(FakeMachine):
        def __init__(self, loader: ExtendedLoader) -> None:
            super().__init__("m1", loader)
            self.rules = rules

    (tmp_path / "hey").write_bytes(b"\x7fELF")
    loader = ExtendedLoader()  # it says that it knows them
    machine = Ruled(loader)
    await machine.start()
    try:
        found = Binaries(lambda _: tmp_path / "hey")
        async with Session(machine, binaries=found, timeout_s=10) as session:
            assert session.peer.extended == rules.extensions
            await session.run(TaskSet([Task("hey", period_ms=5)]), lambda _: None)
    finally:
        await machine.stop()
    assert [("overrun" in task.elements) for task in loader.tasks] == [rules.extensions]
