"""What is wrong with a store is told in one line, and what had been kept stays readable."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from distributor.errors import ConfigurationError, StoreError
from distributor.store import database
from distributor.store.store import Store
from tests.disk import run_on_disk
from tests.results import a_result, an_attempt

ROOT = Path(__file__).parents[2]

#: Runs in a mount namespace of its own, so that its file systems end with it.
FULL = """
import json, sys
from distributor.errors import StoreError
from distributor.store.store import Store
from tests.results import a_result, an_attempt

told = []
kept = 0
store = Store.open("disk/results.db")
run_id = store.begin_run("x")
try:
    while True:
        store.add(run_id, an_attempt(kept), a_result(jobs=50))
        kept += 1
except StoreError as error:
    told.append(str(error))
counts = sum(store.counts(run_id).values())
try:
    store.close()
except StoreError as error:
    told.append(str(error))
with Store.open("disk/results.db", create=False) as reader:
    after = sum(reader.counts(run_id).values())
    jobs = len(list(reader.jobs(run_id)))
print(json.dumps({"kept": kept, "counts": counts, "after": after, "jobs": jobs, "told": told}))
"""

READ_ONLY = """
import json, subprocess
from distributor.errors import StoreError
from distributor.store.store import Store
from tests.results import a_result, an_attempt

with Store.open("disk/results.db") as store:
    run_id = store.begin_run("x")
    store.add(run_id, an_attempt(), a_result())
subprocess.run(["mount", "--options-mode", "ignore", "-o", "remount,ro", "disk"], check=True)
with Store.open("disk/results.db", create=False) as reader:
    jobs = len(list(reader.jobs(run_id)))
told = []
for path in ("disk/results.db", "disk/new.db"):
    try:
        Store.open(path)
    except StoreError as error:
        told.append(str(error))
print(json.dumps({"jobs": jobs, "told": told}))
"""


# Sizes at which the disk fills in different files: the database, its log, the log's index.
@pytest.mark.parametrize("size", ["192k", "256k", "1m", "6m"])
def test_a_full_disk_loses_nothing_that_was_kept(size: str, tmp_path: Path) -> None:
    answer = run_on_disk(FULL, size, tmp_path)
    assert answer["told"] == [
        "cannot write to the store disk/results.db: the disk is full "
        "(free some space; what had been written is kept)"
    ]
    assert answer["kept"] == answer["counts"] == answer["after"] != 0
    assert answer["jobs"] == 50 * int(str(answer["kept"]))


def test_a_disk_that_is_full_from_the_start_is_told(tmp_path: Path) -> None:
    program = """
import json
from pathlib import Path
from distributor.errors import StoreError
from distributor.store.store import Store
try:
    with open("disk/rest", "wb", buffering=0) as rest:
        while True:
            rest.write(bytes(4096))
except OSError:
    pass
try:
    Store.open("disk/results.db")
except StoreError as error:
    print(json.dumps({"told": str(error)}))
"""
    told = str(run_on_disk(program, "64k", tmp_path)["told"])
    assert told.startswith("cannot open the store disk/results.db: ")
    assert "full" in told


def test_a_read_only_disk_is_read_and_not_written(tmp_path: Path) -> None:
    answer = run_on_disk(READ_ONLY, "1m", tmp_path)
    assert answer["jobs"] == 2
    assert answer["told"] == [
        "cannot open the store disk/results.db: the file cannot be opened or made "
        "(see that its directory exists and may be written to)",
        "cannot open the store disk/new.db: the file cannot be opened or made "
        "(see that its directory exists and may be written to)",
    ]


def test_a_file_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    if os.getuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("as root, rights only bind another user: needs setpriv")
    path = tmp_path / "results.db"
    Store.open(str(path)).close()
    path.chmod(0o444)
    program = "import sys; from distributor.store.store import Store; Store.open(sys.argv[1])"
    command = [sys.executable, "-c", program, str(path)]
    if os.getuid() == 0:
        # Root may write everywhere; root without its powers may not.
        command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]
        path.chmod(0o444)
        os.chown(path, 65534, 65534)
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.splitlines()[-1] == (
        f"distributor.errors.StoreError: cannot open the store {path}: it is read-only "
        "(change its rights or use another store)"
    )


def test_a_killed_program_has_lost_nothing_that_it_had_kept(tmp_path: Path) -> None:
    program = """
import itertools
from distributor.monitors.store import StoreMonitor
from tests.results import a_result, an_attempt
monitor = StoreMonitor("results.db")
for index in itertools.count():
    monitor.finished(an_attempt(index), a_result(jobs=20))
    print(index, flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/src:{ROOT}"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if int(line) >= 30:
                    break
        finally:
            process.kill()
        told = [30, *map(int, process.stdout)]
    with Store.open(str(tmp_path / "results.db"), create=False) as store:
        run = store.run()
        kept = [each.set_index for each in store.tasksets(run.id)]
        jobs = len(list(store.jobs(run.id)))
    # One more than it told of, where it was killed between the two.
    assert kept == list(range(len(kept)))
    assert told[-1] + 1 <= len(kept) <= told[-1] + 2
    assert jobs == 20 * len(kept)
    assert run.ended_at is None


def test_a_store_that_another_program_locks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_WAIT_S", 0.05)
    path = tmp_path / "results.db"
    with Store.open(str(path)) as store:
        run_id = store.begin_run("x")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another program is writing to it"):
            store.add(run_id, an_attempt(), a_result())
        with Store.open(str(path), create=False) as reader:
            assert not list(reader.tasksets(run_id))
        other.execute("ROLLBACK")
        other.close()
        store.add(run_id, an_attempt(), a_result())
        assert len(list(store.tasksets(run_id))) == 1


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="see that its directory exists"):
        Store.open(str(tmp_path / "missing" / "results.db"))


def test_a_store_to_read_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    with pytest.raises(StoreError, match="there is no store"):
        Store.open(str(path), create=False)
    assert not path.exists()


def test_a_file_of_another_kind_is_told(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    path.write_text("not a database, however long it may be" * 100)
    with pytest.raises(StoreError, match="it is no SQLite database"):
        Store.open(str(path))


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    with Store.open(str(path)) as store:
        run_id = store.begin_run("x")
        for index in range(50):
            store.add(run_id, an_attempt(index), a_result())
    whole = path.read_bytes()
    path.write_bytes(whole[:16384] + b"\xff" * (len(whole) - 16384))
    with pytest.raises(StoreError, match="damaged"), Store.open(str(path), create=False) as store:
        list(store.jobs(run_id))


def test_odd_characters_in_a_path_are_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "100%23 a?b#c&mode=ro ü.db"
    Store.open(str(path)).close()
    assert path.is_file()
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_server_that_does_not_answer_is_told_without_the_password(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="the Python package psycopg is not installed")
    with pytest.raises(StoreError) as caught:
        Store.open(f"postgresql://me:secret@/results?host={tmp_path}")
    assert "cannot open the store postgresql+psycopg://me:***@/results" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "the store has no name"),
        ("foo://x", "there is no kind of store 'foo'"),
        ("sqlite+foo:///x.db", "there is no kind of store 'sqlite\\+foo'"),
        ("sqlite://", "a store in memory is lost"),
        ("sqlite:///:memory:", "a store in memory is lost"),
        (".", "the store . is a folder \\(name a file, as results.db\\)"),
        ("sqlite:////tmp", "the store /tmp is a folder"),
        ("://", "the store's URL cannot be read"),
        ("postgresql://me:secret@host:port/x", "the store's URL cannot be read"),
        ("oracle://me:secret@host/x", "a store of kind oracle needs the Python package"),
    ],
)
def test_a_bad_url_is_told_in_one_line_without_its_password(url: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        Store.open(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_asynchronous_driver_is_refused() -> None:
    # psycopg serves both ways under names of their own.
    pytest.importorskip("psycopg", reason="the Python package psycopg is not installed")
    with pytest.raises(ConfigurationError, match="is an asynchronous one"):
        Store.open("postgresql+psycopg_async://host/x")
