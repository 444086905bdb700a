"""A file of boards (TOML): who they are, and how they are restarted; see docs/boards.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distributor.errors import ConfigurationError
from distributor.machines.board.address import addresses, parse_hosts
from distributor.machines.board.power import Power
from distributor.machines.board.rack import BOOT_S, BoardSpec
from distributor.machines.toml import read_toml

_BOARD_KEYS = ("host", "boot_s", "power")
_BOOT_S_MAX = 3600.0


def read_boards(file: Path, *, port: int, most: int) -> list[BoardSpec]:
    """The boards of a file, in their order.

    :param port: of those that name none.
    :param most: how many there may be.
    :raise ConfigurationError: it cannot be read, or says something that is not known.
    """
    content = read_toml(file, "the file of boards")
    for key in content:
        if key not in ("board", "power"):
            raise ConfigurationError(
                f"{file} has an unknown part {key!r}", hint="it has [[board]] and [power]"
            )
    tables = content.get("board")
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise ConfigurationError(
            f"{file} describes no board", hint='begin with [[board]] and host = "ADDRESS"'
        )
    common = _power(content.get("power"), f"{file}: [power]")
    boards: list[BoardSpec] = []
    for number, table in enumerate(tables, 1):
        boards += _boards(table, f"{file}: board {number}", common, port, most - len(boards))
    return boards


def _boards(
    table: Mapping[str, Any], where: str, common: Power | None, port: int, most: int
) -> list[BoardSpec]:
    for key in table:
        if key not in _BOARD_KEYS:
            raise ConfigurationError(
                f"{where} has no key {key!r}", hint=f"it has {', '.join(_BOARD_KEYS)}"
            )
    host, boot_s = table.get("host"), table.get("boot_s", BOOT_S)
    if not isinstance(host, str):
        raise ConfigurationError(f"{where} needs a host", hint='as host = "10.200.33.4"')
    if isinstance(boot_s, bool) or not (
        isinstance(boot_s, int | float) and 0 < boot_s <= _BOOT_S_MAX
    ):
        raise ConfigurationError(
            f"{where}: boot_s is a number of seconds to {_BOOT_S_MAX:g}, not {boot_s!r}"
        )
    power = _power(table.get("power"), f"{where}: power") or common
    try:
        entries = parse_hosts(host, port=port, most=most)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error.message}", hint=error.hint) from None
    return [BoardSpec(address, power, float(boot_s)) for address in addresses(entries)]


def _power(described: object, where: str) -> Power | None:
    if described is None:
        return None
    if not isinstance(described, dict):
        raise ConfigurationError(
            f"{where} is a table of commands, not {described!r}",
            hint='as power = { cycle = "COMMAND {host}" }',
        )
    try:
        return Power.of(described, where)
    except ConfigurationError as error:
        message = error.message if error.message.startswith(where) else f"{where}: {error.message}"
        raise ConfigurationError(message, hint=error.hint) from None
