"""Text that a user wrote, and the JSON in it, read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from distributor.errors import ConfigurationError

#: Of files that a user wrote: UTF-8, with the mark that spreadsheets and Windows put before it.
ENCODING = "utf-8-sig"


def read_text(path: Path) -> str:
    """What a file holds.

    :raise ConfigurationError: it cannot be read, or is no UTF-8.
    """
    try:
        return path.read_text(ENCODING)
    except OSError as error:
        raise unread(path, error) from error
    except UnicodeDecodeError as error:
        raise no_text(str(path), error) from error


def parse_json(text: str, where: str, *, several_lines: bool = False) -> Any:
    """The document.

    :param where: the file or the line, for messages.
    :param several_lines: name the line, too.
    :raise ConfigurationError: there is nothing, or it is no JSON, or beyond what Python reads:
        nested deeper than some hundreds, or with a number of more than 4,300 digits; or an object
        has a name twice.
    """
    if not text.strip():
        raise ConfigurationError(f"{where} is empty")
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        line = f", line {error.lineno}" if several_lines else ""
        raise ConfigurationError(f"{where}{line}: {error.msg}") from error
    except _Twice as error:
        raise ConfigurationError(f"{where}: an object has {str(error)!r} twice") from None
    except RecursionError:
        raise ConfigurationError(f"{where}: it is nested too deeply") from None
    except ValueError as error:
        raise ConfigurationError(f"{where}: it holds a number with too many digits") from error


def unread(path: Path, error: OSError) -> ConfigurationError:
    """To be raised: the system does not let the file be read."""
    return ConfigurationError(f"{path} cannot be read: {error.strerror or error}")


def no_text(name: str, error: UnicodeDecodeError) -> ConfigurationError:
    """To be raised: the file's bytes are none of :data:`ENCODING`."""
    return ConfigurationError(
        f"{name} is no text in UTF-8: byte {error.object[error.start]:#04x} cannot stand there"
    )


class _Twice(Exception):
    """Of two members with one name, JSON's readers take the last without a word."""


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(members)
    if len(made) < len(members):
        names = [name for name, _ in members]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return made
