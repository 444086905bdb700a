"""Which run of the store a service goes on with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from distributor.durable import DurableRun
from distributor.errors import ConfigurationError, StateError, StoreError
from distributor.service.settings import Settings
from distributor.store.record import RunRecord
from distributor.store.row import masked
from distributor.store.store import Store

#: What the store calls the command of a service's runs.
COMMAND = "distributor service"
#: No run has this number: who claims it is the store's service.
_SERVICE = 0


@contextmanager
def service_run(settings: Settings) -> Iterator[DurableRun]:
    """The last run of a service of this store, or a new one; nobody else's meanwhile.

    A run whose machines were others is left alone if it is complete.

    :raise StateError: a service keeps its results in this store already.
    :raise ConfigurationError: the last run is not complete, and its machines were others.
    :raise StoreError: the store cannot be opened.
    """
    with Store.open(settings.store) as store:
        try:
            claim = store.claim(_SERVICE)
        except StoreError as error:
            if "written by another" not in error.message:
                raise
            raise StateError(
                f"a service runs already with the store {store.name}",
                hint="`distributor service status` tells of it",
            ) from None
        try:
            options = {"clock": settings.clock.value, "cpus": settings.cpus}
            options |= settings.options
            run = _going_on(store, settings, options) or DurableRun(
                store, command=COMMAND, clock=settings.clock, options=options, qemu=settings.qemu
            )
            try:
                yield run
            finally:
                run.close()
        finally:
            claim.close()


def _going_on(store: Store, settings: Settings, options: dict[str, Any]) -> DurableRun | None:
    last = _last(store)
    if last is None or settings.fresh:
        return None
    if dict(last.options) == json.loads(json.dumps(masked(options), default=str)):
        return DurableRun(store, run=last.id, options=options)
    if last.id in store.batches.unfinished_runs():
        told = ", ".join(
            f"{name} {last.options.get(name)}"
            for name in sorted({*last.options, *options})
            if last.options.get(name) != options.get(name)
        )
        raise ConfigurationError(
            f"run {last.id} of {store.name} is not complete, and was begun with other "
            f"machines: {told}",
            hint="start the service with the same options, or with --fresh to leave that run",
        )
    return None


def _last(store: Store) -> RunRecord | None:
    found = None
    for record in store.runs():
        if record.command == COMMAND:
            found = record
    return found
