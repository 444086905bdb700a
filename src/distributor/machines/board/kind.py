"""Boards of one kind: a list of them, lent to machines one by one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from distributor.errors import ConfigurationError
from distributor.machines.board.address import PORT, Address, addresses, parse_hosts
from distributor.machines.board.file import read_boards
from distributor.machines.board.greeting import Way
from distributor.machines.board.machine import Board
from distributor.machines.board.power import Power
from distributor.machines.board.rack import BOOT_S, BoardSpec, Rack
from distributor.machines.executables import executables
from distributor.machines.folder import RunFolder
from distributor.network.bridge import Bridge
from distributor.network.plan import BridgePlan
from distributor.session.result import Clock

#: Most boards of one distributor.
BOARDS_MAX = 256


class BoardKind:
    """Makes :class:`Board`; implements :class:`~distributor.machines.machine.BoundedKind`.

    :param hosts: addresses, names and ranges of them, each with its port or without.
    :param boards: a file that describes further ones, or those of ``hosts`` more closely.
    :param power: restarts the boards that have no command of their own in the file: the keys
        ``cycle``, or ``off`` and ``on``, with ``{host}`` in the commands.
    :param network: ``bridge`` for boards that are reached by the uplink of a bridge, ``auto`` for
        those that this host reaches by itself.
    :param bridge: that bridge, as :class:`~distributor.network.plan.BridgePlan` has it.
    :param builtin: the executables that tasks may name: those of our image.
    :param binaries: the folder with the boards' own in place of these.
    :param port: of the hosts that name none.
    :param boot_timeout_s: how long a board of ``hosts`` has to come back.
    :param options: others, of which it has none.
    :raise ConfigurationError: an option is wrong, or there is no board.
    """

    #: Nothing of this host is used by a board.
    qemu_version: str | None = None

    def __init__(
        self,
        hosts: str | Iterable[str] = (),
        *,
        boards: Path | str | None = None,
        power: Power | Mapping[str, object] | None = None,
        builtin: Mapping[str, Path] = MappingProxyType({}),
        binaries: Path | str | None = None,
        clock: Clock | str = Clock.REAL,
        network: str = "auto",
        bridge: Mapping[str, object] | None = None,
        port: int = PORT,
        boot_timeout_s: float = BOOT_S,
        **options: object,
    ) -> None:
        if options:
            raise ConfigurationError(
                f"boards have no option {', '.join(sorted(options))}: somebody else runs them"
            )
        if clock != Clock.REAL:
            raise ConfigurationError(
                f"a board's clock is real, not {clock}", hint="leave the clock out"
            )
        self._bridge = _bridge(network, bridge)
        if power is not None and not isinstance(power, Power):
            power = Power.of(power)
        found = [] if boards is None else read_boards(Path(boards), port=port, most=BOARDS_MAX)
        if hosts or not found:
            entries = parse_hosts(hosts, port=port, most=BOARDS_MAX)
            found += [BoardSpec(address, power, boot_timeout_s) for address in addresses(entries)]
        unique: dict[Address, BoardSpec] = {}
        for board in found:  # what the file says of a board comes first
            unique.setdefault(board.address, board)
        if len(unique) > BOARDS_MAX:
            raise ConfigurationError(f"there are {len(unique)} boards, {BOARDS_MAX} at most")
        self.boards = tuple(
            dataclasses.replace(board, power=board.power or power) for board in unique.values()
        )
        self.builtin = builtin if binaries is None else executables(Path(binaries))
        self._rack: Rack | None = None
        self._folder = RunFolder()
        self._joined: Bridge | None = None

    @property
    def network_name(self) -> str:
        """``bridge``, or ``host`` where this host reaches them by itself."""
        return "host" if self._bridge is None else "bridge"

    @property
    def machines_max(self) -> int:
        """As many as there are boards."""
        return len(self.boards)

    def check_number(self, machines: int) -> None:
        """See :class:`~distributor.machines.machine.CountedKind`."""
        if machines > self.machines_max:
            boards = "is 1 board" if self.machines_max == 1 else f"are {self.machines_max} boards"
            raise ConfigurationError(
                f"{machines} machines at once are too many: there {boards}",
                hint="a board is one machine",
            )

    def create(self, machine_id: str) -> Board:
        """A machine that gets its board when it starts."""
        if self._rack is None:
            self._rack = Rack(self.boards)
        return Board(machine_id, self._rack, way=self._way())

    def _way(self) -> Way | None:
        if self._bridge is None:
            return None
        if self._joined is None:
            self._joined = Bridge(self._bridge, PORT, lambda: self._folder.path)
        return self._joined.open_socket

    def command(self, machine_id: str) -> list[str]:
        """What shows whether the boards answer."""
        return ["distributor", "scan", *(str(board.address) for board in self.boards)]

    def close(self) -> None:
        """Forget what was known of the boards, and end their bridge."""
        self._rack = None
        if self._joined is not None:
            self._joined.close()
            self._joined = None
        self._folder.close()


def _bridge(network: str, bridge: Mapping[str, object] | None) -> BridgePlan | None:
    if network == "bridge":
        plan = BridgePlan.of(bridge or {})
        if plan.uplink is None:
            raise ConfigurationError(
                "boards are reached by a bridge's uplink, and this bridge has none",
                hint="name one: --uplink INTERFACE",
            )
        return plan
    if network != "auto" or bridge is not None:
        raise ConfigurationError(
            f"boards are on a network already, which cannot be {network!r}",
            hint="leave the network out, or take --network bridge with an --uplink",
        )
    return None
