"""The tasks that a search makes sets of, from every kind of file."""

from __future__ import annotations

from pathlib import Path

import pytest

from distributor.errors import ConfigurationError
from distributor.tasks import pool
from distributor.tasks.pool import load_pool

HEAD = """
from itertools import count
from distributor import Task, TaskSet, BlockTaskSet
from distributor.blocks import busy, period
"""


def test_every_way_to_describe_them(tmp_path: Path) -> None:
    python, document = tmp_path / "pool.py", tmp_path / "pool.json"
    for text in (
        "tasks = [Task('busy', arg1=n, period_ms=10) for n in (1, 2)]",
        "tasks = (Task('busy', arg1=n, period_ms=10) for n in (1, 2))",
        "tasks = BlockTaskSet([busy.Values([1, 2]), period.Value(10)])",
        "tasks = [BlockTaskSet([busy.Values([1]), period.Value(10)]), "
        "Task('busy', arg1=2, period_ms=10)]",
        "a, b = (Task('busy', arg1=n, period_ms=10) for n in (1, 2))\n"
        "tasksets = [TaskSet(a), TaskSet(a, b), TaskSet(b, a)]",
    ):
        python.write_text(f"{HEAD}{text}\n")
        assert [(task.arg1, task.period_ns) for task in load_pool(python)] == [
            ("1", 10**7),
            ("2", 10**7),
        ]
    task = '{"binary": "busy", "arg1": 1, "period_ms": 10}'
    for text in (f'{{"tasks": [{task}]}}', f'[{{"tasks": [{task}, {task}]}}]'):
        document.write_text(text)
        assert [task.arg1 for task in load_pool(document)] == ["1"]


def test_a_task_that_is_given_twice_is_there_twice(tmp_path: Path) -> None:
    (tmp_path / "pool.py").write_text(f"{HEAD}tasks = [Task('hey')] * 2\n")
    assert len(load_pool(tmp_path / "pool.py")) == 2


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("p.py", "x = 1", "does not define `tasks`"),
        ("p.py", "tasks = 5", "`tasks` is no task and no iterable of them, but 5"),
        ("p.py", "tasks = [Task('hey'), 5]", "`tasks` holds 5, which is no task"),
        ("p.py", "tasks = ['hey']", "`tasks` holds 'hey', which is no task"),
        ("p.py", "tasks = []", "holds no task"),
        ("p.py", "tasks = (Task('hey', arg1=n) for n in count())", "more than 100 tasks"),
        ("p.py", "tasks = (1 // 0 for _ in 'a')", "p.py: ZeroDivisionError"),
        ("p.json", '{"tasks": [{"binary": "hey"}, {"period": 1}]}', "task 1: a task has no"),
        ("p.json", '{"tasks": [5]}', "task 0: it is an object of parameters"),
        ("p.json", '{"tasks": 5}', "p.json"),
        ("p.json", "{", "p.json, line 1"),
        ("p.json", '{"tasks": [{"binary": "hey", "arg1": 1, "arg1": 2}]}', "has 'arg1' twice"),
        ("p.json", "[" * 100_000, "p.json: it is nested too deeply"),
        ("p.xls", "", "p.xls"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_file(
    name: str, text: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "POOL_MAX", 100)
    (tmp_path / name).write_text(text if name.endswith("json") else HEAD + text)
    with pytest.raises(ConfigurationError) as caught:
        load_pool(tmp_path / name)
    assert says in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="there is no file"):
        load_pool(tmp_path / "none.py")
