"""``distributor campaign``: larger and larger task sets, from those that hold their deadlines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from distributor.analysis.table import Column, table_lines
from distributor.campaign import Budget, Campaign, Plan, find_campaign
from distributor.cli.exits import EXIT_UNDECIDED
from distributor.cli.logs import set_up_logging
from distributor.cli.options import MachinesOption, StoreOption
from distributor.cli.outcome import Outcome, say
from distributor.cli.progress import ProgressMonitor
from distributor.distributor import MAX_ALLOWED, Distributor
from distributor.errors import ConfigurationError
from distributor.machines.kind import machine_kind, machine_options, machines_of
from distributor.monitors.target import monitor_for
from distributor.session.result import Clock, Verdict
from distributor.store.record import RunRecord
from distributor.store.store import DEFAULT_STORE, Store
from distributor.tasks.pool import load_pool

#: Values of the options that a campaign keeps for good, where a new one does not say.
_DEFAULTS: dict[str, Any] = {
    "seed": 0,
    "per_size": 1000,
    "clock": Clock.VIRTUAL,
    "network": "auto",
    "cpus": 1,
}
_COLUMNS = (
    Column("Tasks", right=True),
    Column("Candidates", right=True),
    Column("Run", right=True),
    Column("Schedulable", right=True),
    Column("Share", right=True),
    Column("Missed", right=True),
    Column("Failed", right=True),
    Column("Undecided", right=True),
)


def campaign(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Python that defines `tasks`, JSON with `tasks`, or any file of task sets, "
            "whose tasks are taken.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the store's last campaign; takes no FILE.")
    ] = False,
    run: Annotated[
        int | None, typer.Option("--run", min=1, help="With --resume: number of its run.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Draws which sets are run, where not all are. Default 0.")
    ] = None,
    per_size: Annotated[
        int | None,
        typer.Option("--per-size", min=1, help="Sets of each size to run at most. Default 1000."),
    ] = None,
    largest: Annotated[
        int | None, typer.Option(min=1, help="Tasks in the largest sets. Default: no bound.")
    ] = None,
    sets: Annotated[
        int | None, typer.Option(min=1, help="Budget: task sets in all. Default: no bound.")
    ] = None,
    guest_s: Annotated[
        float | None, typer.Option("--guest-s", min=0, help="Budget: guest seconds in all.")
    ] = None,
    wall_s: Annotated[
        float | None, typer.Option("--wall-s", min=0, help="Budget: seconds of this call.")
    ] = None,
    machines: MachinesOption = "auto",
    clock: Annotated[Clock | None, typer.Option(help="As for run.", show_default="virtual")] = None,
    arch: Annotated[str | None, typer.Option(help="As for run.", show_default="amd64")] = None,
    network: Annotated[
        str | None, typer.Option(help="As for run; auto is sealed.", show_default="auto")
    ] = None,
    cpus: Annotated[
        int | None, typer.Option(help="Processors of each machine. Default 1.", min=1)
    ] = None,
    memory_mib: Annotated[
        int | None, typer.Option("--memory-mib", help="Memory of each machine.", min=64)
    ] = None,
    mips: Annotated[float | None, typer.Option(help="As for run. Default 1000.")] = None,
    store: StoreOption = DEFAULT_STORE,
    also: Annotated[
        list[str] | None, typer.Option(help="Write results there, too, as for run.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="End with one JSON object instead of the table.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="A line for each set.")] = False,
) -> None:
    """Run the tasks of FILE, then sets of two, of three and so on, made of those that hold
    their deadlines.

    Every set is kept in the store as soon as it has its verdict. Interrupted at any time, the
    campaign goes on with --resume. Exit value 0: every set has its verdict; 1: some are
    undecided; 2: bad input.
    """
    out, err = Console(), Console(stderr=True)
    set_up_logging((), console=err)
    kept = {
        "seed": seed,
        "per_size": per_size,
        "largest": largest,
        "clock": clock,
        "arch": arch,
        "network": network,
        "cpus": cpus,
        "memory_mib": memory_mib,
        "mips": mips,
    }
    given = {name: value for name, value in kept.items() if value is not None}
    tasks = None
    if resume:
        _refuse_change(file, given)
    elif file is None:
        raise ConfigurationError("a campaign needs a FILE, or --resume")
    elif run is not None:
        raise ConfigurationError("--run names the campaign that --resume goes on with")
    else:
        tasks = load_pool(file)
    budget = Budget(sets, guest_s, wall_s)
    if resume:
        with Store.open(store, create=False) as reader:
            options = _machine_options(find_campaign(reader, run))
    else:
        options = _new_options(given)
    kind = machine_kind(**options)
    most = machines_of(kind, machines)
    about: dict[str, Any] = {
        "clock": Clock(options["clock"]),
        "options": {**options, "machines": most},
        "qemu": kind.qemu_version,
    }
    others = [monitor_for(target, **about) for target in also or ()]
    outcome = Outcome()
    with Store.open(store) as opened:
        if tasks is None:
            search = Campaign.resume(opened, find_campaign(opened, run), budget)
        else:
            wanted = {**_DEFAULTS, **given}
            plan = Plan(wanted["seed"], wanted["per_size"], largest)
            search = Campaign.begin(opened, tasks, plan, budget, **about)
        progress = ProgressMonitor(None, lines=verbose, out=out, err=err, label=search.describe)
        with (
            Distributor(
                most,
                max(most, MAX_ALLOWED),
                session_type=kind,
                builtin=kind.builtin,
                monitors=[search, *others, progress],
            ) as distributor,
            progress,
        ):
            if not search.over:
                with outcome:
                    distributor.add_job(search.growth)
                    distributor.wait()
        search.close()
        if as_json:
            typer.echo(json.dumps(_summary(search, progress, opened.name)))
        else:
            for line in _table(search):
                typer.echo(line)
        say(_sentence(search, progress, opened.name), err)
    outcome.leave("go on with `distributor campaign --resume`")
    if any(counts[Verdict.UNDECIDED] for counts in search.verdicts.values()):
        raise typer.Exit(EXIT_UNDECIDED)


def _refuse_change(file: Path | None, given: dict[str, Any]) -> None:
    if file is not None:
        raise ConfigurationError(
            f"--resume goes on with the tasks that are in the store: it takes no file {file}",
            hint="without --resume, a new campaign begins",
        )
    if given:
        name = next(iter(given)).replace("_", "-")
        raise ConfigurationError(
            f"--{name} cannot be changed when a campaign goes on",
            hint="only its budget can, and --machines",
        )


def _new_options(given: dict[str, Any]) -> dict[str, Any]:
    all_given = {**_DEFAULTS, **given}
    options = machine_options(all_given)
    if options["clock"] is Clock.VIRTUAL:
        options.setdefault("mips", 1000.0)
    return options


def _machine_options(record: RunRecord) -> dict[str, Any]:
    options = machine_options(record.options)
    return {**options, "clock": Clock(options["clock"])}


def _table(search: Campaign) -> Iterator[str]:
    rows = []
    for size, counts in search.sizes():
        judged = counts.total() - counts[Verdict.UNDECIDED]
        share = f"{100 * counts[Verdict.SCHEDULABLE] / judged:.1f} %" if judged else "-"
        rows.append(
            (
                str(size.size),
                "-" if size.candidates is None else str(size.candidates),
                str(counts.total()),
                str(counts[Verdict.SCHEDULABLE]),
                share,
                *(str(counts[each]) for each in (Verdict.MISSED, Verdict.FAILED)),
                str(counts[Verdict.UNDECIDED]),
            )
        )
    return table_lines(_COLUMNS, rows)


def _summary(search: Campaign, progress: ProgressMonitor, store: str) -> dict[str, Any]:
    return {
        "run": search.run_id,
        "complete": search.growth.complete and not search.spent,
        "sizes": [
            {
                "size": size.size,
                "candidates": size.candidates,
                "run": counts.total(),
                **{verdict.value: counts[verdict] for verdict in Verdict},
            }
            for size, counts in search.sizes()
        ],
        "guest_s": round(search.guest_ns / 1e9, 9),
        "wall_s": round(progress.wall_s, 3),
        "store": store,
    }


def _sentence(search: Campaign, progress: ProgressMonitor, store: str) -> str:
    total = sum(counts.total() for counts in search.verdicts.values())
    if search.spent:
        state = f"The budget of {search.spent} is spent; a larger one goes on with --resume."
    elif search.growth.complete:
        state = "The campaign is complete."
    else:
        state = "There is more to run; --resume goes on."
    return (
        f"{progress.decided} task sets in {progress.wall_s:.1f} s, {total} in all. {state}\n"
        f"Kept in {store} as run {search.run_id}: see `distributor show {search.run_id}`."
    )
