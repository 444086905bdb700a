"""Where loaders listen: addresses, names and ranges, read from what a user wrote. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from distributor.errors import ConfigurationError

#: The wire's port (docs/protocol.md).
PORT = 3001
#: Most addresses that one list may hold: those of a range like 10.0.0.0/20.
ADDRESSES_MAX = 4096
#: A host name's label (RFC 1123), with the underscore that many networks have.
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NAME_MAX = 253
_FORMS = "an address, a name or a range, as 10.200.33.4, lab-7:3001, [fd00::7]:3001, 10.200.33.0/28"


@dataclass(frozen=True, slots=True)
class Address:
    """A host, by address or name, and its port."""

    host: str
    port: int = PORT

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Hosts:
    """The addresses of one entry of a list.

    :param text: as it was written.
    :param named: whether it is one host, and no range of them.
    """

    text: str
    addresses: tuple[Address, ...]
    named: bool


def parse_hosts(
    written: str | Iterable[str], *, port: int = PORT, most: int = ADDRESSES_MAX
) -> list[Hosts]:
    """Read a list of hosts; entries may also be separated by commas.

    :param port: of those that name none.
    :param most: addresses that there may be in all.
    :raise ConfigurationError: it is none of the forms, empty, or holds too many addresses.
    """
    texts = [written] if isinstance(written, str) else list(written)
    entries: list[Hosts] = []
    left = most
    for text in (part.strip() for each in texts for part in _text(each).split(",")):
        if not text:
            continue
        entry = _entry(text, port, left, most)
        left -= len(entry.addresses)
        entries.append(entry)
    if not entries:
        raise ConfigurationError("there is no host in the list of hosts", hint=f"give {_FORMS}")
    return entries


def addresses(entries: Iterable[Hosts]) -> list[Address]:
    """All addresses in their order, each once."""
    return list(dict.fromkeys(address for entry in entries for address in entry.addresses))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ConfigurationError(f"a host is {_FORMS}, not {value!r}")
    return value


def _entry(text: str, port: int, left: int, most: int) -> Hosts:
    host, port = _split(text, port)
    if "/" in host:
        found = tuple(Address(each, port) for each in _range(text, host, left, most))
        return Hosts(text, found, named=False)
    if left < 1:
        raise _too_many(text, most)
    return Hosts(text, (Address(_host(text, host), port),), named=True)


def _split(text: str, port: int) -> tuple[str, int]:
    """The host or range, and the port that is written behind it."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ConfigurationError(f"{text!r} is no host", hint=f"give {_FORMS}")
        return host, _port(text, rest[1:]) if rest else port
    if text.count(":") != 1:  # none, or those of a bare IPv6 address
        return text, port
    host, _, number = text.partition(":")
    return host, _port(text, number)


def _port(text: str, number: str) -> int:
    if not (number.isascii() and number.isdecimal() and 1 <= int(number[:6]) <= 65535):
        raise ConfigurationError(
            f"{text!r} has the port {number!r}, which is no number from 1 to 65535"
        )
    return int(number)


def _host(text: str, host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        labels = host.removesuffix(".").split(".")
    # A last label of digits alone is an address with a mistake in it.
    if (
        len(host) > _NAME_MAX
        or not all(_LABEL.fullmatch(label) for label in labels)
        or labels[-1].isdecimal()
    ):
        raise ConfigurationError(f"{text!r} is no host", hint=f"give {_FORMS}")
    return host


def _range(text: str, host: str, left: int, most: int) -> Iterator[str]:
    try:
        network = ipaddress.ip_network(host, strict=False)
    except ValueError:
        raise ConfigurationError(
            f"{text!r} is no range of addresses", hint=f"give {_FORMS}"
        ) from None
    # Of larger ranges the first and, in IPv4, the last address are no hosts.
    if network.num_addresses - 2 > left:
        raise _too_many(text, most, network.num_addresses)
    return map(str, network.hosts())


def _too_many(text: str, most: int, count: int | None = None) -> ConfigurationError:
    holds = "is one address more" if count is None else f"holds {count} addresses"
    return ConfigurationError(
        f"{text} {holds}, but a list of hosts may have {most} at most",
        hint="give smaller ranges",
    )
