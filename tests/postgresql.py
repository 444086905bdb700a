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
from contextlib import contextmanager
from pathlib import Path

USER = "postgres"
START_S = 60.0


def why_not() -> str:
    """Why no server can be run here; "" if one can."""
    if _programs() is None:
        return "PostgreSQL's server is not installed (apt-get install postgresql)"
    if importlib.util.find_spec("psycopg") is None:
        return "the Python package psycopg is not installed"
    if os.getuid() == 0 and not (shutil.which("setpriv") and _has_user()):
        return f"as root the server needs setpriv and the user {USER}"
    return ""


@contextmanager
def server() -> Iterator[Path]:
    """Run a server; gives the folder of its socket, the host part of its URLs."""
    with tempfile.TemporaryDirectory(prefix="dt-pg-", dir="/tmp") as name:
        folder = Path(name)
        if os.getuid() == 0:
            shutil.chown(folder, USER)
        # An environment of its own: it is no process that a test started and left.
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
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
    while subprocess.run(ready, check=False).returncode != 0:
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError((folder / "log").read_text())
        time.sleep(0.05)


def _command(program: str, *arguments: str | Path) -> list[str]:
    command = [_program(program), *map(str, arguments)]
    if os.getuid() == 0:
        command = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *command]
    return command


def _program(name: str) -> str:
    folder = _programs()
    assert folder is not None
    return str(folder / name)


def _programs() -> Path | None:
    """Debian keeps the server's programs off the PATH, one folder a version."""
    on_path = shutil.which("postgres")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if found:
        return found[-1].parent
    return Path(on_path).parent if on_path else None


def _has_user() -> bool:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return False
    return True
