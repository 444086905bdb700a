"""``distributor service stop | status | maximum ...``: what is asked of a running service."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import Annotated

import typer

from distributor.analysis.table import Column, table_lines
from distributor.cli.connect import AddressOption, connect
from distributor.cli.exits import EXIT_UNDECIDED
from distributor.cli.options import JsonOption
from distributor.cli.overview import machine_cells, set_cells
from distributor.errors import ConfigurationError, ServiceError
from distributor.session.result import Verdict

#: struct ucred of unix(7): process, user, group.
_UCRED = "iii"


def stop(
    finish: Annotated[
        bool, typer.Option("--finish", help="Let machines finish the set that they run.")
    ] = False,
    address: AddressOption = None,
) -> None:
    """Stop the service; its machines are down when this returns.

    What has no verdict yet is run by the next service on the same store.
    """
    from distributor.service.address import parse_address

    path = parse_address(address).path
    if path is None:
        raise ConfigurationError("a service is stopped over its socket, on its own host")
    process = _process(path)
    if finish:
        with connect(address) as client:
            client.shut_down_all_machines()
            sys.stderr.write("machines finish their sets ...\n")
            for _ in client.events():
                if not client.list_machines():
                    break
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return
    try:
        os.kill(process, signal.SIGTERM)
        while not select.select([descriptor], [], [], 5)[0]:
            sys.stderr.write("machines are being ended ...\n")
    finally:
        os.close(descriptor)
    sys.stderr.write("the service has stopped\n")


def status(as_json: JsonOption = False, address: AddressOption = None) -> None:
    """Say what the service is at, where it listens, and where its token is.

    Exit value 1 if none runs.
    """
    try:
        with connect(address) as client:
            state, where = client.state(), client.where()
    except ServiceError as error:
        sys.stderr.write(f"distributor: {error}\n")
        raise typer.Exit(EXIT_UNDECIDED) from None
    if as_json:
        told = state.model_dump(mode="json") | where.model_dump(mode="json")
        typer.echo(json.dumps(told))
        return
    decided = sum(state.verdicts.values())
    lines = [
        ("state", f"{state.state}" + (f": {state.error}" if state.error else "")),
        ("machines", f"{state.machines} of {state.maximum} ({state.clock} clock)"),
        ("jobs", f"{state.jobs_open} open, {state.jobs_done} done"),
        ("sets", f"{decided} decided, {state.sets_per_s:.1f} a second"),
        ("store", f"{state.store}, run {state.run}"),
        ("since", state.started_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")),
        ("process", str(where.process)),
        *(("listens on", each) for each in where.addresses),
    ]
    if where.token_file is not None:
        lines.append(("token", where.token_file))
        url = next((each for each in where.addresses if each.startswith("http")), "")
        lines.append(("page", f"{url}/#token=$(cat {where.token_file})"))
    for name, value in lines:
        typer.echo(f"{name:<11} {value}")


def maximum(
    number: Annotated[int, typer.Argument(help="Machines that there may be.", min=0)],
    address: AddressOption = None,
) -> None:
    """Change how many machines there may be; those above it finish their set."""
    with connect(address) as client:
        client.set_max_machine_value(number)
    typer.echo(f"there may be {number} machines")


def pause(address: AddressOption = None) -> None:
    """End machines with their sets, and begin nothing until resume."""
    with connect(address) as client:
        client.shut_down_all_machines()
        typer.echo(f"the service is {client.get_distributor_state()}")


def resume(address: AddressOption = None) -> None:
    """Go on after pause, kill, or a failure to start machines."""
    with connect(address) as client:
        client.resume()
        typer.echo(f"the service is {client.get_distributor_state()}")


def kill(
    machine: Annotated[
        str | None, typer.Argument(help="One machine alone; the service goes on without it.")
    ] = None,
    address: AddressOption = None,
) -> None:
    """End machines at once; their sets come back. All of them wait for resume then."""
    with connect(address) as client:
        if machine is not None:
            client.kill_machine(machine)
            typer.echo(f"machine {machine} is being ended")
            return
        client.kill_all_machines()
        typer.echo(f"the service is {client.get_distributor_state()}")


def machines(as_json: JsonOption = False, address: AddressOption = None) -> None:
    """List the service's machines."""
    with connect(address) as client:
        told = [each.model_dump(mode="json") for each in client.list_machines()]
    if as_json:
        typer.echo(json.dumps(told))
        return
    heads = ("machine", "state", "health", "running", "up", "work", "sets", "address")
    for line in table_lines([Column(head) for head in heads], map(machine_cells, told)):
        typer.echo(line)


def console(
    machine: Annotated[str, typer.Argument(help="Id of the machine.")],
    lines: Annotated[int, typer.Option(help="Lines at most.", min=1, max=10_000)] = 200,
    address: AddressOption = None,
) -> None:
    """Print what a machine printed last."""
    with connect(address) as client:
        typer.echo(client.console(machine, lines))


def results(
    job: Annotated[int | None, typer.Option("--job", min=1, help="Only sets of this job.")] = None,
    verdict: Annotated[Verdict | None, typer.Option(help="Only sets of this verdict.")] = None,
    limit: Annotated[int, typer.Option(help="Sets at most; 0 for all.", min=0)] = 20,
    as_json: JsonOption = False,
    address: AddressOption = None,
) -> None:
    """List sets that have their verdict, the newest first."""
    told = []
    with connect(address) as client:
        for each in client.results(job, verdict):
            told.append(each.model_dump(mode="json"))
            if len(told) == limit:
                break
    if as_json:
        typer.echo(json.dumps(told))
        return
    heads = ("set", "verdict", "load", "guest time", "machine", "name", "reason")
    for line in table_lines([Column(head) for head in heads], map(set_cells, told)):
        typer.echo(line)


def _process(path: Path) -> int:
    """The process that listens on a socket (SO_PEERCRED tells who called listen).

    :raise ServiceError: nobody does.
    """
    with socket.socket(socket.AF_UNIX) as asked:
        try:
            asked.connect(str(path))
        except OSError as error:
            raise ServiceError(f"no service answers at {path}: {error.strerror}") from error
        size = struct.calcsize(_UCRED)
        told = asked.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return int(struct.unpack(_UCRED, told)[0])
