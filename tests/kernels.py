"""Made-up kernels and modules, just true enough to be unpacked and read."""

from __future__ import annotations

import gzip
import lzma
import struct
from collections.abc import Callable
from pathlib import Path

RELEASE = "6.1.0-1-rt-amd64"
ARM_RELEASE = "6.1.0-1-rt-armmp"

COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "xz": lambda data: lzma.compress(data, check=lzma.CHECK_CRC32),
}


def vmlinux(content: bytes = b"code", zeros: int = 0, note: bytes = b"") -> bytes:
    """An ELF program with one segment, that content and that many zeros behind it, and,
    where one is given, a segment of notes."""
    body = content + b"\0" * zeros
    start = 256
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01", 2, 62, 1, 0x1000000, 64, 4096, 0, 64, 56, 1 + bool(note), 64, 0, 0,
    )  # fmt: skip
    segments = struct.pack(
        "<IIQQQQQQ", 1, 5, start, 0x1000000, 0x1000000, len(body), len(body) + 100, 4096
    )
    if note:
        place = start + len(body)
        segments += struct.pack("<IIQQQQQQ", 4, 4, place, 0, 0, len(note), len(note), 4)
    return (header + segments).ljust(start, b"\0") + body + note


def bzimage(kernel: bytes, compression: str = "xz", release: str = RELEASE) -> bytes:
    """A boot wrapper around a kernel: two sectors of set-up, 100 bytes of code, the payload."""
    payload = COMPRESSIONS[compression](kernel) + struct.pack("<I", len(kernel))
    setup = bytearray(3 * 512)
    setup[0x1F1] = 2
    setup[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", setup, 0x206, 0x020F)
    struct.pack_into("<H", setup, 0x20E, 0x300)  # the release, counted from the second sector
    struct.pack_into("<II", setup, 0x248, 100, len(payload))
    told = f"{release} (someone@somewhere) #1 SMP".encode() + b"\0"
    setup[0x500 : 0x500 + len(told)] = told
    return bytes(setup) + b"\x90" * 100 + payload + b"behind the payload"


def arm_image() -> bytes:
    """An Image: 64 bytes of header, and somewhere the kernel's name."""
    header = bytearray(64)
    header[0x38:0x3C] = b"ARM\x64"
    return bytes(header) + b"\0Linux version " + ARM_RELEASE.encode() + b" (a@b) #1\0" + bytes(500)


def zimage(kernel: bytes, compression: str) -> bytes:
    """A program for 32-bit ARM that unpacks a kernel."""
    header = bytearray(64)
    struct.pack_into("<I", header, 0x24, 0x016F2818)
    return bytes(header) + b"code \x1f\x8b\x08 code" + COMPRESSIONS[compression](kernel) + b"...."


def zboot(kernel: bytes, compression: str) -> bytes:
    """A program for EFI firmware that unpacks a kernel."""
    payload = COMPRESSIONS[compression](kernel)
    header = b"MZ\0\0zimg" + struct.pack("<II", 96, len(payload))
    return header.ljust(96, b"\0") + payload + b"behind it"


def module(depends: str = "", release: str = RELEASE, wide: bool = True) -> bytes:
    """An ELF object with a .modinfo section."""
    info = b"license=GPL\0" + f"depends={depends}\0vermagic={release} SMP \0".encode()
    names = b"\0.modinfo\0.shstrtab\0"
    start = 64 if wide else 52
    table = start + len(info) + len(names)
    if wide:
        header = struct.pack(
            "<16sHHIQQQIHHHHHH",
            b"\x7fELF\x02\x01\x01", 1, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, 3, 2,
        )  # fmt: skip
        row = struct.Struct("<IIQQQQIIQQ")
    else:
        header = struct.pack(
            "<16sHHIIIIIHHHHHH",
            b"\x7fELF\x01\x01\x01", 1, 40, 1, 0, 0, table, 0, 52, 0, 0, 40, 3, 2,
        )  # fmt: skip
        row = struct.Struct("<IIIIIIIIII")
    sections = (
        row.pack(*[0] * 10)
        + row.pack(1, 1, 0, 0, start, len(info), 0, 0, 1, 0)
        + row.pack(10, 3, 0, 0, start + len(info), len(names), 0, 0, 1, 0)
    )
    return header + info + names + sections


def module_folder(folder: Path, release: str = RELEASE) -> Path:
    """A folder as /lib/modules/RELEASE, with modules packed in several ways."""
    tree = folder / release
    drivers = tree / "kernel" / "drivers"
    drivers.mkdir(parents=True)
    (tree / "modules.builtin").write_text("kernel/net/core/failover.ko\n")
    (drivers / "virtio_ring.ko").write_bytes(module("", release))
    (drivers / "virtio.ko").write_bytes(module("virtio_ring", release))
    (drivers / "virtio-pci.ko.xz").write_bytes(lzma.compress(module("virtio,virtio_ring", release)))
    (drivers / "net_failover.ko.gz").write_bytes(gzip.compress(module("failover", release)))
    (drivers / "virtio_net.ko").write_bytes(module("net_failover,virtio", release))
    (drivers / "e1000.ko").write_bytes(module("", release))
    return tree
