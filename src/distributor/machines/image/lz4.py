"""LZ4 in its legacy frame, in which Linux kernels are packed. Pure.

Formats: the LZ4 project's lz4_Block_format.md, and lz4_Frame_format.md on legacy frames.
"""

from __future__ import annotations

import struct

from distributor.errors import ImageError

LEGACY_MAGIC = b"\x02\x21\x4c\x18"
#: What one block unpacks to at most, and what all but the last unpack to.
_BLOCK_MAX = 8 << 20
_LEAST_MATCH = 4


def unpack_legacy(data: bytes, limit: int) -> bytes:
    """The content of a legacy frame; up to four bytes behind its last block are left out.

    :param limit: bytes that it may unpack to.
    :raise ImageError: the data is damaged, or unpacks to more.
    """
    out = bytearray()
    place = len(LEGACY_MAGIC)
    while len(data) - place > 4:  # Linux puts the unpacked size behind the last block
        (size,) = struct.unpack_from("<I", data, place)
        place += 4
        if size > len(data) - place:
            raise ImageError("compressed data is cut off")
        try:
            out += _unpack_block(data[place : place + size])
        except IndexError:
            raise ImageError("compressed data is damaged") from None
        place += size
        if len(out) > limit:
            raise ImageError("compressed data is larger than any kernel")
    return bytes(out)


def _unpack_block(block: bytes) -> bytearray:
    """One block: literals, then a copy of what came before, again and again."""
    out = bytearray()
    place, end = 0, len(block)
    while place < end:
        token = block[place]
        place += 1
        length = token >> 4
        if length == 15:
            while (more := block[place]) == 255:
                length += 255
                place += 1
            length += more
            place += 1
        if length:
            out += block[place : place + length]
            place += length
        if place == end:  # the last sequence is literals alone
            return out
        offset = block[place] | block[place + 1] << 8
        place += 2
        length = token & 15
        if length == 15:
            while (more := block[place]) == 255:
                length += 255
                place += 1
            length += more
            place += 1
        length += _LEAST_MATCH
        start = len(out) - offset
        if offset == 0 or start < 0 or len(out) + length > _BLOCK_MAX:
            raise IndexError
        if offset >= length:
            out += out[start : start + length]
        else:  # it overlaps with itself: what it copies it copies again
            pattern = out[start:]
            out += (pattern * (length // offset + 1))[:length]
    raise IndexError
