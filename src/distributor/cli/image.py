"""``distributor image``: build the guest image, and show which one machines boot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from distributor.machines.image import Image, build_image, require_image

image = typer.Typer(
    help="The guest image: a real-time kernel, the loader and the built-in tasks.",
    no_args_is_help=True,
)


@image.command("build")
def build(
    kernel: Annotated[
        Path | None, typer.Option(help="A kernel of your own: bzImage or vmlinux.")
    ] = None,
    modules: Annotated[
        Path | None, typer.Option(help="Its modules, a folder as /lib/modules/RELEASE.")
    ] = None,
    flavour: Annotated[
        str, typer.Option(help="Debian's kernel to take otherwise: rt or cloud.")
    ] = "rt",
    force: Annotated[bool, typer.Option("--force", help="Build it even if it is there.")] = False,
) -> None:
    """Build the image, unless there is one of the same inputs."""
    built = build_image(
        kernel=kernel,
        modules=modules,
        flavour=flavour,
        force=force,
        progress=lambda step: typer.echo(f"image: {step}", err=True),
    )
    typer.echo(_line(built))


@image.command("show")
def show(
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Show the image that machines boot; exit value 2 if there is none that fits."""
    found = require_image()
    typer.echo(json.dumps(_told(found)) if as_json else _line(found))


def _line(found: Image) -> str:
    return f"{found.folder}: kernel {found.release} ({found.origin}), {len(found.tasks)} tasks"


def _told(found: Image) -> dict[str, object]:
    return {
        "key": found.key,
        "folder": str(found.folder),
        "kernel": str(found.kernel),
        "initramfs": str(found.initramfs),
        "release": found.release,
        "flavour": found.flavour,
        "origin": found.origin,
        "tasks": {name: str(path) for name, path in found.tasks.items()},
    }
