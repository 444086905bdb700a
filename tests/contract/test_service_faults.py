"""What happens to a service and to who asks it when something goes wrong."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from distributor import (
    Distributor,
    LaunchError,
    MachineError,
    ServiceError,
    StateError,
    StoreError,
    Task,
    TaskSet,
)
from distributor.cli.follow import follow
from distributor.cli.progress import ProgressMonitor
from distributor.service.client import Client
from distributor.service.service import Service
from tests.fakes.instant import InstantKind, InstantMachine
from tests.services import TOKEN, running

ONE = TaskSet(Task("busy", arg1=1))


def test_a_client_finds_a_service_that_was_started_anew(tmp_path: Path) -> None:
    with running(tmp_path, InstantKind()) as service:
        client = Client(str(service.path))
        events = client.events()
        assert next(events)[0] == "snapshot"
    with running(tmp_path, InstantKind()), client:
        name = ""
        while name != "snapshot":
            name, _ = next(events)
        client.add_job(ONE)
        assert client.wait()
        events.close()  # type: ignore[attr-defined]


def test_closing_a_client_ends_a_thread_that_follows(tmp_path: Path) -> None:
    with running(tmp_path, InstantKind()) as service:
        client = Client(str(service.path))
        begun = threading.Event()

        def follow() -> None:
            for _ in client.events():
                begun.set()

        thread = threading.Thread(target=follow)
        thread.start()
        assert begun.wait(30)
        client.close()
        thread.join(30)
        assert not thread.is_alive()


def test_over_tcp_the_token_opens_the_same(tmp_path: Path) -> None:
    with running(tmp_path, InstantKind()) as service:
        with Distributor.connect(service.url, TOKEN) as client:
            assert client.add_job([ONE] * 3) == 1
            assert client.wait()
            assert len(list(client.results(job=1))) == 3
        with (
            Distributor.connect(service.url, "a-wrong-token") as client,
            pytest.raises(ServiceError, match="no token, or a wrong one"),
        ):
            client.state()


def test_a_job_whose_answer_is_lost_is_added_once(tmp_path: Path) -> None:
    with running(tmp_path, InstantKind()) as service, Client(str(service.path)) as client:
        asked = client._channel._http.request
        keys = []

        def lost(*words: Any, **request: Any) -> httpx.Response:
            keys.append(request["params"]["key"])
            answer = asked(*words, **request)
            if len(keys) < 3:
                raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
            return answer

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(client._channel._http, "request", lost)
            patched.setattr("distributor.service.channel._RETRY_S", 0.01)
            assert client.add_job([ONE] * 3) == 1
        assert len(keys) == 3
        assert len(set(keys)) == 1
        assert client.add_job([ONE] * 3) == 2
        assert client.wait()
    # Nor is it added again where the service has been started anew meanwhile.
    with running(tmp_path, InstantKind()) as service, Client(str(service.path)) as client:
        told = client._channel.ask(
            *("POST", "/jobs"),
            content='{"tasks": [{"binary": "hey"}]}',
            headers={"content-type": "application/jsonl"},
            params={"key": keys[0]},
        )
        assert json.loads(told)["number"] == 1
        assert len(client.list_jobs()) == 2


def test_who_follows_a_job_that_waits_is_told_for_what(tmp_path: Path) -> None:
    with running(tmp_path, InstantKind()) as service, Client(str(service.path)) as client:
        client.set_max_machine_value(0)
        number = client.add_job([ONE] * 3)
        said = io.StringIO()
        err = Console(file=said, width=200)
        progress = ProgressMonitor(3, lines=False, out=err, err=err)

        def watch() -> None:
            with Client(str(service.path)) as watching:
                follow(watching, number, progress)

        thread = threading.Thread(target=watch)
        thread.start()
        changes: list[tuple[Callable[[], object], str]] = [
            (lambda: None, "the service may have no machine (`distributor service maximum N`"),
            (client.shut_down_all_machines, "the service is paused (`distributor service resume`"),
            (lambda: client.pause_job(number), ""),
            (client.resume, "the service may have no machine"),
            (lambda: client.set_max_machine_value(1), "job 1 is paused (`distributor job resume"),
        ]
        for change, why in changes:
            before = len(said.getvalue())
            change()
            while why not in said.getvalue()[before:]:
                time.sleep(0.02)
        client.resume_job(number)
        thread.join()
        assert said.getvalue().count("waiting: ") == 4


# httpcore leaves a socket to the garbage collector whose connect failed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_where_no_service_is_that_is_said(tmp_path: Path) -> None:
    with (
        Distributor.connect(str(tmp_path / "none.sock")) as client,
        pytest.raises(ServiceError, match=r"no service answers at .*none\.sock: No such file"),
    ):
        client.state()


def full(*_: object) -> int:
    raise StoreError("cannot write to the store: the disk is full", hint="make room")


@contextmanager
def full_disk(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The store of a service takes no results."""
    with monkeypatch.context() as patched:
        patched.setattr(service.store, "add", full)
        yield


def until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def until_it_goes_on(client: Client) -> None:
    until(lambda: client.state().state != "failed")


@pytest.mark.parametrize("asked", [False, True])
def test_a_full_store_halts_the_work_until_there_is_room(
    asked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distributor.service.service.RETRY_S", 60 if asked else 0.05)
    heard = threading.Event()
    told = 0

    def listen() -> None:
        nonlocal told
        with Client(str(service.path)) as listening:
            for name, what in listening.events():
                heard.set()
                if name == "sets":
                    told += len(what)
                elif name == "dropped":
                    told += what["dropped"]
                if told >= 5:
                    return

    with running(tmp_path, InstantKind()) as service, Client(str(service.path)) as client:
        listener = threading.Thread(target=listen)
        listener.start()
        heard.wait(20)
        with full_disk(service.service, monkeypatch):
            client.add_job([ONE] * 5)
            client.add_job([ONE] * 2)
            with pytest.raises(MachineError, match="the disk is full") as failed:
                client.wait()
            assert "make room; the service then goes on by itself" in str(failed.value)
            assert client.state().state == "failed"
            with pytest.raises(StateError, match="then goes on by itself"):
                client.resume()
            # What is asked meanwhile is not forgotten, either.
            client.cancel_job(2)
        if asked:
            client.resume()
        until_it_goes_on(client)
        assert client.wait()
        assert client.state().state == "idle"
        assert client.job(1).decided == sum(client.job(1).verdicts.values()) == 5
        assert sorted(each.index for each in client.results(job=1)) == [0, 1, 2, 3, 4]
        batches = service.service.store.batches.of_run(service.service.run)
        assert [each.state for each in batches] == ["done", "cancelled"]
        listener.join(20)
        assert told == 5  # with those that were not in the store when they ended


def test_a_service_that_was_paused_stays_so_when_there_is_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distributor.service.service.RETRY_S", 0.05)
    with running(tmp_path, InstantKind()) as service, Client(str(service.path)) as client:
        with full_disk(service.service, monkeypatch):
            client.add_job([ONE] * 5)
            with pytest.raises(MachineError, match="the disk is full"):
                client.wait()
            client.shut_down_all_machines()
        until_it_goes_on(client)
        assert client.state().state == "paused"
        client.resume()
        assert client.wait()


def test_a_service_goes_on_where_the_next_result_has_written_what_was_owed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distributor.service.service.RETRY_S", 0.5)
    with running(tmp_path, InstantKind()) as service, Client(str(service.path)) as client:
        with full_disk(service.service, monkeypatch):
            client.add_job([ONE] * 5)
            until(lambda: service.service.engine.failure is not None)
        # As a result does that another machine has, before it is ended.
        service.service._run.keep_owed()
        assert client.state().state == "failed"
        until_it_goes_on(client)
        assert client.wait()


def test_machines_that_cannot_be_started_are_told_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: object) -> None:
        raise LaunchError("QEMU did not start")

    with running(tmp_path, InstantKind()) as service, Client(str(service.path)) as client:
        with monkeypatch.context() as patched:
            patched.setattr(InstantMachine, "start", broken)
            client.add_job(ONE)
            with pytest.raises(MachineError, match="QEMU did not start") as failed:
                client.wait()
            assert "(`distributor service resume` lets it try again)" in str(failed.value)
        client.resume()
        assert client.wait()


def test_what_a_service_could_not_keep_is_run_again_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path, InstantKind()) as service, Client(str(service.path)) as client:
        monkeypatch.setattr(service.service.store, "add", full)
        client.add_job([ONE] * 5)
        with pytest.raises(MachineError, match="the disk is full"):
            client.wait()
        until(lambda: not client.list_machines())
    # Nothing was lost.
    with running(tmp_path, InstantKind()) as service, Client(str(service.path)) as client:
        assert client.wait()
        assert sorted(each.index for each in client.results(job=1)) == [0, 1, 2, 3, 4]
