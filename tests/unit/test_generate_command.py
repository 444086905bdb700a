"""``distributor generate``, ``convert`` and ``schema``: what they write, and what they refuse."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from distributor import ConfigurationError, RandomTaskSets, TaskSet
from distributor.cli.main import app
from distributor.tasks.formats.lines import read_lines
from distributor.tasks.formats.schema import schema
from distributor.tasks.load import load

GRID = ("--tasks", "2,3", "-u", "0.5:0.9:0.2", "--sets", 2, "--seed", 7)
DRAWN = RandomTaskSets(tasks=[2, 3], utilization=[0.5, 0.7, 0.9], sets=2, seed=7)


def distributor(*words: object) -> tuple[str, str]:
    """Standard output and standard error."""
    done = CliRunner().invoke(app, [*map(str, words)])
    if done.exception is not None:
        raise done.exception
    return done.stdout, done.stderr


def read(path: Path) -> list[TaskSet]:
    tasksets = load(path)
    assert not isinstance(tasksets, TaskSet)
    return list(tasksets)


@pytest.mark.parametrize("name", ["sets.json", "sets.jsonl", "sets.csv"])
def test_a_grid_goes_into_a_file(tmp_path: Path, name: str) -> None:
    out, err = distributor("generate", *GRID, "-o", tmp_path / name)
    assert out == ""
    assert err == f"12 task sets in {tmp_path / name}, seed 7\n"
    assert read(tmp_path / name) == list(DRAWN)
    assert [each.origin for each in read(tmp_path / name)] == [each.origin for each in DRAWN]


def test_without_a_file_it_is_lines_for_a_run() -> None:
    out, _ = distributor("generate", *GRID)
    assert list(read_lines(out.splitlines(), "x", Path())) == list(DRAWN)


def test_a_description_is_small_and_draws_the_same(tmp_path: Path) -> None:
    file = tmp_path / "d.json"
    distributor("generate", *GRID, "--description", "-o", file)
    assert read(file) == list(DRAWN)
    out, _ = distributor("generate", *GRID, "--description")
    assert json.loads(out) == json.loads(file.read_text()) == {"generate": DRAWN.description}


def test_every_option_arrives(tmp_path: Path) -> None:
    file = tmp_path / "d.json"
    distributor(
        *("generate", "--tasks", 3, "-u", 1.2, "--method", "convolutionalfixedsum"),
        *("--caps", "0.9,0.4,0.2", "--periods", "harmonic:10ms-80ms", "--seed", 3),
        *("--deadlines", "constrained:0.5", "--priorities", "audsley", "--processors", 2),
        *("--fit", "best", "--duration", "250ms", "--description", "-o", file),
    )
    assert json.loads(file.read_text())["generate"] == {
        "tasks": [3],
        "utilization": [1.2],
        "sets": 1,
        "method": "convolutionalfixedsum",
        "caps": [0.9, 0.4, 0.2],
        "periods": "harmonic:10ms-80ms:2",
        "deadlines": "constrained:0.5",
        "priorities": "audsley",
        "processors": 2,
        "fit": "best",
        "duration_ms": 250.0,
        "seed": 3,
    }


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--tasks", "2.5", "-u", 1), "--tasks is whole numbers"),
        (("--tasks", "5", "-u", "0.1:0.5"), "--utilization is numbers such as"),
        (("--tasks", "5", "-u", "x"), "not 'x'"),
        (("--tasks", "5", "-u", "0:1:1e-9"), "more than 10000 values"),
        (("--tasks", "5", "-u", "9"), "do not come to a utilization of 9"),
        (("--tasks", "5", "-u", "1", "-o", "x.txt"), "x.txt: task sets are written to .json"),
        (("--tasks", "5", "-u", "1", "-o", "no/x.csv"), "no/x.csv cannot be written"),
        (("--tasks", "5", "-u", "1", "--description", "-o", "x.csv"), "a .json file"),
        (("--tasks", "5", "-u", "1", "--duration", "5"), "'5' is no span of time"),
    ],
)
def test_a_mistake_is_one_line(words: tuple[object, ...], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        distributor("generate", *words)
    assert "\n" not in str(caught.value)


def test_formats_are_turned_into_each_other(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.json", "b.csv", "c.jsonl", "d.json")]
    distributor("generate", *GRID, "-o", files[0])
    for one, other in pairwise(files):
        assert distributor("convert", one, other) == ("", "")
    assert files[3].read_text() == files[0].read_text()
    distributor("convert", files[0], files[1], "--set", 11)
    assert read(files[1]) == [DRAWN[11]]
    with pytest.raises(ConfigurationError, match="has no set 12"):
        distributor("convert", files[0], files[1], "--set", 12)


def test_rtapps_files_come_and_go_with_a_line_for_what_they_cannot_say(tmp_path: Path) -> None:
    sets, theirs, back = (tmp_path / name for name in ("sets.json", "theirs.json", "back.json"))
    distributor("generate", *GRID, "-o", sets)
    with pytest.raises(ConfigurationError, match="--set says which"):
        distributor("convert", sets, theirs, "--rt-app")
    _, err = distributor("convert", sets, theirs, "--rt-app", "--set", 4)
    assert err == f"{sets}: a job that overruns its period is never killed or left out by rt-app\n"
    distributor("convert", theirs, back)
    assert [list(taskset) for taskset in read(back)] == [list(DRAWN[4])]
    with pytest.raises(ConfigurationError, match="looks like one of rt-app"):
        load(theirs)


def test_the_schema_is_printed() -> None:
    out, _ = distributor("schema")
    assert json.loads(out) == schema()


def test_sets_for_more_processors_than_the_machines_have_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "two.jsonl"
    words = ("--tasks", 4, "-u", 1.5, "--processors", 2, "--sets", 3, "--seed", 1)
    distributor("generate", *words, "-o", file)
    with pytest.raises(ConfigurationError, match=r"needs 2 processors.* have 1 \(take --cpus 2\)"):
        distributor("run", file, "--store", tmp_path / "x.db")
    assert not (tmp_path / "x.db").exists()
