"""Where a service is: its socket, its token, and how an address is written."""

from __future__ import annotations

import ipaddress
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from distributor.errors import ConfigurationError

#: Longest path of a Unix socket (unix(7): 108 bytes with the final NUL).
_PATH_MAX = 107
#: Names an address, or a token, for clients that are given none.
ADDRESS_VARIABLE = "DISTRIBUTOR_ADDRESS"
TOKEN_VARIABLE = "DISTRIBUTOR_TOKEN"
_HINT = "an address is a socket's path, or http://HOST:PORT"


@dataclass(frozen=True, slots=True)
class Address:
    """Where to reach a service: a Unix socket, or a host and port."""

    path: Path | None = None
    url: str = ""

    def __str__(self) -> str:
        return self.url if self.path is None else str(self.path)


def state_folder() -> Path:
    """Where a user's state is kept (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "distributor"


def default_socket() -> Path:
    """Where the service of this user listens if nobody says otherwise."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return (Path(runtime) / "distributor" if runtime else state_folder()) / "service.sock"


def default_token_file() -> Path:
    """Where the token is kept if nobody says otherwise."""
    return state_folder() / "service.token"


def parse_address(text: str | None) -> Address:
    """An address that a user gave; for None that of the environment, or the default.

    :raise ConfigurationError: it is none.
    """
    text = text or os.environ.get(ADDRESS_VARIABLE) or str(default_socket())
    if text.startswith(("http://", "https://")):
        return Address(url=text.rstrip("/"))
    if "://" in text and not text.startswith("unix://"):
        raise ConfigurationError(f"{text!r} is no address of a service", hint=_HINT)
    return Address(path=checked_path(Path(text.removeprefix("unix://"))))


def parse_listen(text: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``; port 0 lets the kernel choose.

    :raise ConfigurationError: it is none.
    """
    host, separator, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not separator or not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigurationError(
            f"--listen is HOST:PORT, not {text!r}", hint="127.0.0.1:0 lets the kernel choose a port"
        )
    return host, int(port)


def checked_path(path: Path) -> Path:
    """:raise ConfigurationError: a socket cannot have that path."""
    if len(os.fsencode(path.absolute())) > _PATH_MAX:
        raise ConfigurationError(
            f"the socket's path {path} is longer than {_PATH_MAX} bytes", hint="take a shorter one"
        )
    return path.absolute()


def make_token(path: Path) -> str:
    """The token that a file holds; one is made, for this user alone, where there is none.

    :raise ConfigurationError: it cannot be written, or others may read it.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return read_token(path)
        with os.fdopen(descriptor, "w") as file:
            token = secrets.token_urlsafe(32)
            file.write(token + "\n")
            return token
    except OSError as error:
        raise ConfigurationError(f"the token {path} cannot be made: {error.strerror}") from error


def read_token(path: Path) -> str:
    """The token that a file holds.

    :raise ConfigurationError: there is none, or others may read it.
    """
    try:
        mode = path.stat().st_mode
        token = path.read_text("ascii", "replace").strip()
    except OSError as error:
        raise ConfigurationError(f"the token {path} cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise ConfigurationError(
            f"the token {path} may be read by others", hint=f"chmod 600 {path}, or remove it"
        )
    if len(token) < 16 or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigurationError(
            f"{path} holds no token", hint="remove it, and the next service makes one"
        )
    return token


def find_token(token: str | None, address: Address) -> str:
    """The token for a client: the one given, the environment's, or the default file's.

    That of the file is this host's, and for no other.

    :raise ConfigurationError: there is none.
    """
    found = token or os.environ.get(TOKEN_VARIABLE)
    if found:
        return found
    if not _is_local(urlsplit(address.url).hostname or ""):
        raise ConfigurationError(
            f"{address} is on another host, and takes that one's token",
            hint=f"put it into the variable {TOKEN_VARIABLE}",
        )
    return read_token(default_token_file())


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
