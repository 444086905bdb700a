"""The guest's own programs: their sources, and compiling them."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from distributor.errors import ImageError
from distributor.machines.image.architecture import AMD64, Architecture

_SUFFIXES = {".c", ".h", ".S", ".mk"}
#: Longest that compiling may take; it takes seconds.
_COMPILE_TIMEOUT_S = 600


def guest_sources() -> Path:
    """The folder of the guest's sources: in an installed package its own, else the checkout's.

    :raise ImageError: neither is there.
    """
    package = Path(__file__).resolve().parents[2]
    for folder in (package / "guest", package.parent.parent / "guest"):
        if (folder / "Makefile").is_file():
            return folder
    raise ImageError(
        f"the guest's sources are neither in {package / 'guest'} nor beside src/",
        hint="install Distributor anew",
    )


def source_files(folder: Path) -> list[Path]:
    """All files that the guest's programs are made from, in a fixed order."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and (path.suffix in _SUFFIXES or path.name == "Makefile")
    )


def hash_sources(folder: Path) -> str:
    """One hash over names and contents."""
    digest = hashlib.sha256()
    for path in source_files(folder):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def compiler_identity(architecture: Architecture = AMD64) -> str:
    """The first line of what the compiler says of itself.

    :raise ImageError: something that compiling needs is missing.
    """
    compiler = architecture.compiler
    for program, package in ((compiler, architecture.compiler_package), ("make", "make")):
        if shutil.which(program) is None:
            raise ImageError(
                f"there is no {program}, which compiles what runs in the machines",
                hint=f"install it: apt-get install {package}",
            )
    # gcc answers a name that it does not find with the name alone.
    if "/" not in _ask(compiler, "-print-file-name=libc.a"):
        raise ImageError(
            "there is no static C library, which what runs in the machines is linked with",
            hint=f"install it: apt-get install {architecture.library_package}",
        )
    return _ask(compiler, "--version").partition("\n")[0]


def _ask(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        raise ImageError(f"`{' '.join(command)}` failed: {error}") from error
    return done.stdout.strip()


def compile_guest(folder: Path, out: Path, compiler: str) -> None:
    """Make ``out/loader`` and ``out/tasks/NAME``.

    :raise ImageError: with the end of the compiler's output.
    """
    command = ["make", "-C", str(folder), f"OUT={out}", f"CC={compiler}"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_COMPILE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ImageError(f"`{' '.join(command)}` takes over {_COMPILE_TIMEOUT_S} s") from error
    if done.returncode or not (out / "loader").is_file():
        tail = done.stdout.decode(errors="replace").strip().splitlines()[-15:]
        raise ImageError(
            f"`{' '.join(command)}` failed with {done.returncode}:\n" + "\n".join(tail)
        )
