"""The initramfs: what the kernel would unpack of it."""

from __future__ import annotations

import stat

from distributor.machines.image.initramfs import Entry, file, folder, lay_out, pack


def unpack(archive: bytes) -> dict[str, tuple[dict[str, int], bytes]]:
    """Reads newc as Linux's buffer-format document describes it."""
    names = "ino mode uid gid nlink mtime filesize maj min rmaj rmin namesize chksum".split()
    found: dict[str, tuple[dict[str, int], bytes]] = {}
    place = 0
    while True:
        assert archive[place : place + 6] == b"070701"
        words = [archive[place + 6 + 8 * i : place + 14 + 8 * i] for i in range(13)]
        header = {name: int(word, 16) for name, word in zip(names, words, strict=True)}
        name = archive[place + 110 : place + 110 + header["namesize"]]
        assert name.endswith(b"\0")
        start = (place + 110 + header["namesize"] + 3) // 4 * 4
        content = archive[start : start + header["filesize"]]
        place = (start + header["filesize"] + 3) // 4 * 4
        if name == b"TRAILER!!!\0":
            assert place == len(archive)
            return found
        found[name[:-1].decode()] = (header, content)


def test_files_folders_and_devices_come_out_as_they_went_in() -> None:
    found = unpack(
        pack(
            [
                file("a/odd", b"12345"),
                folder("a"),
                file("init", b"\x7fELF", executable=True),
                Entry("console", stat.S_IFCHR | 0o600, device=(5, 1)),
            ]
        )
    )
    assert list(found) == ["a", "a/odd", "console", "init"]  # a folder before what is in it
    assert found["a/odd"][1] == b"12345"
    assert stat.S_ISDIR(found["a"][0]["mode"])
    assert found["init"][0]["mode"] == stat.S_IFREG | 0o755
    console = found["console"][0]
    assert (console["rmaj"], console["rmin"]) == (5, 1)


def test_the_same_entries_give_the_same_bytes_in_any_order() -> None:
    entries = [file("b", b"2"), folder("a"), file("c", b"3")]
    assert pack(entries) == pack(reversed(entries))
    assert all(header["mtime"] == 0 for header, _ in unpack(pack(entries)).values())


def test_modules_are_laid_out_in_the_order_in_which_they_load() -> None:
    found = unpack(pack(lay_out(b"loader", [("virtio", b"1"), ("a_net", b"2")], [("idle", b"3")])))
    assert found["init"][1] == b"loader"
    assert found["modules/order"][1] == b"00-virtio.ko\n01-a_net.ko\n"
    assert found["modules/01-a_net.ko"][1] == b"2"
    assert found["tasks/idle"][1] == b"3"
    assert found["tasks/idle"][0]["mode"] == stat.S_IFREG | 0o755
    assert {"dev", "dev/console", "proc", "sys", "tmp"} <= found.keys()
