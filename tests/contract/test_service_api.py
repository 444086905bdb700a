"""The HTTP API, over a service with simulated machines."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from distributor.errors import ConfigurationError, StateError
from distributor.service.limit import Limits
from distributor.service.results import PENCIL
from tests.services import TOKEN, Running, running

SETS: dict[str, Any] = {
    "tasksets": [
        {"name": "good", "tasks": [{"binary": "busy", "arg1": 2000, "period_ms": 10}]},
        {"name": "late", "tasks": [{"binary": "busy", "arg1": 12000, "period_ms": 10}]},
    ]
}


@pytest.fixture(scope="module", autouse=True)
def _fonts_are_open() -> None:
    """matplotlib keeps its fonts open from the first picture on."""
    from distributor.figures.style import note, picture

    def draw() -> None:
        picture(lambda figure: note(figure.subplots(), "x"), "svg", (2, 2))

    PENCIL.submit(draw).result()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as found:
        yield found


@pytest.fixture
def client(service: Running) -> Iterator[httpx.Client]:
    with service.client() as made:
        yield made


def events(client: httpx.Client) -> Iterator[tuple[str, Any]]:
    with client.stream("GET", "/api/v1/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in answer.iter_lines():
            key, _, value = line.partition(": ")
            if key == "event":
                name = value
            elif key == "data":
                yield name, json.loads(value)


def test_a_job_is_handed_over_watched_and_read(client: httpx.Client) -> None:
    told = events(client)
    name, first = next(told)
    assert name == "snapshot"
    assert first.keys() == {"state", "jobs", "machines"}
    answer = client.post("/api/v1/jobs", json={**SETS, "name": "two"})
    assert answer.status_code == 201
    number = answer.json()["number"]
    sets, job = [], answer.json()
    for name, what in told:
        if name == "sets":
            sets += [each for each in what if each["job"] == number]
        elif name == "job" and what["number"] == number:
            job = what
        if job["state"] == "done" and len(sets) == 2:
            break
    told.close()  # type: ignore[attr-defined]
    assert (job["name"], job["decided"], job["total"]) == ("two", 2, 2)
    assert {each["name"]: each["verdict"] for each in sets} == {
        "good": "schedulable",
        "late": "missed",
    }
    read = client.get("/api/v1/results", params={"job": number}).json()
    assert sorted(each["id"] for each in read["results"]) == sorted(each["id"] for each in sets)
    assert [each["tasks"] for each in read["results"]] == [1, 1]
    missed = client.get("/api/v1/results", params={"job": number, "verdict": "missed"}).json()
    assert [each["name"] for each in missed["results"]] == ["late"]
    page = client.get("/api/v1/results", params={"job": number, "limit": 1}).json()
    rest = client.get("/api/v1/results", params={"job": number, "before": page["next"]}).json()
    assert [page["results"][0]["id"], rest["results"][0]["id"]] == [
        each["id"] for each in read["results"]
    ]
    assert rest["next"] is None
    detail = client.get(f"/api/v1/results/{number}/1").json()
    assert detail["tasks"][0]["executable"] == "busy"
    assert detail["jobs"][0]["response_ns"] >= 10_000_000
    assert not detail["jobs"][0]["met"]
    for dark in (0, 1):
        drawn = client.get(f"/api/v1/results/{number}/0/gantt.svg", params={"dark": dark})
        assert drawn.headers["content-type"] == "image/svg+xml"
        assert ("#14171a" in drawn.text) == bool(dark)
    drawn = client.get(f"/api/v1/results/{number}/0/gantt.svg", params={"narrow": 1})
    assert 'viewBox="0 0 266.4 ' in drawn.text
    points = client.get("/api/v1/ratio", params={"job": number}).json()["points"]
    assert sum(point["sets"] for point in points) == 2


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/jsonl", b'{"tasks": [{"binary": "busy", "arg1": 1}]}\n' * 3),
        ("text/csv", b"\xef\xbb\xbfbinary,arg1\nbusy,1\nbusy,2\nbusy,3\n"),
        (
            "application/json",
            b'{"generate": {"tasks": 2, "utilization": 0.5, "seed": 1, "sets": 3}}',
        ),
    ],
)
def test_a_file_is_taken_as_it_is(client: httpx.Client, kind: str, body: bytes) -> None:
    headers = {"content-type": kind}
    answer = client.post("/api/v1/jobs?name=file&offset=1", content=body, headers=headers)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["name"], answer.json()["total"]) == ("file", 2)


def test_a_job_is_held_and_cancelled_alone(client: httpx.Client) -> None:
    client.post("/api/v1/pause")
    number = client.post("/api/v1/jobs", json=SETS).json()["number"]
    verbs = f"/api/v1/jobs/{number}"
    assert client.post(f"{verbs}/pause").json()["state"] == "paused"
    assert client.post(f"{verbs}/resume").json()["state"] == "waiting"
    assert client.post(f"{verbs}/cancel").json()["state"] == "cancelled"
    assert client.post(f"{verbs}/cancel").status_code == 409
    assert client.post("/api/v1/resume").json()["state"] in ("running", "idle")


def test_the_maximum_is_changed_within_its_bound(client: httpx.Client) -> None:
    assert client.put("/api/v1/maximum", json={"maximum": 3}).json()["maximum"] == 3
    refused = client.put("/api/v1/maximum", json={"maximum": 43})
    assert refused.status_code == 400
    assert "at most 42" in refused.json()["error"]
    client.put("/api/v1/maximum", json={"maximum": 2})


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"[" * 100_000, "nested too deeply"),
        (b'{"tasksets": [{"tasks": []}]}', "at least one task"),
        (b'{"tasksets": [{"tasks": [{"binary": "./busy"}]}]}', "paths-are-absolute"),
        (
            b'{"tasksets": [{"tasks": [{"binary": "busy", "arg1": ' + b"9" * 5000 + b"}]}]}",
            "too many digits",
        ),
        (b'{"tasksets": [{"tasks": [{"binary": "busy", "cores": 8}]}]}', "needs 8 processors"),
        (b'{"tasksets": [{"tasks": [{"binary": "busy"}]}], "offset": -1}', "offset"),
        (
            b'{"name": "a", "tasksets": [{"tasks": [{"binary": "busy", "arg1": 1, "arg1": 2}]}]}',
            "the body: an object has 'arg1' twice",
        ),
        (b"\xff", "UTF-8"),
    ],
)
def test_a_bad_job_is_one_line_that_says_where(
    client: httpx.Client, body: bytes, told: str
) -> None:
    headers = {"content-type": "application/json"}
    answer = client.post("/api/v1/jobs", content=body, headers=headers)
    assert answer.status_code == 400
    assert told in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/api/v1/jobs/999999"),
        ("POST", "/api/v1/jobs/999999/cancel"),
        ("GET", "/api/v1/machines/none/console"),
        ("POST", "/api/v1/machines/none/kill"),
        ("GET", "/api/v1/results/999999/0"),
        ("GET", "/api/v1/results/999999/0/gantt.svg"),
        ("GET", "/api/v1/nothing"),
    ],
)
def test_what_is_not_there_is_said_in_json(client: httpx.Client, verb: str, path: str) -> None:
    answer = client.request(verb, path)
    assert answer.status_code == 404
    assert answer.json().keys() == {"error", "hint"}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("results?limit=5&before=7&before=8", "the query has before more than once"),
        ("results?before=%2B0.0", "before: a whole number is written with digits alone"),
        ("jobs/1_0", "number: a whole number is written with digits alone"),
        ("results?limit=-1", "limit: Input should be greater than or equal to 1"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(
    client: httpx.Client, asked: str, told: str
) -> None:
    answer = client.get(f"/api/v1/{asked}")
    assert answer.status_code == 400
    assert answer.json() == {"error": told, "hint": ""}


def test_half_a_character_in_a_name_harms_nothing(client: httpx.Client) -> None:
    sets = b'{"tasksets": [{"name": "a\\ud800b", "tasks": [{"binary": "busy", "arg1": 1}]}]}'
    headers = {"content-type": "application/json"}
    answer = client.post("/api/v1/jobs?name=%ED%A0%80", content=sets, headers=headers)
    assert answer.status_code == 201
    assert client.get("/api/v1/jobs").status_code == 200


def test_over_tcp_nothing_is_told_and_nothing_changes_without_the_token(service: Running) -> None:
    good = {"authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=service.url) as client:
        paths = client.get("/api/v1/openapi.json", headers=good).json()["paths"]
        every = [
            (verb.upper(), re.sub(r"\{\w+\}", "1", path))
            for path, verbs in paths.items()
            for verb in verbs
        ]
        every += [("GET", "/api/v1/openapi.json"), ("GET", "/metrics"), ("POST", "/")]
        assert ("GET", "/api/v1/machines/1/console") in every
        assert ("PUT", "/api/v1/maximum") in every
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": TOKEN}):
            for verb, path in every:
                answer = client.request(verb, path, headers=headers, json={"maximum": 9})
                assert answer.status_code == 401, (verb, path)
        assert client.get("/api/v1/state", headers=good).json()["maximum"] == 2
        page = client.get("/")
        assert page.status_code == 200
        assert "default-src 'none'" in page.headers["content-security-policy"]
        # A page of somebody else's that gave its own name our address.
        stolen = client.get("/", headers={**good, "host": "evil.example"})
        assert stolen.status_code == 400


def test_only_this_user_reaches_the_socket(service: Running) -> None:
    assert service.path.stat().st_mode & 0o777 == 0o600


def test_who_asks_too_much_is_told_to_wait(tmp_path: Path) -> None:
    limits = Limits(rate_per_s=0.001, burst=3, body_bytes=100, streams=0, jobs=0)
    with running(tmp_path, limits=limits) as service, service.client() as client:
        large = client.post("/api/v1/jobs", content=b"x" * 101)
        assert large.status_code == 413
        assert client.post("/api/v1/jobs", content=iter([b"x" * 101])).status_code == 413
        assert client.get("/api/v1/events").status_code == 409
        answer = client.get("/api/v1/state")
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0


def test_a_service_goes_on_where_the_last_one_was(tmp_path: Path) -> None:
    with running(tmp_path) as service, service.client() as client:
        first = client.post("/api/v1/jobs", json={**SETS, "name": "first"}).json()["number"]
        until_ended(client, first)
        client.post("/api/v1/pause")
        client.post("/api/v1/jobs", json={**SETS, "name": "second"})
        held = client.post("/api/v1/jobs", json={**SETS, "name": "held"}).json()["number"]
        client.post(f"/api/v1/jobs/{held}/pause")
        run = client.get("/api/v1/state").json()["run"]
    with running(tmp_path) as service, service.client() as client:
        assert client.get("/api/v1/state").json()["run"] == run
        until_ended(client, 2)
        told = [(each["number"], each["name"], each["state"], each["decided"])
                for each in client.get("/api/v1/jobs").json()]  # fmt: skip
        assert told == [(1, "first", "done", 2), (2, "second", "done", 2), (3, "held", "paused", 0)]
        state = client.get("/api/v1/state").json()
        assert (state["verdicts"]["schedulable"], state["verdicts"]["missed"]) == (2, 2)
        assert (state["jobs_done"], state["jobs_open"]) == (2, 1)
        assert client.post("/api/v1/jobs/1/cancel").status_code == 409
        assert client.post("/api/v1/jobs", json=SETS).json()["number"] == 4
    with (
        pytest.raises(ConfigurationError, match="not complete, and was begun with other machines"),
        running(tmp_path, cpus=2),
    ):
        pass
    with running(tmp_path, cpus=2, fresh=True) as service, service.client() as client:
        assert client.get("/api/v1/jobs").json() == []


def until_ended(client: httpx.Client, number: int) -> None:
    for name, told in events(client):
        jobs = told["jobs"] if name == "snapshot" else [told] if name == "job" else []
        if any(each["number"] == number and each["state"] == "done" for each in jobs):
            return


def test_a_second_service_on_the_same_store_or_socket_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    store = str(tmp_path / "results.db")
    with running(tmp_path):
        with (
            pytest.raises(StateError, match="a service runs already with the store"),
            running(tmp_path / "other", store=store, fresh=True),
        ):
            pass
        with (
            pytest.raises(StateError, match="a service runs already on"),
            running(tmp_path, store=str(tmp_path / "other.db")),
        ):
            pass


def test_a_socket_that_a_dead_service_left_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "service.sock"))
    left.close()
    with running(tmp_path) as service, service.client() as client:
        assert client.get("/api/v1/state").status_code == 200
    assert not service.path.exists()
