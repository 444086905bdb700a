"""``python -m tests.fuzz SECONDS [TARGET...]``: random input for every parser of the host."""

from __future__ import annotations

import sys
import time
import traceback

from tests.fuzz import file, machine
from tests.fuzz.target import Target

TARGETS = [*machine.TARGETS, *file.TARGETS]
_EXAMPLES = 400


def fuzz(target: Target, budget_s: float) -> tuple[int, dict[str, str]]:
    """How many inputs were given within the budget, and each kind of failure with its first."""
    given = 0
    failures: dict[str, str] = {}
    end_s = time.monotonic() + budget_s
    while time.monotonic() < end_s:
        try:
            target.try_out(_EXAMPLES, again=False)
        except Exception as error:  # whatever a parser may raise
            frames = traceback.extract_tb(error.__traceback__)
            kind = f"{type(error).__name__} at {frames[-1].filename}:{frames[-1].lineno}"
            failures.setdefault(kind, "".join(traceback.format_exception(error)))
        given += _EXAMPLES
    return given, failures


def main(arguments: list[str]) -> int:
    """Give each target its share of the time; the exit value is 1 if one of them failed."""
    budget_s = float(arguments[0]) if arguments else 60.0
    chosen = [each for each in TARGETS if each.name in arguments[1:] or not arguments[1:]]
    failed = 0
    for target in chosen:
        given, failures = fuzz(target, budget_s / len(chosen))
        _say(f"{target.name}: {given} inputs, {len(failures)} kinds of failure")
        for kind, told in failures.items():
            failed = 1
            _say(f"--- {kind}\n{told}")
    return failed


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
