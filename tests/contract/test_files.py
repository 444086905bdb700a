"""Files of results that are continued, torn, foreign, shared or on a full disk."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from distributor.errors import ConfigurationError, StoreError
from distributor.monitors.file import CsvMonitor, FileMonitor, JsonLinesMonitor
from distributor.monitors.row import COLUMNS
from tests.disk import run_on_disk
from tests.results import a_result, an_attempt, an_undecided_result

each_format = pytest.mark.parametrize(
    ("monitor", "name"), [(CsvMonitor, "results.csv"), (JsonLinesMonitor, "results.jsonl")]
)


def rows_of(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        return list(csv.DictReader(io.StringIO(path.read_text(), newline="")))
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_csv_row_says_all_of_a_job(tmp_path: Path) -> None:
    monitor = CsvMonitor(tmp_path / "results.csv", run="r")
    monitor.finished(an_attempt(5), a_result(jobs=1))
    monitor.close()
    assert (tmp_path / "results.csv").read_text().splitlines() == [
        ",".join(COLUMNS),
        "r,1,5,pair,schedulable,every job met its deadline,virtual,m1,0,busy,2000,0,10000000,"
        "0,0,27000,2000000,2000000,27000,10000000,-8000000,0,false,EXIT,0",
    ]


def test_a_line_of_json_says_the_same(tmp_path: Path) -> None:
    monitor = JsonLinesMonitor(tmp_path / "results.jsonl", run="r")
    monitor.finished(an_attempt(), a_result(jobs=1))
    monitor.bad(an_attempt(1), an_undecided_result())
    monitor.close()
    job, none = rows_of(tmp_path / "results.jsonl")
    assert tuple(job) == tuple(none) == COLUMNS
    assert (job["response_ns"], job["missed"], job["outcome"]) == (2_000_000, False, "EXIT")
    assert (none["verdict"], none["reason"]) == ("undecided", "the guest panicked")
    assert none["task_id"] is none["response_ns"] is none["clock"] is None


@each_format
def test_a_file_is_continued(monitor: type[FileMonitor], name: str, tmp_path: Path) -> None:
    for run in ("first", "second"):
        each = monitor(tmp_path / name, run=run)
        each.finished(an_attempt(), a_result())
        each.close()
    assert [row["run"] for row in rows_of(tmp_path / name)] == ["first"] * 2 + ["second"] * 2


@each_format
@pytest.mark.parametrize("content", ["a,b\n1,2\n", '{"a": 1}\n', "no end", "\n", "[1]\n"])
def test_a_foreign_file_is_refused_and_left_alone(
    monitor: type[FileMonitor], name: str, content: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigurationError, match="holds something else"):
        monitor(tmp_path / name)
    assert (tmp_path / name).read_text() == content


@each_format
def test_a_line_without_an_end_is_left_out(
    monitor: type[FileMonitor], name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / name
    each = monitor(path, run="1")
    each.finished(an_attempt(), a_result())
    each.close()
    path.write_bytes(path.read_bytes()[:-7])
    each = monitor(path, run="2")
    each.finished(an_attempt(), a_result())
    each.close()
    assert [row["run"] for row in rows_of(path)] == ["1", "2", "2"]
    assert all(row["outcome"] == "EXIT" for row in rows_of(path))
    assert "ended in the middle of a line" in caplog.text


@each_format
def test_two_programs_do_not_write_one_file(
    monitor: type[FileMonitor], name: str, tmp_path: Path
) -> None:
    first = monitor(tmp_path / name)
    with pytest.raises(StoreError, match="another program is writing to it"):
        monitor(tmp_path / name)
    first.close()
    monitor(tmp_path / name).close()


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Is a directory"):
        CsvMonitor(tmp_path)
    with pytest.raises(StoreError, match="No such file or directory"):
        CsvMonitor(tmp_path / "none" / "results.csv")
    with pytest.raises(ConfigurationError, match="is no plain file"):
        CsvMonitor("/dev/null")


FULL = """
import json, sys
from distributor.errors import StoreError
from distributor.monitors.target import monitor_for
from tests.results import a_result, an_attempt

monitor = monitor_for("disk/results.NAME")
kept, told = 0, []
for index in range(20_000):
    try:
        monitor.finished(an_attempt(index), a_result(jobs=7))
        kept += 1
    except StoreError as error:
        told.append(str(error))
        if len(told) == 2:
            break
lines = open("disk/results.NAME").read().splitlines()
print(json.dumps({"kept": kept, "told": told, "lines": len(lines)}))
"""


@each_format
def test_a_full_disk_is_one_line_and_keeps_whole_sets(
    monitor: type[FileMonitor], name: str, tmp_path: Path
) -> None:
    kind = name.partition(".")[2]
    answer = run_on_disk(FULL.replace("NAME", kind), "256k", tmp_path)
    assert (
        answer["told"]
        == [
            f"cannot write to disk/{name}: the disk is full "
            "(free some space; the sets before are in it, whole)"
        ]
        * 2
    )
    assert answer["lines"] == 7 * int(str(answer["kept"])) + (kind == "csv")
    assert answer["kept"] != 0


ENDLESS = """
import sys
from distributor.monitors.target import monitor_for
from tests.results import a_result, an_attempt

monitor = monitor_for(sys.argv[1])
for index in range(10**9):
    monitor.finished(an_attempt(index), a_result(jobs=100))
    print(index, flush=True)
"""


@each_format
def test_a_kill_loses_no_set_that_was_told(
    monitor: type[FileMonitor], name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS, path], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        for _ in range(30):
            running.stdout.readline()
        running.send_signal(signal.SIGKILL)
        told = 29 + len(running.stdout.read().split("\n")) - 1
    monitor(path).close()  # mends it, should it be torn
    found = [int(row["set_index"]) for row in rows_of(path)]
    for index in range(told + 1):
        assert found.count(index) == 100
    assert max(found) <= told + 1
