"""Options of machines that say nothing of those that were asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from distributor import ConfigurationError
from distributor.cli.main import app

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
