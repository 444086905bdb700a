"""The command line: ``distributor COMMAND``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from distributor import __version__
from distributor.cli.campaign import campaign
from distributor.cli.convert import convert, schema
from distributor.cli.diff import diff
from distributor.cli.doctor import doctor
from distributor.cli.exits import EXIT_BAD_INPUT, EXIT_BROKEN_PIPE, EXIT_INTERRUPTED
from distributor.cli.export import export
from distributor.cli.generate import generate
from distributor.cli.image import image
from distributor.cli.network import network
from distributor.cli.plot import plot
from distributor.cli.report import report
from distributor.cli.run import run
from distributor.cli.show import show
from distributor.cli.tasks import tasks
from distributor.cli.theory import theory
from distributor.cli.trace import trace
from distributor.cli.verify import verify
from distributor.errors import DistributorError

app = typer.Typer(
    name="distributor",
    help="Run real-time task sets, for real, on a fleet of QEMU machines, and see which "
    "of them hold their deadlines.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run)
app.command("campaign")(campaign)
app.command("show")(show)
app.command("verify")(verify)
app.command("diff")(diff)
app.command("report")(report)
app.command("plot")(plot)
app.command("export")(export)
app.command("trace")(trace)
app.command("tasks")(tasks)
app.command("generate")(generate)
app.command("convert")(convert)
app.command("schema")(schema)
app.command("theory")(theory)
app.command("doctor")(doctor)
app.add_typer(image, name="image")
app.add_typer(network, name="network")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"distributor {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    """Options before the command."""


def main() -> None:
    """Run the command line; a user's mistake is one line and exit value 2."""
    try:
        app()
    except DistributorError as error:
        sys.stderr.write(f"distributor: {error}\n")
        sys.exit(EXIT_BAD_INPUT)
    except KeyboardInterrupt:
        sys.stderr.write("distributor: interrupted\n")
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`): end as other commands do.
        sys.stderr.close()
        sys.exit(EXIT_BROKEN_PIPE)
