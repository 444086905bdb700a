"""Options that several commands take, each described once."""

from __future__ import annotations

from typing import Annotated

import typer

from distributor.session.switch import SWITCHES_MAX

StoreOption = Annotated[
    str, typer.Option(help="Where results are kept: an SQLite file or an SQLAlchemy URL.")
]
MachinesOption = Annotated[
    str,
    typer.Option(
        "--machines", "-n", help="How many machines at once; auto: as many as the host bears."
    ),
]
SetTries = Annotated[int, typer.Option(help="Runs a set may spoil before it is undecided.", min=1)]
NoisyTries = Annotated[
    int,
    typer.Option(
        help="Real clock: times that a set is run again if the host disturbed its run.", min=0
    ),
]
Timeout = Annotated[float, typer.Option(help="Seconds a machine may be without progress.", min=1)]
Offset = Annotated[int, typer.Option(help="Leave out this many sets.", min=0)]
TraceOption = Annotated[
    bool, typer.Option("--trace", help="Record who has which processor, for Gantt charts.")
]
TraceLimit = Annotated[
    int, typer.Option(help="Switches recorded of a set.", min=1, max=SWITCHES_MAX)
]
