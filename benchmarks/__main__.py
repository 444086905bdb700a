"""Runs the benchmarks: ``python -m benchmarks [--only NAME]...``."""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator

import benchmarks
from benchmarks import Measured
from benchmarks._outside import Skipped
from distributor.errors import DistributorError


def names() -> list[str]:
    """Every benchmark: a module here that is no part of the runner."""
    found = (module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    return sorted(name for name in found if not name.startswith("_"))


def run(name: str) -> Iterator[Measured]:
    """Run one benchmark; its figures come as they are measured."""
    yield from importlib.import_module(f"benchmarks.{name}").main()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=names(), metavar="NAME", help=", ".join(names())
    )
    chosen = parser.parse_args().only or names()
    failed = False
    for name in chosen:
        try:
            for line in run(name):
                print(json.dumps(line), flush=True)
        except Skipped as why:
            print(f"{name}: skipped: {why}", file=sys.stderr)
        except DistributorError as error:
            # One that cannot run here (no image, no QEMU) keeps no other from running.
            print(f"{name}: {error}", file=sys.stderr)
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
