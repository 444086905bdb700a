"""A running service from Python, with the names of :class:`distributor.Distributor`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter

from distributor.errors import (
    ConfigurationError,
    MachineError,
)
from distributor.jobs.job import JobState
from distributor.jobs.queue import QueueState
from distributor.service.channel import Channel
from distributor.service.models import Console, Job, Machine, Results, Set, SetDetail, State, Where
from distributor.service.sending import name_goal, write_body
from distributor.session.result import Verdict
from distributor.tasks.taskset import TaskSet
from distributor.view import JobView, MachineView

T = TypeVar("T", bound=BaseModel)

_jobs: TypeAdapter[list[Job]] = TypeAdapter(list[Job])
_machines: TypeAdapter[list[Machine]] = TypeAdapter(list[Machine])


class Client:
    """A service that runs already; made by :meth:`distributor.Distributor.connect`.

    Its methods are those of :class:`~distributor.Distributor`, and do the same there. Closing
    it ends the connection, not the service. :meth:`close` may be called from another thread,
    and ends :meth:`events`; nothing else may.

    :param address: a socket's path or ``http://HOST:PORT``; unset, the environment's
        ``DISTRIBUTOR_ADDRESS``, or where this user's service is by default.
    :param token: for TCP; unset, the environment's ``DISTRIBUTOR_TOKEN``, or the default file's.
    :raise ConfigurationError: the address or the token cannot be read.
    :raise ServiceError: by every method: nobody answers, or not as a service does.
    """

    def __init__(self, address: str | None = None, token: str | None = None) -> None:
        self._channel = Channel(address, token)

    @property
    def address(self) -> str:
        """Where the service is."""
        return self._channel.address

    # -- jobs --------------------------------------------------------------------------

    def add_job(
        self,
        taskset: TaskSet | Iterable[TaskSet] | Path | str,
        monitor: None = None,
        offset: int = 0,
        *session_params: Mapping[str, Any],
        switches: int = 0,
        name: str = "",
    ) -> int:
        """Hand over a job, once: where the service ends before it answers, it is asked again.

        :param taskset: a task set, finitely many of them, or the path of a file as of
            ``distributor run``. A Python file is run here, and its sets are sent.
        :param monitor: has no place here: results are in the service's store.
        :param offset: how many sets at its head to leave out.
        :param session_params: at most one mapping: :attr:`Goal.parameters
            <distributor.session.description.Goal>` of a goal of admission control.
        :param switches: record who has which processor when, up to so many switches of a set.
        :param name: what lists call it.
        :return: the job's number.
        :raise ConfigurationError: no task set in it, or one that cannot be run there.
        """
        if monitor is not None:
            raise ConfigurationError(
                "a monitor cannot watch over a connection",
                hint="read `results`, or follow `events`",
            )
        beside: dict[str, Any] = {
            "offset": offset,
            "switches": switches,
            "name": name,
            "key": uuid.uuid4().hex,
        }
        if session_params:
            beside["admission"] = name_goal(session_params)
        content, kind = write_body(taskset)
        answer = self._channel.ask(
            "POST",
            "/jobs",
            again=True,
            content=content,
            headers={"content-type": kind},
            params=beside,
        )
        return Job.model_validate_json(answer).number

    @property
    def jobs(self) -> list[JobView]:
        """Every job of the service, in order."""
        return [
            JobView(each.number, each.decided, each.total, each.state.ended, each.state)
            for each in self.list_jobs()
        ]

    def list_jobs(self) -> list[Job]:
        """Every job of the service, with all that it tells."""
        return _jobs.validate_json(self._channel.ask("GET", "/jobs"))

    def job(self, number: int) -> Job:
        """:raise NotThereError: there is none of that number."""
        return self._get(Job, f"/jobs/{number}")

    def cancel_job(self, number: int) -> None:
        """See :meth:`distributor.Distributor.cancel_job`."""
        self._channel.ask("POST", f"/jobs/{number}/cancel")

    def pause_job(self, number: int) -> None:
        """See :meth:`distributor.Distributor.pause_job`."""
        self._channel.ask("POST", f"/jobs/{number}/pause")

    def resume_job(self, number: int) -> None:
        """See :meth:`distributor.Distributor.resume_job`."""
        self._channel.ask("POST", f"/jobs/{number}/resume")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until every set of the jobs that are open now has its verdict.

        :param timeout: seconds; None waits as long as it takes.
        :return: whether that is so; False if the time ran out first.
        :raise DistributorError: machines cannot be started, or a job's source broke.
        """
        end_s = None if timeout is None else time.monotonic() + timeout
        waited: dict[int, Job] = {}
        first = True
        for event, told in self.events(end_s):
            jobs: list[Any] = []
            state: Any = None
            if event == "snapshot":
                jobs = self.list_jobs() if first else told["jobs"]
                state = told["state"]
            elif event == "job":
                jobs = [told]
            elif event == "state":
                state = told
            for each in jobs:
                job = each if isinstance(each, Job) else Job.model_validate(each)
                if job.number in waited or (first and job.state is not JobState.CANCELLED):
                    waited[job.number] = job
            first = False
            if state is not None and state["state"] == QueueState.FAILED:
                raise MachineError(state["error"] or "the service has failed")
            if all(job.state.ended for job in waited.values()):
                broken = [job.error for job in waited.values() if job.error is not None]
                if broken:
                    raise ConfigurationError(broken[0])
                return True
        return False

    def events(self, end_s: float | None = None) -> Iterator[tuple[str, Any]]:
        """What happens, as it happens: names and contents, as docs/service.md has them.

        A connection that ends is made anew, and begins with a ``snapshot`` again.

        :param end_s: of :func:`time.monotonic`, when it ends; None for never.
        """
        return self._channel.events(end_s)

    # -- results -----------------------------------------------------------------------

    def results(
        self, job: int | None = None, verdict: Verdict | str | None = None
    ) -> Iterator[Set]:
        """Sets that have their verdict, the newest first."""
        asked: dict[str, Any] = {"limit": 1000}
        if job is not None:
            asked["job"] = job
        if verdict is not None:
            asked["verdict"] = str(verdict)
        while True:
            page = Results.model_validate_json(self._channel.ask("GET", "/results", params=asked))
            yield from page.results
            if page.next is None:
                return
            asked["before"] = page.next

    def result(self, job: int, index: int) -> SetDetail:
        """One set with its tasks and their jobs.

        :raise NotThereError: it has no verdict.
        """
        return self._get(SetDetail, f"/results/{job}/{index}")

    # -- machines ----------------------------------------------------------------------

    def set_max_machine_value(self, max_machine: int) -> None:
        """See :meth:`distributor.Distributor.set_max_machine_value`."""
        if isinstance(max_machine, bool) or not isinstance(max_machine, int) or max_machine < 0:
            raise ConfigurationError(
                f"max_machine is a whole number from 0 up, not {max_machine!r}"
            )
        self._channel.ask("PUT", "/maximum", json={"maximum": max_machine})

    def get_max_machine_value(self) -> int:
        """How many machines there may be."""
        return self.state().maximum

    def get_distributor_state(self) -> QueueState:
        """Whether it is ``running``, ``idle``, ``paused`` or ``failed``."""
        return self.state().state

    def state(self) -> State:
        """The service as a whole."""
        return self._get(State, "/state")

    def where(self) -> Where:
        """Where the service is reached."""
        return self._get(Where, "/where")

    @property
    def machines(self) -> list[MachineView]:
        """The machines that exist."""
        return [
            MachineView(
                each.id,
                each.state,
                None if each.job is None or each.index is None else (each.job, each.index),
                each.health,
            )
            for each in self.list_machines()
        ]

    def list_machines(self) -> list[Machine]:
        """The machines that exist, with all that the service tells of them."""
        return _machines.validate_json(self._channel.ask("GET", "/machines"))

    def console(self, machine: str, lines: int = 200) -> str:
        """What a machine printed last.

        :raise NotThereError: there is none of that name.
        """
        asked = {"lines": lines}
        answer = self._channel.ask("GET", f"/machines/{_quoted(machine)}/console", params=asked)
        return Console.model_validate_json(answer).text

    def kill_machine(self, machine: str) -> None:
        """End a machine at once; its set comes back.

        :raise NotThereError: there is none of that name.
        """
        self._channel.ask("POST", f"/machines/{_quoted(machine)}/kill")

    def kill_all_machines(self) -> None:
        """See :meth:`distributor.Distributor.kill_all_machines`."""
        self._channel.ask("POST", "/kill")

    def shut_down_all_machines(self) -> None:
        """See :meth:`distributor.Distributor.shut_down_all_machines`."""
        self._channel.ask("POST", "/pause")

    def resume(self) -> None:
        """See :meth:`distributor.Distributor.resume`."""
        self._channel.ask("POST", "/resume")

    # -- end ---------------------------------------------------------------------------

    def close(self) -> None:
        """End the connection; the service goes on. Idempotent."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- inside ------------------------------------------------------------------------

    def _get(self, kind: type[T], path: str) -> T:
        return kind.model_validate_json(self._channel.ask("GET", path))


def _quoted(name: str) -> str:
    return quote(name, safe="")
