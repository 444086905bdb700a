"""How a machine starts that is not one of ours, or not on the usual board: its profile."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from distributor.machines.image import Architecture, Board
from distributor.session.result import Clock
from distributor.session.rules import Rules


@dataclass(frozen=True, slots=True)
class Profile:
    """A machine profile; docs/profiles.md says what each part means.

    :param name: of the profile, or the file that it was read from.
    :param about: what it is for, in a sentence.
    :param program: QEMU's.
    :param clocks: that its machines can have, the usual one first.
    :param boot_s: processor seconds of the host that a boot may take.
    :param guest: our own image of that architecture is what boots; None for a ``kernel``.
    :param kernel: what boots otherwise; None where whoever runs it has to say.
    :param initrd: its first file system.
    :param append: what the kernel is told.
    :param tasks: a folder with the executables that tasks may name.
    :param rules: of the loader.
    """

    name: str
    about: str
    program: str
    board: Board
    clocks: tuple[Clock, ...]
    cpus: int = 1
    memory_mib: int = 256
    port: int = 3001
    boot_s: float = 60.0
    guest: Architecture | None = None
    kernel: Path | None = None
    initrd: Path | None = None
    append: str = ""
    tasks: Path | None = None
    rules: Rules = field(default_factory=Rules)
