"""Who has which address on the bridge, and what DHCP servers are told of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from distributor.cli.main import app
from distributor.errors import ConfigurationError
from distributor.network.dhcp import dhcpd_lines, dnsmasq_lines
from distributor.network.plan import BridgePlan, hardware_text


def leases(plan: BridgePlan) -> dict[str, str]:
    """What dnsmasq is told, hardware address to address."""
    words = [
        line.removeprefix("dhcp-host=").split(",")
        for line in dnsmasq_lines(plan)
        if line.startswith("dhcp-host=")
    ]
    assert {lease for _, _, lease in words} <= {"infinite"}
    return {hardware: address for hardware, address, _ in words}


def test_a_machines_number_is_in_both_of_its_addresses() -> None:
    plan = BridgePlan()
    assert (str(plan.host), plan.numbers) == ("10.200.45.254/24", range(1, 254))
    assert str(plan.address(42)) == "10.200.45.42"
    assert hardware_text(plan.hardware(42)) == "0a:06:00:00:00:2a"


@pytest.mark.parametrize(
    ("options", "host", "first", "last"),
    [
        ({}, "10.200.45.254/24", "10.200.45.1", "10.200.45.253"),
        ({"machines": 42}, "10.200.45.254/24", "10.200.45.1", "10.200.45.42"),
        ({"subnet": "10.1.0.0/16"}, "10.1.255.254/16", "10.1.0.1", "10.1.255.253"),
        (
            {"subnet": "10.9.8.1/24", "first_machine": 2},
            "10.9.8.1/24",
            "10.9.8.2",
            "10.9.8.254",
        ),
        (
            {"subnet": "10.9.8.100/24", "first_machine": 90},
            "10.9.8.100/24",
            "10.9.8.90",
            "10.9.8.99",
        ),
        ({"subnet": "10.9.8.7/29", "first_machine": 6}, "", "", ""),
        ({"subnet": "10.9.8.0/30"}, "10.9.8.2/30", "10.9.8.1", "10.9.8.1"),
        ({"subnet": "10.0.0.0/8"}, "10.255.255.254/8", "10.0.0.1", "10.0.255.255"),
    ],
)
def test_numbers_go_up_to_where_the_subnet_or_the_host_is(
    options: dict[str, object], host: str, first: str, last: str
) -> None:
    if not host:
        with pytest.raises(ConfigurationError, match="the subnet's address for all"):
            BridgePlan.of(options)
        return
    plan = BridgePlan.of(options)
    ends = plan.address(plan.numbers[0]), plan.address(plan.numbers[-1])
    assert (str(plan.host), *map(str, ends)) == (host, first, last)
    assert plan.host.ip not in {plan.address(number) for number in plan.numbers}
    assert BridgePlan.of(plan.options) == plan


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"name": "a" * 16}, "15 characters at most"),
        ({"name": "br0; reboot"}, "15 characters at most"),
        ({"name": "tap7"}, "another interface"),
        ({"name": "eth0", "uplink": "eth0"}, "another interface"),
        ({"uplink": "../x"}, "uplink is a network interface's name"),
        ({"subnet": "10.200.45"}, "an address and a size"),
        ({"subnet": "fd00::1/64"}, "an address and a size"),
        ({"subnet": "10.200.45.1/31"}, "no room for a machine"),
        ({"subnet": "10.200.45.1/24"}, "10.200.45.1 is the host's own address"),
        ({"first_machine": 0}, "one of 1 to 254 in 10.200.45.0/24, not 0"),
        ({"first_machine": "3"}, "one of 1 to 254"),
        ({"machines": 254}, "addresses for 1 to 253 machines from number 1 on, not for 254"),
        ({"first_machine": 250, "machines": 5}, "1 to 4 machines from number 250 on"),
        ({"speed": 3}, "no option speed"),
    ],
)
def test_what_cannot_be_is_refused_by_name(options: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        BridgePlan.of(options)


def test_both_servers_are_told_the_same_leases() -> None:
    plan = BridgePlan(machines=42, first_machine=7)
    told = leases(plan)
    assert len(told) == 42
    assert told["0a:06:00:00:00:07"] == "10.200.45.7"
    for hardware, address in told.items():
        assert f"{{ hardware ethernet {hardware}; fixed-address {address}; }}" in "\n".join(
            dhcpd_lines(plan)
        )
    assert "  option routers 10.200.45.254;" in dhcpd_lines(plan)


def test_the_command_prints_what_dnsmasq_takes(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["network", "dhcp-config", "--first-machine", "3"])
    assert done.exit_code == 0
    assert done.stdout.count("dhcp-host=") == 42
    file = tmp_path / "dnsmasq.conf"
    file.write_text(done.stdout)
    dnsmasq = shutil.which("dnsmasq", path="/usr/sbin:/usr/bin:/sbin")
    assert dnsmasq is not None
    subprocess.run([dnsmasq, "--test", "-C", file], check=True, capture_output=True)


def test_the_commands_output_says_how_it_was_made() -> None:
    words = ["network", "dhcp-config", "--server", "dhcpd", "-n", "2", "--subnet", "10.1.2.0/28"]
    done = CliRunner().invoke(app, words)
    made = next(line for line in done.stdout.splitlines() if line.startswith("# distributor"))
    assert CliRunner().invoke(app, made.split()[2:]).stdout == done.stdout
    assert "host machine2 { hardware ethernet 0a:06:00:00:00:02; fixed-address 10.1.2.2; }" in (
        done.stdout
    )
