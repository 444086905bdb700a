"""Looks at the machines of every running distributor of this user on this host."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributor.attach.place import connect, places
from distributor.errors import ConfigurationError, StateError

#: How long a distributor may take to answer; one that is stopped (Ctrl-Z) never does.
_ANSWER_S = 3.0
_ANSWER_MAX = 4 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """A machine of a running distributor.

    :param distributor: what tells that one from others: its process's number.
    :param about: what it says of the machine (:meth:`~distributor.attach.seen.Seen.describe`).
    """

    distributor: str
    path: Path
    about: dict[str, Any]

    @property
    def machine(self) -> str:
        """Its name in its distributor."""
        return str(self.about["machine"])

    @property
    def id(self) -> str:
        """A name that no other machine on this host has."""
        return f"{self.distributor}/{self.machine}"


def find_machines() -> tuple[list[Found], list[str]]:
    """The machines of all distributors, and those distributors that do not answer."""
    found, silent = [], []
    for path in places():
        name = path.stem
        try:
            with _asked(path, {"ask": "machines"}) as (answer, _, _):
                machines = [Found(name, path, dict(each)) for each in answer["machines"]]
        except _Gone:
            continue
        except (OSError, ValueError, KeyError, TypeError):
            silent.append(name)
        else:
            found += machines
    return found, silent


def find_machine(wanted: str) -> Found:
    """The machine of that name, with its distributor's number before it where several have one.

    :raise ConfigurationError: there is none, or there are several.
    """
    found, _ = find_machines()
    matching = [each for each in found if wanted in (each.id, each.machine)]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        known = ", ".join(each.id for each in found[:8])
        raise ConfigurationError(
            f"there is no machine {wanted}",
            hint=f"there are {known}" if known else "no distributor is running",
        )
    raise ConfigurationError(
        f"{len(matching)} machines are called {wanted}",
        hint=f"say which: {', '.join(each.id for each in matching[:8])}",
    )


@contextmanager
def listening(
    found: Found, *, lines: int, follow: bool, enter: bool = False
) -> Iterator[tuple[socket.socket, bytes, bool]]:
    """Listen to a machine.

    :return: the connection, on which comes what it prints; what has come already; and whether
        the machine takes what is typed.
    :raise StateError: the machine, or its distributor, is gone.
    """
    asked = {
        "ask": "listen",
        "machine": found.machine,
        "lines": lines,
        "follow": follow,
        "enter": enter,
    }
    try:
        with _asked(found.path, asked) as (answer, rest, ours):
            if "error" in answer:
                raise StateError(str(answer["error"])[:200])
            ours.settimeout(None)
            yield ours, rest, answer.get("enter") is True
    except (_Gone, TimeoutError, ValueError) as error:
        raise StateError(f"the distributor of machine {found.id} does not answer") from error


class _Gone(Exception):
    """The distributor has ended."""


@contextmanager
def _asked(
    path: Path, request: dict[str, Any]
) -> Iterator[tuple[dict[str, Any], bytes, socket.socket]]:
    """The answer's line, what came behind it, and the connection."""
    ours = connect(path, _ANSWER_S)
    if ours is None:
        raise _Gone(os.fspath(path))
    with ours:
        ours.sendall(json.dumps(request).encode() + b"\n")
        heard = b""
        while b"\n" not in heard:
            data = ours.recv(1 << 16)
            if not data:
                raise _Gone(os.fspath(path))
            heard += data
            if len(heard) > _ANSWER_MAX:
                raise ValueError("an answer without an end")
        line, _, rest = heard.partition(b"\n")
        answer = json.loads(line)
        if not isinstance(answer, dict):
            raise ValueError("an answer that is no object")
        yield answer, rest, ours
