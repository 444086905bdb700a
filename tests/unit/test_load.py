"""Task sets from files, and the one line that a wrong file is told with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import pytest

from distributor import ConfigurationError, TaskSet
from distributor.tasks.load import load


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_python_defines_tasksets(tmp_path: Path) -> None:
    file = write(
        tmp_path / "sets.py",
        "from distributor import Task, TaskSet\n"
        "import beside\n"
        "tasksets = (TaskSet([Task('hey', arg1=n)]) for n in range(beside.COUNT))\n",
    )
    write(tmp_path / "beside.py", "COUNT = 3\n")
    sets = cast(Iterable[TaskSet], load(file))
    assert [s.tasks[0].arg1 for s in sets] == ["0", "1", "2"]


def test_json_holds_the_same_parameters(tmp_path: Path) -> None:
    (tmp_path / "own").touch()
    document = {"tasksets": [{"name": "x", "tasks": [{"binary": "./own", "period_ms": 2.5}]}]}
    (taskset,) = load(write(tmp_path / "sets.json", json.dumps(document)))
    assert isinstance(taskset, TaskSet)
    assert taskset.name == "x"
    assert taskset.tasks[0].binary == str(tmp_path / "own")
    assert taskset.tasks[0].period_ns == 2_500_000


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.py", "x = 1\n1 / 0\n", "a.py, line 2: ZeroDivisionError: division by zero"),
        ("a.py", "def f(:\n", "a.py, line 1: invalid syntax"),
        ("a.py", "x = 1\n", "does not define `tasksets`"),
        ("a.py", "tasksets = 7\n", "no task set and no iterable"),
        (
            "a.py",
            "from distributor import Task\n\nTask('hey', priority=200)\n",
            "a.py, line 3: priority is 200",
        ),
        ("a.py", "x = '\0'\n", "cannot contain null bytes"),
        ("a.json", "{", "a.json, line 1"),
        (
            "a.json",
            '[{"tasks": [{"binary": "hey", "period_ms": 1, "period_ms": 2}]}]',
            "a.json: an object has 'period_ms' twice",
        ),
        (
            "a.json",
            '{"tasks": [{"binary": "hey"}]}',
            """'tasks' is not known there (a file holds a list of sets: [{"tasks": [...]}])""",
        ),
        ("a.json", "[]", "no list of task sets"),
        ("a.json", '{"tasksets": [], "more": 1}', "'more' is not known"),
        ("a.json", '[{"tasks": [{"period_ms": 1}]}]', "task set 0, task 0: a task has no binary"),
        ("a.json", '[{"tasks": [{"binary": "hey", "period": 1}]}]', "no parameter 'period'"),
        ("a.json", '[{"tasks": []}]', "task set 0: a task set needs at least one task"),
        ("a.json", '[{"jobs": []}]', "task set 0: it is an object with a list `tasks`"),
        ("a.txt", "", "neither Python"),
        (
            "a.json",
            '{"generate": {"tasks": 2, "utilization": 0.5, "seed": 1, "periods": null}}',
            "generate: periods is a text, not None",
        ),
        ("a.json", "[" * 100_000, "a.json: it is nested too deeply"),
        ("a.json", f"[{'9' * 5000}]", "a.json: it holds a number with too many digits"),
        ("a.json", " \n", "a.json is empty"),
        ("a.py", "tasksets = []\n", "a.py: `tasksets` is empty (a run needs at least one task"),
        (
            "a.py",
            "x = 1\nraise SystemExit(0)\n",
            "a.py, line 2: it ends the program (sys.exit), so that none of its sets can be had",
        ),
        ("a.csv", f"binary,origin\nbusy,{'[' * 100_000}\n", "line 2: it is nested too deeply"),
    ],
)
def test_a_wrong_file_is_told_by_place(tmp_path: Path, name: str, text: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(write(tmp_path / name, text))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "line None" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "tasksets = (\n  TaskSet(Task('hey', period_ms=10 // n)) for n in (5, 2, 0))\n",
            "sets.py, line 3: ZeroDivisionError: integer division or modulo by zero",
        ),
        (
            "def made():\n  for n in (5, 0):\n    yield TaskSet(Task('hey', period_ms=n))\n"
            "tasksets = made()\n",
            "sets.py, line 4: period is 0 ns",
        ),
        (
            "def made():\n  yield TaskSet(Task('hey'))\n  raise SystemExit\ntasksets = made()\n",
            "sets.py, line 4: it ends the program",
        ),
        ("tasksets = (each for each in [])\n", "sets.py: `tasksets` gives none"),
        ("tasksets = [TaskSet(Task('hey')), Task('hey')]\n", "sets.py: set 1 of `tasksets` is no"),
        (
            "tasksets = (each for each in [7])\n",
            "set 0 of `tasksets` is no task set but 7",
        ),
    ],
)
def test_what_a_program_makes_that_is_wrong_is_told_by_its_line(
    tmp_path: Path, text: str, says: str
) -> None:
    file = write(tmp_path / "sets.py", "from distributor import Task, TaskSet\n" + text)
    with pytest.raises(ConfigurationError) as caught:
        list(load(file))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".csv"])
def test_a_file_that_is_no_text_is_told(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"a{suffix}"
    file.write_bytes(b"a\xff\xfe\n")
    with pytest.raises(ConfigurationError) as caught:
        list(load(file))
    assert str(caught.value) == f"{file} is no text in UTF-8: byte 0xff cannot stand there"


@pytest.mark.parametrize("name", ["sets", "sets.py", "sets.json", "sets.jsonl", "sets.csv"])
def test_a_folder_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(ConfigurationError, match=r"is a folder \(name a file in it"):
        load(tmp_path / name)


def test_json_lines_without_any_and_those_that_cannot_be_counted_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"a\.jsonl holds no task set$"):
        list(load(write(tmp_path / "a.jsonl", "\n\n")))
    file = write(tmp_path / "b.jsonl", "{}\n")
    lines = load(file)
    file.unlink()
    with pytest.raises(ConfigurationError, match=r"b\.jsonl cannot be read: No such file"):
        len(lines)  # type: ignore[arg-type]


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no file"):
        load(tmp_path / "none.py")
