"""``distributor theory``: what schedulability tests say of a file's task sets, without a run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from distributor.analysis.table import Column, counted, shortened, table_lines
from distributor.analysis.theory import Answer, Costs, TheoryVerdict, judge
from distributor.cli.options import JsonLinesOption
from distributor.errors import ConfigurationError
from distributor.tasks.load import load
from distributor.tasks.taskset import TaskSet

#: Lines of a table that are laid out together.
_PART = 1000
_COLUMNS = (
    Column("Set", right=True),
    Column("Name"),
    Column("Tasks", right=True),
    Column("Utilization", right=True),
    Column("Verdict"),
    Column("Test"),
    Column("Reason"),
)


def theory(
    file: Annotated[
        Path,
        typer.Argument(
            help="Python that defines `tasksets`, JSON, JSON lines or CSV; - reads JSON lines.",
            show_default=False,
        ),
    ],
    cpus: Annotated[
        int | None,
        typer.Option(
            help="Processors of the machine; as many as a set's placement names if unset.", min=1
        ),
    ] = None,
    release_ns: Annotated[
        int, typer.Option(help="What each job costs above all tasks (docs/theory.md).", min=0)
    ] = 0,
    preemption_ns: Annotated[
        int, typer.Option(help="What each job costs beside its WCET at its own level.", min=0)
    ] = 0,
    limit: Annotated[int, typer.Option(help="Judge this many sets at most; 0: all.", min=0)] = 0,
    as_json: JsonLinesOption = False,
) -> None:
    """Say what theory holds of the task sets of FILE, without running them.

    Exit value 0, whatever the verdicts; 2: bad input.
    """
    costs = Costs(release_ns, preemption_ns)
    tasksets = load(file)
    sets = (tasksets,) if isinstance(tasksets, TaskSet) else tasksets
    judged = (
        (taskset, judge(taskset.tasks, cpus, costs))
        for taskset in _checked(islice(sets, limit or None), file)
    )
    if as_json:
        for place, (taskset, verdict) in enumerate(judged):
            about = {"set": place, "name": taskset.name, "tasks": len(taskset)}
            typer.echo(json.dumps(about | verdict.plain()))
        return
    answers: Counter[Answer] = Counter()
    rows = (_cells(place, *pair, answers) for place, pair in enumerate(judged))
    while part := list(islice(rows, _PART)):
        for line in table_lines(_COLUMNS, part):
            typer.echo(line)
    told = ", ".join(f"{answers[answer]} {answer}" for answer in Answer if answers[answer])
    typer.echo(f"{counted(answers.total(), 'task set')}: {told}")


def _checked(sets: Iterable[object], file: Path) -> Iterator[TaskSet]:
    none = True
    for place, each in enumerate(sets):
        none = False
        if not isinstance(each, TaskSet):
            raise ConfigurationError(f"{file}, set {place}: it is no task set but {each!r:.80}")
        yield each
    if none:
        raise ConfigurationError(f"{file}: `tasksets` has no task set")


def _cells(
    place: int, taskset: TaskSet, verdict: TheoryVerdict, answers: Counter[Answer]
) -> tuple[str, ...]:
    answers[verdict.answer] += 1
    return (
        str(place),
        shortened(taskset.name, 24),
        str(len(taskset)),
        "-" if verdict.utilization is None else f"{float(verdict.utilization):.4f}",
        verdict.answer,
        verdict.test or "-",
        verdict.finding,
    )
