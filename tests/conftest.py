"""What every test must leave as it found it: processes, descriptors, files, networks."""

from __future__ import annotations

import gc
import logging
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

#: In the environment of every process that a test starts, and of all that those start, so
#: that one is known for ours even when its parent is gone.
MARK = "DISTRIBUTOR_TEST_RUN"
#: How long what a test has ended may take to be gone, before it counts as left behind.
GRACE_S = 5.0


@pytest.fixture(scope="session", autouse=True)
def _own_surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Mark our processes, and give temporary files a folder that nobody else writes to."""
    tmp_path_factory.getbasetemp()  # pytest's own, which it keeps for whoever looks into a failure
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="dt-") as folder:
        patch.setenv(MARK, secrets.token_hex(8))
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        # What a killed controller leaves there, the next one removes.
        runtime = Path(folder) / "run"
        runtime.mkdir(mode=0o700)
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        yield Path(folder)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Take away what a command that ran in this process has set up for its own."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = [handler for handler in root.handlers if handler in handlers]
    root.setLevel(level)


@pytest.fixture(autouse=True)
def _no_leaks(_own_surroundings: Path) -> Iterator[None]:
    """Fail a test that leaves something behind once all of its other fixtures are gone."""
    kinds: dict[str, Callable[[], dict[str, str]]] = {
        "processes": _processes,
        "descriptors": _descriptors,
        "temporary files": lambda: _names(_own_surroundings, "*"),
        "sockets": lambda: _names(_own_surroundings / "run", f"distributor/*{os.getpid()}*"),
        "network namespaces": lambda: _names(Path("/run/netns"), "distributor*"),
        "taps": lambda: _names(Path("/sys/class/net"), "*/tun_flags"),
    }
    before = {kind: look() for kind, look in kinds.items()}
    yield
    for kind, look in kinds.items():
        left = _left(look, before[kind])
        assert not left, f"the test left {kind} behind: {', '.join(left)}"


def _left(look: Callable[[], dict[str, str]], before: dict[str, str]) -> list[str]:
    """What is there that was not before, once it has had its time to go."""
    end = time.monotonic() + GRACE_S
    while True:
        now = look()
        left = [text for name, text in now.items() if before.get(name) != text]
        if not left or time.monotonic() > end:
            return left
        gc.collect()
        time.sleep(0.02)


def _names(folder: Path, pattern: str) -> dict[str, str]:
    """Others work on this host, too: the pattern picks what can be ours."""
    return {str(path): str(path) for path in folder.glob(pattern)}


def _descriptors() -> dict[str, str]:
    found = {}
    for name in os.listdir("/proc/self/fd"):
        if name in {"0", "1", "2"}:  # pytest's, to catch what a test prints
            continue
        try:
            found[name] = f"{name} -> {Path('/proc/self/fd', name).readlink()}"
        except FileNotFoundError:  # the one that listed the folder
            continue
    return found


def _processes() -> dict[str, str]:
    """Processes of this run, zombies of our own included, save this one."""
    mark = f"{MARK}={os.environ[MARK]}".encode()
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        process = Path("/proc", name)
        try:
            stat = process.joinpath("stat").read_text()
            state, parent = stat.rpartition(")")[2].split()[:2]
            if int(parent) != os.getpid():  # not ours to reap, but ours to have ended
                environment = process.joinpath("environ").read_bytes()
                if state == "Z" or mark not in environment.split(b"\0"):
                    continue
            command = process.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, ValueError):  # gone meanwhile, or another user's
            continue
        found[name] = f"{name} {command.strip()[:200] or stat.split()[1]}"
    return found
