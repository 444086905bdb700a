"""Our guest under a host that knows the plain protocol alone (tests/guest/plain_host.py)."""

from __future__ import annotations

import asyncio

import pytest

from distributor.machines.image import Image
from distributor.machines.qemu import qemu_kind
from tests.guest.plain_host import PlainHost, binaries_of

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("clock", ["virtual", "real"])
async def test_a_plain_host_runs_a_set_on_our_guest(image: Image, clock: str) -> None:
    machine = qemu_kind(image=image, clock=clock, network="user").create_reachable("m1")
    try:
        await machine.start()
        # It is one client at a time: the machine's own greeting has to hang up first.
        _, writer = await machine.connect()
        port = writer.get_extra_info("peername")[1]
        writer.close()
        await writer.wait_closed()
        events = await asyncio.to_thread(_talk, port, image)
    finally:
        await machine.stop()
    assert [event["type"] for event in events if event["task-id"] == "0"] == [
        *["START", "EXIT"] * 3,
        "JOBS_DONE",
    ]
    assert [event["type"] for event in events if event["task-id"] == "1"] == [
        "START",
        "EXIT_CRITICAL",
        "JOBS_DONE",
    ]
    starts_ms = [
        int(event["time-stamp"])
        for event in events
        if (event["task-id"], event["type"]) == ("0", "START")
    ]
    if clock == "virtual":
        assert [later - starts_ms[0] for later in starts_ms] == [0, 100, 200]


def _talk(port: int, image: Image) -> list[dict[str, str]]:
    with PlainHost("127.0.0.1", port) as host:
        assert host.is_there()
        needed = {path.name: path.parent for path in image.tasks.values()}
        folder = next(iter(needed.values()))
        binaries = binaries_of(folder)
        host.send_binaries({name: binaries[name] for name in ("hey", "busy")})
        return host.run(
            [
                {"pkg": "hey", "arg1": 1, "priority": 3, "period": 100, "numberofjobs": 3},
                {
                    "pkg": "busy",
                    "arg1": 500_000,
                    "priority": 5,
                    "period": 1000,
                    "numberofjobs": 1,
                    "criticaltime": 20,
                },
            ]
        )
