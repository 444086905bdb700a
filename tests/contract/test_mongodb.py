"""The MongoDB monitor's documents, and what it says when there is no good server."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from distributor import ConfigurationError, MongoMonitor, StoreError
from distributor.monitors import mongodb
from distributor.session.result import Clock
from distributor.store.row import job_row
from distributor.tasks.taskset import TaskSet
from tests.fakes.mongodb import Document, FakeMongo
from tests.results import a_result, an_attempt


@pytest.fixture
def server() -> Iterator[FakeMongo]:
    with FakeMongo() as server:
        yield server


def test_a_set_is_one_document_with_its_tasks_and_jobs(server: FakeMongo) -> None:
    monitor = MongoMonitor(
        f"{server.url}/lab", command="x --store a://me:secret@b", clock=Clock.VIRTUAL
    )
    taskset = TaskSet(an_attempt().taskset, origin={"generator": "x", "tasks": [1, 2]})
    monitor.finished(an_attempt(4, taskset=taskset), a_result())
    (run,) = server.documents("lab.runs")
    assert (run["_id"], run["clock"], run["ended_at"]) == (monitor.run_id, "virtual", None)
    assert run["command"] == "x --store a://me:***@b"
    (document,) = server.documents("lab.tasksets")
    assert document["_id"] == {"run": monitor.run_id, "batch": 1, "set_index": 4}
    assert (document["run_id"], document["verdict"]) == (monitor.run_id, "schedulable")
    assert [task["executable"] for task in document["tasks"]] == ["busy", "hey"]
    assert [job["completion_ns"] for job in document["jobs"]] == [2_000_000, 12_000_000]
    assert document["origin"] == {"generator": "x", "tasks": [1, 2]}
    assert document["digest"] == a_result().digest
    assert not server.documents("lab.jobs")
    monitor.close()
    assert server.documents("lab.runs")[0]["ended_at"] is not None


def test_a_set_too_large_for_one_document_is_kept_in_parts(server: FakeMongo) -> None:
    monitor = MongoMonitor(server.url)
    result = a_result(jobs=150_000)
    monitor.finished(an_attempt(), result)
    monitor.close()
    (document,) = server.documents("distributor.tasksets")
    assert (document["jobs"], document["job_parts"]) == ([], 5)
    parts = server.documents("distributor.jobs")
    found = [job["completion_ns"] for part in parts for job in part["jobs"]]
    assert found == [job.completion_ns for job in result.jobs]
    assert parts[3]["_id"] == {**document["_id"], "part": 3}


def test_the_bound_on_a_documents_jobs_holds_for_the_largest_numbers() -> None:
    from bson import encode

    row = {
        name: value
        for name, value in job_row(0, a_result().jobs[0]).items()
        if name != "taskset_id"
    }
    largest = {**row, **{name: 2**63 - 1 for name, value in row.items() if isinstance(value, int)}}
    largest["outcome"] = "EXIT_CRITICAL"
    size = len(encode({"jobs": [largest] * mongodb.JOBS_IN_DOCUMENT}))
    assert size < 8 << 20


def test_a_connection_that_breaks_is_made_again_and_keeps_a_set_once() -> None:
    cut: list[str] = []

    def refuse(name: str, document: Document) -> int | None:
        if name == "update" and not cut:
            cut.append(name)
            return None  # after it was carried out, so that the client cannot know
        return 0

    with FakeMongo(refuse) as server:
        monitor = MongoMonitor(server.url)
        monitor.finished(an_attempt(), a_result())
        assert cut == ["update"]
        assert server.commands.count("update") == 2
        assert len(server.documents("distributor.tasksets")) == 1
        monitor.close()


def test_a_server_that_refuses_is_one_line() -> None:
    with (
        FakeMongo(lambda name, document: 13 * (name == "insert")) as server,
        pytest.raises(StoreError, match=r"cannot write to 127\.0\.0\.1:\d+/distributor: refused"),
    ):
        MongoMonitor(server.url)


def test_a_server_that_goes_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mongodb, "WRITE_WAIT_S", 0.5)
    server = FakeMongo()
    with server:
        monitor = MongoMonitor(server.url)
    with pytest.raises(StoreError) as caught:
        monitor.finished(an_attempt(), a_result())
    assert str(caught.value).startswith("cannot write to 127.0.0.1:")
    assert "\n" not in str(caught.value)
    with pytest.raises(StoreError):
        monitor.close()
    monitor.close()


def test_no_server_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mongodb, "CONNECT_WAIT_S", 0.3)
    with FakeMongo() as gone:
        url = gone.url.replace("://", "://me:secret@")
    with pytest.raises(StoreError, match=r"cannot write to 127\.0\.0\.1") as caught:
        MongoMonitor(url)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["mongodb://", "mongodb://me:sec:ret@host", "mongodb://host/?timeoutMS=secret"]
)
def test_a_url_that_is_none_is_one_line_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match="mongodb://user:password@host") as caught:
        MongoMonitor(url)
    assert "\n" not in str(caught.value)
    assert "ret" not in str(caught.value)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymongo", None)
    with pytest.raises(ConfigurationError) as caught:
        MongoMonitor("mongodb://127.0.0.1")
    assert str(caught.value) == (
        "writing to MongoDB needs the Python package pymongo (pip install 'distributor[mongodb]')"
    )
