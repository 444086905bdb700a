"""Machines that QEMU runs on this host."""

from distributor.machines.qemu.facts import QemuFacts, qemu_facts
from distributor.machines.qemu.kind import QemuKind, qemu_kind
from distributor.machines.qemu.machine import QemuMachine

__all__ = ["QemuFacts", "QemuKind", "QemuMachine", "qemu_facts", "qemu_kind"]
