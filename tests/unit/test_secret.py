"""Passwords: in a file of their owner's, and shown nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from distributor import ConfigurationError
from distributor.monitors.target import monitor_for
from distributor.store.database import name_of, parse_url
from distributor.store.secret import reveal
from distributor.store.store import Store


def written(path: Path, text: str, mode: int = 0o600) -> str:
    path.write_text(text)
    path.chmod(mode)
    return f"@{path}"


def test_a_url_is_read_from_a_file(tmp_path: Path) -> None:
    place = written(tmp_path / "url", "postgresql://me:secret@db/results\nmore\n")
    url = parse_url(place)
    assert (url.password, url.database) == ("secret", "results")
    assert "secret" not in name_of(url)
    assert reveal("plain.db") == "plain.db"


def test_a_monitor_is_named_by_a_file_too(tmp_path: Path) -> None:
    place = written(tmp_path / "place", f"{tmp_path}/out.csv")
    monitor_for(place).close()
    assert (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    place = written(tmp_path / "url", "postgresql://me:secret@db/results", mode)
    with pytest.raises(ConfigurationError, match="others may read it") as caught:
        parse_url(place)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        reveal(f"@{tmp_path}/none")


def test_a_new_store_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    with Store.open(str(path)):
        modes = {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
    assert modes == {0o600}
    path.chmod(0o640)
    with Store.open(str(path)):
        assert path.stat().st_mode & 0o777 == 0o640
