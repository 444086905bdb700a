"""The parts of a run's report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import pandas

from distributor.analysis.duration import format_duration
from distributor.analysis.report import PRIORITY_NOTE
from distributor.analysis.statistics import each_row
from distributor.analysis.table import Column, shortened
from distributor.figures.gantt import chart_height, gantt_chart, telling_window
from distributor.figures.html import Content, Html, join, table, tag
from distributor.figures.responses import task_height, task_responses_plot
from distributor.figures.schedulability import curve_names
from distributor.session.result import Verdict
from distributor.tasks.task import EDF

if TYPE_CHECKING:
    from pandas import DataFrame

    from distributor.data.read import RunFrames
    from distributor.figures.style import Drawing

#: Rows of the longest tables; the rest is for `distributor show` and `distributor export`.
SETS_MAX = 1000
DIFFERENCES_MAX = 100


class Figures(Protocol):
    """Makes a figure of a drawing: title, caption, drawing, inches of height."""

    def __call__(self, title: str, caption: str, drawing: Drawing, height: float) -> Html: ...


def head(frames: RunFrames) -> Html:
    """What was run, when and where, and how many sets have which verdict."""
    run = frames.run
    verdicts = frames.tasksets["verdict"].astype(str)
    tiles = [
        tag("li", tag("b", f"{int((verdicts == verdict).sum()):,}"), verdict, class_=verdict)
        for verdict in Verdict
    ]
    took = "not ended" if run.ended_at is None else format_duration(
        round((run.ended_at - run.started_at).total_seconds() * 1e9)
    )  # fmt: skip
    clocks = sorted({str(each) for each in frames.jobs["clock"].unique() if pandas.notna(each)})
    facts: dict[str, Content] = {
        "Command": tag("code", run.command),
        "Started": f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC, took {took}",
        "Clock": ", ".join(clocks) or (run.clock or "-"),
        "Jobs": f"{len(frames.jobs):,} of {len(frames.tasks):,} tasks",
        "Versions": f"Distributor {run.distributor}" + (f", QEMU {run.qemu}" if run.qemu else ""),
        "Host": ", ".join(
            str(run.host[name]) for name in ("node", "processor", "system") if name in run.host
        ),
    }
    if run.seed:
        facts["Seed"] = run.seed
    listed = [part for name, value in facts.items() for part in (tag("dt", name), tag("dd", value))]
    total = len(verdicts)
    return join(
        (
            tag("h1", f"Run {run.id}: {total:,} task {'set' if total == 1 else 'sets'}"),
            tag("ul", *tiles, class_="tiles"),
            tag("dl", *listed, class_="facts"),
        )
    )


def ratio_table(points: DataFrame) -> Html:
    """The points of the plot."""
    by = curve_names(points)
    columns = [Column(name.removeprefix("origin.").capitalize()) for name in by]
    columns += [Column(title, right=True) for title in
                ("Utilization", "Sets", "Schedulable", "Ratio", "95 % from", "to")]  # fmt: skip
    rows = [
        (
            *(str(value) for value in row[1 : 1 + len(by)]),
            f"{row.utilization:.3g}",
            str(row.sets),
            str(row.schedulable),
            _percent(row.ratio),
            _percent(row.low),
            _percent(row.high),
        )
        for row in each_row(points)
    ]
    return table(columns, rows)


def agreement_tables(agreement: DataFrame) -> Iterator[Html]:
    """How often measurement and theory agree, and each set where they do not."""
    answers = ["schedulable", "not schedulable", "unknown"]
    yield tag("h2", "Measured and theory")
    counts = pandas.crosstab(agreement["verdict"].astype(str), agreement["theory"])
    counts = counts.reindex(index=list(Verdict), columns=answers, fill_value=0)
    columns = [Column("Measured"), *(Column(f"Theory: {each}", right=True) for each in answers)]
    rows = [(str(verdict), *map(str, counts.loc[verdict])) for verdict in Verdict]
    yield table(columns, rows)
    used = agreement["bound_used"].dropna()
    if len(used):
        above = int((used > 1).sum())
        yield tag(
            "p",
            f"Where theory has a worst-case response time, the longest measured one came to "
            f"{used.max():.1%} of it at most, {used.median():.1%} in the median; in {above} of "
            f"{len(used)} sets it is above, by the machine's own costs.",
        )
    differing = agreement[(agreement["agrees"] == False).fillna(False)]  # noqa: E712
    if differing.empty:
        yield tag("p", "They disagree on no set that both have an answer for.", class_="muted")
        return
    columns = [Column("Set", right=True), Column("Name"), Column("Measured"), Column("Theory"),
               Column("By"), Column("Why they differ")]  # fmt: skip
    yield table(
        columns,
        [
            (
                str(row.set_index),
                shortened(row.name, 32),
                row.verdict,
                row.theory,
                row.test,
                row.why,
            )
            for row in each_row(differing.head(DIFFERENCES_MAX))
        ],
        f"Sets on which they disagree: {len(differing):,}",
    )
    yield from _left_out(len(differing), DIFFERENCES_MAX)


def featured_sets(of_sets: DataFrame) -> list[tuple[Any, str]]:
    """Which sets to show in full: the one that missed by most, and the tightest that held."""
    found = []
    ran = of_sets[of_sets["jobs"] > 0]
    for verdict, why in (
        (Verdict.MISSED, "missed by the greatest share of a deadline"),
        (Verdict.SCHEDULABLE, "held with the least to spare"),
    ):
        some = ran[ran["verdict"] == verdict].sort_values("tightness", ascending=False).head(1)
        found += [(row, why) for row in each_row(some)]
    return found


def set_section(
    frames: RunFrames,
    row: Any,
    why: str,
    statistics: DataFrame,
    slices: Callable[[int], DataFrame | None],
    draw: Figures,
) -> Html:
    """One set: its chart, its tasks' figures and the distribution of their response times."""
    jobs, tasks, of_tasks = (
        frame[(frame["batch"] == row.batch) & (frame["set_index"] == row.set_index)]
        for frame in (frames.jobs, frames.tasks, statistics)
    )
    name = f" ({row.name})" if row.name else ""
    # The statistics' rows are those of the sets.
    ran = slices(int(frames.tasksets["id"].iloc[row.Index]))
    how = "when a job ran" if ran is not None else (
        "from a job's first instruction to its end, with whatever preempted it"
    )  # fmt: skip
    return join(
        (
            tag("h3", f"Set {row.set_index}{name}: {row.verdict}"),
            tag("p", f"Of all {row.verdict} sets, the one that {why}.", class_="muted"),
            draw(
                f"Gantt chart of set {row.set_index}",
                f"A pale bar reaches from a job's release to its end, a strong one tells {how}.",
                gantt_chart(jobs, tasks, telling_window(jobs), ran),
                chart_height(len(tasks) + (ran is not None)),
            ),
            tasks_table(of_tasks),
            draw(
                f"Response times of the tasks of set {row.set_index}",
                "A histogram for each task; the line is its deadline.",
                task_responses_plot(jobs, of_tasks),
                task_height(len(tasks)),
            ),
        )
    )


def tasks_table(statistics: DataFrame) -> Html:
    """The figures of each task."""
    titles = ("Priority", "Period", "Deadline", "WCET", "Load", "Jobs", "Response min", "median",
              "p99", "max", "Jitter", "Start latency max", "Lateness max", "Misses", "Overruns",
              "Skipped", "Errors")  # fmt: skip
    columns = [Column("Task"), *(Column(title, right=True) for title in titles)]
    rows = [
        (
            f"{row.task_id} {row.name}",
            "EDF" if row.priority == EDF else str(row.priority),
            *map(_time, (row.period_ns, row.deadline_ns, row.wcet_ns)),
            _percent(row.utilization),
            str(row.jobs),
            *map(
                _time,
                (
                    row.response_min_ns,
                    row.response_median_ns,
                    row.response_p99_ns,
                    row.response_max_ns,
                    row.response_jitter_ns,
                    row.start_latency_max_ns,
                    row.lateness_max_ns,
                ),
            ),
            *map(str, (row.misses, row.overruns, row.skipped, row.errors)),
        )
        for row in each_row(statistics)
    ]
    return table(columns, rows, PRIORITY_NOTE)


def sets_table(of_sets: DataFrame, agreement: DataFrame) -> Iterator[Html]:
    """Every set on a line, or as many as a page bears."""
    columns = [
        Column("Job", right=True), Column("Set", right=True), Column("Name"), Column("Verdict"),
        Column("Theory"), Column("Tasks", right=True), Column("Load", right=True),
        Column("Jobs", right=True), Column("Misses", right=True), Column("Overruns", right=True),
        Column("Response / deadline", right=True), Column("Start latency max", right=True),
        Column("Tardiness max", right=True),
    ]  # fmt: skip
    rows = [
        (
            str(row.batch),
            str(row.set_index),
            shortened(row.name, 32),
            tag("span", row.verdict, class_=_CLASSES.get(row.verdict, "")),
            theory,
            str(row.tasks),
            _percent(row.utilization),
            str(row.jobs),
            str(row.misses),
            str(row.overruns),
            _percent(row.tightness),
            _time(row.start_latency_max_ns),
            _time(row.tardiness_max_ns),
        )
        for row, theory in zip(
            each_row(of_sets.head(SETS_MAX)), agreement["theory"].head(SETS_MAX), strict=True
        )
    ]
    yield table(columns, rows)
    yield from _left_out(len(of_sets), SETS_MAX)


_CLASSES = {Verdict.SCHEDULABLE.value: "held", Verdict.MISSED.value: "late"}


def footer() -> Html:
    """How to read it."""
    lines = (
        "Response time: completion - release. Start latency: start - release. Lateness: response "
        "time - deadline; tardiness: the same, but never below 0. Jitter: the longest response "
        "time less the shortest. Overrun: a job still running at its task's next release. "
        "Skipped: releases that started no job. Load: WCET / period. Quantiles are times that "
        "occurred.",
        "Times in virtual time are counts of instructions, which do not depend on the host.",
    )
    return join(tag("p", line) for line in lines)


def _left_out(total: int, most: int) -> Iterator[Html]:
    if total > most:
        yield tag("p", f"{total - most:,} more are left out; ", tag("code", "distributor export"),
                  " has them all.", class_="muted")  # fmt: skip


def _time(time_ns: Any) -> str:
    return format_duration(None if pandas.isna(time_ns) else int(time_ns))


def _percent(share: Any) -> str:
    return "-" if pandas.isna(share) else f"{share:.1%}"
