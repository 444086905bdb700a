"""What a kind of machines refuses, and how it decides about KVM."""

from __future__ import annotations

import asyncio
import dataclasses
import fcntl
import gc
import logging
import os
import stat
from pathlib import Path

import pytest

from distributor.errors import ConfigurationError, ImageError
from distributor.machines.folder import RunFolder
from distributor.machines.image import ARCHITECTURES, Image
from distributor.machines.machine import MachineState
from distributor.machines.qemu import QemuKind, accelerator, kind, qemu_kind
from distributor.machines.qemu.accelerator import KvmProbe
from distributor.machines.qemu.facts import QemuFacts


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Image:
    """An image that is never booted, a QEMU that is never run, a cache of its own."""
    (tmp_path / "tasks").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(kind, "qemu_facts", lambda *_: QemuFacts(Path("/usr/bin/qemu"), "7.2.22"))
    return Image("key", tmp_path, tmp_path / "vmlinux", "6.1.0-rt", "rt", "a package", "hash")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"clock": "wall"}, "clock is virtual, real, not 'wall'"),
        ({"cpus": 0}, "cpus is a whole number of 1 to 64"),
        ({"cpus": 2}, r"virtual clock with 2 processors needs QEMU 10\.0"),
        ({"memory_mib": 8}, "memory_mib is a whole number"),
        ({"shift": 11}, "shift is a whole number of 0 to 10"),
        ({"port": "ssh"}, "port is a whole number"),
        ({"network": "tap"}, "network is auto, none, user, bridge, not 'tap'"),
        ({"network": "user", "bridge": {}}, "network user has no bridge"),
        ({"network": "bridge", "bridge": {"speed": 1}}, "a bridge has no option speed"),
        ({"accelerator": "kvm"}, "which KVM cannot"),
        ({"network": "none", "clock": "real"}, "the real clock is the host's"),
        ({"memory_mib": 4096}, "memory_mib of a sealed machine is a whole number of 96 to 2048"),
        ({"boot_timeout_s": 0}, "boot_timeout_s"),
        ({"mips": 300}, "mips is one of 1000, 500, 250"),
        ({"mips": 500, "shift": 1}, "mips and shift say the same"),
        ({"disk": 3}, "machines have no option disk"),
    ],
)
def test_wrong_options_are_refused_by_name(image: Image, options, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        qemu_kind(image=image, **options)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"network": "none"}, "machines of arm64 cannot be sealed.*take --network user"),
        ({"clock": "real", "accelerator": "kvm"}, "machines of arm64 are emulated|kvm"),
    ],
)
def test_what_machines_of_arm_cannot_do_is_refused_by_name(
    image: Image, options, says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        QemuKind(dataclasses.replace(image, architecture=ARCHITECTURES["arm64"]), **options)


def test_machines_of_arm_boot_one_by_one_on_network_user(image: Image) -> None:
    arm = dataclasses.replace(image, architecture=ARCHITECTURES["arm64"])
    for clock in ("virtual", "real"):
        command = QemuKind(arm, clock=clock).command("m1")
        assert "-incoming" not in command
        assert command[command.index("-netdev") + 1].startswith("user,")


def test_without_an_image_the_way_to_one_is_told(image: Image) -> None:
    with pytest.raises(ImageError, match="distributor image build"):
        qemu_kind()


def test_a_machine_that_was_never_started_costs_nothing(image: Image) -> None:
    machine = QemuKind(image, clock="virtual").create("m7")
    assert (machine.id, machine.state) == ("m7", MachineState.CREATED)
    assert (machine.work_s(), machine.console_tail()) == (None, "")
    assert (machine.facts.clock, machine.facts.qemu) == ("virtual", "7.2.22")
    asyncio.run(machine.stop())
    assert machine.state is MachineState.DEAD


def test_a_machines_id_cannot_lead_elsewhere(image: Image) -> None:
    for name in ("", "../m1", ".hidden", "m1,debug-threads=on"):
        with pytest.raises(ConfigurationError, match="no name"):
            QemuKind(image).create(name)


def test_a_dry_run_shows_the_command_of_the_clock(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kind, "restored_spec", lambda spec: spec)
    assert "shift=2,sleep=off" in QemuKind(image, shift=2).command("m1")
    assert "shift=4,sleep=off" in qemu_kind(image=image, mips=62.5).command("m1")
    for module in (kind, accelerator):
        monkeypatch.setattr(module, "kvm_opens", lambda: True)
    real = QemuKind(image, clock="real")
    assert "kvm" in real.command("m1")
    asyncio.run(real._probe.ask(_says(False, [])))
    assert "tcg,thread=multi,tb-size=64" in real.command("m1")


# -- KVM -----------------------------------------------------------------------------------


def _says(answer: bool, log: list[bool]):
    async def boots() -> bool:
        await asyncio.sleep(0)
        log.append(answer)
        return answer

    return boots


@pytest.fixture
def with_kvm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accelerator, "kvm_opens", lambda: True)


@pytest.mark.parametrize("works", [True, False])
async def test_kvm_is_tried_once_however_many_ask(
    tmp_path: Path, with_kvm: None, works: bool, caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[bool] = []
    probes = [KvmProbe(tmp_path, "image", "7.2.22") for _ in range(4)]
    answers = await asyncio.gather(*(probe.ask(_says(works, tried)) for probe in probes))
    assert answers == [works] * 4
    assert tried == [works]
    assert KvmProbe(tmp_path, "image", "7.2.22").remembered() is works
    warned = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert len(warned) == (0 if works else 1)


async def test_another_image_or_qemu_is_tried_anew(tmp_path: Path, with_kvm: None) -> None:
    await KvmProbe(tmp_path, "image", "7.2.22").ask(_says(True, []))
    assert KvmProbe(tmp_path, "image 2", "7.2.22").remembered() is None
    assert KvmProbe(tmp_path, "image", "10.0.0").remembered() is None


async def test_a_host_without_kvm_is_not_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accelerator, "kvm_opens", lambda: False)
    tried: list[bool] = []
    assert await KvmProbe(tmp_path, "image", "7.2.22").ask(_says(True, tried)) is False
    assert tried == []


async def test_waiting_for_another_process_can_be_cancelled(tmp_path: Path, with_kvm: None) -> None:
    other = os.open(tmp_path / "kvm.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(other, fcntl.LOCK_EX)
        tried: list[bool] = []
        asking = asyncio.create_task(KvmProbe(tmp_path, "image", "1").ask(_says(True, tried)))
        await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert tried == []
    finally:
        os.close(other)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"key": 1}'])
def test_a_damaged_memory_is_no_answer(tmp_path: Path, damage: str) -> None:
    (tmp_path / "kvm.json").write_text(damage)
    assert KvmProbe(tmp_path, "image", "1").remembered() is None


# -- the folder of a run -------------------------------------------------------------------


def test_a_run_has_a_folder_of_its_own_that_goes_with_it(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert folder.consoles.is_dir()
    folder.close()
    folder.close()
    assert list(tmp_path.iterdir()) == []


def test_folders_of_the_dead_are_swept_and_those_of_the_living_kept(tmp_path: Path) -> None:
    living = RunFolder(tmp_path)
    kept = [living.path]
    dead = tmp_path / "distributor-1-abc"
    dead.mkdir()
    (dead / "owner").touch()
    foreign = tmp_path / "distributor-notes"  # without an owner's lock: not ours to remove
    foreign.mkdir()
    second = RunFolder(tmp_path)
    kept += [second.path, foreign]
    assert sorted(tmp_path.iterdir()) == sorted(kept)
    living.close()
    second.close()


def test_consoles_go_with_their_kind_unless_a_place_was_named(image: Image, tmp_path: Path) -> None:
    passing = QemuKind(image)
    place = passing.consoles
    assert place.is_dir()
    del passing
    gc.collect()
    assert not place.exists()
    kept = QemuKind(image, directory=tmp_path / "mine").consoles
    gc.collect()
    assert kept == tmp_path / "mine" / "consoles"
    assert kept.is_dir()
