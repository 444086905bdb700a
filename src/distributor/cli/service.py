"""``distributor service``: a distributor that stays, and takes jobs while it works."""

from __future__ import annotations

import functools
import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from distributor.cli import steer
from distributor.cli.choice import choose_machines, with_machines_of
from distributor.cli.logs import LogFormat, LogFormatOption, LogOption, set_up_logging
from distributor.cli.options import (
    MachinesOption,
    NoisyTriesOption,
    SetTriesOption,
    StoreOption,
    TimeoutOption,
)
from distributor.cli.run import run as run_file
from distributor.distributor import MAX_ALLOWED, NOISY_TRIES
from distributor.store.store import DEFAULT_STORE

service = typer.Typer(
    help="A distributor that stays: jobs are added to it while it works.",
    no_args_is_help=True,
)

SocketOption = Annotated[
    Path | None,
    typer.Option(
        "--socket", help="Its Unix socket; $XDG_RUNTIME_DIR/distributor/service.sock if unset."
    ),
]


@service.command("run")
@with_machines_of(run_file)
def run(
    context: typer.Context,
    machines: MachinesOption = "auto",
    max_allowed: Annotated[
        int, typer.Option(help="The most that this can be set to.", min=1)
    ] = MAX_ALLOWED,
    store: StoreOption = DEFAULT_STORE,
    set_tries: SetTriesOption = 1,
    noisy_tries: NoisyTriesOption = NOISY_TRIES,
    timeout: TimeoutOption = 40,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh", help="Begin a new run, and leave what the last one has not finished."
        ),
    ] = False,
    socket: SocketOption = None,
    listen: Annotated[
        str | None,
        typer.Option(
            help="Listen on TCP, too: HOST:PORT; port 0 lets the kernel choose. Needs the token."
        ),
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option("--host", help="A name that --listen's address is called by. Repeatable."),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help="Where the token is; made if it is not there."),
    ] = None,
    log: LogOption = None,
    log_format: LogFormatOption = LogFormat.TEXT,
    **chosen: Any,
) -> None:
    """Run the service in the foreground, until SIGTERM or Ctrl-C; for systemd and the like."""
    import asyncio

    from distributor.machines.kind import machine_kind, machines_of
    from distributor.service.address import (
        checked_path,
        default_socket,
        default_token_file,
        make_token,
        parse_listen,
    )
    from distributor.service.process import Doors, live, open_service
    from distributor.service.settings import Settings

    set_up_logging(log or (), log_format, level=logging.INFO, stamped=True)
    options, clock, cpus, power = choose_machines(context, **chosen)
    path = checked_path(socket or default_socket())
    tcp = None if listen is None else parse_listen(listen)
    token_file = None if tcp is None else token_file or default_token_file()
    token = None if token_file is None else make_token(token_file)
    kind = machine_kind(**options, **power)
    most = machines_of(kind, machines)
    settings = Settings(
        store=store,
        maximum=most,
        max_allowed=max(most, max_allowed),
        clock=clock,
        network=kind.network_name,
        cpus=cpus,
        memory_mib=getattr(kind, "memory_mib", 0),
        set_tries=set_tries,
        noisy_tries=noisy_tries,
        timeout_s=timeout,
        qemu=kind.qemu_version,
        fresh=fresh,
        options={**options, "set_tries": set_tries, "noisy_tries": noisy_tries},
    )

    asyncio.run(
        live(
            lambda: open_service(kind, settings, kind.builtin),
            Doors(path, tcp, token, token_file, tuple(host or ())),
        )
    )


@service.command("start")
@functools.wraps(run)
def start(**options: Any) -> None:
    """Start the service apart from this terminal; says where, once it answers."""
    from distributor.cli.start import start_service
    from distributor.service.address import default_socket, state_folder

    log = state_folder() / "service.log"
    given = sys.argv[sys.argv.index("start") + 1 :]
    start_service(given, log)
    steer.status(address=str(options["socket"] or default_socket()))
    typer.echo(f"{'log':<11} {log}")


start.__doc__ = "Start the service apart from this terminal; says where, once it answers."
for each in (
    *(steer.stop, steer.status, steer.maximum, steer.pause, steer.resume, steer.kill),
    *(steer.machines, steer.console, steer.results),
):
    service.command(each.__name__)(each)
