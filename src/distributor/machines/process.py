"""QEMU's process: started so that it cannot outlive its owner, ended, and reaped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from distributor.errors import LaunchError
from distributor.tie import tied

_STDERR_MAX = 16 << 10
#: How long a process may take to end after SIGTERM, before SIGKILL.
_TERM_S = 2.0
_TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    """One running program. Made by :func:`spawn`; its owner must :meth:`end` it."""

    def __init__(self, process: asyncio.subprocess.Process, command: Sequence[str]) -> None:
        self._process = process
        self.command = tuple(command)
        self._said = b""
        self._reading = asyncio.create_task(self._read(), name=f"stderr of {process.pid}")
        self._work_s = 0.0

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that killed it."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for its end, and for the last of what it says; returns the exit code."""
        code = await self._process.wait()
        await asyncio.wait({self._reading})
        return code

    def complaint(self) -> str:
        """The last lines of its standard error."""
        lines = self._said.decode(errors="replace").strip().splitlines()
        return " / ".join(line.strip() for line in lines[-3:])[:500]

    def work_s(self) -> float:
        """Processor seconds that it has used, in user mode and in the kernel."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return self._work_s
        user, system = fields.rpartition(")")[2].split()[11:13]  # utime and stime, proc(5)
        self._work_s = (int(user) + int(system)) / _TICKS
        return self._work_s

    async def end(self, soft_s: float = _TERM_S) -> None:
        """Terminate it, kill it if it does not heed, reap it.

        Not to be cancelled: its owner shields it.
        """
        if self.exit_code is None:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(soft_s):
                    await self._process.wait()
        if self.exit_code is None:
            self._signal(signal.SIGKILL)
        await self.wait()

    def _signal(self, number: signal.Signals) -> None:
        # Not Popen.send_signal, which reaps a process that has just ended, so that asyncio
        # never learns how.
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    async def _read(self) -> None:
        assert self._process.stderr is not None
        while data := await self._process.stderr.read(4096):
            self._said = (self._said + data)[-_STDERR_MAX:]


async def spawn(
    command: Sequence[str],
    pass_fds: Sequence[int],
    rights: Sequence[str] = ("--no-new-privs",),
    *,
    limits: str = "",
    environment: Mapping[str, str] | None = None,
) -> Process:
    """Start a program that is killed when the calling thread ends.

    The thread must therefore live as long as the program is wanted: it is the one that
    runs the event loop.

    :param rights: options of setpriv(1).
    :param limits: commands of the shell that bound it.
    :param environment: all of ours if None.
    :raise LaunchError: it cannot be started.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *tied(command, *rights, limits=limits),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=pass_fds,
            env=environment,
            # A Ctrl-C at the terminal is for the owner, who then ends it in order.
            start_new_session=True,
        )
    except OSError as error:
        raise LaunchError(
            f"cannot start {command[0]}: {error.strerror}", command=command
        ) from error
    return Process(process, command)
