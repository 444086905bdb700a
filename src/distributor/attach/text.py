"""What a machine prints, as text that does nothing to the terminal that shows it."""

from __future__ import annotations

import codecs
import re

#: Escape sequences, then whatever else a terminal would act on; a line's end, a return and a
#: tab stay.
_CONTROL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
    r"|[\u202a-\u202e\u2066-\u2069]"  # what turns the direction of writing
)


class Cleaner:
    """Cleans text that comes in pieces."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def feed(self, data: bytes) -> str:
        """The next piece. A sequence that is torn loses what makes it one, and shows its rest."""
        return _CONTROL.sub("", self._decoder.decode(data))
