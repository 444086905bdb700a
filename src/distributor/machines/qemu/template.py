"""A machine that has booted once, saved at one instruction; all machines go on from there.

Its memory is a file, which every machine maps and copies only where it writes; the rest
of its state is a few hundred kilobytes. Both lie in the cache, under a key that all of
the machine's making has gone into.
"""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import hashlib
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributor.errors import ImageError, MachineError, MachineLost, QMPError
from distributor.machines.base import complete
from distributor.machines.image.cache import alone, cache_folder
from distributor.machines.qemu.boot import BootLimits, boot
from distributor.machines.qemu.command import Accelerator, MachineSpec, qemu_command
from distributor.machines.qemu.instance import Instance, launch
from distributor.machines.qemu.memory import TemplateMemory
from distributor.machines.qemu.onecore import OneCore
from distributor.machines.qemu.rights import Copies, copy_data, rights_of
from distributor.network.line import Plug
from distributor.network.shared import SharedMemory
from distributor.session.result import Clock

#: Changes when a template of before is no longer what the code takes it for.
_FORMAT = 3
_MEMORY = "memory"
_STATE = "state"
_ABOUT = "about.json"
#: Pages of the template's file are not sent with the state, but mapped.
_ABILITIES = {
    "capabilities": [{"capability": name, "state": True} for name in ("x-ignore-shared", "events")]
}
#: Nobody is told that the machine has moved. The rounds in which QEMU does so are timers of
#: the host's time, and those also bound how long one of several processors has its turn.
_QUIET = {"announce-rounds": 0}
_READ_BYTES = 1 << 20
_CPUINFO = Path("/proc/cpuinfo")
#: A disk with less room than this is what a QEMU died of that had its memory there.
_ROOM_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Template:
    """A saved machine.

    :param spec: of the machines that go on from it.
    :param state: all but the memory.
    """

    folder: Path
    spec: MachineSpec
    state: bytes

    async def serve(
        self,
        name: str,
        console: Path,
        own: Callable[[Instance], None],
        plug: Plug,
    ) -> Instance:
        """A machine that goes on from the template, and looks for a host on a network.

        :param own: see :func:`~distributor.machines.qemu.instance.launch`.
        :raise LaunchError: QEMU did not come up.
        :raise MachineLost: as :meth:`restore`.
        """
        shared = SharedMemory()
        try:
            shared.have_it_serve(plug.port, plug.hardware)
            plugged = dataclasses.replace(self.spec, network=plug)
            instance = await self._restore(plugged, name, console, own, shared)
        finally:
            shared.close()  # QEMU has its own hold on it
        try:
            await instance.monitor.ask("cont")
        except QMPError as error:
            raise instance.error(MachineLost, f"machine {name} does not go on: {error}") from error
        return instance

    async def restore(
        self,
        name: str,
        console: Path,
        own: Callable[[Instance], None],
        shared: SharedMemory,
    ) -> Instance:
        """A machine without a network, at the instruction at which the template was saved;
        stopped.

        :param own: see :func:`~distributor.machines.qemu.instance.launch`.
        :raise LaunchError: QEMU did not come up.
        :raise MachineLost: it was killed, or did not take the state; then the template is
            thrown away, to be made anew by whoever needs it next.
        """
        return await self._restore(self.spec, name, console, own, shared)

    async def _restore(
        self,
        spec: MachineSpec,
        name: str,
        console: Path,
        own: Callable[[Instance], None],
        shared: SharedMemory,
    ) -> Instance:
        instance = await launch(dataclasses.replace(spec, name=name), console, own, shared)
        try:
            await self._take_state(instance)
        except (QMPError, OSError) as error:
            if instance.process.exit_code is None or instance.process.exit_code > 0:
                self.discard()
            raise instance.error(
                MachineLost, f"machine {name} could not be restored: {error}"
            ) from error
        return instance

    async def _take_state(self, instance: Instance) -> None:
        monitor = instance.monitor
        await monitor.ask("migrate-set-capabilities", _ABILITIES)
        await monitor.ask("migrate-set-parameters", _QUIET)
        ours, its = socket.socketpair()
        with ours:
            with its:
                await monitor.give("state", its.fileno())
            await monitor.ask("migrate-incoming", {"uri": "fd:state"})
            ours.setblocking(False)
            await asyncio.get_running_loop().sock_sendall(ours, self.state)
            await monitor.moved()

    def discard(self) -> None:
        """Remove it from the cache; machines that have it mapped are not harmed."""
        shutil.rmtree(self.folder, ignore_errors=True)


def templates_folder() -> Path:
    """Where templates are kept."""
    return cache_folder() / f"templates-{_FORMAT}"


@dataclass(frozen=True, slots=True)
class KeptTemplate:
    """A template in the cache, as a person wants to know of it.

    :param about: the options that its machines have.
    :param disk_bytes: what it takes of the disk.
    """

    folder: Path
    about: dict[str, Any]
    disk_bytes: int


def kept_templates() -> list[KeptTemplate]:
    """The templates that are in the cache."""
    found = []
    for folder in sorted(templates_folder().glob("[!.]*")):
        try:
            about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            about = {}  # nobody's any more
        blocks = sum(path.stat().st_blocks for path in folder.iterdir())
        found.append(KeptTemplate(folder, about, blocks * 512))
    return found


def _about(spec: MachineSpec) -> dict[str, Any]:
    assert spec.initramfs is not None, "what is saved has booted an image of ours"
    return {
        "image": spec.initramfs.parent.name,
        "clock": spec.clock.value,
        "accelerator": spec.accelerator.value,
        "cpus": spec.cpus,
        "memory_mib": spec.memory_mib,
        "shift": spec.shift,
        "qemu": str(spec.program),
    }


async def template(
    spec: MachineSpec, console: Path, limits: BootLimits, copies: Copies
) -> Template:
    """The template of a machine, made if there is none; once, whoever asks at once.

    :param spec: of a machine without a network.
    :param console: keeps what the template prints while it boots.
    :param copies: keeps the memory for machines whose QEMU cannot open the file.
    :raise LaunchError: QEMU did not come up.
    :raise BootError: the template was not up within the limits.
    :raise GuestFault: the guest gave up.
    :raise ImageError: it cannot be kept: there is no room, or nothing may be written there.
    """
    restored = restored_spec(spec)
    folder = _folder(spec)
    with _told_of(folder.parent):
        return await _template(spec, restored, folder, console, limits, copies)


@contextmanager
def _told_of(folder: Path) -> Iterator[None]:
    """What a disk refuses, with what can be done about it."""
    try:
        yield
    except OSError as error:
        raise ImageError(
            f"no template of the machines can be kept in {folder}: {error.strerror or error}",
            hint="make room there, or set XDG_CACHE_HOME to have the cache elsewhere",
        ) from error


async def _template(
    spec: MachineSpec,
    restored: MachineSpec,
    folder: Path,
    console: Path,
    limits: BootLimits,
    copies: Copies,
) -> Template:
    async with alone(folder.with_name(f".{folder.name}.lock")):
        if not (folder / _STATE).is_file():
            shutil.rmtree(folder, ignore_errors=True)
            part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
            try:
                state = await _boot_and_save(
                    _with_memory(spec, part, restored=False), console, limits
                )
                (part / _ABOUT).write_text(json.dumps(_about(spec)), encoding="utf-8")
                (part / _STATE).write_bytes(state)
                shutil.move(part, folder)
            except BaseException:
                shutil.rmtree(part, ignore_errors=True)
                raise
        apart = rights_of(spec).user is not None
        copy = copies.of(folder / _MEMORY) if apart else None
        return Template(folder, _with_copy(restored, copy), (folder / _STATE).read_bytes())


def restored_spec(spec: MachineSpec) -> MachineSpec:
    """What a machine that goes on from the template is started with."""
    return _with_memory(spec, _folder(spec), restored=True)


def _folder(spec: MachineSpec) -> Path:
    return templates_folder() / _key(spec)


def _with_memory(spec: MachineSpec, folder: Path, *, restored: bool) -> MachineSpec:
    memory = TemplateMemory(folder / _MEMORY, spec.memory_mib, spec.cpus, restored)
    return dataclasses.replace(spec, memory=memory)


def _with_copy(spec: MachineSpec, copy: int | None) -> MachineSpec:
    assert spec.memory is not None
    return dataclasses.replace(spec, memory=dataclasses.replace(spec.memory, copy=copy))


def _key(spec: MachineSpec) -> str:
    """All that the template depends on: the image and the options are in the command."""
    unnamed = dataclasses.replace(spec, name="")
    command = qemu_command(_with_memory(unnamed, Path(), restored=False))
    program = spec.program.stat()
    parts = [_FORMAT, command, program.st_size, program.st_mtime_ns, _processor(spec)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def _processor(spec: MachineSpec) -> list[str]:
    """The host's processor, where the guest has seen it: a cache may be shared by hosts."""
    if spec.accelerator is not Accelerator.KVM:
        return []
    first, _, _ = _CPUINFO.read_text(encoding="utf-8", errors="replace").partition("\n\n")
    return [line for line in first.splitlines() if line.startswith(("model name", "flags"))]


async def _boot_and_save(spec: MachineSpec, console: Path, limits: BootLimits) -> bytes:
    assert spec.memory is not None
    owned: list[Instance] = []
    shared = SharedMemory()
    # Of its full size from the start, for QEMU may make no file larger.
    memory = os.open(spec.memory.file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    apart = rights_of(spec).user is not None
    written = os.memfd_create("template", os.MFD_CLOEXEC) if apart else memory
    try:
        os.ftruncate(written, spec.memory.own_mib << 20)
        lent = _with_copy(spec, written) if apart else spec
        instance = await launch(lent, console, owned.append, shared)
        with _held(instance):
            await boot(instance, instance.monitor.stopped_itself(), limits)
        state = await _save(instance)
        if apart:
            copy_data(written, memory)
        return state
    except MachineError as error:
        disk = os.fstatvfs(memory)
        if not apart and disk.f_bavail * disk.f_frsize < _ROOM_BYTES:
            # A page of the file that finds no room ends QEMU without a word (SIGBUS).
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise
    finally:
        for each in owned:
            await complete(asyncio.create_task(each.end()))
        shared.close()
        for descriptor in {memory, written}:
            os.close(descriptor)


def _held(instance: Instance) -> AbstractContextManager[None]:
    """Boot in virtual time as sets are run in it, on one core: booted anew, it is the same."""
    virtual = instance.spec.clock is Clock.VIRTUAL
    return OneCore().hold(instance.process.pid) if virtual else nullcontext()


async def _save(instance: Instance) -> bytes:
    """Have a stopped machine tell its state, all but its memory."""
    monitor = instance.monitor
    await monitor.ask("migrate-set-capabilities", _ABILITIES)
    state = bytearray()
    loop = asyncio.get_running_loop()
    ours, its = socket.socketpair()
    with ours:
        with its:
            await monitor.give("state", its.fileno())
        await monitor.ask("migrate", {"uri": "fd:state"})
        ours.setblocking(False)
        while data := await loop.sock_recv(ours, _READ_BYTES):
            state += data
    await monitor.moved()
    return bytes(state)
