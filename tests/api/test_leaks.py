"""A test that leaves something behind fails: the checks of tests/conftest.py, checked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

CONFTEST = Path(__file__).parents[1] / "conftest.py"

LEAKY = """
import os, subprocess, sys, tempfile, threading
import pytest

SLEEP = [sys.executable, "-c", "import time; time.sleep(30)"]

def test_child_leak():
    global child
    child = subprocess.Popen(SLEEP)

def test_zombie_leak():
    global zombie
    zombie = os.spawnlp(os.P_NOWAIT, "true", "true")
    os.waitid(os.P_PID, zombie, os.WEXITED | os.WNOWAIT)

def test_orphan_leak():
    program = f"import subprocess; print(subprocess.Popen({SLEEP}, stdout=-3).pid)"
    global orphan
    orphan = int(subprocess.check_output([sys.executable, "-c", program]))

def test_descriptor_leak():
    os.pipe()

def test_folder_leak():
    tempfile.mkdtemp(prefix="distributor-")

def test_all_is_well_ended(tmp_path):
    with subprocess.Popen(SLEEP, stdout=-1) as process, tempfile.TemporaryDirectory():
        (tmp_path / "kept").write_text("by pytest, for who looks into a failure")
        process.kill()

@pytest.fixture
def late():
    process = subprocess.Popen(SLEEP)
    yield
    process.kill()
    process.wait()

def test_what_a_fixture_ends_is_no_leak(late):
    pass

def test_end_what_the_others_left():
    child.kill(); child.wait(); os.waitpid(zombie, 0); os.kill(orphan, 9)
"""


def test_each_leak_fails_its_test_and_says_what_it_is(tmp_path: Path) -> None:
    impatient = re.sub(r"(?m)^GRACE_S = .*", "GRACE_S = 0.3", CONFTEST.read_text())
    (tmp_path / "conftest.py").write_text(impatient)
    (tmp_path / "test_leaky.py").write_text(LEAKY)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rE", f"--basetemp={tmp_path}/base", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "200"},
    )
    errors = dict(
        re.findall(r"^ERROR \S+::test_(\w+)_leak - .* left ([\w ]+) behind", done.stdout, re.M)
    )
    assert errors == {
        "child": "processes",
        "zombie": "processes",
        "orphan": "processes",
        "descriptor": "descriptors",
        "folder": "temporary files",
    }, done.stdout
    assert re.search(r"8 passed, 5 errors in", done.stdout), done.stdout
