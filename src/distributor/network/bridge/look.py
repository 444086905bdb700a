"""What exists of a bridge, asked of its keeper by another process of the same user."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from distributor.network.bridge.kept import SOCKET, short

_ANSWER_S = 5.0
_ANSWER_MAX = 16 << 20


def look(folders: Iterable[Path]) -> list[dict[str, Any]]:
    """What the keepers tell whose sockets are in these folders (:meth:`Keeper.describe
    <distributor.network.bridge.keeper.Keeper.describe>`); those that are gone are left out."""
    return [told for folder in folders if (told := _ask(folder / SOCKET)) is not None]


def nsenter_words(keeper: int) -> list[str]:
    """The words before a command that is to run in the namespace of a bridge of this user's."""
    own = [] if os.geteuid() == 0 else ["-U", "--preserve-credentials"]
    return ["nsenter", *own, "-n", "-t", str(keeper)]


def _ask(path: Path) -> dict[str, Any] | None:
    text = bytearray()
    with socket.socket(socket.AF_UNIX) as ours:
        ours.settimeout(_ANSWER_S)
        try:
            with short(path) as name:
                ours.connect(name)
            while len(text) < _ANSWER_MAX and (piece := ours.recv(1 << 16)):
                text += piece
        except OSError:
            return None
    try:
        told = json.loads(text)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None
