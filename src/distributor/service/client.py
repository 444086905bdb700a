"""A running service from Python, with the names of :class:`distributor.Distributor`."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, TypeAdapter

from distributor.errors import (
    ConfigurationError,
    DistributorError,
    MachineError,
    NotThereError,
    ServiceError,
    StateError,
    StoreError,
)
from distributor.jobs.job import JobState
from distributor.jobs.queue import QueueState
from distributor.service.address import find_token, parse_address
from distributor.service.models import Console, Job, Machine, Results, Set, SetDetail, State, Where
from distributor.session.description import Goal
from distributor.session.result import Verdict
from distributor.tasks.block import BlockTaskSet
from distributor.tasks.formats.document import from_folder
from distributor.tasks.formats.lines import line_of
from distributor.tasks.generate.tasksets import RandomTaskSets
from distributor.tasks.load import load
from distributor.tasks.taskset import TaskSet
from distributor.view import JobView, MachineView

T = TypeVar("T", bound=BaseModel)

_ANSWER_S = 60.0
#: Longer than the service's heartbeat.
_SILENCE_S = 45.0
#: How long a service that has gone is waited for: one that is restarted comes back.
PATIENCE_S = 30.0
_RETRY_S = 0.5
_API = "/api/v1"
_JSON, _JSON_LINES = "application/json", "application/jsonl"
#: More than a service takes.
_BODY_MAX = 256 * 2**20
_ERRORS: dict[int, type[DistributorError]] = {
    400: ConfigurationError,
    404: NotThereError,
    409: StateError,
    413: ConfigurationError,
    503: StoreError,
}
_ENDED = (JobState.DONE, JobState.CANCELLED, JobState.FAILED)
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
        self._address = parse_address(address)
        path = self._address.path
        headers = {}
        if path is None:
            headers["authorization"] = f"Bearer {find_token(token)}"
        self._closed = False
        self._streaming: socket.socket | None = None
        self._http = httpx.Client(
            transport=None if path is None else httpx.HTTPTransport(uds=str(path)),
            base_url=self._address.url or "http://localhost",
            headers=headers,
            timeout=_ANSWER_S,
            trust_env=False,
        )

    @property
    def address(self) -> str:
        """Where the service is."""
        return str(self._address)

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
        """Hand over a job.

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
        beside = {"offset": offset, "switches": switches, "name": name}
        if session_params:
            beside["admission"] = _goal(session_params)
        content, kind = _document(taskset)
        answer = self._ask(
            "POST", "/jobs", content=content, headers={"content-type": kind}, params=beside
        )
        return Job.model_validate_json(answer).number

    @property
    def jobs(self) -> list[JobView]:
        """Every job of the service, in order."""
        return [
            JobView(each.number, each.decided, each.total, each.state in _ENDED, each.state)
            for each in self.list_jobs()
        ]

    def list_jobs(self) -> list[Job]:
        """Every job of the service, with all that it tells."""
        return _jobs.validate_json(self._ask("GET", "/jobs"))

    def job(self, number: int) -> Job:
        """:raise NotThereError: there is none of that number."""
        return self._get(Job, f"/jobs/{number}")

    def cancel_job(self, number: int) -> None:
        """See :meth:`distributor.Distributor.cancel_job`."""
        self._ask("POST", f"/jobs/{number}/cancel")

    def pause_job(self, number: int) -> None:
        """See :meth:`distributor.Distributor.pause_job`."""
        self._ask("POST", f"/jobs/{number}/pause")

    def resume_job(self, number: int) -> None:
        """See :meth:`distributor.Distributor.resume_job`."""
        self._ask("POST", f"/jobs/{number}/resume")

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
            if all(job.state in _ENDED for job in waited.values()):
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
        gone_s: float | None = None
        while end_s is None or time.monotonic() < end_s:
            try:
                for each in self._stream(end_s):
                    gone_s = None
                    yield each
            except httpx.TimeoutException:
                continue
            except httpx.TransportError as error:
                if self._closed:
                    return
                now_s = time.monotonic()
                gone_s = gone_s or now_s
                if now_s - gone_s > PATIENCE_S:
                    raise self._silent(error) from error
            else:
                gone_s = gone_s or time.monotonic()
            # Nothing tells when a process that is gone has come back.
            time.sleep(_RETRY_S)

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
            page = Results.model_validate_json(self._ask("GET", "/results", params=asked))
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
        self._ask("PUT", "/maximum", json={"maximum": max_machine})

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
        return _machines.validate_json(self._ask("GET", "/machines"))

    def console(self, machine: str, lines: int = 200) -> str:
        """What a machine printed last.

        :raise NotThereError: there is none of that name.
        """
        asked = {"lines": lines}
        answer = self._ask("GET", f"/machines/{_quoted(machine)}/console", params=asked)
        return Console.model_validate_json(answer).text

    def kill_machine(self, machine: str) -> None:
        """End a machine at once; its set comes back.

        :raise NotThereError: there is none of that name.
        """
        self._ask("POST", f"/machines/{_quoted(machine)}/kill")

    def kill_all_machines(self) -> None:
        """See :meth:`distributor.Distributor.kill_all_machines`."""
        self._ask("POST", "/kill")

    def shut_down_all_machines(self) -> None:
        """See :meth:`distributor.Distributor.shut_down_all_machines`."""
        self._ask("POST", "/pause")

    def resume(self) -> None:
        """See :meth:`distributor.Distributor.resume`."""
        self._ask("POST", "/resume")

    # -- end ---------------------------------------------------------------------------

    def close(self) -> None:
        """End the connection; the service goes on. Idempotent."""
        self._closed = True
        streaming, self._streaming = self._streaming, None
        if streaming is not None:
            # Wakes a thread that waits in `events`.
            with contextlib.suppress(OSError):
                streaming.shutdown(socket.SHUT_RDWR)
        self._http.close()

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
        return kind.model_validate_json(self._ask("GET", path))

    def _ask(self, verb: str, path: str, **request: Any) -> bytes:
        try:
            answer = self._http.request(verb, _API + path, **request)
        except httpx.HTTPError as error:
            raise self._silent(error) from error
        if answer.is_success:
            return answer.content
        raise _error(answer)

    def _stream(self, end_s: float | None) -> Iterator[tuple[str, Any]]:
        left_s = _SILENCE_S if end_s is None else max(0.1, end_s - time.monotonic())
        limit = httpx.Timeout(_ANSWER_S, read=min(_SILENCE_S, left_s))
        with self._http.stream("GET", f"{_API}/events", timeout=limit) as answer:
            if not answer.is_success:
                answer.read()
                raise _error(answer)
            self._streaming = answer.extensions["network_stream"].get_extra_info("socket")
            name = ""
            for line in answer.iter_lines():
                key, _, value = line.partition(": ")
                if key == "event":
                    name = value
                elif key == "data":
                    yield name, json.loads(value)
                if end_s is not None and time.monotonic() > end_s:
                    return

    def _silent(self, error: httpx.HTTPError) -> ServiceError:
        what = str(error) or type(error).__name__
        return ServiceError(
            f"no service answers at {self._address}: {what}",
            hint="`distributor service start` starts one",
        )


def _document(given: TaskSet | Iterable[TaskSet] | Path | str) -> tuple[str, str]:
    """A body that holds the sets, and its type."""
    if isinstance(given, str | Path):
        path = Path(given)
        given = load(path)
        if path.suffix == ".json" and isinstance(given, BlockTaskSet):
            return json.dumps({"product": _product(path)}), _JSON
    if isinstance(given, RandomTaskSets):
        return json.dumps({"generate": given.description}), _JSON
    if isinstance(given, TaskSet):
        given = [given]
    if not isinstance(given, Iterable):
        raise ConfigurationError(
            f"a job takes a task set or an iterable of task sets, not {given!r:.60}"
        )
    lines: list[str] = []
    length = 0
    for place, each in enumerate(given):
        if not isinstance(each, TaskSet):
            raise ConfigurationError(f"set {place} is no task set but {each!r:.80}")
        lines.append(line_of(each))
        length += len(lines[-1])
        if length > _BODY_MAX:
            raise ConfigurationError(
                f"these are more task sets than one job may bring: {place} are {length >> 20} MiB",
                hint="send them as several jobs, or as a description: product, generate",
            )
    if not lines:
        raise ConfigurationError("a job needs at least one task set; this has none")
    return "\n".join(lines), _JSON_LINES


def _product(path: Path) -> Any:
    """What a file holds under ``product``; its binaries' paths are absolute."""
    product = json.loads(path.read_text("utf-8"))["product"]
    folder = path.parent.resolve()
    return {**product, "tasks": [from_folder(task, folder) for task in product["tasks"]]}


def _goal(given: tuple[Mapping[str, Any], ...]) -> str:
    """The name of the goal with these parameters."""
    for goal in Goal:
        if len(given) == 1 and given[0] == goal.parameters:
            return goal.value
    raise ConfigurationError(
        f"a service takes one optimization goal of {', '.join(Goal)}, as Goal.parameters has it"
    )


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _error(answer: httpx.Response) -> DistributorError:
    """What an answer that is no success stands for."""
    try:
        told = json.loads(answer.content)
        message, hint = str(told["error"]), str(told["hint"])
    except (ValueError, KeyError, TypeError):
        message, hint = f"the service answered with {answer.status_code}", ""
    return _ERRORS.get(answer.status_code, ServiceError)(message, hint=hint)
