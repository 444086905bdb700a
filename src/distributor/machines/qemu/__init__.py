"""Machines that QEMU runs on this host."""

from distributor.machines.qemu.facts import QemuFacts, qemu_facts
from distributor.machines.qemu.kind import QemuKind
from distributor.machines.qemu.machine import QemuMachine
from distributor.machines.qemu.options import qemu_kind

__all__ = ["QemuFacts", "QemuKind", "QemuMachine", "qemu_facts", "qemu_kind"]
