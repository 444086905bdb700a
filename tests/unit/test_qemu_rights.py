"""Rights of QEMU's process: who it becomes, what it is told, what it can still open."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from distributor import Clock
from distributor.machines.qemu import rights
from distributor.machines.qemu.command import Accelerator, MachineSpec
from distributor.machines.qemu.rights import (
    Copies,
    Rights,
    copy_data,
    environment,
    lend,
    limits_of,
    rights_of,
)
from distributor.network.unplugged import Unplugged

SPEC = MachineSpec(
    name="m1",
    program=Path("/usr/bin/env"),
    kernel=Path("/kernel"),
    initramfs=Path("/initramfs"),
    clock=Clock.VIRTUAL,
    accelerator=Accelerator.TCG,
    network=Unplugged(),
)


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(rights, "_maps_users", lambda: True)
    monkeypatch.setattr(rights, "_capabilities", lambda: frozenset(range(41)))
    rights._stay.cache_clear()


@pytest.mark.usefixtures("root")
def test_each_qemu_of_root_becomes_a_user_of_its_own() -> None:
    users = {rights_of(SPEC).user for _ in range(50)}
    assert len(users) == 50
    assert None not in users
    words = Rights(7, groups=(5, 6)).words()
    assert words[:6] == ("--reuid", "7", "--regid", "7", "--groups", "5,6")
    assert words[6:] == (
        *("--inh-caps", "-all", "--ambient-caps", "-all", "--bounding-set", "-all"),
        "--no-new-privs",
    )
    assert "--clear-groups" in Rights(7).words()
    assert "-all,+ipc_lock" in Rights(7, locks=True).words()


def test_somebody_elses_qemu_stays_his_and_gets_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert rights_of(SPEC) == Rights(None)
    assert Rights(None).words() == ("--no-new-privs",)


@pytest.mark.usefixtures("root")
def test_where_nobody_else_could_run_it_qemu_stays_root_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = tmp_path / "closed" / "qemu"
    program.parent.mkdir()
    program.touch(0o755)
    program.parent.chmod(0o700)
    for _ in range(2):
        assert rights_of(dataclasses.replace(SPEC, program=program)) == Rights(None)
    assert [record.getMessage() for record in caplog.records] == [
        f"QEMU runs as root: {program} is for root alone"
    ]


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("lacking", [5, 6, 7, 8], ids=["kill", "setgid", "setuid", "setpcap"])
def test_a_root_without_the_rights_to_become_somebody_and_end_it_stays_root(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, lacking: int
) -> None:
    capable = frozenset(range(41)) - {lacking}
    monkeypatch.setattr(rights, "_capabilities", lambda: capable)
    assert rights_of(SPEC) == Rights(None)
    assert "may not become anybody else" in caplog.text


def test_the_capability_to_lock_memory_is_handed_on_where_it_is_needed(
    monkeypatch: pytest.MonkeyPatch, root: None
) -> None:
    locked = dataclasses.replace(SPEC, locked=True)
    assert rights_of(locked).locks
    assert not rights_of(SPEC).locks
    monkeypatch.setattr(rights, "_capabilities", lambda: frozenset({5, 6, 7, 8}))
    assert not rights_of(locked).locks


def test_capabilities_are_read_as_the_kernel_tells_them() -> None:
    told = rights._capabilities.__wrapped__
    assert told(lambda: "CapInh:\t0000000000000000\nCapPrm:\t00000000000041c0\n") == {6, 7, 8, 14}
    assert told(lambda: "") == frozenset()


def test_a_container_without_ids_to_spare_is_known() -> None:
    maps = rights._maps_users.__wrapped__
    assert maps(lambda: "         0          0 4294967295\n")
    assert not maps(lambda: "         0     100000      65536\n")


def test_passwords_are_not_handed_on() -> None:
    ours = {"PATH": "/bin", "LC_ALL": "C", "PGPASSWORD": "secret", "DISTRIBUTOR_TOKEN": "secret"}
    assert environment(ours) == {"PATH": "/bin", "LC_ALL": "C"}


def test_the_limits_are_ones_that_a_shell_takes() -> None:
    script = limits_of(SPEC, Rights(7)) + "; ulimit -c; ulimit -f; ulimit -v; ulimit -p"
    told = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["0", "0", str((256 + 2048 + 256) << 10), "33"]
    assert "ulimit -p" not in limits_of(SPEC, Rights(None))


def test_a_board_that_may_have_a_display_has_room_for_its_picture() -> None:
    board = dataclasses.replace(SPEC.board, machine="vexpress-a9")
    script = limits_of(dataclasses.replace(SPEC, board=board), Rights(7)) + "; ulimit -f"
    told = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert int(told.stdout) == 16 << 11


def test_a_copy_has_the_content_and_the_holes_and_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "memory"
    with file.open("wb") as made:
        made.seek(8 << 20)
        made.write(b"something")
        made.truncate(64 << 20)
    copies = Copies()
    try:
        copy = copies.of(file)
        assert copies.of(file) == copy
        assert os.fstat(copy).st_size == 64 << 20
        assert os.fstat(copy).st_blocks * 512 < 1 << 20
        assert os.pread(copy, 9, 8 << 20) == b"something"
        again = os.open(f"/proc/self/fd/{copy}", os.O_RDWR)
        try:
            with pytest.raises(PermissionError):
                os.pwrite(again, b"x", 0)
        finally:
            os.close(again)
        file.unlink()
        file.write_bytes(b"another")
        assert os.pread(copies.of(file), 9, 0) == b"another"
    finally:
        copies.close()
        copies.close()


def test_an_empty_file_and_one_without_holes_are_copied(tmp_path: Path) -> None:
    for content in (b"", b"x" * 100_000):
        (tmp_path / "file").write_bytes(content)
        with (tmp_path / "file").open("rb") as source, (tmp_path / "copy").open("wb") as target:
            copy_data(source.fileno(), target.fileno())
        assert (tmp_path / "copy").read_bytes() == content


@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_what_is_lent_is_read_by_somebody_who_could_not_reach_it(tmp_path: Path, mode: int) -> None:
    # Root's reader is somebody else. Another user's is his own process, which may reach and write
    # what is his: not through a folder that is closed meanwhile, nor what is not to be written.
    somebody = Rights(1_700_000_000) if os.geteuid() == 0 else Rights(None)
    closed = tmp_path / "closed"
    closed.mkdir()
    for name in ("kernel", "initramfs"):
        (closed / name).write_bytes(name.encode())
        (closed / name).chmod(mode if somebody.user is not None else mode & ~0o200)
    spec = dataclasses.replace(SPEC, kernel=closed / "kernel", initramfs=closed / "initramfs")
    with ExitStack() as stack:
        lent, descriptors = lend(spec, stack)
        closed.chmod(0)
        stack.callback(closed.chmod, 0o700)
        words = ["setpriv", *somebody.words(), "sh", "-c"]
        script = f"cat {lent.kernel} {lent.initramfs}; cat {spec.kernel}; echo x >>{lent.kernel}"
        done = subprocess.run(
            [*words, script], capture_output=True, text=True, check=False, pass_fds=descriptors
        )
    assert done.stdout == "kernelinitramfs"
    assert done.stderr.count("Permission denied") == (2 if mode == 0o644 else 1)
    assert (closed / "kernel").read_bytes() == b"kernel"
