"""The guest image: a kernel, an initramfs with the loader, and the built-in tasks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from distributor.errors import ImageError
from distributor.machines.image import initramfs
from distributor.machines.image.cache import cache_folder, keep, write_whole
from distributor.machines.image.kernel import Kernel, find_kernel
from distributor.machines.image.sources import (
    compile_guest,
    compiler_identity,
    guest_sources,
    hash_sources,
)

#: Changed whenever this package would make another image of the same inputs.
_FORMAT = 2
_DESCRIPTION = "image.json"


@dataclass(frozen=True, slots=True)
class Image:
    """What machines boot.

    :param key: hash of all that it was made from.
    :param folder: where it is.
    :param kernel: the vmlinux, which QEMU starts by PVH.
    :param release: ``uname -r`` of the kernel.
    :param flavour: ``rt``, ``cloud`` or ``custom``.
    :param origin: the package, or the path, that the kernel came from.
    :param sources: hash of the guest's sources that it was made from.
    """

    key: str
    folder: Path
    kernel: Path
    release: str
    flavour: str
    origin: str
    sources: str

    @property
    def initramfs(self) -> Path:
        """The loader and the kernel's modules."""
        return self.folder / "initramfs.cpio"

    @property
    def tasks(self) -> dict[str, Path]:
        """The built-in tasks' executables by name."""
        return {path.name: path for path in sorted((self.folder / "tasks").iterdir())}


def build_image(
    *,
    kernel: Path | None = None,
    modules: Path | None = None,
    flavour: str = "rt",
    force: bool = False,
    sources: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Image:
    """Build the image, unless there is one of the same inputs; it is the one found from then on.

    :param kernel: a kernel of the user's own (bzImage or vmlinux), with its ``modules``.
    :param flavour: which of Debian's kernels to take otherwise: ``rt`` or ``cloud``.
    :param force: build it even if it is there.
    :param sources: the guest's sources, if not Distributor's own.
    :param progress: told of each long step, in a few words.
    :raise ConfigurationError: the options do not go together.
    :raise ImageError: something is missing, or a step failed.
    """
    folder = sources or guest_sources()
    compiler, hashed = compiler_identity(), hash_sources(folder)
    taken = find_kernel(flavour, progress, path=kernel, modules=modules)
    inputs = json.dumps([_FORMAT, hashed, compiler, taken.key])
    key = hashlib.sha256(inputs.encode()).hexdigest()[:24]
    images = images_folder()
    keep(images / key, lambda part: _make(part, folder, hashed, taken, progress), anew=force)
    write_whole(images / "current", key)
    return _load(images / key)


def find_image() -> Image | None:
    """The image that was built last; None where there is none that fits this Distributor."""
    try:
        return require_image()
    except ImageError:
        return None


def other_images() -> list[Path]:
    """Folders of images that are not the one that was built last."""
    images = images_folder()
    try:
        current = (images / "current").read_text(encoding="utf-8").strip()
    except OSError:
        current = ""
    return [folder for folder in sorted(images.glob("[!.]*/")) if folder.name != current]


def require_image() -> Image:
    """The image that was built last.

    :raise ImageError: there is none, or it was made from other sources than today's.
    """
    hint = "build it: distributor image build"
    try:
        key = (images_folder() / "current").read_text(encoding="utf-8").strip()
        image = _load(images_folder() / key)
    except (OSError, ValueError, KeyError):
        raise ImageError("there is no guest image yet", hint=hint) from None
    if not (image.kernel.is_file() and image.initramfs.is_file()):
        raise ImageError("the guest image's files are gone", hint=hint)
    if image.sources != hash_sources(guest_sources()):
        raise ImageError("the guest's sources have changed since the image was built", hint=hint)
    return image


def _make(
    part: Path, sources: Path, hashed: str, kernel: Kernel, progress: Callable[[str], None]
) -> None:
    progress("compiles the loader and the tasks")
    compile_guest(sources, part / "guest")
    (part / "guest" / "tasks").rename(part / "tasks")
    loader = (part / "guest" / "loader").read_bytes()
    contents = [(module.name, module.content) for module in kernel.modules]
    tasks = [(path.name, path.read_bytes()) for path in (part / "tasks").iterdir()]
    packed = initramfs.pack(initramfs.lay_out(loader, contents, tasks))
    (part / "initramfs.cpio").write_bytes(packed)
    told = {
        "kernel": str(kernel.vmlinux),
        "release": kernel.release,
        "flavour": kernel.flavour,
        "origin": kernel.origin,
        "sources": hashed,
    }
    (part / _DESCRIPTION).write_text(json.dumps(told, indent=1), encoding="utf-8")


def _load(folder: Path) -> Image:
    told = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
    return Image(
        key=folder.name,
        folder=folder,
        kernel=Path(told["kernel"]),
        release=told["release"],
        flavour=told["flavour"],
        origin=told["origin"],
        sources=told["sources"],
    )


def images_folder() -> Path:
    """Where images are kept."""
    return cache_folder() / f"images-{_FORMAT}"
