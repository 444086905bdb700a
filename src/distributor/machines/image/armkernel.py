"""ARM's kernels as they lie in /boot: an Image, which is the kernel itself, or something that
unpacks one. Pure, save for what :mod:`bzimage` takes for zstd.
"""

from __future__ import annotations

import re
import struct

from distributor.errors import ImageError
from distributor.machines.image import bzimage

# Linux, Documentation/arch/arm64/booting.rst: "ARM\x64" behind 56 bytes.
_IMAGE_AT, _IMAGE_MAGIC = 0x38, b"ARM\x64"
# Linux, arch/arm/boot/compressed/head.S: 0x016f2818, little-endian, behind 36 bytes.
_ZIMAGE_AT, _ZIMAGE_MAGIC = 0x24, b"\x18\x28\x6f\x01"
# Linux, drivers/firmware/efi/libstub/zboot-header.S: "zimg", then where the payload is.
_ZBOOT_AT, _ZBOOT_MAGIC, _ZBOOT_PAYLOAD = 4, b"zimg", 8
#: What a kernel can be compressed with, by its first bytes.
_PACKED = re.compile(rb"\x1f\x8b\x08|\xfd7zXZ\0|\x28\xb5\x2f\xfd|\x02\x21\x4c\x18")
_BANNER = re.compile(rb"Linux version ([\x21-\x7e]{1,64}) ")


def ready(kernel: bytes) -> bytes:
    """The file that QEMU starts; the Image inside of what only firmware (EFI) would unpack.

    :raise ImageError: it is no kernel for ARM.
    """
    if kernel[_ZBOOT_AT : _ZBOOT_AT + 4] == _ZBOOT_MAGIC and len(kernel) > 64:
        offset, size = struct.unpack_from("<II", kernel, _ZBOOT_PAYLOAD)
        kernel = bzimage.decompress(kernel[offset : offset + size])
    if kernel[_IMAGE_AT : _IMAGE_AT + 4] == _IMAGE_MAGIC:
        return kernel
    if kernel[_ZIMAGE_AT : _ZIMAGE_AT + 4] == _ZIMAGE_MAGIC:
        return kernel
    raise ImageError("the kernel is neither an Image nor a zImage for ARM")


def release(kernel: bytes) -> str:
    """What ``uname -r`` says on this kernel.

    :raise ImageError: it does not tell.
    """
    found = _BANNER.search(kernel)
    for packed in _PACKED.finditer(kernel):
        if found is not None:
            break
        try:
            found = _BANNER.search(bzimage.decompress(kernel[packed.start() :]))
        except ImageError:  # the bytes were something else
            continue
    if found is None:
        raise ImageError("the kernel does not tell its release")
    return found.group(1).decode()
