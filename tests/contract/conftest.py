"""The databases that the store's contract holds on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import postgresql

_NOT_HERE = postgresql.why_not()
_numbers = itertools.count()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test of ``new_url`` runs on every kind of database that this host has."""
    if "new_url" in metafunc.fixturenames:
        kinds = ["sqlite"] if _NOT_HERE else ["sqlite", "postgresql"]
        metafunc.parametrize("kind", kinds, scope="session")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _NOT_HERE:
        terminalreporter.write_line(f"the store's contract ran on SQLite only: {_NOT_HERE}")


@pytest.fixture(scope="session")
def _server(kind: str) -> Iterator[Path | None]:
    """The folder of the server's socket; set up before the leak check looks around."""
    if kind == "sqlite":
        yield None
        return
    with postgresql.server() as folder:
        yield folder


@pytest.fixture
def new_url(_server: Path | None, tmp_path: Path) -> Callable[[], str]:
    """Makes an empty place for a store, and tells its URL."""

    def new() -> str:
        name = f"store{next(_numbers)}"
        if _server is None:
            return f"sqlite:///{tmp_path}/{name}.db"
        import psycopg

        with psycopg.connect(postgresql.url_of(_server, "postgres"), autocommit=True) as server:
            server.execute(f"CREATE DATABASE {name}".encode())
        return postgresql.url_of(_server, name)

    return new


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    return new_url()
