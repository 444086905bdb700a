"""How much of which part is logged, and in which form."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

import distributor
from distributor.cli.logs import PARTS, LogFormat, parse_level, set_up_logging
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


@pytest.mark.parametrize(
    "wrong",
    ["TYPO", "distributor.TYPO", "distributor.engine.TYPO", "distributor..engine", ".", "engine"],
)
def test_a_part_that_there_is_not_is_refused_with_those_there_are(wrong: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_level(f"{wrong}=debug")
    assert str(caught.value).startswith(f"'{wrong}=debug': nothing logs as '{wrong}' (parts are d")
    assert "distributor.engine, distributor.machines" in str(caught.value)


@pytest.mark.parametrize(
    "part", [*PARTS, "distributor.machines.qemu.rights", "sqlalchemy.engine.Engine", "asyncio"]
)
def test_a_part_that_there_is_can_be_named(part: str) -> None:
    assert parse_level(f"{part}=info") == (part, logging.INFO)


def test_every_logger_of_ours_is_in_a_part_that_is_named() -> None:
    source = Path(distributor.__file__).parent
    found = 0
    for path in source.rglob("*.py"):
        module = ".".join(("distributor", *path.relative_to(source).with_suffix("").parts))
        for name in re.findall(r'getLogger\((__name__|"distributor[^"]*")\)', path.read_text()):
            part = module if name == "__name__" else name.strip('"')
            assert part == "distributor" or part.startswith(PARTS[1:]), path
            found += 1
    assert found > 10


def test_into_a_file_a_message_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging((), console=Console(stderr=True))
    logging.getLogger("distributor.engine").warning("machine m1 is given up: %s", "x" * 200)
    assert capsys.readouterr().err == f"WARNING  machine m1 is given up: {'x' * 200}\n"
