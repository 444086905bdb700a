"""``distributor run``: the task sets of a file, on machines, to the last verdict."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterable, Iterator
from itertools import tee
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from distributor.cli.choice import choose_machines
from distributor.cli.connect import AddressOption
from distributor.cli.exits import EXIT_UNDECIDED
from distributor.cli.handover import check_options, hand_over
from distributor.cli.logs import LogFormat, LogFormatOption, LogOption, set_up_logging
from distributor.cli.network import (
    BridgeName,
    FirstMachine,
    Range,
    Subnet,
    UplinkName,
)
from distributor.cli.options import (
    JsonSummaryOption,
    MachinesOption,
    NoisyTriesOption,
    OffsetOption,
    QuietOption,
    SetTriesOption,
    StoreOption,
    TimeoutOption,
    TraceLimitOption,
    TraceOption,
)
from distributor.cli.outcome import Outcome, sum_up
from distributor.cli.progress import ProgressMonitor
from distributor.cli.resume import BEGUN_BY, begin_or_go_on, find_run, is_given, total_of
from distributor.distributor import MAX_ALLOWED, NOISY_TRIES, Distributor
from distributor.errors import ConfigurationError
from distributor.jobs.job import Job
from distributor.machines.kind import machine_kind, machine_options, machines_of
from distributor.monitors.logging import LoggingMonitor
from distributor.monitors.monitor import Monitor
from distributor.monitors.target import monitor_for
from distributor.session.description import Goal
from distributor.session.result import Clock, Verdict
from distributor.session.switch import SWITCHES_DEFAULT
from distributor.store.store import DEFAULT_STORE
from distributor.tasks.load import load
from distributor.tasks.taskset import TaskSet


def run(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Python that defines `tasksets`, JSON, JSON lines or CSV; - reads JSON lines.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the store's last unfinished run; takes no FILE."),
    ] = False,
    number: Annotated[
        int | None, typer.Option("--run", min=1, help="With --resume: number of the run.")
    ] = None,
    machines: MachinesOption = "auto",
    hosts: Annotated[
        list[str] | None,
        typer.Option(
            help="Run on boards, whose loaders listen there: addresses, names, ranges "
            "(10.200.33.0/28), with :PORT or without. May be given several times.",
        ),
    ] = None,
    boards: Annotated[
        Path | None, typer.Option(help="Run on the boards of this file (TOML, docs/boards.md).")
    ] = None,
    power_cycle: Annotated[
        str, typer.Option(help="The command that restarts a board that hangs; {host} is its own.")
    ] = "",
    clock: Annotated[
        Clock | None,
        typer.Option(
            help="virtual: counts instructions, the same on every host; real; simulated: computed.",
            show_default="virtual; for boards real",
        ),
    ] = None,
    arch: Annotated[
        str, typer.Option(help="Processors of the machines: amd64, arm64 or armhf.")
    ] = "amd64",
    profile: Annotated[
        str | None,
        typer.Option(
            help="Machines that start as a profile says: its name, or a file that ends in .toml "
            "(docs/profiles.md).",
            show_default=False,
        ),
    ] = None,
    kernel: Annotated[
        Path | None,
        typer.Option(help="With --profile: the image that is started.", show_default=False),
    ] = None,
    binaries: Annotated[
        Path | None,
        typer.Option(
            help="With --profile or boards: the folder of the executables that tasks name.",
            show_default=False,
        ),
    ] = None,
    network: Annotated[
        str,
        typer.Option(
            help="none: sealed, each set on a machine of its own (virtual clock); user; bridge."
        ),
    ] = "auto",
    bridge: BridgeName = None,
    subnet: Subnet = None,
    first_machine: FirstMachine = None,
    machine_range: Range = None,
    uplink: UplinkName = None,
    cpus: Annotated[
        int | None,
        typer.Option(
            help="Processors of each machine.", min=1, show_default="1; a profile says its own"
        ),
    ] = None,
    memory_mib: Annotated[
        int | None, typer.Option("--memory-mib", help="Memory of each machine.", min=64)
    ] = None,
    mips: Annotated[
        float,
        typer.Option(
            help="Virtual clock: speed of the processor in millions of instructions a second; "
            "1000, 500, 250 ... 0.977."
        ),
    ] = 1000,
    store: StoreOption = DEFAULT_STORE,
    also: Annotated[
        list[str] | None,
        typer.Option(
            help="Write results there, too: a file that ends in .csv or .jsonl, or mongodb://... "
            "May be given several times."
        ),
    ] = None,
    offset: OffsetOption = 0,
    set_tries: SetTriesOption = 1,
    noisy_tries: NoisyTriesOption = NOISY_TRIES,
    admission: Annotated[
        Goal | None,
        typer.Option(
            help="Let the machine refuse tasks by their executiontime, so that the others hold "
            "their deadlines."
        ),
    ] = None,
    trace: TraceOption = False,
    trace_limit: TraceLimitOption = SWITCHES_DEFAULT,
    timeout: TimeoutOption = 40,
    as_json: JsonSummaryOption = False,
    quiet: QuietOption = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="A table of response times for each set.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Check everything, print the machine's command, run nothing."
        ),
    ] = False,
    service: Annotated[
        bool,
        typer.Option(
            "--service", help="Hand FILE over to the running service, and follow it to its end."
        ),
    ] = False,
    address: AddressOption = None,
    log: LogOption = None,
    log_format: LogFormatOption = LogFormat.TEXT,
) -> None:
    """Run the task sets of FILE and say which of them hold their deadlines.

    Interrupted at any time, even killed, the run goes on with --resume (docs/durable.md).
    Exit value 0: every set has its verdict; 1: some are undecided; 2: bad input.
    """
    out, err = Console(), Console(stderr=True)
    level = logging.INFO if verbose else logging.WARNING
    set_up_logging(log or (), log_format, level=level, console=err)
    if service and file is None:
        raise ConfigurationError("run --service needs a FILE to hand over")
    if service and file is not None:
        check_options(context)
        hand_over(
            file,
            address,
            offset=offset,
            admission=admission,
            switches=trace_limit if trace else 0,
            as_json=as_json,
            quiet=quiet,
        )
        return
    options, clock, cpus, power = choose_machines(
        context,
        hosts=hosts,
        boards=boards,
        power_cycle=power_cycle,
        clock=clock,
        arch=arch,
        profile=profile,
        kernel=kernel,
        binaries=binaries,
        network=network,
        bridge=bridge,
        subnet=subnet,
        first_machine=first_machine,
        machine_range=machine_range,
        uplink=uplink,
        cpus=cpus,
        memory_mib=memory_mib,
        mips=mips,
    )
    before = None
    if resume or file is None or number is not None:
        before = find_run(context, file, store, number)
    tasksets = [] if file is None else _checked(load(file), offset, cpus)
    switches = trace_limit if trace else 0
    if before is not None:
        options = machine_options(before.options)
        clock = Clock(options["clock"])
        set_tries, noisy_tries = before.options["set_tries"], before.options["noisy_tries"]
        if not is_given(context, "machines"):
            machines = str(before.options["machines"])
        if not is_given(context, "timeout"):
            timeout = before.options["timeout_s"]
    kind = machine_kind(**options, **power)
    most = machines_of(kind, machines)
    if dry_run:
        typer.echo(shlex.join(kind.command("m1")))
        return
    about: dict[str, Any] = {
        "clock": clock,
        "options": {
            **options,
            "begun_by": BEGUN_BY,
            "machines": most,
            "set_tries": set_tries,
            "noisy_tries": noisy_tries,
            "timeout_s": timeout,
            "offset": offset,
            "switches": switches,
            "admission": admission,
        },
        "qemu": kind.qemu_version,
    }
    others = [monitor_for(target, **about) for target in also or ()]
    goal = None if admission is None else admission.parameters
    asked = {"offset": offset, "goal": goal, "switches": switches}
    watcher, jobs = begin_or_go_on(before, file, tasksets, store, about, err, **asked)
    verdicts = watcher.store.counts(watcher.run_id)
    progress = ProgressMonitor(
        total_of(jobs, sum(verdicts.values())), lines=not quiet and not verbose, out=out, err=err
    )
    progress.go_on(verdicts, watcher.store.batches.totals(watcher.run_id))
    monitors: list[Monitor] = [watcher, *others, progress]
    if verbose:
        monitors.append(LoggingMonitor())
    outcome = Outcome()
    with (
        Distributor(
            most,
            max(most, MAX_ALLOWED),
            session_type=kind,
            builtin=kind.builtin,
            set_tries=set_tries,
            noisy_tries=noisy_tries,
            timeout=timeout,
            monitors=monitors,
        ) as distributor,
        progress,
    ):
        for job in jobs:
            distributor.add_job(job)
        with outcome:
            distributor.wait()
    sum_up(progress, clock, watcher.store.name, watcher.run_id, err, as_json=as_json)
    hint = "; go on with `distributor run --resume`" if watcher.durable else ""
    outcome.leave(f"{progress.decided} task sets are kept{hint}")
    if progress.verdicts[Verdict.UNDECIDED]:
        raise typer.Exit(EXIT_UNDECIDED)


def _checked(
    tasksets: TaskSet | Iterable[TaskSet], offset: int, cpus: int
) -> TaskSet | Iterable[TaskSet]:
    """The same, once its first set is known to be one that fits onto the machines' processors.

    Before anything is made or kept.
    """
    probe: TaskSet | Iterable[TaskSet] = tasksets
    if isinstance(tasksets, Iterator):
        tasksets, probe = tee(tasksets)
    try:
        job = Job(probe, offset=offset)
        first = job.take()
        assert first is not None
        if job.error is not None:
            # A generator that has raised once only ends when it is asked again.
            raise job.error
    except ConfigurationError as error:
        # What the file says of itself names the place; there is no job yet.
        if isinstance(error.__cause__, ConfigurationError):
            raise error.__cause__ from None
        raise
    needed = max(task.coreoffset + (task.cores or 1) for task in first.taskset)
    if needed > cpus:
        raise ConfigurationError(
            f"the first task set needs {needed} processors, and the machines have {cpus}",
            hint=f"take --cpus {needed}",
        )
    return tasksets
