"""``distributor scan``: on loopback, and over a range in a network of its own."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distributor import ConfigurationError
from distributor.machines.board.address import Address
from distributor.machines.board.scan import _SPARE, Presence, Sighting, scan
from tests.fakes.loader import ExtendedLoader, PlainLoader
from tests.namespaces import ALONE

ROOT = Path(__file__).parents[2]

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


async def look(*ports: int, **options: Any) -> dict[int, Sighting]:
    found: dict[int, Sighting] = {}
    places = [Address("127.0.0.1", port) for port in ports]
    await scan(places, lambda each: found.update({each.address.port: each}), **options)
    return found


async def serve(handler: Handler) -> tuple[asyncio.Server, int]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


async def test_what_is_at_an_address() -> None:
    over = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await over.wait()
        writer.close()

    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    plain, extended = PlainLoader(garbage=b"\x01\x02", chop=3), ExtendedLoader()
    loaders = [await plain.start(), await extended.start()]
    servers = [await serve(handler) for handler in (silent, web, closing)]
    ports = [*loaders, *(port for _, port in servers), 1]
    found = await look(*ports, wait_s=0.3)
    over.set()
    for server, _ in servers:
        server.close()
        await server.wait_closed()
    await plain.stop()
    await extended.stop()
    assert [found[port].presence for port in ports] == [
        Presence.LOADER,
        Presence.LOADER,
        Presence.SILENT,
        Presence.OTHER,
        Presence.OTHER,
        Presence.NOBODY,
    ]
    about = [found[port].peer for port in loaders]
    assert [each is not None and each.extended for each in about] == [False, True]
    assert about[1] is not None
    assert (about[1].loader, about[1].clock, about[1].cpus) == ("fake 1", "virtual", 1)
    # Looking ends nothing that a loader runs: no CLEAR, no STOP.
    assert plain.words == extended.words == [0xAAAAA, 0x159D1]
    assert "Connection refused" in found[1].detail


@pytest.mark.parametrize("bound", ["at_once", "descriptors"])
async def test_no_more_at_once_than_asked_for_or_than_descriptors_allow(
    bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = most = 0
    if bound == "descriptors":
        limits = _SPARE + 3, 4096
        monkeypatch.setattr(resource, "getrlimit", lambda _: limits)

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        writer.close()

    servers = [await serve(count) for _ in range(12)]
    assert (
        len(await look(*(port for _, port in servers), at_once=3 if bound == "at_once" else 64))
        == 12
    )
    for server, _ in servers:
        server.close()
        await server.wait_closed()
    assert 1 <= most <= 3


@pytest.mark.parametrize("options", [{"wait_s": 0}, {"wait_s": 61}, {"at_once": 0}])
async def test_a_scan_has_bounds(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="a scan"):
        await look(1, **options)


async def test_a_name_with_two_addresses_has_one_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, (address, port)) for address in ("127.0.0.1", "127.0.0.2")]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    found: list[Sighting] = []
    await scan([Address("lab-7", 1)], found.append)
    (sighting,) = found
    assert sighting.detail == "lab-7:1 cannot be reached: Connection refused"


def distributor(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "distributor", *words], capture_output=True, text=True
    )


def test_a_scan_of_too_much_is_one_line() -> None:
    done = distributor("scan", "10.0.0.0/8")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "10.0.0.0/8 holds 16777216 addresses" in done.stderr


def test_a_scan_that_finds_nobody() -> None:
    done = distributor("scan", "127.0.0.1:1", "127.0.0.0/30:1")
    assert done.returncode == 1
    head, line = done.stdout.splitlines()
    assert head.split() == ["Address", "There", "What", "it", "says", "it", "is"]
    assert line.startswith("127.0.0.1:1  nobody  127.0.0.1:1 cannot be reached: Connection refused")
    assert done.stderr.startswith("0 of 2 addresses have a loader")


#: Run as root of a network of its own: a link on which three addresses are ours, and behind
#: the others nobody is, so that they are asked for in vain.
IN_A_NETWORK = """
import asyncio, json, subprocess, sys
from pyroute2 import IPRoute
from tests.fakes.loader import ExtendedLoader, PlainLoader

with IPRoute() as links:
    links.link("add", ifname="lab0", kind="veth", peer="lab1")
    for name in ("lo", "lab0", "lab1"):
        links.link("set", index=links.link_lookup(ifname=name)[0], state="up")
    for last in (5, 77, 200):
        index = links.link_lookup(ifname="lab0")[0]
        links.addr("add", index=index, address=f"10.200.33.{last}", prefixlen=24)

async def main():
    loaders = [PlainLoader(), ExtendedLoader(), ExtendedLoader()]
    servers = [
        await asyncio.start_server(loader._serve, f"10.200.33.{last}", 3001)
        for loader, last in zip(loaders, (5, 77, 200))
    ]
    scan = [sys.executable, "-m", "distributor", "scan", "10.200.33.0/24", "--json"]
    process = await asyncio.create_subprocess_exec(*scan, stdout=subprocess.PIPE)
    said, _ = await process.communicate()
    sys.stdout.write(said.decode())
    for server in servers:
        server.close()
    return process.returncode

sys.exit(asyncio.run(main()))
"""


def test_three_loaders_are_found_in_a_network() -> None:
    if subprocess.run([*ALONE, "true"], capture_output=True).returncode != 0:
        pytest.skip("this host lets us make no network namespace")
    done = subprocess.run(
        [*ALONE, sys.executable, "-c", IN_A_NETWORK], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["addresses"], told["loaders"]) == (254, 3)
    assert [(each["host"], each["there"], each["extensions"]) for each in told["found"]] == [
        ("10.200.33.5", "loader", False),
        ("10.200.33.77", "loader", True),
        ("10.200.33.200", "loader", True),
    ]
