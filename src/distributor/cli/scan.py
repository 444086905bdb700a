"""``distributor scan``: which addresses have a loader."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from distributor.analysis.table import Column, counted, table_lines
from distributor.cli.exits import EXIT_UNDECIDED
from distributor.machines.board.address import PORT, Address, addresses, parse_hosts
from distributor.machines.board.scan import AT_ONCE, WAIT_S, Presence, Sighting
from distributor.machines.board.scan import scan as look
from distributor.session.peer import Peer

_COLUMNS = (Column("Address"), Column("There"), Column("What it says it is"))


def scan(
    hosts: Annotated[
        list[str],
        typer.Argument(
            help="Addresses, names and ranges (10.200.33.0/24), with :PORT or without.",
            metavar="HOSTS...",
            show_default=False,
        ),
    ],
    port: Annotated[
        int, typer.Option(help="The port of those that name none.", min=1, max=65535)
    ] = PORT,
    wait: Annotated[
        float, typer.Option(help="Seconds for a connection, and then for an answer.")
    ] = WAIT_S,
    at_once: Annotated[
        int, typer.Option(help="How many addresses are asked at the same time.")
    ] = AT_ONCE,
    every: Annotated[
        bool, typer.Option("--all", help="List addresses of ranges where nobody is, too.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on standard output.")
    ] = False,
) -> None:
    """Find the loaders among HOSTS, by having each of them answer.

    A loader that serves somebody else, or hangs, is silent. Exit value 0: there is a loader;
    1: there is none; 2: bad input.
    """
    entries = parse_hosts(hosts, port=port)
    places = addresses(entries)
    named = {address for entry in entries if entry.named for address in entry.addresses}
    begun_s = time.monotonic()
    found = _scan(places, wait, at_once)
    took_s = time.monotonic() - begun_s
    sightings = [found[place] for place in places]
    shown = [
        each
        for each in sightings
        if every or each.presence is not Presence.NOBODY or each.address in named
    ]
    loaders = sum(each.presence is Presence.LOADER for each in sightings)
    if as_json:
        summary = {
            "addresses": len(places),
            "loaders": loaders,
            "wall_s": round(took_s, 3),
            "found": [_described(each) for each in shown],
        }
        typer.echo(json.dumps(summary))
    else:
        if shown:
            rows = [(str(each.address), each.presence.value, _says(each)) for each in shown]
            for line in table_lines(_COLUMNS, rows):
                typer.echo(line)
        Console(stderr=True).print(
            f"{loaders} of {len(places)} addresses have a loader; {took_s:.1f} s.",
            highlight=False,
        )
    if not loaders:
        raise typer.Exit(EXIT_UNDECIDED)


def _scan(places: list[Address], wait_s: float, at_once: int) -> dict[Address, Sighting]:
    err = Console(stderr=True)
    found: dict[Address, Sighting] = {}
    bar = Progress(
        TextColumn("asked"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[loaders]} loaders"),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    with bar:
        task = bar.add_task("", total=len(places), loaders=0)

        loaders = 0

        def seen(sighting: Sighting) -> None:
            nonlocal loaders
            found[sighting.address] = sighting
            loaders += sighting.presence is Presence.LOADER
            bar.update(task, advance=1, loaders=loaders)

        asyncio.run(look(places, seen, wait_s=wait_s, at_once=at_once))
    return found


def _says(sighting: Sighting) -> str:
    if sighting.peer is None:
        return sighting.detail
    return _peer(sighting.peer)


def _peer(peer: Peer) -> str:
    if not peer.extended:
        return "a plain loader: milliseconds, no extensions"
    processors = "" if peer.cpus is None else counted(peer.cpus, "processor")
    clock = peer.clock and f"{peer.clock} clock"
    return ", ".join(part for part in (peer.loader, peer.kernel, processors, clock) if part)


def _described(sighting: Sighting) -> dict[str, Any]:
    peer = sighting.peer
    described: dict[str, Any] = {
        "host": sighting.address.host,
        "port": sighting.address.port,
        "there": sighting.presence.value,
    }
    if peer is None:
        return {**described, "detail": sighting.detail}
    return {
        **described,
        "extensions": peer.extended,
        "loader": peer.loader or None,
        "kernel": peer.kernel or None,
        "clock": peer.clock or None,
        "cpus": peer.cpus,
    }
