"""The command's table: what it names is there, and says what it is for."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from distributor.cli.main import COMMANDS, app


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_listed_and_says_what_it_takes(name: str) -> None:
    shown = CliRunner().invoke(app, [name, "--help"])
    assert shown.exit_code == 0, shown.output
    assert f"Usage: distributor {name} " in shown.output
    listed = CliRunner().invoke(app, ["--help"]).output
    assert f" {name} " in listed
