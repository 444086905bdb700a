"""A PostgreSQL server of the tests' own: private socket, nothing on the network."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

USER = "postgres"
START_S = 60.0
#: Where Debian's package has the server's programs, off the PATH, one folder a version.
PROGRAMS = "usr/lib/postgresql/*/bin"
#: Where `bootstrap.sh tests` unpacks that package, and what it needs, on a host without.
UNPACKED = Path(__file__).parents[1] / "build" / "postgresql"


def why_not() -> str:
    """Why no server can be run here; "" if one can."""
    if _programs() is None:
        return "there is no PostgreSQL server (client-tools/bootstrap.sh tests)"
    if importlib.util.find_spec("psycopg") is None:
        return "the Python package psycopg is not installed"
    tried = subprocess.run(
        _command("postgres", "--version"), capture_output=True, text=True, env=_environment()
    )
    return f"PostgreSQL's server does not run: {tried.stderr.strip()}" if tried.returncode else ""


@contextmanager
def server() -> Iterator[Path]:
    """Run a server; gives the folder of its socket, the host part of its URLs."""
    with tempfile.TemporaryDirectory(prefix="dt-pg-", dir="/tmp") as name:
        folder = Path(name)
        if os.getuid() == 0:
            os.chown(folder, *_ids())
        environment = _environment()
        data = folder / "data"
        make = _command("initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        subprocess.run(make, check=True, capture_output=True, env=environment, cwd=folder)
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(
                _command("postgres", "-D", data, "-k", folder, "-F", "-c", "listen_addresses="),
                stdout=log,
                stderr=log,
                env=environment,
                cwd=folder,
            ) as process,
        ):
            try:
                _wait_until_ready(folder, process)
                yield folder
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()


def url_of(folder: Path, database: str) -> str:
    """The URL of a database of the server with its socket in that folder."""
    return f"postgresql://{USER}@/{database}?host={folder}"


def _wait_until_ready(folder: Path, process: subprocess.Popen[bytes]) -> None:
    ready = [_program("pg_isready"), "-q", "-h", str(folder)]
    end = time.monotonic() + START_S
    while subprocess.run(ready, check=False, env=_environment()).returncode != 0:
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError((folder / "log").read_text())
        time.sleep(0.05)


def _environment() -> dict[str, str]:
    """One of its own: the server is no process that a test started and left."""
    libraries = ":".join(map(str, UNPACKED.glob("usr/lib/*-linux-gnu")))
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "LD_LIBRARY_PATH": libraries}


def _command(program: str, *arguments: str | Path) -> list[str]:
    command = [_program(program), *map(str, arguments)]
    if os.getuid() == 0:  # which the server refuses to be
        user, group = _ids()
        command = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", *command]
    return command


def _program(name: str) -> str:
    folder = _programs()
    assert folder is not None
    return str(folder / name)


def _programs() -> Path | None:
    found = [*UNPACKED.glob(PROGRAMS), *sorted(Path("/").glob(PROGRAMS))]
    on_path = shutil.which("postgres")
    return found[-1] if found else Path(on_path).parent if on_path else None


def _ids() -> tuple[int, int]:
    """The user who runs the server where root tests."""
    for name in (USER, "nobody"):
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            return user.pw_uid, user.pw_gid
    raise KeyError(USER)
