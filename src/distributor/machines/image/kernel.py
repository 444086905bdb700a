"""The guest's kernel: found or fetched, unpacked, and kept with the modules it needs."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from distributor.errors import ConfigurationError, ImageError
from distributor.machines.image import armkernel, bzimage, vmlinux
from distributor.machines.image.architecture import AMD64, Architecture
from distributor.machines.image.cache import cache_folder, keep
from distributor.machines.image.debian import Apt
from distributor.machines.image.module import Module, choose, read_module

#: Flavour of a kernel that the user gave.
CUSTOM = "custom"
_FORMAT = 1
_BOOT = Path("/boot")
_MODULES = Path("/lib/modules")


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel in the cache.

    :param file: what QEMU starts: a vmlinux, by PVH, or what ARM's kernels are.
    :param modules: in the order in which they load.
    :param origin: the Debian package and version, or the path, that it came from.
    """

    key: str
    file: Path
    release: str
    flavour: str
    origin: str
    modules: tuple[Module, ...]


def find_kernel(
    flavour: str,
    progress: Callable[[str], None],
    *,
    architecture: Architecture = AMD64,
    path: Path | None = None,
    modules: Path | None = None,
) -> Kernel:
    """The kernel to build an image with, in the cache from then on.

    :param path: a kernel of the user's own, with its folder of ``modules``; without, the
        newest Debian package of the flavour, or else an installed one.
    :raise ConfigurationError: only one of the two is given, or one does not exist.
    :raise ImageError: there is none, it cannot be fetched, or it cannot be unpacked.
    """
    if path is not None or modules is not None:
        return _given(path, modules, architecture)
    if flavour not in architecture.flavours:
        raise ConfigurationError(
            f"there is no kernel flavour {flavour!r}",
            hint=f"there are {', '.join(architecture.flavours)}",
        )
    named = architecture.flavours[flavour]
    apt = Apt(architecture.name, progress)
    package = apt.newest_kernel(named)
    if package is not None:
        folder = _kernels() / package.key
        chosen = package

        def make(part: Path) -> None:
            tree = apt.fetch(chosen, part)
            progress("unpacks the kernel")
            _take(
                part,
                _one(tree / "boot", "vmlinuz-*"),
                _modules_of(tree),
                flavour,
                f"{chosen.name} {chosen.version}",
                architecture,
            )
            _take_device_trees(part, tree, architecture)
            shutil.rmtree(tree)

        return _load(keep(folder, make))
    installed = sorted(_BOOT.glob(f"vmlinuz-*-{named}"), key=lambda each: each.stat().st_mtime)
    for candidate in reversed(installed):
        tree = _MODULES / candidate.name.removeprefix("vmlinuz-")
        if tree.is_dir():
            return _local(candidate, tree, flavour, architecture, progress)
    raise ImageError(
        f"apt knows no package linux-image-{named}, and none is installed",
        hint="run apt-get update as root, or give a kernel: distributor image build "
        "--kernel PATH --modules DIR",
    )


def _given(path: Path | None, modules: Path | None, architecture: Architecture) -> Kernel:
    if path is None or modules is None:
        raise ConfigurationError("--kernel and --modules are given together or not at all")
    if not path.is_file():
        raise ConfigurationError(f"there is no kernel {path}")
    if not modules.is_dir():
        raise ConfigurationError(f"there is no folder of modules {modules}")
    return _local(path, modules, CUSTOM, architecture, lambda _: None)


def _local(
    path: Path,
    modules: Path,
    flavour: str,
    architecture: Architecture,
    progress: Callable[[str], None],
) -> Kernel:
    """A kernel that lies on this host; its key is its content."""
    try:
        digest = hashlib.sha256(path.read_bytes())
    except OSError as error:
        raise ImageError(f"cannot read the kernel {path}: {error.strerror}") from error
    for module in choose(modules, architecture):
        digest.update(module.content)

    def make(part: Path) -> None:
        progress(f"unpacks {path}")
        _take(part, path, modules, flavour, str(path), architecture)

    return _load(keep(_kernels() / f"{flavour}-{digest.hexdigest()[:24]}", make))


def _take(
    folder: Path,
    path: Path,
    modules: Path,
    flavour: str,
    origin: str,
    architecture: Architecture,
) -> None:
    """Put what is needed of a kernel into its folder of the cache."""
    name, content, release = _read(path.read_bytes(), architecture)
    chosen = choose(modules, architecture)
    for module in chosen:
        if module.release != release:
            raise ImageError(
                f"the module {module.name} of {modules} is for the kernel "
                f"{module.release or '(none told)'}, and {path.name} is {release}",
                hint="a kernel and its modules go together",
            )
    (folder / name).write_bytes(content)
    (folder / "modules").mkdir()
    for module in chosen:
        (folder / "modules" / f"{module.name}.ko").write_bytes(module.content)
    told = {
        "file": name,
        "release": release,
        "flavour": flavour,
        "origin": origin,
        "modules": [module.name for module in chosen],
    }
    (folder / "kernel.json").write_text(json.dumps(told, indent=1), encoding="utf-8")


def _read(kernel: bytes, architecture: Architecture) -> tuple[str, bytes, str]:
    """The name and the content of the file that QEMU is to start, and the kernel's release."""
    if architecture is not AMD64:
        content = armkernel.ready(kernel)
        return "kernel", content, armkernel.release(content)
    unpacked = kernel if bzimage.is_vmlinux(kernel) else bzimage.unpack(kernel)
    return "vmlinux", vmlinux.slim(unpacked), bzimage.release(kernel)


def _take_device_trees(folder: Path, tree: Path, architecture: Architecture) -> None:
    for name in architecture.device_trees:
        for found in tree.glob(f"usr/lib/linux-image-*/**/{name}"):
            (folder / name).write_bytes(found.read_bytes())


def _load(folder: Path) -> Kernel:
    told = json.loads((folder / "kernel.json").read_text(encoding="utf-8"))
    return Kernel(
        key=folder.name,
        file=folder / told.get("file", "vmlinux"),  # of before there were others
        release=told["release"],
        flavour=told["flavour"],
        origin=told["origin"],
        modules=tuple(
            read_module(name, folder / "modules" / f"{name}.ko") for name in told["modules"]
        ),
    )


def _kernels() -> Path:
    """Of one format: a later one leaves these alone."""
    return cache_folder() / f"kernels-{_FORMAT}"


def _modules_of(tree: Path) -> Path:
    """Debian moves what was in /lib to /usr/lib."""
    old, new = tree / "lib/modules", tree / "usr/lib/modules"
    return _one(new if new.is_dir() else old, "*")


def _one(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise ImageError(f"the kernel package holds {len(found)} {pattern} in {folder.name}/")
    return found[0]
