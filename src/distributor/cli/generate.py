"""``distributor generate``: task sets drawn at random, to a file or straight into a run."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from distributor.errors import ConfigurationError
from distributor.tasks.generate.tasksets import RandomTaskSets
from distributor.tasks.save import check_suffix, save
from distributor.tasks.span import parse_span
from distributor.tasks.taskset import TaskSet

#: Sets beyond which writing a file shows its progress.
_MANY = 2000
#: Values that a grid may have; a step that is too small is a mistake.
_GRID_MAX = 10_000


def generate(
    tasks: Annotated[
        str, typer.Option(help="Numbers of tasks: 5, 5,10,20 or 2:10:2.", show_default=False)
    ],
    utilization: Annotated[
        str,
        typer.Option(
            "--utilization",
            "-u",
            help="Sums of their utilizations, in processors: 0.7, or 0.4:1.0:0.1.",
            show_default=False,
        ),
    ],
    sets: Annotated[int, typer.Option(help="Sets at each of these points.", min=1)] = 1,
    seed: Annotated[
        int | None,
        typer.Option(help="The same seed draws the same sets; a fresh one if unset.", min=0),
    ] = None,
    periods: Annotated[
        str,
        typer.Option(
            help="uniform:LOW-HIGH, log-uniform:LOW-HIGH (each with :STEP), harmonic:LOW-HIGH, "
            "automotive, or a list: 10ms,20ms."
        ),
    ] = "log-uniform:10ms-1s",
    deadlines: Annotated[
        str, typer.Option(help="implicit (the period), constrained, or constrained:0.5.")
    ] = "implicit",
    priorities: Annotated[
        str,
        typer.Option(
            help="rm: rate-monotonic, dm: deadline-monotonic, audsley: optimal, edf: none."
        ),
    ] = "rm",
    method: Annotated[
        str,
        typer.Option(
            help="How utilizations are drawn: randfixedsum, uunifast, uunifast-discard, "
            "convolutionalfixedsum."
        ),
    ] = "randfixedsum",
    caps: Annotated[
        str, typer.Option(help="The most for one task; one number, or one for each task.")
    ] = "1",
    processors: Annotated[
        int, typer.Option(help="Processors that the tasks are spread over.", min=1)
    ] = 1,
    fit: Annotated[
        str, typer.Option(help="Onto which processor a task goes: first, best or worst fit.")
    ] = "worst",
    duration: Annotated[
        str, typer.Option(help="Guest time over which each set releases jobs.")
    ] = "1s",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="A file: .json, .jsonl or .csv. Without it, JSON lines on standard output.",
        ),
    ] = None,
    description: Annotated[
        bool,
        typer.Option(
            "--description",
            help="Write what draws the sets instead of the sets: `run` draws them as it goes.",
        ),
    ] = False,
) -> None:
    """Draw task sets of the built-in task busy, over a grid of sizes and utilizations.

    `distributor generate ... -o sets.json` writes a file for `distributor run`;
    `distributor generate ... | distributor run -` runs them without one. All tasks are
    released at time zero, which is the worst that can happen to fixed priorities.
    """
    drawn = RandomTaskSets(
        tasks=[int(size) for size in _grid("--tasks", tasks, whole=True)],
        utilization=[float(total) for total in _grid("--utilization", utilization)],
        caps=[float(cap) for cap in _grid("--caps", caps)],
        sets=sets,
        seed=seed,
        periods=periods,
        deadlines=deadlines,
        priorities=priorities,
        method=method,
        processors=processors,
        fit=fit,
        duration_ms=parse_span(duration) / 10**6,
    )
    if description:
        _write_description(drawn, output)
    elif output is not None:
        check_suffix(output)
        save(_shown(drawn), output)
    else:
        from distributor.tasks.formats.lines import write_lines

        write_lines(drawn, sys.stdout)
        sys.stdout.flush()
        return
    if output is not None:
        what = "what draws " if description else ""
        sys.stderr.write(f"{what}{len(drawn)} task sets in {output}, seed {drawn.seed}\n")


def _write_description(drawn: RandomTaskSets, output: Path | None) -> None:
    text = json.dumps({"generate": drawn.description}, indent=2) + "\n"
    if output is None:
        sys.stdout.write(text)
        return
    if output.suffix != ".json":
        raise ConfigurationError(f"{output}: a description is written to a .json file")
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        raise ConfigurationError(f"{output} cannot be written: {error.strerror}") from error


def _shown(drawn: RandomTaskSets) -> Iterable[TaskSet]:
    """The sets, with a bar on the terminal where there are many."""
    if len(drawn) < _MANY:
        return drawn
    from rich.console import Console
    from rich.progress import track

    return track(drawn, "drawing", len(drawn), console=Console(stderr=True), transient=True)


def _grid(option: str, text: str, *, whole: bool = False) -> list[Decimal]:
    """Numbers with commas between them; LOW:HIGH:STEP is each from LOW to HIGH."""
    values: list[Decimal] = []
    try:
        for part in text.split(","):
            numbers = [Decimal(number.strip()) for number in part.split(":")]
            if len(numbers) == 1:
                numbers += [numbers[0], Decimal(1)]
            low, high, step = numbers
            if not all(map(Decimal.is_finite, numbers)) or step <= 0 or high < low:
                raise ValueError
            if (high - low) / step > _GRID_MAX:
                raise ConfigurationError(f"{option} {text!r} has more than {_GRID_MAX} values")
            values += [low + step * number for number in range(int((high - low) / step) + 1)]
        if whole and any(value != int(value) for value in values):
            raise ValueError
    except (InvalidOperation, ValueError):
        kind = "whole numbers" if whole else "numbers"
        raise ConfigurationError(
            f"{option} is {kind} such as 5 or 5,10, or LOW:HIGH:STEP, not {text!r}"
        ) from None
    return values
