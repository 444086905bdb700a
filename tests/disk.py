"""A small file system to fill up or to make read-only, gone with the program that used it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


def run_on_disk(program: str, size: str, tmp_path: Path) -> Any:
    """Run a program beside a small file system mounted on ./disk; gives what it printed."""
    root = os.getuid() == 0
    unshare = ["unshare", "--mount"] if root else ["unshare", "-U", "-r", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], check=False).returncode:
        if not root:
            pytest.skip("no mount namespace can be made here (needs root or user namespaces)")
        unshare = []  # in a chroot there is none, but root can mount all the same
    (tmp_path / "disk").mkdir()
    (tmp_path / "program.py").write_text(program)
    mount = f"mount -t tmpfs -o size={size} tmpfs disk && trap 'umount -l disk' EXIT"
    shell = f'{mount} && "$0" program.py'
    done = subprocess.run(
        [*unshare, "sh", "-c", shell, sys.executable],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/src:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
