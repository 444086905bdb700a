"""The initramfs: a cpio archive (newc) that the kernel unpacks into its first file system.

Pure: the same entries give the same bytes, so that one image has one hash everywhere.
The format is that of Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass

_MAGIC = b"070701"
_TRAILER = "TRAILER!!!"
#: Folders that the loader mounts something on or writes to.
_FOLDERS = ("bin", "dev", "modules", "proc", "root", "run", "sys", "tasks", "tmp")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, folder or device of the archive.

    :param path: relative to the root, without a leading slash.
    :param mode: type and permissions, as ``st_mode`` has them.
    :param device: major and minor number of a device.
    """

    path: str
    mode: int
    content: bytes = b""
    device: tuple[int, int] = (0, 0)


def folder(path: str) -> Entry:
    """A folder that everybody may read."""
    return Entry(path, stat.S_IFDIR | 0o755)


def file(path: str, content: bytes, *, executable: bool = False) -> Entry:
    """A plain file."""
    return Entry(path, stat.S_IFREG | (0o755 if executable else 0o644), content)


def lay_out(
    loader: bytes, modules: Iterable[tuple[str, bytes]], tasks: Iterable[tuple[str, bytes]]
) -> list[Entry]:
    """What the first file system holds.

    :param loader: the executable that becomes process 1.
    :param modules: names and contents of the kernel's modules, in the order in which they
        are to be loaded; /modules/order holds their file names, one a line.
    :param tasks: names and contents of the executables that no host needs to send.
    """
    entries = [folder(name) for name in _FOLDERS]
    # The kernel opens it for process 1 before anything can be mounted.
    entries.append(Entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1)))
    entries.append(file("init", loader, executable=True))
    entries += [file(f"tasks/{name}", content, executable=True) for name, content in tasks]
    order = []
    for place, (name, content) in enumerate(modules):
        order.append(f"{place:02d}-{name}.ko")
        entries.append(file(f"modules/{order[-1]}", content))
    entries.append(file("modules/order", "".join(f"{name}\n" for name in order).encode()))
    return entries


def pack(entries: Iterable[Entry]) -> bytes:
    """The archive, uncompressed: unpacking would cost a machine more than reading does.

    Entries are sorted (so a folder stands before what is in it); times and owners are 0.
    """
    parts = []
    ordered = sorted(entries, key=lambda entry: entry.path)
    for inode, entry in enumerate([*ordered, Entry(_TRAILER, 0)], start=1):
        name = entry.path.encode() + b"\0"
        fields = (
            inode,
            entry.mode,
            0,  # uid
            0,  # gid
            2 if stat.S_ISDIR(entry.mode) else 1,  # links
            0,  # mtime
            len(entry.content),
            0,  # device the file is on
            0,
            *entry.device,
            len(name),
            0,  # checksum, of no meaning in newc
        )
        header = _MAGIC + b"".join(b"%08X" % field for field in fields)
        parts += [_padded(header + name), _padded(entry.content)]
    return b"".join(parts)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
