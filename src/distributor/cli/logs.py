"""What a command logs: how much of which part, and in which form."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from enum import StrEnum
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from distributor.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import Console

#: Parts and their levels, as of --log, with commas between them.
VARIABLE = "DISTRIBUTOR_LOG"
_LEVELS = {name.lower(): level for name, level in logging.getLevelNamesMapping().items()
           if name in ("DEBUG", "INFO", "WARNING", "ERROR")}  # fmt: skip
#: Those that log; a module below one is a part as well.
PARTS = (
    *("distributor", "distributor.attach", "distributor.engine", "distributor.machines"),
    *("distributor.monitors", "distributor.service"),
)
#: What we stand on, with all below: each has loggers of its own.
_OTHERS = ("asyncio", "qemu", "sqlalchemy", "uvicorn")


class LogFormat(StrEnum):
    """The form of what is logged."""

    #: For people.
    TEXT = "text"
    #: One JSON object a line.
    JSON = "json"


LogOption = Annotated[
    list[str] | None,
    typer.Option(
        "--log",
        help="How much is logged: a level (debug, info, warning, error), or PART=LEVEL such as "
        "distributor.engine=debug. Repeatable; DISTRIBUTOR_LOG does the same, with commas.",
    ),
]
LogFormatOption = Annotated[
    LogFormat, typer.Option("--log-format", help="text, or json: one object a line.")
]


def set_up_logging(
    wanted: Iterable[str],
    form: LogFormat = LogFormat.TEXT,
    *,
    level: int = logging.WARNING,
    console: Console | None = None,
    stamped: bool = False,
) -> None:
    """Log to standard error.

    :param wanted: levels as a user gave them; what the environment says goes before them.
    :param level: of what nobody mentions.
    :param console: where people's lines go.
    :param stamped: begin a line with its time and part.
    :raise ConfigurationError: one of them is no level, or of no part.
    """
    # Uvicorn's news is every start and end of a server.
    levels = {"": level, "uvicorn": logging.WARNING}
    for text in [*os.environ.get(VARIABLE, "").split(","), *wanted]:
        if text.strip():
            part, number = parse_level(text.strip())
            levels[part] = number
    handler = _handler(form, console, stamped)
    logging.basicConfig(level=levels.pop(""), handlers=[handler], force=True)
    for part, number in levels.items():
        logging.getLogger(part).setLevel(number)


def parse_level(text: str) -> tuple[str, int]:
    """A part's name ("" for all), and its level.

    :raise ConfigurationError: it is neither LEVEL nor PART=LEVEL, or there is no such part.
    """
    part, separator, name = text.rpartition("=")
    level = _LEVELS.get(name.strip().lower())
    part = part.strip()
    if level is None or (separator and not part):
        raise ConfigurationError(
            f"{text!r} says not how much to log",
            hint=f"a level is {', '.join(_LEVELS)}; distributor.engine=debug is one of a part",
        )
    if part and not _is_part(part):
        raise ConfigurationError(
            f"{text!r}: nothing logs as {part!r}",
            hint=f"parts are {', '.join(PARTS)}; beside them {', '.join(_OTHERS)}",
        )
    return part, level


def _is_part(name: str) -> bool:
    root, _, _ = name.partition(".")
    if root != "distributor":
        return root in _OTHERS
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):  # of a name below one that is no package
        return False


def _handler(form: LogFormat, console: Console | None, stamped: bool) -> logging.Handler:
    if form is LogFormat.JSON:
        from pythonjsonlogger.json import JsonFormatter

        handler: logging.Handler = logging.StreamHandler()
        handler.setFormatter(
            JsonFormatter(
                ["levelname", "name", "message"],
                rename_fields={"levelname": "level", "name": "part"},
                timestamp="time",
                exc_info_as_array=False,
            )
        )
        return handler
    if stamped or console is None or not console.is_terminal:
        # One line each, whatever its length: for files, and programs that read them.
        handler = logging.StreamHandler()
        words = "%(asctime)s %(levelname)s %(name)s:" if stamped else "%(levelname)-8s"
        handler.setFormatter(logging.Formatter(f"{words} %(message)s"))
        return handler
    from rich.logging import RichHandler

    handler = RichHandler(console=console, show_path=False, show_time=False)
    handler.setFormatter(logging.Formatter("%(message)s"))
    return handler
