"""The parts of the bridge that need no bridge: words, leases, and what is shown of one."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from pyroute2.netlink.exceptions import NetlinkError
from typer.testing import CliRunner

from distributor.cli.main import app
from distributor.errors import NetworkError
from distributor.machines.folder import RunFolder
from distributor.network.bridge import Bridge
from distributor.network.bridge.kept import SOCKET, short
from distributor.network.bridge.leases import Lease, parse_leases
from distributor.network.bridge.links import Links
from distributor.network.bridge.look import look
from distributor.network.line import card_words
from distributor.network.plan import BridgePlan


def test_a_card_on_the_bridge_has_the_address_of_its_machine(tmp_path: Path) -> None:
    bridge = Bridge(BridgePlan(first_machine=42), 3001, lambda: tmp_path)
    backend, card = card_words(bridge.example())[1::2]
    assert backend.startswith("tap,id=net0,fd=")
    assert card.endswith("netdev=net0,mac=0a:06:00:00:00:2a")
    bridge.close()


def test_leases_are_read_from_what_dnsmasq_keeps() -> None:
    text = (
        "0 0a:06:00:00:00:01 10.200.45.1 * *\n1764237000 0a:06:00:00:00:02 10.200.45.2 m2 *\nduid\n"
    )
    assert parse_leases(text) == [
        Lease("0a:06:00:00:00:01", "10.200.45.1"),
        Lease("0a:06:00:00:00:02", "10.200.45.2"),
    ]


TOLD: dict[str, Any] = {
    "process": 4711,
    "keeper": 4712,
    "namespace": "net:[4026532178]",
    "bridge": "br0",
    "address": "10.200.45.254/24",
    "dnsmasq": 4713,
    "dnsmasq_starts": 1,
    "uplink": "eth1",
    "machines": [
        {"machine": "m1", "tap": "tap1", "hardware": "0a:06:00:00:00:01", "lease": "10.200.45.1"},
        {"machine": "m2", "tap": "tap2", "hardware": "0a:06:00:00:00:02", "lease": None},
    ],
}


def tell(folder: Path, said: bytes) -> threading.Thread:
    """A keeper that is asked once."""
    listener = socket.socket(socket.AF_UNIX)
    with short(folder / SOCKET) as name:
        listener.bind(name)
    listener.listen()

    def answer() -> None:
        with listener, listener.accept()[0] as visitor:
            visitor.sendall(said)

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


def test_bridges_are_shown_with_who_has_which_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    shown = CliRunner().invoke(app, ["network", "show"]).stdout
    assert shown.startswith("No distributor of yours has a bridge")
    folder = RunFolder()
    for words in (["network", "show"], ["network", "show", "--json"]):
        keeper = tell(folder.path, json.dumps(TOLD).encode())
        shown = CliRunner().invoke(app, words).stdout
        keeper.join()
        (folder.path / SOCKET).unlink()
        if "--json" in words:
            assert json.loads(shown) == [TOLD]
        else:
            head, first, second = shown.splitlines()
            assert "process 4711: br0 10.200.45.254/24 in net:[4026532178]" in head
            assert head.endswith("dnsmasq 4713, uplink eth1; 2 machines")
            assert first == "  m1: tap1, 0a:06:00:00:00:01, 10.200.45.1"
            assert second == "  m2: tap2, 0a:06:00:00:00:02, no lease yet"
    folder.close()


@pytest.mark.parametrize("said", [b"", b"[1, 2]", b"{"])
def test_a_keeper_that_says_nothing_sensible_is_left_out(tmp_path: Path, said: bytes) -> None:
    keeper = tell(tmp_path, said)
    assert look([tmp_path]) == []
    keeper.join()


class RefusingRoute:
    """A kernel that has a bridge, and lets no tap join it."""

    def link_lookup(self, **_: object) -> list[int]:
        return [1]

    def link(self, *words: object, **_: object) -> None:
        if "set" in words:
            raise NetlinkError(errno.EPERM, "not permitted")


def test_a_tap_that_cannot_join_the_bridge_is_not_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    links = Links.__new__(Links)
    links._plan, links._bridge = BridgePlan(), 1
    monkeypatch.setattr(links, "_route", RefusingRoute(), raising=False)
    monkeypatch.setattr("distributor.network.bridge.links._TUN", os.devnull)
    monkeypatch.setattr(fcntl, "ioctl", lambda *_: 0)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(NetworkError, match="tap1 cannot be made"):
        links.open_tap(1)
    assert os.listdir("/proc/self/fd") == before
