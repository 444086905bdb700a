"""Executables of machines that do not run those of our image, in a folder of their own."""

from __future__ import annotations

from pathlib import Path

from distributor.errors import ConfigurationError


def executables(folder: Path) -> dict[str, Path]:
    """The files of a folder by their names, which tasks go by.

    :raise ConfigurationError: there is no such folder.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"there is no folder of executables {folder}")
    return {path.name: path.absolute() for path in sorted(folder.iterdir()) if path.is_file()}
