"""How far a run has come: a bar on a terminal, plain lines elsewhere; both on stderr."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from distributor.analysis.table import counted
from distributor.monitors.monitor import Attempt, Monitor
from distributor.session.result import Result, Verdict
from distributor.store.batch import Totals

#: Without a terminal, a line at most this often.
_LINE_EVERY_S = 5.0

_STYLE = {
    Verdict.SCHEDULABLE: "green",
    Verdict.MISSED: "red",
    Verdict.FAILED: "magenta",
    Verdict.UNDECIDED: "yellow",
}


class ProgressMonitor(Monitor):
    """Counts verdicts, prints a line for each, and shows how far the run is.

    :param total: sets in all; None if that is not known.
    :param lines: whether each verdict gets a line.
    :param out: where those lines go.
    :param err: where progress goes.
    :param label: says what it is at, beside the numbers.
    """

    def __init__(
        self,
        total: int | None,
        *,
        lines: bool,
        out: Console,
        err: Console,
        label: Callable[[], str] = lambda: "",
    ) -> None:
        self.verdicts: Counter[Verdict] = Counter()
        #: Results that are kept though the host disturbed their run.
        self.noisy = 0
        self.guest_ns = 0
        #: Names of the machines that ran something.
        self.machines: set[str] = set()
        self._total = total
        self._lines = lines
        self._out = out
        self._err = err
        self._label = label
        self._begun_s = self._said_s = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]} sets/s"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[busy]} machines"),
            console=err,
            transient=True,
            disable=not err.is_terminal,
            # Verdicts in a pipe or a file are not to be drawn into the bar.
            redirect_stdout=out.is_terminal,
        )
        self._busy: set[str] = set()
        self._before = 0
        self._row = self._bar.add_task("running", total=total, rate="0.0", busy=0)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """A line of its own, above the bar."""
        self._err.print(text, highlight=False, markup=False, soft_wrap=True)

    def go_on(self, verdicts: Mapping[Verdict, int], totals: Totals) -> None:
        """Count what an earlier program decided of the same run."""
        self.verdicts.update(verdicts)
        self.noisy += totals.noisy
        self.guest_ns += totals.guest_ns
        self._before = self.decided

    @property
    def decided(self) -> int:
        """Sets that have a verdict so far."""
        return self.verdicts.total()

    @property
    def wall_s(self) -> float:
        """Host seconds since it began."""
        return time.monotonic() - self._begun_s

    def started(self, attempt: Attempt) -> None:
        self.machines.add(attempt.machine)
        self._busy.add(attempt.machine)
        self._show()

    def stopped(self, attempt: Attempt) -> None:
        self._busy.discard(attempt.machine)
        self._show()

    def finished(self, attempt: Attempt, result: Result) -> None:
        self._decided(attempt, result)

    def bad(self, attempt: Attempt, result: Result) -> None:
        self._decided(attempt, result)

    def _decided(self, attempt: Attempt, result: Result) -> None:
        self._busy.discard(attempt.machine)
        self.verdicts[result.verdict] += 1
        self.noisy += result.noise is not None
        self.guest_ns += result.guest_ns
        if self._lines:
            name = attempt.taskset.name or f"set {attempt.index}"
            style = _STYLE[result.verdict]
            both = self._err.is_terminal and self._out.is_terminal
            reason = escape(result.reason)
            if result.noise is not None:
                reason += f" [yellow](noisy: {escape(str(result.noise))})[/]"
            console = self._bar.console if both else self._out
            console.print(
                f"[{style}]{result.verdict:<11}[/] {escape(name):<24} {reason}",
                highlight=False,
                soft_wrap=True,
            )
        self._show()

    def _show(self) -> None:
        rate = (self.decided - self._before) / self.wall_s if self.wall_s > 0 else 0.0
        if self._err.is_terminal:
            self._bar.update(
                self._row,
                description=self._label() or "running",
                completed=self.decided,
                rate=f"{rate:.1f}",
                busy=len(self._busy),
            )
            return
        now_s = time.monotonic()
        if now_s - self._said_s >= _LINE_EVERY_S:
            self._said_s = now_s
            of = "" if self._total is None else f" of {self._total}"
            left = ""
            if self._total is not None and rate > 0:
                left = f", about {(self._total - self.decided) / rate:.0f} s left"
            label = f"{self._label()}; " if self._label() else ""
            self._err.print(
                f"{label}{self.decided}{of} sets decided, {rate:.1f} sets/s, "
                f"{counted(len(self._busy), 'machine')} busy{left}",
                highlight=False,
                soft_wrap=True,
            )
