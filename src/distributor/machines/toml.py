"""Files in TOML that a user writes: read whole, in one size that no such file needs."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from distributor.errors import ConfigurationError

_KIB_MAX = 1024


def read_toml(file: Path, what: str) -> dict[str, Any]:
    """What a file says.

    :param what: what the file is, for an error: ``the profile``.
    :raise ConfigurationError: it cannot be read, is too large, or no TOML.
    """
    try:
        with file.open("rb") as source:
            data = source.read((_KIB_MAX << 10) + 1)
    except OSError as error:
        raise ConfigurationError(f"cannot read {what} {file}: {error.strerror or error}") from None
    if len(data) > _KIB_MAX << 10:
        raise ConfigurationError(f"{what} {file} is larger than it may be ({_KIB_MAX} KiB)")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is no TOML: {error}") from None
