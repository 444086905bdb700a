"""What happens to a service and to who asks it when something goes wrong."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from distributor import (
    Distributor,
    MachineError,
    ServiceError,
    StateError,
    StoreError,
    Task,
    TaskSet,
)
from distributor.service.client import Client
from tests.fakes.instant import InstantKind
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


@pytest.mark.parametrize("asked", [False, True])
def test_a_full_store_halts_the_work_until_there_is_room(
    asked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distributor.service.service.RETRY_S", 60 if asked else 0.05)
    with running(tmp_path, InstantKind()) as service, Client(str(service.path)) as client:
        with monkeypatch.context() as patched:
            patched.setattr(service.service.store, "add", full)
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
        while client.state().state == "failed":
            time.sleep(0.05)
        assert client.wait()
        assert client.state().state == "idle"
        assert client.job(1).decided == sum(client.job(1).verdicts.values()) == 5
        assert sorted(each.index for each in client.results(job=1)) == [0, 1, 2, 3, 4]
        batches = service.service.store.batches.of_run(service.service.run)
        assert [each.state for each in batches] == ["done", "cancelled"]


def test_a_service_that_was_paused_stays_so_when_there_is_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distributor.service.service.RETRY_S", 0.05)
    with running(tmp_path, InstantKind()) as service, Client(str(service.path)) as client:
        with monkeypatch.context() as patched:
            patched.setattr(service.service.store, "add", full)
            client.add_job([ONE] * 5)
            with pytest.raises(MachineError, match="the disk is full"):
                client.wait()
            client.shut_down_all_machines()
        while client.state().state == "failed":
            time.sleep(0.05)
        assert client.state().state == "paused"
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
        while client.list_machines():
            time.sleep(0.05)
    # Nothing was lost.
    with running(tmp_path, InstantKind()) as service, Client(str(service.path)) as client:
        assert client.wait()
        assert sorted(each.index for each in client.results(job=1)) == [0, 1, 2, 3, 4]
