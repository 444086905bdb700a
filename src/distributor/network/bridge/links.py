"""The links of the namespace: the bridge, a tap for each machine, an uplink if there is one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from distributor.errors import NetworkError
from distributor.network.plan import BridgePlan, hardware_text

_TUN = "/dev/net/tun"
#: linux/if_tun.h. A card takes on the state of its template's, which had no offloads: no
#: header of virtio before the frames, that is no IFF_VNET_HDR.
_TUNSETIFF = 0x400454CA
_IFF_TAP = 0x0002
_IFF_NO_PI = 0x1000
_REQUEST = struct.Struct("16sH22x")
#: linux/neighbour.h: an entry of the port, not of the bridge itself, that stays as it is.
_NTF_MASTER = 0x04
_NUD_NOARP = 0x40
#: Of bridges, whose own three bytes follow: locally administered, and no machine's.
_HARDWARE = bytes((0x0A, 0x06, 0xFF))
_IPV6 = Path("/proc/sys/net/ipv6/conf")


class Links:
    """Made in a new namespace; the bridge is up from then on.

    :raise NetworkError: the kernel does not do it.
    """

    def __init__(self, plan: BridgePlan) -> None:
        self._plan = plan
        # Nobody here speaks it, and its announcements would only disturb machines.
        for conf in ("all", "default"):
            with contextlib.suppress(OSError):
                (_IPV6 / conf / "disable_ipv6").write_text("1", encoding="ascii")
        self._route = IPRoute()
        try:
            self._route.link("set", index=self.index("lo"), state="up")
            self._route.link(
                "add",
                ifname=plan.name,
                kind="bridge",
                # Otherwise it is that of one of its taps, and changes when that one goes.
                address=hardware_text(_HARDWARE + os.urandom(3)),
                br_stp_state=0,
                br_mcast_snooping=0,
            )
            self._bridge = self.index(plan.name)
            self._route.addr(
                "add",
                index=self._bridge,
                address=str(plan.host.ip),
                prefixlen=plan.network.prefixlen,
            )
            self._route.link("set", index=self._bridge, state="up")
        except NetlinkError as error:
            raise NetworkError(f"the bridge {plan.name} cannot be made: {error}") from error

    def index(self, name: str) -> int:
        """The number of the link of that name; 0 if there is none."""
        found = self._route.link_lookup(ifname=name)
        return int(found[0]) if found else 0

    def open_tap(self, number: int) -> int:
        """A tap for machine ``number``, on the bridge, which goes when its descriptor is closed.

        Machines hear the host, and it hears them; they do not hear each other, and none can
        take on the address of another.

        :raise NetworkError: the kernel does not do it.
        """
        name = f"tap{number}"
        try:
            tap = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise NetworkError(
                f"no tap can be made: {_TUN}: {error.strerror}",
                hint="load the module tun, and let this user read and write the device",
            ) from error
        try:
            fcntl.ioctl(tap, _TUNSETIFF, _REQUEST.pack(name.encode(), _IFF_TAP | _IFF_NO_PI))
            index = self.index(name)
            self._route.link("set", index=index, master=self._bridge, state="up")
            self._route.brport(
                "set", index=index, isolated=1, learning=0, unicast_flood=0, mcast_flood=0
            )
            address = hardware_text(self._plan.hardware(number))
            self._route.fdb(
                "replace", ifindex=index, lladdr=address, flags=_NTF_MASTER, state=_NUD_NOARP
            )
            self._route.neigh(
                "replace",
                dst=str(self._plan.address(number)),
                lladdr=address,
                ifindex=self._bridge,
                state="permanent",
            )
        except (OSError, NetlinkError) as error:
            os.close(tap)
            raise NetworkError(f"{name} cannot be made: {error}") from error
        return tap

    def settle_tap(self, number: int) -> None:
        """Spare a machine that has its lease what comes by an uplink for all.

        What the bridge's own host sends to all, the kernel sends to all.
        """
        with contextlib.suppress(NetlinkError):  # gone meanwhile
            self._route.brport("set", index=self.index(f"tap{number}"), bcast_flood=0)

    def describe(self) -> list[dict[str, Any]]:
        """Every link but the loopback: name, whether it is up, and what it is joined to."""
        names = {link["index"]: link.get("ifname") for link in self._route.get_links()}
        return [
            {
                "name": link.get("ifname"),
                "up": link.get("state") == "up",
                "master": names.get(link.get("master")),
            }
            for link in self._route.get_links()
            if link.get("ifname") != "lo"
        ]

    def join(self, name: str) -> None:
        """Join a link that has been moved here to the bridge.

        :raise NetworkError: the kernel does not do it.
        """
        try:
            self._route.link("set", index=self.index(name), master=self._bridge, state="up")
        except NetlinkError as error:
            raise NetworkError(f"{name} cannot join the bridge: {error}") from error

    def send(self, name: str, namespace: int) -> None:
        """Move a link into the network namespace of a descriptor.

        :raise NetworkError: the kernel does not do it.
        """
        try:
            self._route.link("set", index=self.index(name), net_ns_fd=namespace)
        except NetlinkError as error:
            raise NetworkError(f"{name} cannot be given back: {error}") from error
