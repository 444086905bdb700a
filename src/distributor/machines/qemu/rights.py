"""With which rights QEMU runs: with as few as it needs, whoever starts it.

Started by root, each QEMU becomes a user of its own, who has no name, no group and no file, and
so can neither read what is on the host nor touch another QEMU. Its files reach it as open
descriptors: what it may only read cannot be written through them either.
"""

from __future__ import annotations

import dataclasses
import fcntl
import logging
import os
import re
import secrets
import stat
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from distributor.errors import LaunchError
from distributor.machines.image import ARCHITECTURES
from distributor.machines.qemu.command import Accelerator, MachineSpec

_log = logging.getLogger(__name__)

#: User ids that no account has: systemd's own and those of containers end below.
_USERS = range(0x6000_0000, 0x7000_0000)
#: linux/capability.h.
_CAP_KILL, _CAP_SETGID, _CAP_SETUID, _CAP_SETPCAP, _CAP_IPC_LOCK = 5, 6, 7, 8, 14
#: Without the first, this process could not end what has become another user's.
_TO_BECOME_ANOTHER = frozenset({_CAP_KILL, _CAP_SETGID, _CAP_SETUID, _CAP_SETPCAP})
_KVM = Path("/dev/kvm")
_MIB = 1 << 20
#: Address space that QEMU takes beside its guest's memory, and more for each of its processors,
#: with room: of QEMU 7.2, 370 MiB and 70.
_OWN_MIB = 2048
_EACH_CPU_MIB = 256
#: What a display shows: 2048 x 2048 pixels of 4 bytes.
_PICTURE_MIB = 16
#: Threads: of QEMU 7.2 three, and one a processor.
_THREADS = 32
#: The kernel ends a thread of real-time priority that runs for so long without a sleep.
_AT_ONCE_US = 1_000_000
#: Of the environment; a password in it is nobody's business.
_KEPT = ("PATH", "LANG", "TZ", "LD_LIBRARY_PATH")
_KEPT_BEGINNINGS = ("LC_", "QEMU_", "DISTRIBUTOR_TEST")


@dataclass(frozen=True, slots=True)
class Rights:
    """What one QEMU is started with.

    :param user: whom it becomes; None if it stays who we are.
    :param groups: that it is a member of, beside its own.
    :param locks: whether it may lock memory whatever its limit (CAP_IPC_LOCK).
    """

    user: int | None
    groups: tuple[int, ...] = ()
    locks: bool = False

    def words(self) -> tuple[str, ...]:
        """Options of setpriv(1)."""
        if self.user is None:
            return ("--no-new-privs",)
        groups = ",".join(map(str, self.groups))
        kept = "-all,+ipc_lock" if self.locks else "-all"
        return (
            *("--reuid", str(self.user), "--regid", str(self.user)),
            *(("--groups", groups) if groups else ("--clear-groups",)),
            *("--inh-caps", kept, "--ambient-caps", kept, "--bounding-set", kept),
            "--no-new-privs",
        )


def rights_of(spec: MachineSpec) -> Rights:
    """The rights of a machine's QEMU."""
    if os.geteuid() != 0:
        return Rights(None)
    groups: tuple[int, ...] = ()
    if spec.accelerator is Accelerator.KVM:
        about = _KVM.stat()
        if not about.st_mode & stat.S_IWOTH:
            if not about.st_mode & stat.S_IWGRP or about.st_gid == 0:
                _stay(f"{_KVM} is for root alone")
                return Rights(None)
            groups = (about.st_gid,)
    if not _anybody_runs(spec.program):
        _stay(f"{spec.program} is for root alone")
        return Rights(None)
    if not _maps_users():
        _stay("this container has no user ids to spare")
        return Rights(None)
    capable = _capabilities()
    if not capable >= _TO_BECOME_ANOTHER:
        _stay("this root may not become anybody else")
        return Rights(None)
    return Rights(secrets.choice(_USERS), groups, spec.locked and _CAP_IPC_LOCK in capable)


def limits_of(spec: MachineSpec, rights: Rights) -> str:
    """What bounds its process: commands of the shell that becomes it (ulimit, sh(1)).

    It dumps no core, and writes to no file. (The memory that its guest shares with us is
    mapped, not written.) A board that may have a display, as none of our own has, is left room
    for its picture: QEMU from 10.0 on keeps that in a file in memory.
    """
    ours = any(spec.board == each.board for each in ARCHITECTURES.values())
    blocks = 0 if ours else _PICTURE_MIB << 11  # of 512 bytes
    guest_mib = spec.memory_mib if spec.memory is None else spec.memory.mib
    mib = guest_mib + _OWN_MIB + _EACH_CPU_MIB * spec.cpus
    # A limit that cannot be set is lower already.
    limits = [f"ulimit {each} 2>/dev/null" for each in ("-c 0", f"-f {blocks}", f"-v {mib << 10}")]
    # Its main loop goes before all ordinary threads at times (qemu/onecore.py).
    limits.append(f"prlimit --pid $$ --rttime={_AT_ONCE_US} 2>/dev/null")
    if rights.user is not None:
        # Counted over all processes of a user, so only for one who has no other.
        limits.append(f"ulimit -p {_THREADS + spec.cpus} 2>/dev/null")
    return "; ".join(limits)


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """What QEMU is told of our environment."""
    return {
        name: value
        for name, value in ours.items()
        if name in _KEPT or name.startswith(_KEPT_BEGINNINGS)
    }


def lend(spec: MachineSpec, stack: ExitStack) -> tuple[MachineSpec, list[int]]:
    """The same machine, its files read through descriptors that are open until ``stack`` ends;
    and these descriptors, for QEMU to inherit.

    :raise LaunchError: one cannot be read.
    """
    descriptors: list[int] = []

    def through(file: Path) -> Path:
        try:
            descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise LaunchError(f"cannot read {file}: {error.strerror}") from error
        if not os.fstat(descriptor).st_mode & stat.S_IROTH:
            # Opened anew through /proc, it is asked for its mode: hand over a copy.
            source = descriptor
            try:
                descriptor = _copy(source, file.name)
            finally:
                os.close(source)
        stack.callback(os.close, descriptor)
        descriptors.append(descriptor)
        return Path(f"/proc/self/fd/{descriptor}")

    kernel = through(spec.kernel)
    initramfs = None if spec.initramfs is None else through(spec.initramfs)
    tree = spec.board.device_tree
    board = dataclasses.replace(spec.board, device_tree=None if tree is None else through(tree))
    lent = dataclasses.replace(spec, kernel=kernel, initramfs=initramfs, board=board)
    return lent, descriptors


class Copies:
    """Copies of templates' memory that nobody can write to, made once and kept until closed.

    QEMU opens the memory that it maps privately for writing as well; in a copy that is sealed
    (memfd_create(2)) that does nothing to other machines.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[int, int, int], int] = {}

    def of(self, file: Path) -> int:
        """The descriptor of a file's copy; stays this object's."""
        with file.open("rb") as source:
            about = os.fstat(source.fileno())
            key = about.st_dev, about.st_ino, about.st_mtime_ns
            if key not in self._made:
                self._made[key] = _copy(source.fileno(), file.name)
        return self._made[key]

    def close(self) -> None:
        """Idempotent; what is asked for afterwards is made anew."""
        made, self._made = self._made, {}
        for descriptor in made.values():
            os.close(descriptor)


def copy_data(source: int, target: int) -> None:
    """Copy a file's content into an empty one; its holes stay holes."""
    size = os.fstat(source).st_size
    os.ftruncate(target, size)
    at = 0
    while at < size:
        try:
            at = os.lseek(source, at, os.SEEK_DATA)
        except OSError:  # ENXIO: only a hole is left
            return
        end = os.lseek(source, at, os.SEEK_HOLE)
        os.lseek(target, at, os.SEEK_SET)
        while at < end:
            at += os.sendfile(target, source, at, end - at)


def _copy(source: int, name: str) -> int:
    copy = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        copy_data(source, copy)
        seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
        fcntl.fcntl(copy, fcntl.F_ADD_SEALS, seals)
    except BaseException:
        os.close(copy)
        raise
    return copy


@lru_cache(maxsize=16)
def _stay(why: str) -> None:
    """Said once."""
    _log.warning("QEMU runs as root: %s", why)


@lru_cache(maxsize=8)
def _anybody_runs(program: Path) -> bool:
    path = program.resolve()
    return bool(path.stat().st_mode & stat.S_IXOTH) and all(
        each.stat().st_mode & stat.S_IXOTH for each in path.parents
    )


@lru_cache(maxsize=1)
def _capabilities(
    read: Callable[[], str] = Path("/proc/self/status").read_text,
) -> frozenset[int]:
    """What this process may do, and hand on (capabilities(7))."""
    found = re.search(r"^CapPrm:\s*([0-9a-f]+)$", read(), re.MULTILINE)
    bits = int(found[1], 16) if found else 0
    return frozenset(number for number in range(64) if bits >> number & 1)


@lru_cache(maxsize=1)
def _maps_users(read: Callable[[], str] = Path("/proc/self/uid_map").read_text) -> bool:
    """Whether the user namespace of this process has those ids (user_namespaces(7))."""
    ranges = [tuple(map(int, line.split())) for line in read().splitlines()]
    return any(first <= _USERS[0] and _USERS[-1] < first + count for first, _, count in ranges)
