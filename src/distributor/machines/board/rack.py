"""Which board is whose: lent to one machine at a time, those that do not answer in turn."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from distributor.machines.board.address import Address
from distributor.machines.board.power import Power

#: How long a board has after a restart until its loader answers, unless told otherwise.
BOOT_S = 60.0
#: A board that did not answer is asked again after so long, then after twice that, and so on.
_WAIT_S = (1.0, 60.0)
_COMPLAINTS_MAX = 3


@dataclass(frozen=True, slots=True)
class BoardSpec:
    """A board, as its owner describes it.

    :param power: how it is restarted; None if it cannot be.
    :param boot_s: how long it has to come back, after a restart or of itself.
    """

    address: Address
    power: Power | None = None
    boot_s: float = BOOT_S


@dataclass(slots=True)
class Slot:
    """A board and what is known of it."""

    board: BoardSpec
    #: Whether a machine has it.
    lent: bool = False
    #: Whether that machine has heard from it.
    well: bool = False
    #: Why it is to be restarted before it is used again.
    suspect: str = ""
    #: Restarts since it was last well.
    restarts: int = 0
    #: Why it did not answer the last time.
    complaint: str = ""
    #: When it may be asked again, in the loop's time, and how long it then waits.
    due_s: float = 0.0
    wait_s: float = _WAIT_S[0]


class Rack:
    """Lends boards. Used in one event loop."""

    def __init__(self, boards: Sequence[BoardSpec]) -> None:
        self._slots = [Slot(board) for board in boards]
        self._changed = asyncio.Event()
        self._ever_well = False
        self._well_s = 0.0

    async def take(self) -> Slot:
        """A free board, those first that are not known to be silent; waits until one is due."""
        while True:
            now_s = _now_s()
            free = [slot for slot in self._slots if not slot.lent]
            slot = min(free, key=lambda slot: slot.due_s, default=None)
            if slot is not None and slot.due_s <= now_s:
                slot.lent = True
                return slot
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if slot is None else slot.due_s - now_s):
                    await self._changed.wait()

    def answered(self, slot: Slot) -> None:
        """A board that is lent is well."""
        slot.well = self._ever_well = True
        slot.suspect = slot.complaint = ""
        slot.restarts = 0
        slot.due_s, slot.wait_s = 0.0, _WAIT_S[0]

    def silent(self, slot: Slot, why: str) -> None:
        """A board that was lent does not answer: others are asked before it is again."""
        slot.complaint = why
        slot.due_s = _now_s() + slot.wait_s
        slot.wait_s = min(2 * slot.wait_s, _WAIT_S[1])
        self.give_back(slot)

    def give_back(self, slot: Slot) -> None:
        """A board is free."""
        if slot.well:
            self._well_s = _now_s()
        slot.lent = slot.well = False
        self._changed.set()

    def give_up(self) -> str:
        """Why no board can be had, and "" while one may still come.

        A board that has once answered is given time to come back. Who asks again after that
        finds all of them due.
        """
        if any(slot.well or not slot.complaint for slot in self._slots):
            return ""
        patience_s = max(slot.board.boot_s for slot in self._slots) if self._ever_well else 0.0
        if _now_s() - self._well_s < patience_s:
            return ""
        for slot in self._slots:
            slot.due_s = 0.0
        complaints = [slot.complaint for slot in self._slots]
        more = len(complaints) - _COMPLAINTS_MAX
        return "; ".join(complaints[:_COMPLAINTS_MAX]) + (f"; and {more} more" if more > 0 else "")


def _now_s() -> float:
    return asyncio.get_running_loop().time()
