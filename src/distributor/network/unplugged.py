"""No network: a card that is plugged into nothing."""

from __future__ import annotations

from dataclasses import dataclass

#: A machine's card, whose driver every guest has; a machine takes on the state of its
#: template's card, so all have the same. Without its boot ROM, which nobody boots from.
CARD = "virtio-net-pci,netdev=net0,romfile="


@dataclass(frozen=True, slots=True)
class Unplugged:
    """What a template boots with, and what sealed machines have: no packet ever comes."""

    def kernel_words(self) -> list[str]:
        """What the loader is told: nothing."""
        return []

    def arguments(self) -> list[str]:
        """QEMU's words for it: a hub with one port."""
        return ["-netdev", "hubport,id=net0,hubid=0", "-device", CARD]
