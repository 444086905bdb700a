"""No network: a card that is plugged into nothing."""

from __future__ import annotations

from dataclasses import dataclass

#: A machine's card, whose driver every guest has; a machine takes on the state of its
#: template's card, so all have the same. Without its boot ROM, which nobody boots from, and
#: without a word to the guest that it was moved: together with no rounds of announcements
#: (machines/qemu/template.py) QEMU 7.2 would crash when the card is next reset.
CARD = "virtio-net-pci,romfile=,guest_announce=off"


@dataclass(frozen=True, slots=True)
class Unplugged:
    """What a template boots with, and what sealed machines have: no packet ever comes."""

    def kernel_words(self) -> list[str]:
        """What the loader is told: nothing."""
        return []

    def arguments(self) -> list[str]:
        """QEMU's words for it: a card that has nothing behind it."""
        return ["-device", CARD]
