"""``distributor top``: a service in the terminal, for those on ssh."""

from __future__ import annotations

from distributor.cli.connect import AddressOption, connect


def top(address: AddressOption = None) -> None:
    """Watch and steer the running service in the terminal; its keys stand at the bottom."""
    from distributor.cli.screen import TopScreen

    with connect(address) as client:
        client.state()  # nobody there is said before the screen is taken
    TopScreen(lambda: connect(address)).run()
