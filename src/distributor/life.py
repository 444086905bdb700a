"""One machine from its start to its end: what it is given, whether it lives, how it is talked to.

The engine has one of these for each machine, and decides; nothing here knows the queue, nor who
watches.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine
from typing import Any, Final

from distributor.errors import ConfigurationError, MachineError, SessionError
from distributor.jobs.job import Ticket
from distributor.machines.machine import (
    Machine,
    ReachableMachine,
    SealedMachine,
    SimulatedMachine,
)
from distributor.monitors.monitor import Attempt
from distributor.session.binary import Binaries
from distributor.session.result import Verdict
from distributor.session.sealed import SealedSession
from distributor.session.session import Session
from distributor.session.simulated import SimulatedSession
from distributor.tasks.task import Task
from distributor.tasks.taskset import TaskSet

log = logging.getLogger("distributor.engine")

#: An idle machine that is given nothing for this long is paused, so that it costs nothing.
_PAUSE_AFTER_S = 0.05
#: How long the end of a connection may precede the news that its machine has died.
_DEATH_NEWS_S = 2.0

#: The set whose verdict is known: one short job with all the time in the world. Any loader of ours
#: has its task; a machine that has not is believed without.
CANARY: Final = TaskSet(Task("hey", arg1=1, period_ms=10_000, priority=1), name="canary")
#: Verdicts that a machine which works gives it.
_CANARY_VERDICTS = (Verdict.SCHEDULABLE, Verdict.MISSED)

AnySession = Session | SealedSession | SimulatedSession


class Life:
    """A machine, and the task that owns it.

    :param machine: not started yet.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        #: Set by who makes it, before anything else is asked of it.
        self.task: asyncio.Task[None] | None = None
        #: What it runs now; the canary is no attempt.
        self.attempt: Attempt | None = None
        self.begun_s = time.monotonic()
        #: The sets it is to run, the canary among them; None tells it to end.
        self._inbox: asyncio.Queue[Ticket | TaskSet | None] = asyncio.Queue()

    def give(self, what: Ticket | TaskSet | None) -> None:
        """A set to run after those that it has, the canary, or None: to end after them."""
        self._inbox.put_nowait(what)

    def break_off(self) -> None:
        """End its task at once, by a cancellation."""
        if self.task is None:
            self.give(None)
            return
        # Not before its first step: a task that is cancelled sooner never takes it, and
        # nobody would be told that the machine is gone.
        asyncio.get_running_loop().call_soon(self.task.cancel)

    async def next(self) -> Ticket | TaskSet | None:
        """What it was given next; meanwhile the machine costs nothing."""
        with contextlib.suppress(TimeoutError):
            # Not wait_for, which in Python 3.11 may swallow a cancellation.
            async with asyncio.timeout(_PAUSE_AFTER_S):
                return await self._inbox.get()
        await self.machine.pause()
        what = await self._inbox.get()
        if what is not None:
            await self.machine.resume()
        return what

    def session(self, binaries: Binaries, timeout_s: float) -> AnySession:
        """The talk with a machine of its kind.

        :param timeout_s: how long it may be without progress, beyond what its set explains.
        """
        machine = self.machine
        if isinstance(machine, SimulatedMachine):
            return SimulatedSession(machine)
        if isinstance(machine, SealedMachine):
            return SealedSession(machine, binaries=binaries, timeout_s=timeout_s)
        assert isinstance(machine, ReachableMachine)
        return Session(machine, binaries=binaries, timeout_s=timeout_s)

    async def unless_it_dies(self, serving: Coroutine[Any, Any, None]) -> None:
        """Run ``serving`` to its end.

        :raise MachineError: what killed the machine, should that come first.
        """
        serve = asyncio.ensure_future(serving)
        death = asyncio.ensure_future(self.machine.died())
        try:
            await asyncio.wait({serve, death}, return_when=asyncio.FIRST_COMPLETED)
            if serve.done() and isinstance(serve.exception(), SessionError):
                # The connection ends a moment before its machine is known to be dead.
                await asyncio.wait({death}, timeout=_DEATH_NEWS_S)
            if death.done():
                raise death.result()
            await serve
        finally:
            for task in (serve, death):
                task.cancel()
            await asyncio.gather(serve, death, return_exceptions=True)


async def check(session: AnySession, name: str) -> None:
    """Run the canary on a machine in doubt; nobody who watches is told.

    :raise MachineError: it came to another verdict than it has.
    """
    log.info("machine %s is in doubt, and runs a task set whose verdict is known", name)
    try:
        record = await session.run(CANARY, lambda events: None, None, 0)
    except ConfigurationError as error:
        log.info("machine %s is believed, since it cannot run that: %s", name, error)
        return
    verdict, reason = record.judge()
    if verdict not in _CANARY_VERDICTS:
        raise MachineError(f"a task set that cannot fail was {verdict} on {name}: {reason}")
