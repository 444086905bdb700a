"""Machines by a user's options: what is refused, and what their network is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from distributor import ConfigurationError, NetworkError
from distributor.cli.main import app
from distributor.machines.kind import machine_kind
from distributor.machines.profile import kind
from distributor.machines.qemu import QemuFacts
from distributor.network.bridge import leases

SIMULATED = ["--clock", "simulated"]
BOARDS = ["--hosts", "127.0.0.1:1"]


@pytest.mark.parametrize("command", [["run", "sets.json"], ["service", "run"]])
@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([*SIMULATED, "--arch", "arm64"], "--arch does not go with --clock simulated"),
        ([*SIMULATED, "--mips", "500"], "--mips does not go with --clock simulated"),
        ([*SIMULATED, "--memory-mib", "99"], "--memory-mib does not go with --clock simulated"),
        ([*SIMULATED, "--range", "3"], "--range does not go with --clock simulated"),
        ([*SIMULATED, "--power-cycle", "x"], "a simulated machine has no option power"),
        ([*SIMULATED, "--network", "user"], "a simulated machine has no network"),
        ([*BOARDS, "--arch", "arm64"], "--arch does not go with boards"),
        ([*BOARDS, "--mips", "500"], "--mips does not go with --clock real"),
        (["--clock", "real", "--mips", "500"], "--mips does not go with --clock real"),
    ],
)
def test_options_that_say_nothing_of_the_machines_are_refused(
    command: list[str],
    words: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sets.json").write_text('[{"tasks": [{"binary": "hey", "period_ms": 5}]}]')
    done = CliRunner().invoke(app, [*command, *words])
    assert isinstance(done.exception, ConfigurationError), done.output
    assert str(done.exception).startswith(says)
    assert "\n" not in str(done.exception)


def test_a_file_that_is_wrong_from_the_first_set_on_is_told_without_a_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sets.jsonl").write_text("{}")
    done = CliRunner().invoke(app, ["run", "sets.jsonl"])
    assert isinstance(done.exception, ConfigurationError), done.output
    assert str(done.exception).startswith("sets.jsonl, line 1: ")


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"clock": "simulated"}, "none"),
        ({"hosts": ["127.0.0.1"]}, "host"),
        ({"hosts": ["127.0.0.1"], "network": "bridge", "bridge": {"uplink": "lo"}}, "bridge"),
        ({"profile": "genode-pbxa9", "kernel": __file__}, "user"),
    ],
)
def test_the_network_of_machines_is_named(
    options: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kind, "qemu_facts", lambda *_: QemuFacts(Path("/usr/bin/qemu"), "7.2.22"))
    monkeypatch.setattr(leases, "dnsmasq_program", lambda: "/usr/sbin/dnsmasq")
    assert machine_kind(**options).network_name == name


@pytest.mark.parametrize(
    "options", [{}, {"hosts": ["127.0.0.1"], "bridge": {"uplink": "lo"}}, {"profile": "x"}]
)
def test_a_bridge_without_dnsmasq_is_refused_before_anything_is_made(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "dnsmasq_program", lambda: None)
    with pytest.raises(NetworkError, match=r"there is no dnsmasq.*apt-get install dnsmasq-base"):
        machine_kind(**options, network="bridge")
