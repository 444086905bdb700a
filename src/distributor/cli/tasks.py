"""``distributor tasks``: the built-in tasks, and the blocks that describe them."""

from __future__ import annotations

import json

import typer
from rich.console import Console
from rich.table import Table

from distributor.cli.options import JsonObjectOption
from distributor.tasks.block import PARAMETER_BLOCKS
from distributor.tasks.builtin import BUILTIN_TASKS
from distributor.tasks.task import PARAMETERS

#: One line for each parameter of a task.
_MEANINGS = {
    "arg1": "the job's only argument",
    "priority": "0 is the highest fixed priority, 127 the lowest; 128 (default) is EDF",
    "period": "time between releases, in ms (default 1)",
    "deadline": "relative deadline, in ms (default: the period)",
    "offset": "first release after time zero, in ms (default 0)",
    "numberofjobs": "how many jobs to start (default 1)",
    "executiontime": "worst-case execution time, in ms; the budget of an EDF job",
    "criticaltime": "a job that runs this long is killed, in ms (default: never)",
    "quota": "memory of a job, in MiB (default: no limit)",
    "caps": "Genode capabilities; of no effect on a Linux machine",
    "cores": "how many processors the task may use (default: all)",
    "coreoffset": "the first of those processors (default 0)",
}


def tasks(
    as_json: JsonObjectOption = False,
) -> None:
    """List the built-in tasks and the blocks that task sets are described with."""
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "tasks": {
                        name: {
                            "summary": task.summary,
                            "arg1": [task.variants[0], task.variants[-1]],
                        }
                        for name, task in BUILTIN_TASKS.items()
                    },
                    "blocks": _MEANINGS,
                    "parameters": list(PARAMETERS),
                }
            )
        )
        return
    console = Console()
    table = Table("Task", "One job", "arg1 of Variants and Random", title="Built-in tasks")
    for name, task in BUILTIN_TASKS.items():
        table.add_row(name, task.summary, f"{task.variants[0]} to {task.variants[-1]}")
    console.print(table)
    table = Table("Block", "Meaning", title="Blocks (from distributor.blocks import ...)")
    for name in PARAMETER_BLOCKS:
        table.add_row(name, _MEANINGS[name])
    console.print(table)
    console.print(
        "A block makes one value or many: period.Value(100), period.Values([50, 100]), "
        "pi.Variants(5), priority.Random(seed=1).",
        highlight=False,
        markup=False,
    )
