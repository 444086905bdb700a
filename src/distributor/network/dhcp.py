"""The machines' leases, as DHCP servers are told of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from distributor.network.plan import BridgePlan, hardware_text

#: Machines have nobody whom to ask for a name, or for any network but their own; the first
#: number is that of RFC 2132.
_ROUTER = 3


def dnsmasq_lines(plan: BridgePlan) -> list[str]:
    """A configuration of dnsmasq (dnsmasq(8)): leases for the machines, for ever, and for
    nobody else."""
    network = plan.network
    return [
        # No DNS.
        "port=0",
        f"interface={plan.name}",
        "bind-dynamic",
        f"dhcp-range={network.network_address},static,{network.netmask},infinite",
        # In a network of its own there can be no other server to be careful with.
        "dhcp-authoritative",
        # An address that one machine has just given back is the next one's at once.
        "no-ping",
        f"dhcp-option={_ROUTER},{plan.host.ip}",
        *(
            f"dhcp-host={hardware_text(plan.hardware(number))},{plan.address(number)},infinite"
            for number in plan.numbers
        ),
    ]


def dhcpd_lines(plan: BridgePlan) -> list[str]:
    """A configuration of ISC's dhcpd (dhcpd.conf(5)): the same leases."""
    network = plan.network
    return [
        "authoritative;",
        "ping-check off;",
        f"subnet {network.network_address} netmask {network.netmask} {{",
        f"  option routers {plan.host.ip};",
        f"  option subnet-mask {network.netmask};",
        "  default-lease-time 4294967295;",
        "  max-lease-time 4294967295;",
        "  deny unknown-clients;",
        "}",
        *_hosts(plan),
    ]


def _hosts(plan: BridgePlan) -> Sequence[str]:
    return [
        f"host machine{number} {{ hardware ethernet {hardware_text(plan.hardware(number))}; "
        f"fixed-address {plan.address(number)}; }}"
        for number in plan.numbers
    ]
