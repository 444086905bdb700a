"""What is asked on the socket, one line of JSON each: read as if from a stranger."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from distributor.errors import ConfigurationError

#: Largest request, the end of its line included.
REQUEST_MAX = 4096
#: Most lines of a console that are told at once.
LINES_MAX = 1000
_ID_MAX = 100


@dataclass(frozen=True, slots=True)
class ListMachines:
    """Say which machines there are."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Tell what a machine prints.

    :param lines: of what it has printed so far, at most.
    :param follow: and from now on, until it ends.
    :param enter: pass on to it what comes on this connection.
    """

    machine: str
    lines: int = 0
    follow: bool = False
    enter: bool = False


def parse_request(line: bytes) -> ListMachines | Listen:
    """Read a request.

    :raise ConfigurationError: it is none.
    """
    try:
        asked = json.loads(line)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise ConfigurationError("a request is an object of JSON, on one line")
    what = asked.pop("ask", None)
    if what == "machines" and not asked:
        return ListMachines()
    if what == "listen":
        return _listen(asked)
    raise ConfigurationError("a request asks for machines, or to listen to one")


def _listen(asked: dict[str, Any]) -> Listen:
    machine = asked.pop("machine", None)
    lines = asked.pop("lines", 0)
    follow, enter = asked.pop("follow", False), asked.pop("enter", False)
    if not isinstance(machine, str) or not 0 < len(machine) <= _ID_MAX:
        raise ConfigurationError(f"machine is a name of 1 to {_ID_MAX} characters")
    if type(lines) is not int or not 0 <= lines <= LINES_MAX:
        raise ConfigurationError(f"lines is a whole number of 0 to {LINES_MAX}")
    if type(follow) is not bool or type(enter) is not bool:
        raise ConfigurationError("follow and enter are true or false")
    if asked:
        raise ConfigurationError(f"{sorted(asked)[0][:40]!r} is no part of a request")
    return Listen(machine, lines, follow, enter)
