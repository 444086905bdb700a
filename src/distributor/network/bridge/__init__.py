"""A bridge in a network namespace of our own, a tap for each machine, leases by dnsmasq.

The namespace belongs to one child process, the keeper. It has no name, and no process but the
keeper and dnsmasq, so that whatever ends those ends it: nothing of the host's own network is
ever changed. QEMU is handed its tap, and this process its sockets, as open descriptors.
"""

from distributor.network.bridge.bridge import Bridge
from distributor.network.bridge.leases import find_dnsmasq

__all__ = ["Bridge", "find_dnsmasq"]
