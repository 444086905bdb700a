"""Ctrl-C, and SIGTERM, which does the same but for the word and the exit value."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import typer

from distributor.cli.exits import EXIT_INTERRUPTED, EXIT_TERMINATED

#: Signals that broke the work off, beside Ctrl-C's.
_taken: set[signal.Signals] = set()


def take_sigterm() -> None:
    """From now on SIGTERM breaks the work off as Ctrl-C does, instead of ending it where it is."""
    signal.signal(signal.SIGTERM, _break_off)


def take_no_more() -> None:
    """From now on neither counts: what is left is short, and not to be left half done."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def interrupted(more: str = "") -> typer.Exit:
    """Say in one line that the work was broken off.

    :param more: what that has left.
    :return: to be raised.
    """
    word, value = ("interrupted", EXIT_INTERRUPTED)
    if _taken:
        word, value = ("terminated", EXIT_TERMINATED)
    sys.stderr.write(f"distributor: {word}{more and '; '}{more}\n")
    return typer.Exit(value)


def _break_off(_number: int, frame: FrameType | None) -> None:
    if _taken:
        return  # timeout(1) and batch systems send it twice: to the program and to its group
    _taken.add(signal.SIGTERM)
    # asyncio takes Ctrl-C for its own; where a shell's `&` has it ignored, nothing does.
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)
