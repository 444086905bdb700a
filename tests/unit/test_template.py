"""A template that the cache's disk has no room for, or may not be written there."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest

from distributor.errors import ImageError, LaunchError
from distributor.machines.qemu import template
from distributor.machines.qemu.boot import BootLimits
from distributor.machines.qemu.command import MachineSpec
from distributor.machines.qemu.rights import Copies


def made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = cast(MachineSpec, SimpleNamespace(memory=SimpleNamespace(file=folder / "m", own_mib=1)))
    monkeypatch.setattr(template, "_folder", lambda _: folder / "key")
    monkeypatch.setattr(template, "_with_memory", lambda *_, **__: spec)
    monkeypatch.setattr(template, "restored_spec", lambda _: spec)
    asyncio.run(template.template(spec, folder / "console", cast(BootLimits, None), Copies()))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_what_the_disk_refuses_is_told_with_the_folder(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: Any) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(template, "_boot_and_save", refused)
    with pytest.raises(ImageError) as caught:
        made(tmp_path, monkeypatch)
    assert str(caught.value) == (
        f"no template of the machines can be kept in {tmp_path}: {os.strerror(number)} "
        "(make room there, or set XDG_CACHE_HOME to have the cache elsewhere)"
    )
    assert not list(tmp_path.glob(".key.*/"))


@pytest.mark.parametrize(("free", "kind"), [(0, ImageError), (1 << 30, LaunchError)])
def test_a_qemu_that_died_for_want_of_room_is_told_so(
    free: int, kind: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def died(*_: object) -> NoReturn:
        raise LaunchError("QEMU did not start machine x")

    monkeypatch.setattr(template, "launch", died)
    monkeypatch.setattr(template, "rights_of", lambda _: SimpleNamespace(user=None))
    monkeypatch.setattr(os, "fstatvfs", lambda _: SimpleNamespace(f_bavail=free, f_frsize=1))
    with pytest.raises(kind):
        made(tmp_path, monkeypatch)
