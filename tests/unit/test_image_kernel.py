"""Kernels and modules: unpacked, slimmed, chosen, and refused by name."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from distributor.errors import ImageError
from distributor.machines.image import AMD64, armkernel, bzimage
from distributor.machines.image.module import choose, load_order, module_info
from distributor.machines.image.vmlinux import slim
from tests import kernels


@pytest.mark.parametrize("compression", kernels.COMPRESSIONS)
def test_a_bzimage_gives_its_vmlinux_and_release(compression: str) -> None:
    kernel = kernels.vmlinux(b"\xf4" * 5000)
    image = kernels.bzimage(kernel, compression)
    assert bzimage.unpack(image) == kernel
    assert bzimage.release(image) == kernels.RELEASE


def test_a_vmlinux_tells_its_release() -> None:
    kernel = kernels.vmlinux(b"..\0Linux version 6.12.3-x (a@b) #1\0")
    assert bzimage.is_vmlinux(kernel)
    assert bzimage.release(kernel) == "6.12.3-x"


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda image: image[:-200], "ends before its payload"),
        (lambda image: image[:0x202] + b"\0\0\0\0" + image[0x206:], "neither a bzImage"),
        (lambda image: b"short", "neither a bzImage"),
        (lambda image: image.replace(b"\xfd7zXZ", b"????!"), "unknown format"),
        (lambda image: image[:-22] + b"\1" + image[-21:], "another size than it tells"),
        (lambda image: image[:1700] + bytes(40) + image[1740:], "damaged|cut off|no ELF"),
    ],
)
def test_a_damaged_bzimage_is_refused_by_name(damage, says) -> None:
    image = kernels.bzimage(kernels.vmlinux(bytes(range(256)) * 40))
    with pytest.raises(ImageError, match=says):
        bzimage.unpack(damage(image))


def test_zstd_is_unpacked_by_its_program(tmp_path: Path, monkeypatch) -> None:
    zstd = shutil.which("zstd")
    if zstd is not None:
        packed = subprocess.run([zstd, "-cq"], input=b"\x7fELF" * 99, capture_output=True).stdout
        assert bzimage.decompress(packed + b"\1\2\3\4") == b"\x7fELF" * 99
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImageError, match="install the package zstd"):
        bzimage.decompress(b"\x28\xb5\x2f\xfd....")


@pytest.mark.parametrize("compression", kernels.COMPRESSIONS)
def test_kernels_for_arm_tell_their_release_whatever_packs_them(compression: str) -> None:
    image = kernels.arm_image()
    assert armkernel.ready(image) == image
    assert armkernel.release(image) == kernels.ARM_RELEASE
    # what firmware would unpack is unpacked here; what unpacks itself is left to do so
    assert armkernel.ready(kernels.zboot(image, compression)) == image
    packed = kernels.zimage(image, compression)
    assert armkernel.ready(packed) == packed
    assert armkernel.release(packed) == kernels.ARM_RELEASE


def test_what_is_no_kernel_for_arm_is_refused() -> None:
    with pytest.raises(ImageError, match="neither an Image nor a zImage"):
        armkernel.ready(kernels.bzimage(kernels.vmlinux()))
    with pytest.raises(ImageError, match="neither an Image nor a zImage"):
        armkernel.ready(b"short")
    with pytest.raises(ImageError, match="does not tell its release"):
        armkernel.release(kernels.zimage(b"\0" * 200, "gzip") + b"\xfd7zXZ\0 of something else")


def test_slimming_drops_zeros_and_sections_but_no_byte_of_the_program() -> None:
    kernel = kernels.vmlinux(b"some code", zeros=100_000)
    small = slim(kernel)
    assert len(small) < 5000
    offset, _, address, file_size, memory_size = struct.unpack_from("<QQQQQ", small, 64 + 8)
    assert small[offset : offset + file_size] == b"some code"
    assert (address, memory_size) == (0x1000000, 9 + 100_000 + 100)  # the zeros are still asked for
    assert struct.unpack_from("<Q", small, 24) == (0x1000000,)  # the entry
    assert struct.unpack_from("<Q", small, 40) == (0,)  # no sections


def test_what_is_no_kernel_is_not_slimmed() -> None:
    with pytest.raises(ImageError, match="no 64-bit"):
        slim(b"#!/bin/sh")
    with pytest.raises(ImageError, match="ends before"):
        slim(kernels.vmlinux(b"12345678")[:-4])


def test_needed_modules_alone_are_chosen_and_each_follows_its_needs(tmp_path: Path) -> None:
    chosen = choose(kernels.module_folder(tmp_path), AMD64)
    names = [module.name for module in chosen]
    assert sorted(names) == ["net_failover", "virtio", "virtio_net", "virtio_pci", "virtio_ring"]
    for module in chosen:  # failover is built in, and e1000 not needed
        for need in set(module.depends) - {"failover"}:
            assert names.index(need) < names.index(module.name)
    assert all(module.content.startswith(b"\x7fELF") for module in chosen)  # unpacked


def test_a_missing_module_is_named(tmp_path: Path) -> None:
    tree = kernels.module_folder(tmp_path)
    (tree / "kernel/drivers/virtio.ko").unlink()
    with pytest.raises(ImageError, match="no module virtio, which others need"):
        choose(tree, AMD64)
    (tree / "kernel/drivers/virtio_net.ko").unlink()
    with pytest.raises(ImageError, match="no module virtio_net"):
        choose(tree, AMD64)


def test_modules_in_a_circle_are_refused() -> None:
    with pytest.raises(ImageError, match="circle"):
        load_order(["a"], {"a": ["b"], "b": ["a"]})


@pytest.mark.parametrize("wide", [True, False])
def test_a_modules_facts_are_read_from_32_and_64_bit_files(wide: bool) -> None:
    info = module_info(kernels.module("a,b", "6.1.0", wide))
    assert (info["depends"], info["vermagic"]) == ("a,b", "6.1.0 SMP ")


@pytest.mark.parametrize("content", [b"", b"\x7fELF\x02\x01", b"text" * 50, bytes(4096)])
def test_what_is_no_module_is_refused(content: bytes) -> None:
    with pytest.raises(ImageError, match="no ELF file"):
        module_info(content)


#: "abcd", a copy of 20 bytes from 4 back (it overlaps itself), then 300 literals.
LZ4_BLOCK = b"\x4fabcd\x04\x00\x01" + b"\xf0\xff\x1e" + b"x" * 300


def lz4_frame(*blocks: bytes) -> bytes:
    sized = b"".join(struct.pack("<I", len(block)) + block for block in blocks)
    return b"\x02\x21\x4c\x18" + sized


def test_lz4_is_unpacked_block_by_block_to_the_size_behind_them() -> None:
    expected = b"abcd" * 6 + b"x" * 300
    packed = lz4_frame(LZ4_BLOCK, LZ4_BLOCK) + struct.pack("<I", 2 * len(expected))
    assert bzimage.decompress(packed) == expected * 2


@pytest.mark.parametrize(
    "block",
    [
        b"\x4fabcd\x05\x00\x01\x00",  # copies from before the beginning
        b"\x4fabcd\x00\x00\x01\x00",  # copies from nowhere
        LZ4_BLOCK[:6],  # ends inside a sequence
        b"\xf0" + b"\xff" * 20,  # a length without an end
        b"\x4fabcd\x04\x00" + b"\xff" * 40_000 + b"\x00",  # larger than a block can be
    ],
)
def test_damaged_lz4_is_refused(block: bytes) -> None:
    with pytest.raises(ImageError, match="damaged"):
        bzimage.decompress(lz4_frame(block))


def test_lz4_that_is_cut_off_is_refused() -> None:
    with pytest.raises(ImageError, match="cut off"):
        bzimage.decompress(lz4_frame(LZ4_BLOCK)[:-9])
