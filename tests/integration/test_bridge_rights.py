"""What a bridge takes of the host: an uplink that is given back, and rights or none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.namespaces import ALONE

pytestmark = pytest.mark.integration

#: Starts a bridge in whatever surroundings it is run, asks its keeper, and prints.
BRIDGE = """
import asyncio, socket, subprocess, sys
from pathlib import Path
from distributor.errors import NetworkError
from distributor.network.bridge.kept import Kept
from distributor.network.bridge.look import look
from distributor.network.plan import BridgePlan

def links():
    told = subprocess.run(["ip", "-br", "link"], check=True, capture_output=True, text=True)
    lines = [line.split()[:2] for line in told.stdout.splitlines()]
    return sorted(name.partition("@")[0] for name, state in lines if state != "DOWN")

async def main(folder, uplink=None):
    try:
        kept = await Kept.start(BridgePlan(uplink=uplink, machines=2), Path(folder))
    except NetworkError as error:
        print("refused:", error)
        return
    try:
        (bridge,) = look([Path(folder)])
        print("uplink", bridge["uplink"], "outside", links())
        if uplink is not None:
            listener = socket.create_server(("10.200.45.200", 0))
            (descriptor,) = await kept.ask("socket")
            inside = socket.socket(fileno=descriptor)
            await asyncio.get_running_loop().sock_connect(inside, listener.getsockname())
            accepted, _ = listener.accept()
            print("reached from", accepted.getpeername()[0])
            for each in (inside, accepted, listener):
                each.close()
        else:
            (tap,) = await kept.ask("tap", number=1, machine="m1")
            print("a tap", flush=True)
    finally:
        kept.end()
    print("afterwards", links())

asyncio.run(main(*sys.argv[1:]))
"""


#: A board in the lab, and a distributor that reaches it through its bridge.
BOARD = """
import asyncio, threading
from distributor import Distributor, Task, TaskSet
from tests.fakes.loader import PlainLoader
from tests.integration.conftest import run_on

async def serve(up):
    loader = PlainLoader()
    async with await asyncio.start_server(loader._serve, "10.200.45.200", 3001):
        up.set()
        await asyncio.sleep(3600)

up = threading.Event()
threading.Thread(target=lambda: asyncio.run(serve(up)), daemon=True).start()
up.wait()
bridge = {"uplink": "lab0"}
with Distributor(hosts=["10.200.45.200"], network="bridge", bridge=bridge) as distributor:
    result = run_on(distributor, TaskSet([Task("hey", period_ms=10, numberofjobs=3)]))
    print(result.verdict, result.facts.accelerator, flush=True)
"""


def bridge_in(folder: Path, surroundings: str, *words: str, program: str = BRIDGE) -> list[str]:
    """What a program prints, run by a shell that has made its surroundings."""
    script = f'{surroundings} exec "$@"'
    command = [sys.executable, "-c", program, str(folder), *words]
    command = [*ALONE, "sh", "-ec", script, "sh", *command]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    if done.returncode and "Traceback" not in done.stderr:
        pytest.skip(f"this host does not let the surroundings be made: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


LAB = """
ip link set lo up
ip link add lab0 type veth peer name lab1
ip link set lab0 up
ip link set lab1 up
ip address add 10.200.45.200/24 dev lab1
"""


def test_an_uplink_joins_the_bridge_and_comes_back(tmp_path: Path) -> None:
    assert bridge_in(tmp_path, LAB, "lab0") == [
        "uplink lab0 outside ['lab1', 'lo']",
        "reached from 10.200.45.254",
        "afterwards ['lab0', 'lab1', 'lo']",
    ]


@pytest.mark.usefixtures("image")
def test_a_board_behind_an_uplink_runs_sets(tmp_path: Path) -> None:
    (line,) = bridge_in(tmp_path, LAB, program=BOARD)
    assert line == "schedulable board 10.200.45.200:3001"


@pytest.mark.parametrize(
    ("uplink", "told"),
    [
        ("lab2", "there is no network interface lab2"),
        ("lab1", "lab1 has the host's address 10.200.45.200, and would lose it"),
    ],
)
def test_an_uplink_that_cannot_be_had_is_refused(tmp_path: Path, uplink: str, told: str) -> None:
    (line,) = bridge_in(tmp_path, LAB, uplink)
    assert line.startswith(f"refused: {told}")


WITHOUT = "setpriv --bounding-set=-net_admin,-sys_admin"


def test_a_bridge_takes_no_rights_where_user_namespaces_are_allowed(tmp_path: Path) -> None:
    words = [*ALONE, *WITHOUT.split(), "unshare", "--user", "--net", "true"]
    allowed = subprocess.run(words, check=False, capture_output=True)
    if allowed.returncode or not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        pytest.skip("this host lets nobody make a user namespace, or a tap")
    assert bridge_in(tmp_path, f'exec {WITHOUT} "$@";') == [
        "uplink None outside []",
        "a tap",
        "afterwards []",
    ]


def test_without_any_right_it_is_said_what_is_missing(tmp_path: Path) -> None:
    nothing = f"""
    exec unshare --user --map-root-user sh -ec '
        echo 0 > /proc/sys/user/max_user_namespaces; exec {WITHOUT} "$@"' sh "$@";
    """
    (line,) = bridge_in(tmp_path, nothing)
    assert line.startswith("refused: a network namespace cannot be made: this user is not root")
    assert "user namespace either: their limit is reached" in line
    assert "take --network user" in line
