"""The report of a run: one HTML file with tables and plots that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributor.analysis.agreement import compare_with_theory, theory_holds
from distributor.analysis.ratio import schedulability
from distributor.analysis.statistics import set_statistics, task_statistics
from distributor.data.read import RunFrames
from distributor.figures.html import Html, join, tag
from distributor.figures.responses import HEIGHT as RESPONSES_HEIGHT
from distributor.figures.responses import response_shares_plot
from distributor.figures.schedulability import HEIGHT as RATIO_HEIGHT
from distributor.figures.schedulability import schedulability_plot
from distributor.figures.section import (
    agreement_tables,
    featured_sets,
    footer,
    head,
    ratio_table,
    set_section,
    sets_table,
)
from distributor.figures.style import NARROW, WIDE, Drawing, picture, themed

if TYPE_CHECKING:
    from pandas import DataFrame

#: A page is text alone: should a name ever get out of its place, nothing runs or is fetched.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = Path(__file__).with_name("page.css")


def report_page(
    frames: RunFrames,
    *,
    slices: Callable[[int], DataFrame | None] = lambda taskset_id: None,
    comparison: Html | None = None,
    told: Callable[[str, int | None], object] = lambda what, steps: None,
) -> str:
    """The page of a run.

    :param slices: what ran when in a set, by its ``id``; None where it was not traced.
    :param comparison: a section about another run (:mod:`distributor.figures.against`).
    :param told: called with what is being done, and of how many steps; a step with "".
    """
    sets, jobs = frames.tasksets, frames.jobs
    told("the statistics", None)
    statistics = task_statistics(jobs, frames.tasks)
    of_sets = set_statistics(jobs, sets)
    told("theory", len(sets))
    agreement = compare_with_theory(
        sets, statistics, frames.members, frames.run.options.get("cpus"), lambda: told("", 1)
    )
    draw = _Figures()
    told("the plots", None)
    parts = [*_whole_run(frames, draw, theory_holds(agreement)), *agreement_tables(agreement)]
    if comparison is not None:
        parts.append(comparison)
    parts.append(tag("h2", "Some sets"))
    parts += [
        set_section(frames, row, why, statistics, slices, draw)
        for row, why in featured_sets(of_sets)
    ]
    parts += [tag("h2", "All sets"), *sets_table(of_sets, agreement)]
    return _document(f"Run {frames.run.id}", head(frames), join(parts), footer())


def _whole_run(frames: RunFrames, draw: _Figures, expected: Any) -> Iterator[Html]:
    points = schedulability(frames.tasksets)
    if len(points["utilization"].unique()) > 1:
        theory = schedulability(frames.tasksets, held=expected)
        yield tag("h2", "Schedulability")
        yield draw(
            "Share of schedulable sets over utilization",
            "The band is Wilson's 95 % confidence interval. Broken lines are what theory says of "
            "the same sets. Undecided sets do not count.",
            schedulability_plot(points, theory),
            RATIO_HEIGHT,
        )
        yield tag("details", tag("summary", "In figures"), ratio_table(points))
    yield tag("h2", "Response times")
    yield draw(
        "Distribution of the response times of all jobs",
        "Which share of all jobs took at most that share of their deadline. What lies to the "
        "right of the line was late.",
        response_shares_plot(frames.jobs),
        RESPONSES_HEIGHT,
    )


class _Figures:
    """Makes figures, each in two widths, with names of their own."""

    def __init__(self) -> None:
        self._numbers = count()

    def __call__(self, title: str, caption: str, drawing: Drawing, height: float) -> Html:
        pictures = []
        for place, width in (("wide", WIDE), ("narrow", NARROW)):
            salt = f"{next(self._numbers)}"
            # A narrow one needs more lines for its legend.
            size = (width, height + (0.25 if width == NARROW else 0))
            svg = themed(picture(drawing, "svg", size, salt=salt))
            pictures.append(tag("div", Html(svg), class_=place, role="img", aria_label=title))
        return tag("figure", *pictures, tag("figcaption", caption))


def _document(title: str, top: Html, body: Html, bottom: Html) -> str:
    first = join(
        (
            tag("meta", charset="utf-8"),
            tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("title", title),
            Html(f"<style>\n{_STYLE.read_text(encoding='utf-8')}</style>"),
        )
    )
    page = tag(
        "html",
        tag("head", first),
        tag("body", tag("header", top), tag("main", body), tag("footer", bottom)),
        lang="en",
    )
    return f"<!DOCTYPE html>\n{page.text}\n"
