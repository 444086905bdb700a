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


def test_a_result_that_cannot_be_kept_ends_the_work_until_a_new_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path, InstantKind()) as service, Client(str(service.path)) as client:

        def full(*_: object) -> int:
            raise StoreError("cannot write to the store: the disk is full", hint="make room")

        monkeypatch.setattr(service.service.store, "add", full)
        client.add_job([ONE] * 5)
        with pytest.raises(MachineError, match="the disk is full"):
            client.wait()
        assert client.state().state == "failed"
        with pytest.raises(StateError, match="start the service anew"):
            client.resume()
        while client.list_machines():
            time.sleep(0.05)
    # Nothing was lost: what could not be written is run again.
    with running(tmp_path, InstantKind()) as service, Client(str(service.path)) as client:
        assert client.wait()
        assert sorted(each.index for each in client.results(job=1)) == [0, 1, 2, 3, 4]
