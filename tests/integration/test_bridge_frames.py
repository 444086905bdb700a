"""What goes over the bridge, frame by frame: a machine is played by whoever holds its tap."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from distributor.network.bridge import Bridge
from distributor.network.bridge.bridge import BridgeLine
from distributor.network.bridge.look import look, nsenter_words
from distributor.network.line import Line
from distributor.network.plan import BridgePlan
from tests.namespaces import need_bridges

pytestmark = pytest.mark.integration

EVERYBODY = b"\xff" * 6
ARP, IP = 0x0806, 0x0800
#: For experiments (IEEE 802): nobody but the bridge looks at such a frame, and drops none.
PLAIN = 0x88B5
#: Somebody of a lab, behind an uplink, says something to all.
SHOUT = """
import socket
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as ours:
    ours.bind(("lab1", 0))
    ours.send(b"\\xff" * 6 + bytes.fromhex("0a0700000001") + b"\\x88\\xb5" + b"to all".ljust(46))
"""
UPLINK = """
ip link add lab0 type veth peer name lab1
ip link set lab0 master br0 up
ip link set lab1 up
"""


class Rig:
    """A bridge with the taps of two machines."""

    def __init__(self, folder: Path, bridge: Bridge, lines: list[Line]) -> None:
        self.folder = folder
        self.bridge = bridge
        self.lines = lines
        self.taps = [line.descriptors[0] for line in lines]
        self.hardware = [line.hardware for line in lines]

    def inside(self, *words: str) -> str:
        """What a command prints in the namespace."""
        (told,) = look([self.folder])
        command = [*nsenter_words(told["keeper"]), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def shout(self) -> None:
        self.inside(sys.executable, "-c", SHOUT)

    def heard(self, machine: int) -> list[bytes]:
        """The frames that have come to a tap; all that was sent is there at once."""
        frames = []
        while True:
            try:
                frames.append(os.read(self.taps[machine], 1 << 16))
            except BlockingIOError:
                return frames


@pytest.fixture(scope="module", autouse=True)
def _allowed() -> None:
    need_bridges()


@pytest_asyncio.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    bridge = Bridge(BridgePlan(), 3001, lambda: tmp_path)
    lines: list[Line] = []
    try:
        lines += [await bridge.line("m1"), await bridge.line("m2")]
        rig = Rig(tmp_path, bridge, lines)
        rig.heard(0)
        rig.heard(1)
        yield rig
    finally:
        for line in lines:
            line.close()
        bridge.close()


def frame(to: bytes | None, sender: bytes | None, kind: int, payload: bytes) -> bytes:
    assert to is not None
    assert sender is not None
    return to + sender + struct.pack("!H", kind) + payload.ljust(46, b"\0")


def arp(operation: int, sender: bytes | None, address: str, asked: str) -> bytes:
    """RFC 826, for Ethernet and IPv4."""
    assert sender is not None
    head = struct.pack("!HHBBH", 1, IP, 6, 4, operation)
    return head + sender + socket.inet_aton(address) + bytes(6) + socket.inet_aton(asked)


async def test_machines_do_not_hear_each_other(rig: Rig) -> None:
    one, other = rig.hardware
    os.write(rig.taps[0], frame(other, one, PLAIN, b"for m2"))
    os.write(rig.taps[0], frame(EVERYBODY, one, PLAIN, b"for all"))
    os.write(rig.taps[0], frame(EVERYBODY, one, ARP, arp(1, one, "10.200.45.1", "10.200.45.2")))
    assert rig.heard(1) == []
    # The host does hear it, and answers it alone.
    os.write(rig.taps[0], frame(EVERYBODY, one, ARP, arp(1, one, "10.200.45.1", "10.200.45.254")))
    (answer,) = [each for each in rig.heard(0) if each[12:14] == struct.pack("!H", ARP)]
    assert answer[28:32] == socket.inet_aton("10.200.45.254")
    assert rig.heard(1) == []


async def knock(rig: Rig, address: str) -> None:
    """A connection is asked for; nobody is there to take it."""
    with await rig.bridge.open_socket() as ours, pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await asyncio.get_running_loop().sock_connect(ours, (address, 3001))


async def test_no_machine_takes_on_the_address_of_another(rig: Rig) -> None:
    one, other = rig.hardware
    # As m1, under its own hardware address, and under that of m2.
    os.write(rig.taps[0], frame(EVERYBODY, one, ARP, arp(2, one, "10.200.45.2", "10.200.45.2")))
    os.write(
        rig.taps[0], frame(EVERYBODY, other, ARP, arp(1, other, "10.200.45.2", "10.200.45.254"))
    )
    rig.heard(0)
    rig.heard(1)
    await knock(rig, "10.200.45.2")
    assert rig.heard(0) == []
    assert rig.heard(1)
    assert "10.200.45.2 dev br0 lladdr 0a:06:00:00:00:02 PERMANENT" in rig.inside("ip", "neigh")


async def test_a_machine_that_has_its_lease_is_spared_what_a_lab_sends_to_all(rig: Rig) -> None:
    rig.inside("sh", "-ec", UPLINK)
    assert await first_hears_what_second_hears(rig)
    line = rig.lines[0]
    assert isinstance(line, BridgeLine)
    await line.settle()
    rig.heard(0)
    assert not await first_hears_what_second_hears(rig)


async def first_hears_what_second_hears(rig: Rig) -> bool:
    """Once the second has heard something that is for all, whether the first has, too.

    An uplink that has just come up may take a while until it forwards.
    """
    first = second = b""
    async with asyncio.timeout(20):
        while b"to all" not in second:
            rig.shout()
            await asyncio.sleep(0.02)
            # In this order: what the second has been given, the first has been given before.
            second += b"".join(rig.heard(1))
            first += b"".join(rig.heard(0))
    return b"to all" in first


async def test_a_line_that_nobody_waits_for_any_more_leaves_its_number_free(rig: Rig) -> None:
    for _ in range(5):
        asking = asyncio.create_task(rig.bridge.line("m3"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert "tap3" not in rig.inside("ip", "-br", "link")
    rig.lines.append(await rig.bridge.line("m4"))
    assert str(rig.lines[-1]) == "10.200.45.3:3001"


async def test_there_is_no_way_out_of_the_namespace(rig: Rig) -> None:
    links = rig.inside("ip", "-br", "link").split()[::4]
    assert {"lo", "br0", "tap1", "tap2"} >= {link for link in links if link[0] in "lbte"}
    routes = rig.inside("ip", "route")
    assert routes.split()[:3] == ["10.200.45.0/24", "dev", "br0"]
    assert len(routes.splitlines()) == 1
