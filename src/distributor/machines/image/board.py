"""The board that QEMU plays, as far as its command line goes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Board:
    """One of QEMU's machines.

    :param machine: its name, with the options that leave out what no task needs.
    :param processor: the emulated one; "" for the board's own.
    :param unrepeatable: takes from the processor what makes each run another one.
    :param console: the kernel's name of the serial line.
    :param kernel_words: what a kernel is told on this board beside what every kernel is.
    :param card: of the network, where it sits on the board; "" for one on PCI.
    :param device_tree: what the kernel is told of the board; None where QEMU tells it.
    :param sound: whether it has a sound device, whose sound must go somewhere.
    """

    machine: str
    processor: str = ""
    unrepeatable: str = ""
    console: str = "ttyAMA0"
    kernel_words: tuple[str, ...] = ()
    card: str = ""
    device_tree: Path | None = None
    sound: bool = False
