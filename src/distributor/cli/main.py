"""The command line: ``distributor COMMAND``."""

from __future__ import annotations

import contextlib
import errno
import sys
from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from distributor import __version__
from distributor.cli.ending import interrupted, take_no_more, take_sigterm
from distributor.cli.exits import EXIT_BAD_INPUT, EXIT_BROKEN_PIPE
from distributor.errors import DistributorError

#: Each command, as it is listed, with the module here that has a function (or a group of
#: commands) of its name.
COMMANDS = {
    "run": "run",
    "campaign": "campaign",
    "scan": "scan",
    "show": "show",
    "verify": "verify",
    "diff": "diff",
    "report": "report",
    "plot": "plot",
    "export": "export",
    "trace": "trace",
    "tasks": "tasks",
    "generate": "generate",
    "convert": "convert",
    "schema": "convert",
    "theory": "theory",
    "doctor": "doctor",
    "machines": "machines",
    "logs": "machines",
    "console": "console",
    "service": "service",
    "job": "job",
    "top": "top",
    "image": "image",
    "network": "network",
}

_STYLE: dict[str, Any] = {
    "add_completion": False,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}


class _Commands(MutableMapping[str, Any]):
    """Commands by their names; a command's module is imported when it is asked for."""

    def __getitem__(self, name: str) -> Any:
        found = getattr(import_module(f"distributor.cli.{COMMANDS[name]}"), name)
        if isinstance(found, typer.Typer):
            group = typer.main.get_group(found)
            group.name = name
            return group
        alone = typer.Typer(**_STYLE)
        alone.command(name)(found)
        return typer.main.get_command(alone)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)

    def __setitem__(self, name: str, command: Any) -> None:
        raise TypeError("commands are added to COMMANDS")

    __delitem__ = None  # type: ignore[assignment]


#: Of an output that goes to a file: its disk, or what this user may have of it, is full.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


#: Of files that are not this user's, or not what they are taken for.
_NOT_THEIRS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR)


class _Group(TyperGroup):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = _Commands()

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().make_context(*arguments, **options)
        except KeyboardInterrupt:
            raise interrupted() from None

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise interrupted() from None


app = typer.Typer(
    name="distributor",
    cls=_Group,
    help="Run real-time task sets, for real, on a fleet of QEMU machines, and see which "
    "of them hold their deadlines.",
    no_args_is_help=True,
    **_STYLE,
)


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
    take_sigterm()
    try:
        app()
    except DistributorError as error:
        sys.stderr.write(f"distributor: {error}\n")
        sys.exit(EXIT_BAD_INPUT)
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`): end as other commands do.
        sys.stderr.close()
        sys.exit(EXIT_BROKEN_PIPE)
    except KeyboardInterrupt:
        sys.exit(interrupted().exit_code)
    except OSError as error:
        if error.errno in _NOT_THEIRS and error.filename:
            sys.stderr.write(f"distributor: cannot use {error.filename}: {error.strerror}\n")
            sys.exit(EXIT_BAD_INPUT)
        if error.errno not in _NO_ROOM:
            raise
        where = f" {error.filename}" if error.filename else ""
        sys.stderr.write(f"distributor: cannot write{where}: {error.strerror} (make room)\n")
        with contextlib.suppress(OSError):
            sys.stdout.close()  # or Python tries once more, and says so, while it ends
        sys.exit(EXIT_BAD_INPUT)
    finally:
        take_no_more()
