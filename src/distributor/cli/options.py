"""Options and arguments that several commands take, each described once."""

from __future__ import annotations

from typing import Annotated

import typer

from distributor.session.switch import SWITCHES_MAX

StoreOption = Annotated[
    str, typer.Option(help="Where results are kept: an SQLite file or an SQLAlchemy URL.")
]
#: Of the commands that only read one.
ReadStoreOption = Annotated[
    str, typer.Option(help="The store: an SQLite file, or a database's URL.")
]
LastRunArgument = Annotated[
    int | None, typer.Argument(help="Number of the run; the last one if unset.", min=1)
]
MachinesOption = Annotated[
    str,
    typer.Option(
        "--machines", "-n", help="How many machines at once; auto: as many as the host bears."
    ),
]
SetTriesOption = Annotated[
    int, typer.Option(help="Runs a set may spoil before it is undecided.", min=1)
]
NoisyTriesOption = Annotated[
    int,
    typer.Option(
        help="Real clock: times that a set is run again if the host disturbed its run.", min=0
    ),
]
TimeoutOption = Annotated[
    float, typer.Option(help="Seconds a machine may be without progress.", min=1)
]
OffsetOption = Annotated[int, typer.Option(help="Leave out this many sets.", min=0)]
TraceOption = Annotated[
    bool, typer.Option("--trace", help="Record who has which processor, for Gantt charts.")
]
TraceLimitOption = Annotated[
    int, typer.Option(help="Switches recorded of a set.", min=1, max=SWITCHES_MAX)
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No line for each set.")]
JsonOption = Annotated[bool, typer.Option("--json", help="As one JSON document.")]
JsonObjectOption = Annotated[bool, typer.Option("--json", help="As one JSON object.")]
JsonLinesOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
#: The object stands on the last line.
JsonSummaryOption = Annotated[
    bool, typer.Option("--json", help="End with one JSON object on standard output.")
]
