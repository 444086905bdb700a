"""A network interface of the host that joins the bridge, and is given back."""

from __future__ import annotations

import os
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from distributor.errors import NetworkError
from distributor.network.bridge.links import Links

_LINK_SCOPE = 253  # linux/rtnetlink.h, RT_SCOPE_LINK
_OWN = "/proc/self/ns/net"


class Uplink:
    """Made in the host's namespace, before the process enters its own.

    :param name: the interface.
    :raise NetworkError: there is none of that name, or the host uses it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._home = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
        # Its socket stays in this namespace.
        self._route = IPRoute()
        found = self._route.link_lookup(ifname=name)
        if not found:
            raise NetworkError(f"there is no network interface {name}", hint="`ip link` lists them")
        self._index = found[0]
        link = self._route.get_links(self._index)[0]
        self._was_up = link.get("state") == "up"
        if link.get("master") is not None:
            raise NetworkError(f"{name} is part of another bridge or bond already")
        used = [address for address in self._addresses() if address["scope"] < _LINK_SCOPE]
        if used:
            raise NetworkError(
                f"{name} has the host's address {used[0].get('address')}, and would lose it",
                hint=f"take another interface, or remove the address: ip address flush dev {name}",
            )

    def _addresses(self) -> list[Any]:
        return list(self._route.get_addr(index=self._index))

    def take(self, links: Links) -> None:
        """Bring it into the namespace that the process is in now, and onto the bridge.

        :raise NetworkError: the kernel does not do it.
        """
        here = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._route.link("set", index=self._index, net_ns_fd=here)
        except NetlinkError as error:
            raise NetworkError(
                f"{self.name} cannot be moved to the bridge: {error}",
                hint="an uplink takes root (CAP_NET_ADMIN) on the host",
            ) from error
        finally:
            os.close(here)
        links.join(self.name)

    def give_back(self, links: Links) -> None:
        """Put it where it was, as it was.

        The kernel gives back a physical interface by itself when the namespace goes, to the
        host's first namespace, and down.

        :raise NetworkError: the kernel does not do it.
        """
        links.send(self.name, self._home)
        if self._was_up:
            found = self._route.link_lookup(ifname=self.name)
            if found:
                self._route.link("set", index=found[0], state="up")
