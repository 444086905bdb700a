"""``distributor network``: the bridges that there are, and leases for a lab's own server."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from distributor.analysis.table import counted
from distributor.machines.folder import run_folders
from distributor.network.bridge.look import look, nsenter_words
from distributor.network.dhcp import dhcpd_lines, dnsmasq_lines
from distributor.network.plan import MACHINES, SUBNET, BridgePlan

network = typer.Typer(
    help="The bridge that machines are joined to (--network bridge).", no_args_is_help=True
)

#: Options of the commands that start machines on a bridge.
BridgeName = Annotated[
    str | None, typer.Option("--bridge", help="Network bridge: its name.", show_default="br0")
]
Subnet = Annotated[
    str | None,
    typer.Option(
        help="Network bridge: the host's address on it, and the subnet's size.",
        show_default=SUBNET,
    ),
]
FirstMachine = Annotated[
    int | None,
    typer.Option(help="Network bridge: number of the first machine.", show_default="1"),
]
Range = Annotated[
    int | None,
    typer.Option(
        "--range",
        help="Network bridge: addresses for so many machines.",
        show_default="all that the subnet holds",
    ),
]
UplinkName = Annotated[
    str | None,
    typer.Option("--uplink", help="Network bridge: a network interface of the host that joins it."),
]


def bridge_options(
    name: str | None,
    subnet: str | None,
    first_machine: int | None,
    machines: int | None,
    uplink: str | None,
) -> dict[str, str | int]:
    """What was said of the bridge, as :meth:`BridgePlan.of` takes it; empty for nothing."""
    said = {
        "name": name,
        "subnet": subnet,
        "first_machine": first_machine,
        "machines": machines,
        "uplink": uplink,
    }
    return {option: value for option, value in said.items() if value is not None}


class Server(StrEnum):
    """A DHCP server."""

    DNSMASQ = "dnsmasq"
    DHCPD = "dhcpd"


@network.command("show")
def show(
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON array.")] = False,
) -> None:
    """Show the bridges of every distributor that runs: namespace, taps, leases and machines."""
    found = look(run_folders())
    if as_json:
        typer.echo(json.dumps(found))
        return
    if not found:
        typer.echo("No distributor of yours has a bridge (distributor run --network bridge).")
    for each in found:
        typer.echo(_line(each))
        for machine in each["machines"]:
            lease = machine["lease"] or "no lease yet"
            typer.echo(f"  {machine['machine']}: {machine['tap']}, {machine['hardware']}, {lease}")


def _line(bridge: dict[str, Any]) -> str:
    dnsmasq = f"dnsmasq {bridge['dnsmasq']}" if bridge["dnsmasq"] else "no dnsmasq"
    uplink = f", uplink {bridge['uplink']}" if bridge["uplink"] else ""
    namespace = f"{bridge['namespace']} ({' '.join(nsenter_words(bridge['keeper']))})"
    return (
        f"process {bridge['process']}: {bridge['bridge']} {bridge['address']} in {namespace}, "
        f"{dnsmasq}{uplink}; {counted(len(bridge['machines']), 'machine')}"
    )


@network.command("dhcp-config")
def dhcp_config(
    server: Annotated[
        Server, typer.Option(help="Whose format: dnsmasq, or ISC's dhcpd.")
    ] = Server.DNSMASQ,
    machines: Annotated[int, typer.Option("--machines", "-n", help="Leases for so many.")] = (
        MACHINES
    ),
    bridge: Annotated[str, typer.Option(help="The interface that is served.")] = "br0",
    subnet: Annotated[
        str, typer.Option(help="The host's address on it, and the subnet's size.")
    ] = SUBNET,
    first_machine: Annotated[int, typer.Option(help="Number of the first machine.")] = 1,
) -> None:
    """Print the machines' leases as a DHCP server's configuration.

    For a lab that has a server of its own: the bridge of `distributor run --network bridge`
    brings its own along.
    """
    plan = BridgePlan(bridge, subnet, first_machine, machines)
    last = plan.numbers[-1]
    typer.echo(
        f"# {server}: leases for machines {first_machine} to {last} of Distributor, by\n"
        f"# distributor network dhcp-config --server {server} --machines {machines}"
        f"{_unlike('--bridge', bridge, 'br0')}{_unlike('--subnet', subnet, SUBNET)}"
        f"{_unlike('--first-machine', first_machine, 1)}"
    )
    for line in (dnsmasq_lines if server is Server.DNSMASQ else dhcpd_lines)(plan):
        typer.echo(line)


def _unlike(option: str, value: object, usual: object) -> str:
    return "" if value == usual else f" {option} {value}"
