"""The command's table: what it names is there, and says what it is for."""

from __future__ import annotations

import errno
import os

import pytest
from typer.testing import CliRunner

from distributor.cli import main
from distributor.cli.main import COMMANDS, app


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_listed_and_says_what_it_takes(name: str) -> None:
    shown = CliRunner().invoke(app, [name, "--help"])
    assert shown.exit_code == 0, shown.output
    assert f"Usage: distributor {name} " in shown.output
    listed = CliRunner().invoke(app, ["--help"]).output
    assert f" {name} " in listed


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOTDIR])
def test_a_file_that_is_not_theirs_is_told_in_one_line(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused() -> None:
        raise OSError(number, os.strerror(number), "/root/cache")

    monkeypatch.setattr(main, "app", refused)
    monkeypatch.setattr(main, "take_sigterm", lambda: None)
    monkeypatch.setattr(main, "take_no_more", lambda: None)
    with pytest.raises(SystemExit) as ended:
        main.main()
    said = f"distributor: cannot use /root/cache: {os.strerror(number)}\n"
    assert (ended.value.code, capsys.readouterr().err) == (2, said)
