"""Picks the monitor that writes to a place, by how the place is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distributor.errors import ConfigurationError
from distributor.monitors.file import CsvMonitor, JsonLinesMonitor
from distributor.monitors.mongodb import MongoMonitor
from distributor.monitors.monitor import Monitor
from distributor.session.result import Clock
from distributor.store.secret import reveal


def monitor_for(
    target: str,
    *,
    clock: Clock | None = None,
    options: Mapping[str, Any] | None = None,
    qemu: str | None = None,
) -> Monitor:
    """The monitor that writes results to ``target``.

    :param target: a file that ends in ``.csv``, ``.jsonl`` or ``.ndjson``, or the URL of a
        MongoDB database; ``@FILE`` for a URL that is in a file.
    :param clock: what the run is, for a target that keeps it.
    :raise ConfigurationError: nothing is known that writes there.
    :raise StoreError: it cannot be opened.
    """
    target = reveal(target)
    scheme, separator, _ = target.partition("://")
    if separator:
        if scheme in ("mongodb", "mongodb+srv"):
            return MongoMonitor(target, clock=clock, options=options, qemu=qemu)
    elif target.endswith(".csv"):
        return CsvMonitor(target)
    elif target.endswith((".jsonl", ".ndjson")):
        return JsonLinesMonitor(target)
    # A URL is not repeated whole: it may hold a password.
    called = f"{scheme}://..." if separator else repr(target)
    raise ConfigurationError(
        f"nothing is known that writes results to {called}",
        hint="name a file that ends in .csv or .jsonl, or a URL mongodb://host/database",
    )
