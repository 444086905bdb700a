"""``distributor machines`` and ``distributor logs``: what runs on this host, and what it prints."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from distributor.attach.client import Found, find_machine, find_machines, listening
from distributor.attach.request import LINES_MAX
from distributor.attach.text import Cleaner

_READ_BYTES = 1 << 16


def machines(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a list of JSON objects instead.")
    ] = False,
) -> None:
    """List the machines of every distributor that you run on this host."""
    found, silent = find_machines()
    for name in silent:
        sys.stderr.write(f"distributor: process {name} does not answer\n")
    if as_json:
        typer.echo(json.dumps([_described(each) for each in found]))
    elif found:
        _print_table(found)
    elif not silent:
        sys.stderr.write("no machine is running\n")


def logs(
    machine: Annotated[
        str, typer.Argument(metavar="ID", help="m1, or 1234/m1 where several have one.")
    ],
    lines: Annotated[
        int, typer.Option("--lines", "-n", help="How many of the last lines.", min=0, max=LINES_MAX)
    ] = 200,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the machine ends.")
    ] = False,
) -> None:
    """Print what a machine has printed on its console. Nothing is sent to the machine."""
    cleaner = Cleaner()
    with listening(find_machine(machine), lines=lines, follow=follow) as (ours, data, _):
        ended = "\n"
        while True:
            if data:
                text = cleaner.feed(data).replace("\r", "")
                sys.stdout.write(text)
                sys.stdout.flush()
                ended = text[-1:] or ended
            try:
                data = ours.recv(_READ_BYTES)
            except ConnectionError:
                sys.stderr.write("distributor: the machine printed faster than this was read\n")
                break
            if not data:
                break
        if ended != "\n":
            sys.stdout.write("\n")


def _described(found: Found) -> dict[str, Any]:
    return {"id": found.id, "distributor": found.distributor, **found.about}


def _print_table(found: list[Found]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("machine", "state", "task set", "job", "up", "address", "process"):
        table.add_column(title, overflow="fold")
    for each in found:
        about = each.about
        running = "" if about.get("job") is None else f"{about['job']}/{about['index']}"
        cells = [
            each.id,
            about.get("state"),
            about.get("taskset"),
            running,
            _span(about.get("uptime_s")),
            about.get("address"),
            about.get("process"),
        ]
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in cells))
    Console(highlight=False).print(table)


def _span(seconds: object) -> str:
    if not isinstance(seconds, int | float):
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
