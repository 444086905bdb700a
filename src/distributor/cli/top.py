"""``distributor top``: a service in the terminal, for those on ssh."""

from __future__ import annotations

import sys

from distributor.cli.connect import AddressOption, connect
from distributor.errors import ConfigurationError


def top(address: AddressOption = None) -> None:
    """Watch and steer the running service in the terminal; its keys stand at the bottom."""
    from distributor.cli.screen import TopScreen

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigurationError(
            "top is for a terminal", hint="distributor service status, or job list --json"
        )
    with connect(address) as client:
        client.state()  # nobody there is said before the screen is taken
    TopScreen(lambda: connect(address)).run()
