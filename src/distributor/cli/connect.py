"""Commands that ask a running service: where it is, and a client for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from distributor.service.client import Client

AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address",
        envvar="DISTRIBUTOR_ADDRESS",
        show_envvar=False,
        help="Where the service is: a socket's path, or http://HOST:PORT (its token is taken "
        "from DISTRIBUTOR_TOKEN, or this user's file). This user's service if unset.",
    ),
]


def connect(address: str | None) -> Client:
    """A client; errors are those of :class:`~distributor.service.client.Client`."""
    from distributor.service.client import Client

    return Client(address)
