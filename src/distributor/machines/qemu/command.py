"""QEMU's command line. Pure: a specification in, words out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from distributor.machines.image import AMD64, Board
from distributor.machines.qemu.memory import TemplateMemory
from distributor.network.line import Plug, card_words, loader_words
from distributor.session.result import Clock

#: Of a board with a sound device, the PL041 of ARM's own boards. It is named, since QEMU from 8.2
#: on no longer takes the only audiodev that there is for it.
_SILENCE = ("-audiodev", "none,id=silent", "-global", "pl041.audiodev=silent")


class Accelerator(StrEnum):
    """What executes the guest's instructions."""

    KVM = "kvm"
    TCG = "tcg"


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """All that makes one machine's command line.

    :param shift: with the virtual clock, an instruction takes 2^shift ns.
    :param kernel: a vmlinux or bzImage, an Image or zImage, or what a profile starts.
    :param initramfs: None where the kernel needs none.
    :param append: what a kernel that is not ours is told; None for ours.
    :param memory: of a machine that becomes a template or goes on from one; None for plain
        memory of ``memory_mib``.
    :param counter_khz: with the real clock, emulated: the speed of the processor's time-stamp
        counter, which is the host's; 0 has the guest's kernel measure it.
    :param locked: nothing of it may be swapped out.
    :param monitor: descriptor on which QEMU speaks QMP.
    :param console: descriptor on which it sends what the guest prints.
    """

    name: str
    program: Path
    kernel: Path
    initramfs: Path | None
    clock: Clock
    accelerator: Accelerator
    network: Plug
    cpus: int = 1
    memory_mib: int = 256
    memory: TemplateMemory | None = None
    shift: int = 0
    counter_khz: int = 0
    locked: bool = False
    monitor: int = 3
    console: int = 4
    board: Board = AMD64.board
    append: str | None = None


#: Processor seconds that an emulated second of 10^9 instructions costs on a slow host; a
#: host of today takes 2 to 8, by what the instructions are.
_SLOWEST = 40.0

#: The moment at which a virtual machine's day begins, the same in every run.
_EPOCH = "2020-01-01T00:00:00"

#: What every guest's kernel is told (Linux, Documentation/admin-guide/kernel-parameters.txt).
_KERNEL_WORDS = (
    # What a machine that lives for minutes, runs its owner's code and has no secrets does
    # without; together a third of the time to user space.
    "cryptomgr.notests",
    "mitigations=off",
    "audit=0",
    "lsm=",
    # Likewise for a tenth of what making a job's process costs.
    "init_on_alloc=0",
    "psi=0",
)

#: Room for translated code, in a machine that QEMU may give a GiB. A boot fills 40 MiB, which
#: is kept for good; emptied now and then it costs no time that can be measured.
_TRANSLATED_MIB = 32

#: The same in real time, where emptying it now and then would cost somebody's deadline; but
#: all of it is locked (:mod:`distributor.machines.qemu.lock`).
_TRANSLATED_REAL_MIB = 64


def work_per_guest_s(shift: int) -> float:
    """At most how many processor seconds of the host a second of virtual time costs."""
    return max(1.0, _SLOWEST / (1 << shift))


def qemu_command(spec: MachineSpec) -> list[str]:
    """The words of the command, the program first."""
    memory = spec.memory
    board = spec.board
    append = _append(spec)
    return [
        str(spec.program),
        "-name",
        spec.name,
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        # It never needs another program or more rights than it has.
        "-sandbox",
        "on,obsolete=deny,elevateprivileges=deny,spawn=deny",
        "-machine",
        board.machine,
        "-m",
        f"{spec.memory_mib if memory is None else memory.mib}M",
        "-smp",
        str(spec.cpus),
        *(["-overcommit", "mem-lock=on"] if spec.locked else []),
        *_clock(spec),
        "-kernel",
        str(spec.kernel),
        *([] if spec.initramfs is None else ["-initrd", str(spec.initramfs)]),
        *(["-append", append] if append else []),
        *([] if board.device_tree is None else ["-dtb", str(board.device_tree)]),
        *(_SILENCE if board.sound else []),
        "-chardev",
        f"socket,id=console,fd={spec.console}",
        "-serial",
        "chardev:console",
        "-chardev",
        f"socket,id=monitor,fd={spec.monitor}",
        "-mon",
        "chardev=monitor,mode=control",
        *([] if memory is None else memory.arguments()),
        *card_words(spec.network, board.card),
        # A guest that resets has given up: it ends, and says so on the monitor.
        "-no-reboot",
    ]


def _append(spec: MachineSpec) -> str:
    """What the kernel is told."""
    if spec.append is not None:
        return spec.append
    memory = spec.memory
    words = [
        f"console={spec.board.console}",
        "quiet",
        # A panic ends the machine at once; there is nobody to read the screen.
        "panic=-1",
        *spec.board.kernel_words,
        *_KERNEL_WORDS,
        f"distributor.clock={spec.clock}",
        *_counter(spec),
        *_timer(spec),
        *(loader_words(spec.network) if memory is None else memory.kernel_words()),
    ]
    return " ".join(words)


def _timer(spec: MachineSpec) -> list[str]:
    """An emulated guest that boots in real time on a busy host may not see ten ticks while it
    tests its timer, and panics; the test is left out (Linux, kernel-parameters.txt)."""
    emulated = spec.clock is Clock.REAL and spec.accelerator is Accelerator.TCG
    return ["no_timer_check"] if emulated and spec.board is AMD64.board else []


def _counter(spec: MachineSpec) -> list[str]:
    """KVM tells its guests by itself, and with the virtual clock nothing disturbs a measurement."""
    emulated = spec.clock is Clock.REAL and spec.accelerator is Accelerator.TCG
    return [f"tsc_early_khz={spec.counter_khz}"] if emulated and spec.counter_khz else []


def _clock(spec: MachineSpec) -> list[str]:
    if spec.clock is Clock.VIRTUAL:
        return [
            "-accel",
            f"tcg,tb-size={_TRANSLATED_MIB}",
            "-icount",
            f"shift={spec.shift},sleep=off",
            "-rtc",
            f"base={_EPOCH},clock=vm",
            "-seed",
            "1",
            *_processor(spec.board.processor, spec.board.unrepeatable),
        ]
    if spec.accelerator is Accelerator.KVM:
        # Some hosts' KVM offers the register of speculation flaws and refuses to set it; with
        # mitigations=off nobody reads it.
        return ["-accel", "kvm", "-cpu", "host,-arch-capabilities", "-rtc", "base=utc"]
    return [
        "-accel",
        f"tcg,thread=multi,tb-size={_TRANSLATED_REAL_MIB}",
        *_processor(spec.board.processor),
        "-rtc",
        "base=utc",
    ]


def _processor(named: str, without: str = "") -> list[str]:
    return ["-cpu", named + without] if named else []
