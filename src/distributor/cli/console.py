"""``distributor console``: a machine's console in this terminal."""

from __future__ import annotations

import os
import select
import socket
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from distributor.attach.client import find_machine, listening
from distributor.attach.text import Cleaner
from distributor.errors import ConfigurationError

#: Ctrl-], as telnet and virsh have it.
_LEAVE = b"\x1d"
_READ_BYTES = 1 << 16
#: In what tcgetattr returns.
_INPUT_FLAGS, _LOCAL_FLAGS, _CHARACTERS = 0, 3, 6


def console(
    machine: Annotated[
        str, typer.Argument(metavar="ID", help="m1, or 1234/m1 where several have one.")
    ],
    raw: Annotated[
        bool,
        typer.Option(
            "--raw", help="Let the machine control the terminal: colours, and all else it sends."
        ),
    ] = False,
) -> None:
    """Show a machine's console, and pass on what you type. Ctrl-] leaves.

    A sealed machine is only shown: it has nothing around it that no other run has.
    """
    if not sys.stdin.isatty():
        raise ConfigurationError(
            "a console is for a terminal", hint="distributor logs -f ID follows without one"
        )
    found = find_machine(machine)
    with listening(found, lines=50, follow=True, enter=True) as (ours, heard, enter):
        how = "" if enter else "; it takes no input"
        sys.stderr.write(f"Console of {found.id}{how}. Ctrl-] leaves.\n")
        with _terminal(sys.stdin.fileno()):
            how_it_ended = _talk(ours, heard, enter, raw)
    sys.stderr.write(f"\ndistributor: {how_it_ended}\n")


def _talk(ours: socket.socket, heard: bytes, enter: bool, raw: bool) -> str:
    """Pass on both ways until one side ends; returns how it did."""
    keyboard, screen = sys.stdin.fileno(), sys.stdout.fileno()
    cleaner = Cleaner()
    while True:
        if heard:
            _write(screen, heard if raw else cleaner.feed(heard).encode())
        ready, _, _ = select.select([keyboard, ours], [], [])
        heard = b""
        if keyboard in ready:
            typed = os.read(keyboard, 1024)
            before, leave, _ = typed.partition(_LEAVE)
            try:
                if enter and before:
                    ours.sendall(before)
            except OSError:
                return "the machine has ended"
            if leave or not typed:
                return "left the console; the machine goes on"
        if ours in ready:
            try:
                heard = ours.recv(_READ_BYTES)
            except ConnectionError:
                return "the machine printed faster than this was read"
            if not heard:
                return "the machine has ended"


def _write(screen: int, data: bytes) -> None:
    while data:
        data = data[os.write(screen, data) :]


@contextmanager
def _terminal(descriptor: int) -> Iterator[None]:
    """Keys come as they are typed, unseen; what is shown is still made into lines."""
    before = termios.tcgetattr(descriptor)
    ours = termios.tcgetattr(descriptor)
    ours[_LOCAL_FLAGS] &= ~(termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN)
    ours[_INPUT_FLAGS] &= ~(termios.IXON | termios.ICRNL)
    ours[_CHARACTERS][termios.VMIN] = 1
    ours[_CHARACTERS][termios.VTIME] = 0
    termios.tcsetattr(descriptor, termios.TCSAFLUSH, ours)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
