"""``distributor network``: the leases for a DHCP server of one's own."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from distributor.network.dhcp import dhcpd_lines, dnsmasq_lines
from distributor.network.plan import MACHINES, SUBNET, BridgePlan

network = typer.Typer(
    help="The bridge that machines are joined to (--network bridge).", no_args_is_help=True
)


class Server(StrEnum):
    """A DHCP server."""

    DNSMASQ = "dnsmasq"
    DHCPD = "dhcpd"


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
