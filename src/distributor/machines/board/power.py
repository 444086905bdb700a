"""Turning a board off and on by a command that its owner gives."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from distributor.errors import ConfigurationError, LaunchError
from distributor.machines.board.address import Address

#: How long a power command may take; then it is killed.
COMMAND_S = 60
#: What it says at last is kept for the error.
_OUTPUT_MAX = 2000
_LINES_MAX = 5
#: For the last of what it says, once it has ended: a program that it left running in the
#: background may hold its output open for ever.
_LAST_WORDS_S = 0.2
_KEYS = ("off", "on", "cycle", "pause_s")


@dataclass(frozen=True, slots=True)
class Power:
    """How a board is restarted: by ``cycle``, or by ``off``, a pause, and ``on``.

    Commands are split into words as a shell does, and run without one; ``{host}`` and
    ``{port}`` stand for the board's.

    :param pause_s: how long it takes until the power is really off.
    :raise ConfigurationError: a command is missing or cannot be run.
    """

    off: str = ""
    on: str = ""
    cycle: str = ""
    pause_s: float = 1.0

    def __post_init__(self) -> None:
        if not self.cycle and not (self.off and self.on):
            raise ConfigurationError("a power command is cycle, or both off and on")
        if not 0 <= self.pause_s <= COMMAND_S:
            raise ConfigurationError(
                f"pause_s of a power command is 0 to {COMMAND_S} s, not {self.pause_s!r}"
            )
        for name in ("off", "on", "cycle"):
            if template := getattr(self, name):
                program = _words(name, template)[0]
                if shutil.which(program) is None:
                    raise ConfigurationError(
                        f"the power command {name} is {template!r}, but there is no program "
                        f"{program}"
                    )

    @classmethod
    def of(cls, described: Mapping[str, object], where: str = "power") -> Self:
        """Out of a mapping, as a file or a script has it.

        :raise ConfigurationError: an unknown key, or a value of another type.
        """
        for name, value in described.items():
            if name not in _KEYS:
                raise ConfigurationError(
                    f"{where} has no key {name!r}", hint=f"it has {', '.join(_KEYS)}"
                )
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (number if name == "pause_s" else isinstance(value, str)):
                wanted = "a number of seconds" if name == "pause_s" else "a command, in quotes"
                raise ConfigurationError(f"{where}: {name} is {wanted}, not {value!r}")
        return cls(**described)  # type: ignore[arg-type]  # checked above

    async def restart(self, address: Address) -> None:
        """Turn a board off and on.

        :raise LaunchError: a command failed or took too long; with what it said.
        """
        if self.cycle:
            await _run("cycle", self.cycle, address)
            await asyncio.sleep(self.pause_s)
        else:
            await _run("off", self.off, address)
            await asyncio.sleep(self.pause_s)
            await _run("on", self.on, address)


def _words(name: str, template: str) -> list[str]:
    try:
        words = shlex.split(template)
    except ValueError as error:
        raise ConfigurationError(f"the power command {name} is {template!r}: {error}") from None
    if not words:
        raise ConfigurationError(f"the power command {name} is empty")
    return words


async def _run(name: str, template: str, address: Address) -> None:
    """Run one to its end.

    The program that bounds it outlives us: were it killed with us, a board could be left
    without power for ever.
    """
    command = [
        word.replace("{host}", address.host).replace("{port}", str(address.port))
        for word in _words(name, template)
    ]
    loop = asyncio.get_running_loop()
    # Not the pipes of asyncio's processes: their end is waited for, see _LAST_WORDS_S.
    ours, its = os.pipe()
    heard = asyncio.StreamReader(loop=loop)
    try:
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(heard, loop=loop), os.fdopen(ours, "rb", 0)
        )
    except BaseException:
        os.close(its)
        raise
    listening = asyncio.create_task(_tail(heard))
    starting = asyncio.create_task(_spawn(command, its))
    try:
        # Shielded: a program that has half begun could not be ended in order.
        code = await (await asyncio.shield(starting)).wait()
        await asyncio.wait({listening}, timeout=_LAST_WORDS_S)
    except OSError as error:
        raise LaunchError(
            f"cannot run the power command {name} of board {address}: {error.strerror}",
            command=command,
        ) from error
    finally:
        await _end(starting)
        transport.close()
        said = await listening
    if code != 0:
        how = f"took more than {COMMAND_S} s" if code == 124 else f"ended with {code}"
        raise LaunchError(
            f"the power command {name} of board {address} {how}: {shlex.join(command)}"
            + (f": {said}" if said else ""),
            command=command,
            exit_code=code,
            console=said,
        )


async def _spawn(command: list[str], output: int) -> asyncio.subprocess.Process:
    """Start it, with a bound; closes ``output`` here."""
    try:
        return await asyncio.create_subprocess_exec(
            *("timeout", "--kill-after=5", str(COMMAND_S), *command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    finally:
        os.close(output)


async def _end(starting: asyncio.Task[asyncio.subprocess.Process]) -> None:
    """See to it that it has ended, where nobody waits for it any more."""
    await asyncio.wait({starting})
    if starting.exception() is None and (process := starting.result()).returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _tail(heard: asyncio.StreamReader) -> str:
    said = b""
    while data := await heard.read(4096):
        said = (said + data)[-_OUTPUT_MAX:]
    lines = said.decode(errors="replace").split("\n")
    clean = ("".join(c if c.isprintable() else " " for c in line).strip() for line in lines)
    return " / ".join([line for line in clean if line][-_LINES_MAX:])
