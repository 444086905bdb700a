"""Ctrl-C and SIGTERM: one line, the exit value that shells know, and nothing left half begun."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from distributor.cli import start

#: A command that is broken off, by a signal that finds SIGINT as it is or ignored.
BROKEN_OFF = """
import os, signal, sys
from distributor.cli import generate, main

def generated():
    signal.signal(signal.SIGINT, signal.HANDLER)
    try:
        os.kill(os.getpid(), signal.NUMBER)
    finally:
        # timeout(1) sends SIGTERM twice: what is left goes on to its end.
        if signal.NUMBER is signal.SIGTERM:
            os.kill(os.getpid(), signal.SIGTERM)
        sys.stdout.write("in order")

generate.generate = generated
main.main()
"""


@pytest.mark.parametrize(
    ("number", "sigint", "says", "value"),
    [
        ("SIGINT", "default_int_handler", "distributor: interrupted\n", 130),
        ("SIGTERM", "default_int_handler", "distributor: terminated\n", 143),
        ("SIGTERM", "SIG_IGN", "distributor: terminated\n", 143),
    ],
)
def test_a_command_that_is_broken_off_says_so_in_one_line(
    number: str, sigint: str, says: str, value: int
) -> None:
    program = BROKEN_OFF.replace("HANDLER", sigint).replace("NUMBER", number)
    done = subprocess.run(
        [sys.executable, "-c", program, "generate"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (value, "in order", says)


#: Ctrl-C before there is a command: while modules are imported, its words read, the rest.
EARLY = """
import builtins

def broken_off(*_, **__):
    raise KeyboardInterrupt

if "MOMENT" == "import":
    imports = builtins.__import__
    builtins.__import__ = lambda name, *more: (
        broken_off() if name == "typer" else imports(name, *more)
    )
else:
    from distributor.cli import main
    if "MOMENT" == "words":
        main._Group.parse_args = broken_off
    else:
        main.app = broken_off
from distributor.__main__ import main
main()
"""


@pytest.mark.parametrize("moment", ["import", "words", "rest"])
def test_ctrl_c_before_there_is_a_command_is_one_line_too(moment: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EARLY.replace("MOMENT", moment), "tasks"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "distributor: interrupted\n")


def test_a_service_whose_start_is_broken_off_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[subprocess.Popen[bytes]] = []

    class Popen(subprocess.Popen[bytes]):
        def __init__(self, *words: Any, **options: Any) -> None:
            super().__init__(*words, **options)
            begun.append(self)

    def broken_off(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", Popen)
    monkeypatch.setattr(start, "_answers", broken_off)
    with pytest.raises(KeyboardInterrupt):
        start.start_service(["--clock", "simulated"], tmp_path / "service.log")
    assert begun[0].returncode is not None
