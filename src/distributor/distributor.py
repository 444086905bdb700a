"""The blocking facade: the seed's and its ancestors' names over the engine. No logic here."""

from __future__ import annotations

import asyncio
import atexit
import signal
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from distributor.engine import Engine
from distributor.errors import ConfigurationError, StateError
from distributor.jobs.job import Job, Later
from distributor.jobs.queue import QueueState
from distributor.machines.machine import BoundedKind, CountedKind, MachineKind
from distributor.monitors.monitor import Monitor
from distributor.session.binary import binary_finder
from distributor.session.description import describe_goal
from distributor.session.switch import SWITCHES_MAX
from distributor.tasks.taskset import TaskSet
from distributor.view import JobView, MachineView

if TYPE_CHECKING:
    from distributor.service.client import Client

T = TypeVar("T")

#: Most machines that :meth:`Distributor.set_max_machine_value` takes, unless told otherwise.
MAX_ALLOWED = 42
#: How often a set is run again whose run the host disturbed, unless told otherwise.
NOISY_TRIES = 2


class Distributor:
    """Controls machines and hands them task sets.

    ::

        with Distributor(max_machine=2) as distributor:
            distributor.add_job(taskset, LoggingMonitor())
            distributor.wait()

    It runs in a thread of its own from the first job on. Left without ``close``, it is
    closed when the interpreter exits.

    :param max_machine: how many machines there may be at once; None is 1, or as many as there
        are boards.
    :param max_allowed: the most that ``max_machine`` can be set to.
    :param session_type: makes the machines; QEMU machines of the options below if None.
    :param port: the loader's port in the machine.
    :param startup_delay: at least this many seconds are given to a machine to start. A
        machine that is ready sooner is used sooner.
    :param set_tries: how many runs a task set may spoil (by hanging or crashing its
        machine) before it is *undecided*. Machines lost for other reasons do not count.
    :param noisy_tries: how many times a set is run again if the host disturbed its run
        (real clock); the last result is kept, with the mark (:attr:`Result.noise`).
    :param timeout: seconds without progress, beyond what a set's own timing explains,
        after which a machine is given up.
    :param monitors: watch every job, beside the monitor that a job brings along.
    :param machine: options of the machines: ``clock`` (``"virtual"``, ``"real"``, or
        ``"simulated"``, which takes ``cpus`` alone beside it), ``network``, ``bridge``
        (docs/networks.md), ``cpus``, ``memory_mib``, ``mips``, ``accelerator``, ``image``,
        ``arch``, or ``profile``, ``kernel`` and ``binaries`` (docs/profiles.md).
        Or boards that run already: ``hosts`` (addresses, names, ranges), ``boards`` (a file of
        them), ``power`` (how they are restarted: a mapping with ``cycle``, or ``off`` and
        ``on``); see docs/boards.md.
    :raise ConfigurationError: an option is wrong, or QEMU is missing.
    :raise ImageError: there is no guest image.
    """

    def __init__(
        self,
        max_machine: int | None = None,
        max_allowed: int = MAX_ALLOWED,
        session_type: MachineKind | None = None,
        port: int = 3001,
        startup_delay: float | None = None,
        set_tries: int = 1,
        timeout: float = 40,
        *,
        noisy_tries: int = NOISY_TRIES,
        monitors: Sequence[Monitor] = (),
        builtin: Mapping[str, Path] | None = None,
        **machine: Any,
    ) -> None:
        self._max_allowed = _whole("max_allowed", max_allowed, 1)
        _whole("set_tries", set_tries, 1)
        _whole("noisy_tries", noisy_tries, 0)
        if not timeout > 0:
            raise ConfigurationError(f"timeout is a number of seconds above 0, not {timeout!r}")
        if session_type is None:
            from distributor.machines.kind import machine_kind

            kind = machine_kind(port=port, startup_delay_s=startup_delay, **machine)
            session_type, builtin = kind, kind.builtin
        elif machine:
            raise ConfigurationError(
                f"{', '.join(machine)}: these options are for our own machines, but session_type "
                "brings its own"
            )
        if max_machine is None:
            max_machine = session_type.machines_max if isinstance(session_type, BoundedKind) else 1
            self._max_allowed = max(self._max_allowed, max_machine)
        self._check_maximum(max_machine)
        if isinstance(session_type, CountedKind):
            session_type.check_number(max_machine)
        self._engine = Engine(
            session_type,
            find_binary=binary_finder(builtin or {}),
            maximum=max_machine,
            set_tries=set_tries,
            timeout_s=timeout,
            noisy_tries=noisy_tries,
            monitors=monitors,
        )
        self._thread = _LoopThread(self._engine)

    @staticmethod
    def connect(address: str | None = None, token: str | None = None) -> Client:
        """A service that runs already, asked by the same names (docs/service.md).

        :param address: a socket's path or ``http://HOST:PORT``; this user's service if unset.
        :param token: for an address of the second kind; this user's service's if unset.
        :raise ConfigurationError: the address or the token cannot be read.
        """
        from distributor.service.client import Client

        return Client(address, token)

    # -- jobs --------------------------------------------------------------------------

    def add_job(
        self,
        taskset: TaskSet | Iterable[TaskSet | Later] | Job,
        monitor: Monitor | None = None,
        offset: int = 0,
        *session_params: Mapping[str, Any],
        switches: int = 0,
    ) -> int:
        """Hand over a job; it is begun at once if a machine is free.

        :param taskset: a task set, or any iterable of task sets, which is drawn from as
            machines come free. Where the next set depends on verdicts, it may give
            :data:`~distributor.jobs.job.LATER`, and is asked again after the next one. Or a
            job of a :class:`~distributor.durable.DurableRun`, which brings along all that
            ``offset`` and the others say of it.
        :param monitor: watches this job.
        :param offset: how many sets at its head to leave out.
        :param session_params: at most one mapping: the goal of the admission control in
            the machine, sent as OPTIMIZE (docs/protocol.md);
            :attr:`Goal.parameters <distributor.session.description.Goal>` makes it.
        :param switches: record who has which processor when, up to so many switches of a
            set (docs/traces.md); :data:`~distributor.session.switch.SWITCHES_DEFAULT` is a
            good number.
        :return: the job's number, from 1.
        :raise ConfigurationError: no task set in it.
        """
        if monitor is not None and not isinstance(monitor, Monitor):
            raise ConfigurationError(
                f"a monitor is a subclass of distributor.Monitor, not {monitor!r}"
            )

        if isinstance(switches, bool) or not (
            isinstance(switches, int) and 0 <= switches <= SWITCHES_MAX
        ):
            raise ConfigurationError(
                f"switches is a whole number from 0 to {SWITCHES_MAX}, not {switches!r}"
            )
        if len(session_params) > 1:
            raise ConfigurationError("add_job takes one optimization goal at most")
        goal = session_params[0] if session_params else None
        if goal is not None:
            describe_goal(goal)

        def add() -> int:
            if isinstance(taskset, Job):
                taskset.monitor = monitor
                self._engine.add(taskset)
                return taskset.number
            job = Job(
                taskset,
                offset=offset,
                number=max([job.number for job in self._engine.jobs], default=0) + 1,
                monitor=monitor,
                goal=goal,
                switches=switches,
            )
            self._engine.add(job)
            return job.number

        return self._thread.call(add)

    @property
    def jobs(self) -> list[JobView]:
        """Every job that was added, in order."""
        return self._thread.call(
            lambda: [
                JobView(job.number, job.decided, job.total, job.done, job.state)
                for job in self._engine.jobs
            ]
        )

    def cancel_job(self, number: int) -> None:
        """Run no more sets of a job. Those that run are finished, and their verdicts kept.

        :raise StateError: there is no such job, or it has ended.
        """
        self._thread.call(lambda: self._engine.cancel(number))

    def pause_job(self, number: int) -> None:
        """Begin no set of a job until :meth:`resume_job`; other jobs go on.

        :raise StateError: there is no such job, or it has ended.
        """
        self._thread.call(lambda: self._engine.hold(number))

    def resume_job(self, number: int) -> None:
        """Go on with a job that was paused.

        :raise StateError: there is no such job, or it has ended.
        """
        self._thread.call(lambda: self._engine.release(number))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until every set of every job has its verdict; a paused job is waited for.

        :param timeout: seconds; None waits as long as it takes.
        :return: whether that is so; False if the time ran out first.
        :raise DistributorError: machines cannot be started, a job's source broke, or the
            store failed.
        """
        return self._thread.wait(self._engine.wait(), timeout)

    # -- machines ----------------------------------------------------------------------

    def set_max_machine_value(self, max_machine: int) -> None:
        """Change how many machines there may be, now and while sets run.

        Machines above a lower maximum finish the set that they run.
        """
        self._check_maximum(max_machine)
        self._thread.call(lambda: self._engine.set_maximum(max_machine))

    def get_max_machine_value(self) -> int:
        """How many machines there may be."""
        return self._thread.call(lambda: self._engine.queue.maximum)

    def get_distributor_state(self) -> QueueState:
        """Whether it is ``running``, ``idle``, ``paused`` or ``failed``."""
        return self._thread.call(lambda: self._engine.queue.state)

    @property
    def machines(self) -> list[MachineView]:
        """The machines that exist."""
        return self._thread.call(
            lambda: [
                MachineView(
                    machine.id,
                    machine.state,
                    None if attempt is None else (attempt.job, attempt.index),
                    self._engine.queue.health(machine.id),
                )
                for machine, attempt in self._engine.machines()
            ]
        )

    def kill_all_machines(self) -> None:
        """End all machines at once; what they ran goes back into the queue until resume."""
        self._thread.call(lambda: self._engine.do(self._engine.queue.kill_all()))

    def shut_down_all_machines(self) -> None:
        """End each machine when its set has ended; nothing is begun until resume."""
        self._thread.call(lambda: self._engine.do(self._engine.queue.shut_down()))

    def resume(self) -> None:
        """Go on after kill_all_machines, shut_down_all_machines or a failure to start."""
        self._thread.call(lambda: self._engine.do(self._engine.queue.resume()))

    # -- end ---------------------------------------------------------------------------

    def close(self) -> None:
        """End all machines at once, and the distributor. Idempotent."""
        self._thread.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _check_maximum(self, max_machine: int) -> None:
        _whole("max_machine", max_machine, 0)
        if max_machine > self._max_allowed:
            raise ConfigurationError(
                f"max_machine is {max_machine}, but at most {self._max_allowed} are allowed",
                hint="raise max_allowed",
            )


class _LoopThread:
    """One event loop in one thread, with the engine in it; started by the first call."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def call(self, ask: Callable[[], T]) -> T:
        """Call in the loop's thread, wait for the answer."""

        async def answer() -> T:
            return ask()

        return self._submit(answer()).result()

    def wait(self, work: Coroutine[Any, Any, None], timeout_s: float | None) -> bool:
        """Wait for ``work``; False, and ``work`` cancelled, if the time runs out first."""
        future = self._submit(work)
        try:
            future.result(timeout_s)
        except TimeoutError:
            if future.done():  # the work's own TimeoutError
                raise
            return False
        finally:
            future.cancel()
        return True

    def close(self) -> None:
        with self._lock:
            self._closed = True
            thread, loop = self._thread, self._loop
            self._thread = None
        if thread is not None and loop is not None:
            atexit.unregister(self.close)
            loop.call_soon_threadsafe(self._engine.close)
            thread.join()

    def _submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        try:
            with self._lock:
                if self._closed:
                    raise StateError("this distributor is closed")
                if self._thread is None:
                    self._begin()
                assert self._loop is not None
                return asyncio.run_coroutine_threadsafe(work, self._loop)
        except BaseException:
            work.close()
            raise

    def _begin(self) -> None:
        begun: Future[asyncio.AbstractEventLoop] = Future()

        async def live() -> None:
            loop = asyncio.get_running_loop()
            # The engine must be ready for calls before anybody can make one.
            loop.call_soon(begun.set_result, loop)
            await self._engine.run()

        # A daemon, so that a script that forgets close() ends; atexit closes it then.
        self._thread = threading.Thread(
            target=lambda: _run_apart(live()), name="distributor", daemon=True
        )
        self._thread.start()
        self._loop = begun.result()
        atexit.register(self.close)


def _run_apart(work: Coroutine[Any, Any, None]) -> None:
    """Run an event loop in a thread that leaves Ctrl-C to the main one.

    Starting a process blocks and unblocks the thread's signals, at which it can take a
    SIGINT that was meant for the main thread; that would then sleep on, and never know.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    asyncio.run(work)


def _whole(name: str, value: object, low: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ConfigurationError(f"{name} is a whole number from {low} up, not {value!r}")
    return value
