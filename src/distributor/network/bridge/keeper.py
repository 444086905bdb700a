"""The process that has the namespace: makes taps and sockets in it, and keeps dnsmasq running.

Asked over a socket of its owner's: each message is an object of JSON, its answer has the same
``id``, what was asked for (a descriptor, beside it) or ``error`` and ``hint``. The first one says
that all is there. It ends when the owner is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import sys
from pathlib import Path
from typing import Any

from distributor.errors import ConfigurationError, DistributorError, NetworkError
from distributor.network.bridge.kept import MESSAGE_MAX
from distributor.network.bridge.leases import Dnsmasq
from distributor.network.bridge.links import Links
from distributor.network.bridge.namespace import enter_new_namespace
from distributor.network.bridge.uplink import Uplink
from distributor.network.plan import BridgePlan, hardware_text

#: How long somebody who asks what there is may take to take the answer.
_LOOK_S = 1.0


class Keeper:
    """Made once the process is in its namespace.

    :param owner: its end of the owner's socket.
    :param looked_at: listens for those who ask what there is.
    """

    def __init__(
        self,
        plan: BridgePlan,
        links: Links,
        dnsmasq: Dnsmasq,
        owner: socket.socket,
        looked_at: socket.socket,
    ) -> None:
        self._plan = plan
        self._links = links
        self._dnsmasq = dnsmasq
        self._owner = owner
        self._looked_at = looked_at
        #: Which machine has, or had, each number.
        self._machines: dict[int, str] = {}

    def run(self) -> None:
        """Until the owner is gone."""
        dnsmasq_ends = self._dnsmasq.end
        wait_s: float | None = None
        while True:
            watched = [self._owner.fileno(), self._looked_at.fileno()]
            if wait_s is None:
                watched.append(dnsmasq_ends)
            ready, _, _ = select.select(watched, [], [], wait_s)
            if self._owner.fileno() in ready and not self._answer():
                return
            if self._looked_at.fileno() in ready:
                self._show()
            if dnsmasq_ends in ready or (wait_s is not None and not ready):
                wait_s = self._dnsmasq.restart() or None
                dnsmasq_ends = self._dnsmasq.end

    def _answer(self) -> bool:
        """Do what the owner asks; False if there is none any more."""
        text = self._owner.recv(MESSAGE_MAX)
        if not text:
            return False
        asked = json.loads(text)
        try:
            made = self._do(asked)
        except NetworkError as error:
            say(self._owner, asked["id"], error)
            return True
        socket.send_fds(self._owner, [json.dumps({"id": asked["id"]}).encode()], made)
        for descriptor in made:
            os.close(descriptor)
        return True

    def _do(self, asked: dict[str, Any]) -> list[int]:
        match asked["do"]:
            case "tap":
                number = asked["number"]
                tap = self._links.open_tap(number)
                self._machines[number] = asked["machine"]
                return [tap]
            case "settle":
                self._links.settle_tap(asked["number"])
                return []
            case "socket":
                made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
                made.setblocking(False)
                return [made.detach()]
            case what:
                raise NetworkError(f"the bridge's keeper cannot do {what!r}")

    def _show(self) -> None:
        with contextlib.suppress(OSError):
            visitor, _ = self._looked_at.accept()
            with visitor:
                visitor.settimeout(_LOOK_S)
                visitor.sendall(json.dumps(self.describe()).encode())

    def describe(self) -> dict[str, Any]:
        """What exists, as JSON: the owner, the namespace, the bridge, its links and leases."""
        leases = {lease.hardware: lease.address for lease in self._dnsmasq.leases()}
        links = self._links.describe()
        ports = {link["name"]: link for link in links if link["master"] == self._plan.name}
        machines = []
        for number, machine in sorted(self._machines.items()):
            tap = ports.pop(f"tap{number}", None)
            if tap is not None:
                hardware = hardware_text(self._plan.hardware(number))
                machines.append(
                    {
                        "machine": machine,
                        "tap": tap["name"],
                        "hardware": hardware,
                        "lease": leases.get(hardware),
                    }
                )
        return {
            "process": os.getppid(),
            "keeper": os.getpid(),
            "namespace": f"net:[{Path('/proc/self/ns/net').stat().st_ino}]",
            "bridge": self._plan.name,
            "address": str(self._plan.host),
            "dnsmasq": None if self._dnsmasq.ended() else self._dnsmasq.pid,
            "dnsmasq_starts": self._dnsmasq.starts,
            "uplink": self._plan.uplink if self._plan.uplink in ports else None,
            "machines": machines,
        }


def say(owner: socket.socket, number: int, error: DistributorError | None) -> None:
    """Answer with an error, or that all is well."""
    told: dict[str, Any] = {"id": number}
    if error is not None:
        told |= {"error": error.message, "hint": error.hint}
    owner.send(json.dumps(told).encode())


def keep(plan: BridgePlan, owner: socket.socket, looked_at: socket.socket) -> None:
    """Make a namespace with a bridge, and keep it until the owner is gone.

    :raise NetworkError: it cannot be made.
    """
    with contextlib.ExitStack() as ends:
        uplink = None if plan.uplink is None else Uplink(plan.uplink)
        in_user_namespace = enter_new_namespace()
        links = Links(plan)
        if uplink is not None:
            uplink.take(links)
            ends.callback(uplink.give_back, links)
        dnsmasq = Dnsmasq(plan, as_root=not in_user_namespace and os.getuid() == 0)
        ends.callback(dnsmasq.stop)
        say(owner, 0, None)
        Keeper(plan, links, dnsmasq, owner, looked_at).run()


def main(words: list[str]) -> None:
    """:param words: the numbers of two descriptors, and the plan as JSON."""
    owner, looked_at = (socket.socket(fileno=int(word)) for word in words[:2])
    try:
        keep(BridgePlan.of(json.loads(words[2])), owner, looked_at)
    except (NetworkError, ConfigurationError) as error:
        with contextlib.suppress(OSError):
            say(owner, 0, error)


if __name__ == "__main__":
    main(sys.argv[1:])
