"""A program that cannot outlive the process that started it."""

from __future__ import annotations

import os
from collections.abc import Sequence

# The shell asks whether its parent had ended already before the kernel was told, then becomes
# the program.
_STILL_OWNED = '[ "$PPID" = "$0" ] && exec "$@"'


def tied(command: Sequence[str], *rights: str, limits: str = "") -> tuple[str, ...]:
    """The words that start a program which the kernel kills when the calling thread ends,
    whatever ended that (prctl(2), PR_SET_PDEATHSIG).

    :param rights: options of setpriv(1) beside it.
    :param limits: commands of the shell (ulimit) that bound it.
    """
    script = f"{limits}; {_STILL_OWNED}" if limits else _STILL_OWNED
    shell = ("sh", "-c", script, str(os.getpid()))
    return ("setpriv", *rights, "--pdeathsig", "KILL", *shell, *command)
