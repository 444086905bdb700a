"""Which machines a user asks for, by the options of ``distributor run``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import typer

from distributor.cli.network import bridge_options
from distributor.cli.resume import is_given
from distributor.errors import ConfigurationError
from distributor.machines.profile import read_profile
from distributor.session.result import Clock

#: Options that say something of the virtual clock alone.
_OF_VIRTUAL = ("mips",)
#: Options that say nothing of machines of that kind.
_NOT_OF_PROFILES = ("hosts", "boards", "arch", "mips")
_NOT_OF_BOARDS = ("arch", "memory_mib")
_NOT_OF_SIMULATED = (
    *("arch", "memory_mib"),
    *("bridge", "subnet", "first_machine", "machine_range", "uplink"),
)


class Choice(NamedTuple):
    """What was chosen.

    :param options: those of :func:`~distributor.machines.kind.machine_kind`, kept with a run.
    :param power: how boards are restarted: not kept, a run is the same however that is done.
    """

    options: dict[str, Any]
    clock: Clock
    cpus: int
    power: dict[str, Any]


def choose_machines(
    context: typer.Context,
    *,
    hosts: list[str] | None,
    boards: Path | None,
    power_cycle: str,
    clock: Clock | None,
    arch: str,
    profile: str | None,
    kernel: Path | None,
    binaries: Path | None,
    network: str,
    bridge: str | None,
    subnet: str | None,
    first_machine: int | None,
    machine_range: int | None,
    uplink: str | None,
    cpus: int | None,
    memory_mib: int | None,
    mips: float,
) -> Choice:
    """The machines that the options of ``distributor run`` describe.

    :param context: of the command, which knows what was given.
    :raise ConfigurationError: some do not go together, or a profile cannot be read.
    """
    on_boards = bool(hosts) or boards is not None
    described = None
    if profile is not None:
        described = read_profile(profile)
        _refuse(context, _NOT_OF_PROFILES, "--profile, which says what its machines are")
        cpus = cpus or described.cpus
        clock = clock or described.clocks[0]
    elif kernel is not None or (binaries is not None and not on_boards):
        raise ConfigurationError("--kernel and --binaries go with --profile")
    cpus = cpus or 1
    clock = clock or (Clock.REAL if on_boards else Clock.VIRTUAL)
    if on_boards:
        _refuse(context, _NOT_OF_BOARDS, "boards, which are what they are")
    if clock is not Clock.VIRTUAL:
        _refuse(context, _OF_VIRTUAL, f"--clock {clock}")
    if clock is Clock.SIMULATED:
        _refuse(context, _NOT_OF_SIMULATED, "--clock simulated, whose machines have --cpus alone")
    options: dict[str, Any] = {"clock": clock, "network": network}
    if on_boards:
        options |= {"hosts": hosts or [], "boards": boards and str(boards)}
    else:
        options["cpus"] = cpus
    files = {"kernel": kernel, "binaries": binaries}
    options |= {name: str(path.absolute()) for name, path in files.items() if path}
    if described is not None:
        own = str(profile).endswith(".toml")
        options["profile"] = str(Path(str(profile)).absolute()) if own else profile
    elif clock is not Clock.SIMULATED and not on_boards:
        options["arch"] = arch
    if plan := bridge_options(bridge, subnet, first_machine, machine_range, uplink):
        options["bridge"] = plan
    if memory_mib is not None:
        options["memory_mib"] = memory_mib
    if clock is Clock.VIRTUAL and described is None and not on_boards:
        options["mips"] = mips
    power: dict[str, Any] = {"power": {"cycle": power_cycle}} if power_cycle else {}
    return Choice(options, clock, cpus, power)


def _refuse(context: typer.Context, names: Iterable[str], others: str) -> None:
    """:raise ConfigurationError: the user gave one of these options, which say nothing there."""
    for parameter in context.command.params:
        if parameter.name in names and is_given(context, parameter.name):
            raise ConfigurationError(f"{parameter.opts[0]} does not go with {others}")


#: The parameters of `distributor run` that say which machines there are.
OF_MACHINES = tuple(inspect.signature(choose_machines).parameters)[1:]


def with_machines_of(command: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Give a command the options by which another one chooses machines.

    The decorated function takes them as ``**machines``, which :func:`choose_machines` takes
    with its ``context``.
    """
    theirs = inspect.signature(command).parameters
    hints = get_type_hints(command, include_extras=True)

    def decorate(own: Callable[..., Any]) -> Any:
        signature = inspect.signature(own, eval_str=True)
        ours = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
        added = [
            theirs[name].replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
            for name in OF_MACHINES
        ]
        parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in ours]
        own.__signature__ = signature.replace(parameters=[*added, *parameters])  # type: ignore[attr-defined]
        return own

    return decorate
