"""A place whose URL holds a password, named by the file that the URL is in."""

from __future__ import annotations

import stat
from pathlib import Path

from distributor.errors import ConfigurationError

_MARK = "@"
_SIZE_MAX = 4096


def reveal(place: str) -> str:
    """The first line of FILE for ``@FILE``; any other place as it is.

    A command line is seen by everybody on a host, and the file by its owner alone.

    :raise ConfigurationError: it cannot be read, or others may read it.
    """
    if not place.startswith(_MARK):
        return place
    file = Path(place.removeprefix(_MARK))
    try:
        with file.open(encoding="utf-8") as source:
            mode = file.stat().st_mode
            text = source.read(_SIZE_MAX)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{file}, which is to hold a URL, cannot be read: {error}"
        ) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(
            f"{file} holds a URL with a password, and others may read it",
            hint=f"chmod 600 {file}",
        )
    return text.partition("\n")[0].strip()
