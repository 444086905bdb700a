"""How a command that runs task sets ends: its summary, its last words, and its exit value."""

from __future__ import annotations

import json
import sys
from types import TracebackType
from typing import Any, Self

import typer
from rich.console import Console

from distributor.analysis.table import counted
from distributor.cli.ending import interrupted
from distributor.cli.exits import EXIT_BAD_INPUT, EXIT_UNDECIDED
from distributor.cli.progress import ProgressMonitor
from distributor.errors import DistributorError, MachineError
from distributor.session.result import Clock, Verdict


class Outcome:
    """Stands around the work: what breaks it off, an error or Ctrl-C, is kept to be told last."""

    def __init__(self) -> None:
        self._failure: DistributorError | None = None
        self._interrupted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self._interrupted = isinstance(error, KeyboardInterrupt)
        if isinstance(error, DistributorError):
            self._failure = error
        return self._interrupted or self._failure is not None

    def leave(self, left: str) -> None:
        """Say what broke the work off, if anything did.

        :param left: what Ctrl-C has left.
        :raise typer.Exit: it was broken off.
        """
        if self._interrupted:
            raise interrupted(left)
        if self._failure is not None:
            _report(self._failure)
            machines = isinstance(self._failure, MachineError)
            raise typer.Exit(EXIT_UNDECIDED if machines else EXIT_BAD_INPUT)


def sum_up(
    progress: ProgressMonitor,
    clock: Clock,
    store: str,
    run_id: int,
    err: Console,
    *,
    as_json: bool,
) -> None:
    """The summary: a sentence for people, and one JSON object for programs."""
    summary = _summary(progress, clock, store)
    if progress.decided:
        say(_sentence(progress, summary, run_id), err)
    if as_json:
        # Last, and on one line, whatever the terminal's width.
        typer.echo(json.dumps(summary))


def say(text: str, err: Console) -> None:
    """Print it as it is."""
    err.print(text, highlight=False, markup=False, soft_wrap=True)


def _summary(progress: ProgressMonitor, clock: Clock, store: str) -> dict[str, Any]:
    return {
        "tasksets": progress.decided,
        **{verdict.value: progress.verdicts[verdict] for verdict in Verdict},
        "noisy": progress.noisy,
        "machines": len(progress.machines),
        "clock": clock.value,
        "guest_s": round(progress.guest_ns / 1e9, 9),
        "wall_s": round(progress.wall_s, 3),
        "store": store,
    }


def _sentence(progress: ProgressMonitor, summary: dict[str, Any], run_id: int) -> str:
    counts = ", ".join(
        f"{progress.verdicts[verdict]} {verdict}"
        for verdict in Verdict
        if progress.verdicts[verdict]
    )
    if progress.noisy:
        counts += f"; {progress.noisy} noisy: the host disturbed their runs"
    return (
        f"{counted(progress.decided, 'task set')}: {counts}; {summary['guest_s']:.3f} s of "
        f"{summary['clock']} time in {summary['wall_s']:.1f} s.\n"
        f"Kept in {summary['store']} as run {run_id}: see `distributor show`."
    )


def _report(failure: DistributorError) -> None:
    """The line, and what a machine left behind to look at."""
    sys.stderr.write(f"distributor: {failure}\n")
    if isinstance(failure, MachineError) and failure.console:
        sys.stderr.write("The machine's last lines:\n")
        for line in failure.console.splitlines():
            sys.stderr.write(f"  {line}\n")
