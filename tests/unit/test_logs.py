"""How much of which part is logged, and in which form."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from rich.console import Console

from distributor.cli.logs import LogFormat, parse_level, set_up_logging
from distributor.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for name in ("distributor.engine", "distributor.session"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_part_is_turned_up_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DISTRIBUTOR_LOG", "error, distributor.session=info")
    set_up_logging(["distributor.engine=debug"], LogFormat.JSON)
    logging.getLogger("distributor.engine").debug("what %s", "is")
    logging.getLogger("distributor.session").debug("not this")
    logging.getLogger("distributor.session").info("but this\nof two lines")
    logging.getLogger("elsewhere").warning("nor this")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["level"], line["part"], line["message"]) for line in lines] == [
        ("DEBUG", "distributor.engine", "what is"),
        ("INFO", "distributor.session", "but this\nof two lines"),
    ]
    assert all(line["time"] for line in lines)


def test_what_a_command_asks_for_goes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DISTRIBUTOR_LOG", "debug")
    set_up_logging(["warning"])
    assert logging.getLogger().level == logging.WARNING


@pytest.mark.parametrize("wrong", ["loud", "distributor=", "=debug", "a=b=c", ""])
def test_what_is_no_level_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match="says not how much to log"):
        parse_level(wrong)


def test_into_a_file_a_message_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging((), console=Console(stderr=True))
    logging.getLogger("distributor.engine").warning("machine m1 is given up: %s", "x" * 200)
    assert capsys.readouterr().err == f"WARNING  machine m1 is given up: {'x' * 200}\n"
