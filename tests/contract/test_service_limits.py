"""What keeps one client from taking the service from all others."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from distributor.service.limit import Limits
from tests.fakes.instant import InstantKind
from tests.services import TOKEN, Running, running

QUICK = Limits(rate_per_s=1e6, burst=10**6, head_s=0.3, body_s=0.3)


@contextmanager
def raw(service: Running) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(service.path))
        yield client


def everything(client: socket.socket) -> bytes:
    """What comes until the service ends the connection."""
    told = b""
    try:
        while piece := client.recv(65536):
            told += piece
    except ConnectionResetError:
        pass
    return told


def test_who_never_ends_a_request_is_sent_away(tmp_path: Path) -> None:
    with running(tmp_path, limits=QUICK) as service:
        with raw(service) as client:
            assert everything(client) == b""
        with raw(service) as client:
            client.sendall(b"GET /api/v1/state HTTP/1.1\r\nHost: x\r\n")
            assert everything(client) == b""
        with raw(service) as client:
            client.sendall(b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
            assert everything(client).startswith(b"HTTP/1.1 408 ")


def test_a_connection_may_rest_between_two_requests(tmp_path: Path) -> None:
    with running(tmp_path, limits=QUICK) as service, service.client() as client:
        assert client.get("/api/v1/state").status_code == 200
        time.sleep(2 * QUICK.head_s)
        assert client.get("/api/v1/state").status_code == 200


def test_a_request_without_end_is_refused(tmp_path: Path) -> None:
    with running(tmp_path) as service, raw(service) as client:
        client.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000)
        told = everything(client)
        assert told.startswith(b"HTTP/1.1 400 ")
        assert json.loads(told.partition(b"\r\n\r\n")[2])["error"] == "this is no HTTP request"


def test_what_is_counted_adds_up(tmp_path: Path) -> None:
    with running(tmp_path, InstantKind()) as service, service.client() as client:
        sets = {"tasksets": [{"tasks": [{"binary": "busy", "arg1": 1}]}] * 3}
        client.post("/api/v1/jobs", json=sets)
        while client.get("/api/v1/state").json()["jobs_done"] < 1:
            time.sleep(0.05)
        answer = client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain")
        found = {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }
        assert found["distributor_sets_total", "schedulable"] == 3
        assert found["distributor_jobs", "done"] == 1
        assert found["distributor_queue_sets",] == 0
        assert found["distributor_machines_maximum",] == 2
        with httpx.Client(base_url=service.url) as elsewhere:
            assert elsewhere.get("/metrics").status_code == 401
            good = {"authorization": f"Bearer {TOKEN}"}
            assert elsewhere.get("/metrics", headers=good).status_code == 200
