"""The guest image: a kernel, an initramfs with the loader, and the built-in tasks."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from distributor.errors import ImageError
from distributor.machines.image import initramfs
from distributor.machines.image.architecture import (
    AMD64,
    ARCHITECTURES,
    Architecture,
    architecture,
)
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
    :param kernel: what QEMU starts.
    :param release: ``uname -r`` of the kernel.
    :param flavour: ``rt``, ``cloud``, another one of Debian's, or ``custom``.
    :param origin: the package, or the path, that the kernel came from.
    :param sources: hash of the guest's sources that it was made from.
    :param architecture: of the processors that it boots on.
    """

    key: str
    folder: Path
    kernel: Path
    release: str
    flavour: str
    origin: str
    sources: str
    architecture: Architecture = AMD64

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
    arch: str = AMD64.name,
    kernel: Path | None = None,
    modules: Path | None = None,
    flavour: str = "rt",
    force: bool = False,
    sources: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Image:
    """Build the image, unless there is one of the same inputs; it is the one found from then on.

    :param arch: of which architecture, by Debian's name.
    :param kernel: a kernel of the user's own (bzImage or vmlinux; Image or zImage for ARM),
        with its ``modules``.
    :param flavour: which of Debian's kernels to take otherwise, as
        :attr:`Architecture.flavours` names them.
    :param force: build it even if it is there.
    :param sources: the guest's sources, if not Distributor's own.
    :param progress: told of each long step, in a few words.
    :raise ConfigurationError: the options do not go together.
    :raise ImageError: something is missing, or a step failed.
    """
    wanted = architecture(arch)
    folder = sources or guest_sources()
    compiler, hashed = compiler_identity(wanted), hash_sources(folder)
    taken = find_kernel(flavour, progress, architecture=wanted, path=kernel, modules=modules)
    inputs = json.dumps([_FORMAT, hashed, compiler, taken.key])
    key = hashlib.sha256(inputs.encode()).hexdigest()[:24]
    images = images_folder()

    def make(part: Path) -> None:
        _make(part, folder, hashed, taken, wanted, progress)

    keep(images / key, make, anew=force)
    write_whole(_current(wanted, hashed), key)
    return _load(images / key)


def find_image(arch: str = AMD64.name) -> Image | None:
    """The image that was built last; None where there is none that fits this Distributor."""
    try:
        return require_image(arch)
    except ImageError:
        return None


def other_images() -> list[Path]:
    """Folders of images that this Distributor would not boot: older ones, and other versions'."""
    hashed = hash_sources(guest_sources())
    current = set()
    for each in ARCHITECTURES.values():
        with contextlib.suppress(OSError):
            current.add(_current(each, hashed).read_text(encoding="utf-8").strip())
    found = sorted(images_folder().glob("[!.]*/"))
    return [folder for folder in found if folder.name not in current]


def require_image(arch: str = AMD64.name) -> Image:
    """The image of an architecture that was built last from this Distributor's sources.

    :raise ConfigurationError: there is no such architecture.
    :raise ImageError: there is no image, or only of other sources than today's.
    """
    wanted = architecture(arch)
    of, option = ("", "") if wanted is AMD64 else (f" of {arch}", f" --arch {arch}")
    hint = f"build it: distributor image build{option}"
    try:
        key = _current(wanted, hash_sources(guest_sources())).read_text(encoding="utf-8").strip()
        image = _load(images_folder() / key)
    except (OSError, ValueError, KeyError):
        if list(images_folder().glob(_current(wanted, "*").name)):
            raise ImageError(
                f"the guest's sources have changed since the image{of} was built", hint=hint
            ) from None
        raise ImageError(f"there is no guest image{of} yet", hint=hint) from None
    if not (image.kernel.is_file() and image.initramfs.is_file()):
        raise ImageError(f"the files of the guest image{of} are gone", hint=hint)
    return image


def _make(
    part: Path,
    sources: Path,
    hashed: str,
    kernel: Kernel,
    made_for: Architecture,
    progress: Callable[[str], None],
) -> None:
    progress("compiles the loader and the tasks")
    compile_guest(sources, part / "guest", made_for.compiler)
    (part / "guest" / "tasks").rename(part / "tasks")
    loader = (part / "guest" / "loader").read_bytes()
    contents = [(module.name, module.content) for module in kernel.modules]
    tasks = [(path.name, path.read_bytes()) for path in (part / "tasks").iterdir()]
    packed = initramfs.pack(initramfs.lay_out(loader, contents, tasks))
    (part / "initramfs.cpio").write_bytes(packed)
    told = {
        "kernel": str(kernel.file),
        "release": kernel.release,
        "flavour": kernel.flavour,
        "origin": kernel.origin,
        "sources": hashed,
        "architecture": made_for.name,
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
        architecture=architecture(told.get("architecture", AMD64.name)),
    )


def _current(of: Architecture, sources: str) -> Path:
    """The file that names the image that was built last from these sources: several versions
    of Distributor on one host do not take each other's."""
    return images_folder() / f"current-{of.name}-{sources[:24]}"


def images_folder() -> Path:
    """Where images are kept."""
    return cache_folder() / f"images-{_FORMAT}"
