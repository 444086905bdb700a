"""The kernel inside a bzImage: an x86 boot wrapper around a compressed ELF (vmlinux). Pure,
save for zstd, which Python has not before 3.14.

QEMU starts a vmlinux by PVH at once; a bzImage unpacks itself inside the machine first,
which takes an emulated processor two seconds.
"""

from __future__ import annotations

import lzma
import re
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable

from distributor.errors import ImageError
from distributor.machines.image import lz4

# Offsets and magic: Linux, Documentation/arch/x86/boot.rst.
_SETUP_SECTS = 0x1F1
_HEADER_MAGIC = 0x202
_VERSION = 0x206
_KERNEL_VERSION = 0x20E
_PAYLOAD = 0x248
_SECTOR = 512
#: The first protocol version whose header says where the payload is.
_VERSION_WITH_PAYLOAD = 0x0208
#: A kernel unpacks to some 60 MiB; what claims to be more is no kernel.
UNPACKED_MAX = 512 << 20

_ELF = b"\x7fELF"
_GZIP = b"\x1f\x8b"
_XZ = b"\xfd7zXZ\0"
_ZSTD = b"\x28\xb5\x2f\xfd"


def is_vmlinux(kernel: bytes) -> bool:
    """Whether the kernel is an ELF file already."""
    return kernel.startswith(_ELF)


def unpack(kernel: bytes) -> bytes:
    """The vmlinux of a bzImage.

    :raise ImageError: it is no bzImage, is damaged, or is compressed in an unknown way.
    """
    if len(kernel) < _PAYLOAD + 8 or kernel[_HEADER_MAGIC : _HEADER_MAGIC + 4] != b"HdrS":
        raise ImageError("the kernel is neither a bzImage nor a vmlinux")
    (version,) = struct.unpack_from("<H", kernel, _VERSION)
    if version < _VERSION_WITH_PAYLOAD:
        raise ImageError(f"the kernel's boot protocol {version:#x} is too old to unpack it")
    offset, length = struct.unpack_from("<II", kernel, _PAYLOAD)
    start = ((kernel[_SETUP_SECTS] or 4) + 1) * _SECTOR + offset
    payload = kernel[start : start + length]
    if len(payload) < length:
        raise ImageError("the kernel file ends before its payload does")
    vmlinux = decompress(payload)
    if not vmlinux.startswith(_ELF):
        raise ImageError("the kernel's payload is no ELF file")
    # The payload ends with its unpacked size, whatever packed it (gzip does so of itself).
    if struct.unpack("<I", payload[-4:]) != (len(vmlinux),):
        raise ImageError("the kernel's payload unpacks to another size than it tells")
    return vmlinux


def release(kernel: bytes) -> str:
    """What ``uname -r`` says on this kernel (a bzImage or a vmlinux).

    :raise ImageError: it does not tell.
    """
    if is_vmlinux(kernel):
        found = re.search(rb"Linux version ([\x21-\x7e]{1,64}) ", kernel)
    else:
        (place,) = struct.unpack_from("<H", kernel, _KERNEL_VERSION)
        place += _SECTOR
        found = re.match(rb"([\x21-\x7e]{1,64})[ \0]", kernel[place : place + 80])
    if found is None:
        raise ImageError("the kernel does not tell its release")
    return found.group(1).decode()


def decompress(data: bytes) -> bytes:
    """Undo gzip, xz, lz4 or zstd, told by the first bytes; anything behind the stream is left out.

    :raise ImageError: damaged, of an unknown format, or larger than any kernel.
    """
    for magic, expand in _FORMATS.items():
        if data.startswith(magic):
            try:
                return expand(data)
            except (lzma.LZMAError, zlib.error) as error:
                raise ImageError(f"compressed data is damaged: {error}") from error
    raise ImageError(f"compressed data of an unknown format: it begins with {data[:4].hex()}")


def _gunzip(data: bytes) -> bytes:
    expander = zlib.decompressobj(wbits=31)
    return _bounded(expander.decompress(data, UNPACKED_MAX), expander.eof)


def _unxz(data: bytes) -> bytes:
    expander = lzma.LZMADecompressor(lzma.FORMAT_XZ)
    return _bounded(expander.decompress(data, UNPACKED_MAX), expander.eof)


def _unzstd(data: bytes) -> bytes:
    tool = shutil.which("zstd")
    if tool is None:
        raise ImageError(
            "the kernel is compressed with zstd, and there is no zstd program",
            hint="install the package zstd",
        )
    # Behind a kernel's stream stand four more bytes (its length), at which zstd grumbles
    # with exit value 1 once it has written everything.
    done = subprocess.run([tool, "-dcq"], input=data, capture_output=True, check=False)
    if not done.stdout:
        raise ImageError(f"zstd: {done.stderr.decode(errors='replace').strip()[:200]}")
    return _bounded(done.stdout, True)


def _bounded(data: bytes, complete: bool) -> bytes:
    if not complete or len(data) > UNPACKED_MAX:
        raise ImageError("compressed data is cut off or larger than any kernel")
    return data


_FORMATS: dict[bytes, Callable[[bytes], bytes]] = {
    _GZIP: _gunzip,
    _XZ: _unxz,
    _ZSTD: _unzstd,
    lz4.LEGACY_MAGIC: lambda data: lz4.unpack_legacy(data, UNPACKED_MAX),
}
