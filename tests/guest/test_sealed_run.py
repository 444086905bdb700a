"""How a sealed machine leaves what it has to tell, as a program on the host."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.guest.conftest import GUEST


def test_all_that_is_to_be_told_is_left_however_many_pieces_it_takes(tmp_path: Path) -> None:
    # A set of more than 32,768 jobs: the loader waited for news after the first of them.
    program = tmp_path / "sealed"
    loader = GUEST / "loader"
    sources = [loader / "sealed.c", loader / "buffer.c", Path(__file__).parent / "sealed.c"]
    command = ["gcc", "-Wall", "-Wextra", "-Werror", "-std=gnu11", "-D_GNU_SOURCE"]
    subprocess.run([*command, f"-I{loader}", "-o", program, *sources], check=True)
    done = subprocess.run([program], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == "piece 0\npiece 1\npiece 2\n"
