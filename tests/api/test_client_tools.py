"""The client tools agree with the code, and with each other."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from distributor.cli.main import app

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "client-tools"
VAGRANTFILE = (TOOLS / "Vagrantfile").read_text()


@pytest.mark.parametrize("server", ["dnsmasq", "dhcpd"])
def test_the_leases_are_those_of_our_own_network(server: str) -> None:
    """42 machines; should they differ: `distributor network dhcp-config --server SERVER`."""
    done = CliRunner().invoke(app, ["network", "dhcp-config", "--server", server])
    kept = (TOOLS / f"{server}.conf").read_text()
    assert kept == done.stdout
    assert len(re.findall(r"0a:06:00:00:00:[0-9a-f]{2}", kept)) == 42


def test_dnsmasq_takes_its_file() -> None:
    program = shutil.which("dnsmasq", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program is not None, "there is no dnsmasq: client-tools/bootstrap.sh bridge"
    subprocess.run(
        [program, "--test", f"--conf-file={TOOLS / 'dnsmasq.conf'}"],
        check=True,
        capture_output=True,
    )


def test_vagrant_runs_what_is_there() -> None:
    """The repository is its folder /vagrant; the set-up comes once, then at each start."""
    assert re.findall(r'synced_folder "(\S+)", "(\S+)"', VAGRANTFILE) == [("..", "/vagrant")]
    scripts = re.findall(r'inline: "/vagrant/(\S+)"', VAGRANTFILE)
    assert scripts == ["client-tools/provision.sh", "client-tools/bootstrap.sh"]
    for script in scripts:
        assert os.access(ROOT / script, os.X_OK), script


def test_provisioning_is_the_one_set_up() -> None:
    provision = (TOOLS / "provision.sh").read_text()
    used = re.findall(r'^"\$here/bootstrap\.sh" (.*)$', provision, re.M)
    known = re.findall(r"^#   (\w+) {2,}\S", (TOOLS / "bootstrap.sh").read_text(), re.M)
    assert [step for line in used for step in line.split()] == [
        step for step in ("packages", "bridge", "environment", "image") if step in known
    ]
    assert "apt-get" not in provision
    assert "pip install" not in provision


@pytest.mark.parametrize("script", ["bootstrap.sh", "provision.sh"])
def test_the_scripts_can_be_read(script: str) -> None:
    subprocess.run(["bash", "-n", TOOLS / script], check=True)


def test_an_unknown_step_is_one_line() -> None:
    done = subprocess.run([TOOLS / "bootstrap.sh", "all"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        "setup: error: no step all; the steps are packages, environment, image, bridge and tests\n"
    )


def test_a_set_up_that_is_done_does_nothing() -> None:
    """As at each start of Vagrant's machine."""
    done = subprocess.run(
        [TOOLS / "bootstrap.sh", "packages", "bridge"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_unit_is_one(tmp_path: Path) -> None:
    unit = (TOOLS / "distributor.service").read_text()
    assert re.findall(r"^ExecStart=(.*)$", unit, re.M) == ["/usr/bin/env distributor service run"]
    assert "NoNewPrivileges=yes" in unit.splitlines()
    if shutil.which("systemd-analyze") is None:
        return  # what it would say of the other lines, others say
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", TOOLS / "distributor.service"],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
