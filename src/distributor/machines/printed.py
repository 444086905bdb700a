"""What a machine prints, for those who listen to it."""

from __future__ import annotations

from collections.abc import Callable

#: What is kept of it for who comes later, in bytes.
KEPT_MAX = 64 << 10


class Printed:
    """The end of all that a machine has printed, and who hears the rest."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._listeners: list[Callable[[bytes], None]] = []
        self._ended = False

    def feed(self, data: bytes) -> None:
        """Take in what was printed."""
        self._kept += data
        if len(self._kept) > 2 * KEPT_MAX:
            del self._kept[:-KEPT_MAX]
        self._tell(data)

    def end(self) -> None:
        """The machine prints nothing any more; idempotent."""
        if not self._ended:
            self._ended = True
            self._tell(b"")

    def tail(self, lines: int) -> bytes:
        """The last lines, as they were printed; the last one may not have ended yet."""
        kept = bytes(self._kept[-KEPT_MAX:])
        return b"".join(kept.splitlines(keepends=True)[-lines:]) if lines > 0 else b""

    def listen(self, hear: Callable[[bytes], None]) -> Callable[[], None]:
        """Have ``hear`` called with what is printed from now on, and with nothing at the end.

        :param hear: must neither wait nor raise.
        :return: ends that; idempotent.
        """
        self._listeners.append(hear)
        if self._ended:
            hear(b"")

        def stop() -> None:
            if hear in self._listeners:
                self._listeners.remove(hear)

        return stop

    def _tell(self, data: bytes) -> None:
        for hear in list(self._listeners):
            hear(data)
