"""``distributor image``: build the guest image, and show which one machines boot."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated

import typer

from distributor.analysis.table import counted
from distributor.cli.options import JsonObjectOption
from distributor.machines.image import (
    AMD64,
    ARCHITECTURES,
    Image,
    build_image,
    find_image,
    other_images,
    require_image,
)
from distributor.machines.image.build import images_folder
from distributor.machines.image.cache import earlier_formats
from distributor.machines.qemu.template import kept_templates, templates_folder

_ARCHITECTURES = ", ".join(ARCHITECTURES)

image = typer.Typer(
    help="The guest image: a real-time kernel, the loader and the built-in tasks.",
    no_args_is_help=True,
)


@image.command("build")
def build(
    arch: Annotated[
        str, typer.Option(help=f"Of the processors that it is for: {_ARCHITECTURES}.")
    ] = AMD64.name,
    kernel: Annotated[
        Path | None,
        typer.Option(help="A kernel of your own: bzImage or vmlinux; Image or zImage for ARM."),
    ] = None,
    modules: Annotated[
        Path | None, typer.Option(help="Its modules, a folder as /lib/modules/RELEASE.")
    ] = None,
    flavour: Annotated[
        str, typer.Option(help="Debian's kernel to take otherwise: rt or cloud; armmp.")
    ] = "rt",
    force: Annotated[bool, typer.Option("--force", help="Build it even if it is there.")] = False,
) -> None:
    """Build the image, unless there is one of the same inputs."""
    built = build_image(
        arch=arch,
        kernel=kernel,
        modules=modules,
        flavour=flavour,
        force=force,
        progress=lambda step: typer.echo(f"image: {step}", err=True),
    )
    typer.echo(_line(built))


@image.command("show")
def show(
    arch: Annotated[
        str | None,
        typer.Option(help=f"Of one of {_ARCHITECTURES}; amd64, and the others that are there."),
    ] = None,
    as_json: JsonObjectOption = False,
) -> None:
    """Show the image that machines boot; exit value 2 if there is none that fits.

    Templates are machines that have booted it once; all others go on from them.
    """
    found = require_image(arch or AMD64.name)
    templates = [kept for kept in kept_templates() if kept.about.get("image") == found.key]
    if as_json:
        told = [kept.about | {"folder": str(kept.folder)} for kept in templates]
        typer.echo(json.dumps(_told(found) | {"templates": told}))
        return
    typer.echo(_line(found))
    for kept in templates:
        about = kept.about
        typer.echo(
            f"  template: {about['clock']} clock ({about['accelerator']}), "
            f"{counted(about['cpus'], 'processor')}, {about['memory_mib']} MiB, "
            f"shift {about['shift']}, {about['qemu']}; {_mib(kept.disk_bytes)} on disk"
        )
    if arch is None:
        others = (find_image(name) for name in ARCHITECTURES if name != AMD64.name)
        for other in filter(None, others):
            typer.echo(f"{other.architecture.name}: {_line(other)}")


@image.command("clear")
def clear() -> None:
    """Remove every template, all images but those that machines boot, and what was kept by
    earlier versions.

    Nothing is lost: a template is booted anew when it is needed. No machine may be running.
    """
    templates, images = kept_templates(), other_images()
    formats = (templates_folder(), images_folder())
    earlier = [folder for current in formats for folder in earlier_formats(current)]
    for folder in (*(kept.folder for kept in templates), *images, *earlier):
        shutil.rmtree(folder, ignore_errors=True)
    typer.echo(
        f"removed {len(templates)} templates "
        f"({_mib(sum(kept.disk_bytes for kept in templates))}) and {len(images)} images"
    )


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"


def _line(found: Image) -> str:
    return f"{found.folder}: kernel {found.release} ({found.origin}), {len(found.tasks)} tasks"


def _told(found: Image) -> dict[str, object]:
    return {
        "key": found.key,
        "architecture": found.architecture.name,
        "folder": str(found.folder),
        "kernel": str(found.kernel),
        "initramfs": str(found.initramfs),
        "release": found.release,
        "flavour": found.flavour,
        "origin": found.origin,
        "tasks": {name: str(path) for name, path in found.tasks.items()},
    }
