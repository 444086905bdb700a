"""Kernel modules: which are needed, and in which order they load."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from distributor.errors import ImageError
from distributor.machines.image import bzimage
from distributor.machines.image.architecture import Architecture

_SUFFIXES = (".ko", ".ko.xz", ".ko.zst", ".ko.gz")


@dataclass(frozen=True, slots=True)
class Module:
    """One module, unpacked."""

    name: str
    content: bytes

    @property
    def depends(self) -> tuple[str, ...]:
        """Modules that must be loaded before this one."""
        listed = module_info(self.content).get("depends", "")
        return tuple(canonical(name) for name in listed.split(",") if name)

    @property
    def release(self) -> str:
        """Release of the kernel that it was built for."""
        return module_info(self.content).get("vermagic", "").partition(" ")[0]


def canonical(name: str) -> str:
    """A module's name as the kernel knows it: files may have a dash for an underscore."""
    return name.replace("-", "_")


def find_modules(folder: Path) -> dict[str, Path]:
    """The module files of a folder as /lib/modules/RELEASE, by name."""
    return {
        canonical(path.name.partition(".ko")[0]): path
        for path in sorted(folder.rglob("*.ko*"))
        if path.name.endswith(_SUFFIXES)
    }


def builtin_modules(folder: Path) -> set[str]:
    """Names of what the kernel holds without a file, as its modules.builtin lists them."""
    try:
        listed = (folder / "modules.builtin").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return set()
    return {canonical(Path(line.strip()).name.removesuffix(".ko")) for line in listed.splitlines()}


def read_module(name: str, path: Path) -> Module:
    """A module's file, unpacked.

    :raise ImageError: it cannot be read or is no module.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot read the module {path}: {error.strerror}") from error
    if path.suffix != ".ko":
        content = bzimage.decompress(content)
    return Module(name, content)


def choose(folder: Path, architecture: Architecture) -> list[Module]:
    """The modules that a machine needs, in the order in which they load.

    :raise ImageError: a required one is neither there nor built into the kernel.
    """
    paths, builtin = find_modules(folder), builtin_modules(folder)
    required = architecture.required
    missing = [name for name in required if name not in paths and name not in builtin]
    if missing:
        raise ImageError(
            f"{folder} holds no module {' and no module '.join(missing)}",
            hint="give the kernel's own folder of modules, as /lib/modules/RELEASE",
        )
    known = (*required, *architecture.optional)
    wanted = [name for name in known if name in paths and name not in builtin]
    read: dict[str, Module] = {}
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name in read or name in builtin:
            continue
        if name not in paths:
            raise ImageError(f"{folder} holds no module {name}, which others need")
        read[name] = read_module(name, paths[name])
        waiting += read[name].depends
    order = load_order(wanted, {name: module.depends for name, module in read.items()})
    return [read[name] for name in order]


def load_order(wanted: Iterable[str], depends: Mapping[str, Iterable[str]]) -> list[str]:
    """``wanted`` and all they depend on, each behind its own needs. Pure.

    :param depends: direct needs by name; what is no key of it is built in.
    :raise ImageError: modules need each other in a circle.
    """
    order: list[str] = []
    above: list[str] = []

    def visit(name: str) -> None:
        if name in order or name not in depends:
            return
        if name in above:
            raise ImageError(f"the modules {', '.join(above)} need each other in a circle")
        above.append(name)
        for need in depends[name]:
            visit(need)
        above.pop()
        order.append(name)

    for name in wanted:
        visit(name)
    return order


def module_info(content: bytes) -> dict[str, str]:
    """The keys and values of a module's ``.modinfo`` section (the first of each key).

    :raise ImageError: it is no little-endian ELF file with such a section.
    """
    try:
        section = _section(content, b".modinfo")
    except (struct.error, IndexError):
        section = None
    if section is None:
        raise ImageError("a module file is no ELF file with a .modinfo section")
    info: dict[str, str] = {}
    for line in section.split(b"\0"):
        key, equals, value = line.partition(b"=")
        if equals:
            info.setdefault(key.decode(errors="replace"), value.decode(errors="replace"))
    return info


def _section(content: bytes, wanted: bytes) -> bytes | None:
    """A section of an ELF file by its name; offsets are those of elf(5)."""
    if content[:4] != b"\x7fELF" or content[5] != 1:
        return None
    wide = content[4] == 2
    (table,) = struct.unpack_from("<Q" if wide else "<I", content, 0x28 if wide else 0x20)
    size, count, names = struct.unpack_from("<HHH", content, 0x3A if wide else 0x2E)
    layout, place = ("<QQ", 0x18) if wide else ("<II", 0x10)

    def extent(index: int) -> bytes:
        offset, length = struct.unpack_from(layout, content, table + index * size + place)
        return content[offset : offset + length]

    strings = extent(names)
    for index in range(count):
        (name,) = struct.unpack_from("<I", content, table + index * size)
        if strings[name : strings.index(b"\0", name)] == wanted:
            return extent(index)
    return None
