"""A vmlinux without what a machine never reads. Pure.

Debian's holds 26 MiB of zeros that its program headers could ask for by a size alone, and
sections that only tools read. What is left is what each machine's QEMU maps and copies.
"""

from __future__ import annotations

import struct

from distributor.errors import ImageError

# Fields of 64-bit little-endian ELF headers, as elf(5) has them.
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_LOAD = 1
_ALIGN = 4096


def slim(vmlinux: bytes) -> bytes:
    """The same program without section headers, and without zeros at its segments' ends.

    :raise ImageError: it is no 64-bit little-endian ELF program.
    """
    if len(vmlinux) < _HEADER.size or vmlinux[:6] != b"\x7fELF\x02\x01":
        raise ImageError("the kernel is no 64-bit little-endian ELF program")
    header = list(_HEADER.unpack_from(vmlinux))
    table, size, count = header[5], header[9], header[10]
    if size != _SEGMENT.size or table + size * count > len(vmlinux):
        raise ImageError("the kernel's program headers are damaged")
    segments = [list(_SEGMENT.unpack_from(vmlinux, table + size * place)) for place in range(count)]
    body = bytearray(_HEADER.size + _SEGMENT.size * count)
    for segment in segments:
        offset, file_size = segment[2], segment[5]
        if offset + file_size > len(vmlinux):
            raise ImageError("the kernel file ends before its segments do")
        content = vmlinux[offset : offset + file_size]
        if segment[0] == _LOAD:  # what is missing up to its size in memory is zeros
            content = content.rstrip(b"\0")
        body += b"\0" * (-len(body) % _ALIGN)
        segment[2], segment[5] = len(body), len(content)
        body += content
    header[5] = _HEADER.size
    header[6] = header[11] = header[12] = header[13] = 0  # sections: where, size, count, names
    _HEADER.pack_into(body, 0, *header)
    for place, segment in enumerate(segments):
        _SEGMENT.pack_into(body, _HEADER.size + _SEGMENT.size * place, *segment)
    return bytes(body)
