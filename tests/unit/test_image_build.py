"""Building the image and finding it again, with a made-up kernel and a guest of one file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from distributor.cli.image import image as command
from distributor.errors import ConfigurationError, ImageError
from distributor.machines.image import (
    build,
    build_image,
    debian,
    find_image,
    other_images,
    require_image,
    sources,
)
from distributor.machines.image.cache import cache_folder, keep
from distributor.machines.qemu import qemu_kind
from tests import kernels

MAKEFILE = """\
all:
\tmkdir -p $(OUT)/tasks
\tcp loader.c $(OUT)/loader
\tcp loader.c $(OUT)/tasks/hey
"""


@pytest.fixture
def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Guest sources that "compile" at once, taken for Distributor's own; a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "guest"
    folder.mkdir()
    (folder / "Makefile").write_text(MAKEFILE)
    (folder / "loader.c").write_text("the loader")
    monkeypatch.setattr(build, "guest_sources", lambda: folder)
    return folder


@pytest.fixture
def kernel(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "vmlinuz"
    path.write_bytes(kernels.bzimage(kernels.vmlinux(b"kernel code")))
    return {"kernel": path, "modules": kernels.module_folder(tmp_path / "modules")}


def test_a_built_image_is_found_again(guest: Path, kernel: dict[str, Any]) -> None:
    assert find_image() is None
    built = build_image(**kernel)
    assert find_image() == built
    assert built.release == kernels.RELEASE
    assert built.flavour == "custom"
    assert list(built.tasks) == ["hey"]
    packed = built.initramfs.read_bytes()
    assert b"the loader" in packed
    assert b"virtio_net.ko" in packed
    assert b"kernel code" in built.kernel.read_bytes()


def test_nothing_is_built_twice(guest: Path, kernel: dict[str, Any]) -> None:
    build_image(**kernel)
    steps: list[str] = []
    build_image(**kernel, progress=steps.append)
    assert steps == []
    build_image(**kernel, force=True, progress=steps.append)
    assert steps == ["compiles the loader and the tasks"]


def test_changed_sources_make_another_image(guest: Path, kernel: dict[str, Any]) -> None:
    first = build_image(**kernel)
    (guest / "loader.c").write_text("a better loader")
    with pytest.raises(ImageError, match=r"sources have changed.*distributor image build"):
        require_image()
    second = build_image(**kernel)
    assert second.key != first.key
    assert b"a better loader" in second.initramfs.read_bytes()
    assert find_image() == second


def test_two_versions_on_one_host_keep_their_images(guest: Path, kernel: dict[str, Any]) -> None:
    first = build_image(**kernel)
    (guest / "loader.c").write_text("another version's loader")
    second = build_image(**kernel)
    (guest / "loader.c").write_text("the loader")
    assert find_image() == first
    assert other_images() == [second.folder]


def test_changed_modules_make_another_image(guest: Path, kernel: dict[str, Any]) -> None:
    first = build_image(**kernel)
    changed = kernels.module("net_failover,virtio") + b" changed"
    (kernel["modules"] / "kernel/drivers/virtio_net.ko").write_bytes(changed)
    second = build_image(**kernel)
    assert second.key != first.key
    assert changed in second.initramfs.read_bytes()


def test_a_failed_build_leaves_nothing_that_would_be_found(
    guest: Path, kernel: dict[str, Any]
) -> None:
    (guest / "Makefile").write_text("all:\n\t@echo loader.c:1: error: no such thing; exit 1\n")
    with pytest.raises(ImageError, match="no such thing"):
        build_image(**kernel)
    assert find_image() is None
    assert [path.name for path in cache_folder().rglob("*part*")] == []


def test_modules_of_another_kernel_are_refused(
    guest: Path, kernel: dict[str, Any], tmp_path: Path
) -> None:
    foreign = kernels.module_folder(tmp_path / "foreign", "5.10.0-2-amd64")
    with pytest.raises(ImageError, match=r"is for the kernel 5\.10\.0-2-amd64"):
        build_image(kernel=kernel["kernel"], modules=foreign)


def test_a_kernel_goes_with_its_modules(guest: Path, kernel: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="together"):
        build_image(kernel=kernel["kernel"])
    with pytest.raises(ConfigurationError, match="there is no kernel /nowhere"):
        build_image(kernel=Path("/nowhere"), modules=kernel["modules"])
    with pytest.raises(ConfigurationError, match="flavour 'tasty'"):
        build_image(flavour="tasty")


def test_a_host_without_a_kernel_package_is_told_of_the_options(
    guest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian.Apt, "newest_kernel", lambda self, flavour: None)
    monkeypatch.setattr("distributor.machines.image.kernel._BOOT", guest)
    with pytest.raises(ImageError, match=r"--kernel PATH --modules DIR"):
        build_image()


def test_a_missing_compiler_is_told_with_its_package(
    guest: Path, kernel: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(guest))
    with pytest.raises(ImageError, match="apt-get install gcc"):
        build_image(**kernel)
    monkeypatch.undo()
    monkeypatch.setattr(sources, "_ask", lambda *words: "libc.a")
    with pytest.raises(ImageError, match="apt-get install libc6-dev"):
        sources.compiler_identity()


def test_a_missing_compiler_for_arm_is_told_with_its_package(
    guest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None if name.startswith("a") else name)
    with pytest.raises(ImageError, match="apt-get install gcc-aarch64-linux-gnu"):
        build_image(arch="arm64")
    with pytest.raises(ImageError, match="apt-get install gcc-arm-linux-gnueabihf"):
        build_image(arch="armhf")
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(ConfigurationError, match="apt-get install qemu-system-arm"):
        qemu_kind(arch="armhf")


def test_the_newest_package_is_read_from_what_apt_says(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {
        "--print-architecture": "amd64\n",
        "depends": "linux-image-rt-amd64\n  Depends: linux-image-6.12.9+deb13-rt-amd64\n",
        "policy": "linux-image-6.12.9+deb13-rt-amd64:\n  Installed: (none)\n"
        "  Candidate: 6.12.9-1\n",
    }
    monkeypatch.setattr(debian, "_ask", lambda *words: said[words[1]])
    apt = debian.Apt("amd64", print)
    package = apt.newest_kernel("rt-amd64")
    assert package == debian.KernelPackage("linux-image-6.12.9+deb13-rt-amd64", "6.12.9-1")
    monkeypatch.setattr(debian, "_ask", lambda *words: "")  # apt knows nothing, or is not there
    assert apt.newest_kernel("rt-amd64") is None


class FakeApt:
    """Answers as apt does whose lists, of another architecture, come and go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.updates = 0
        self.reachable = True
        self.listed = True
        monkeypatch.setattr(debian, "_ask", self.ask)
        monkeypatch.setattr(debian, "_do", self.do)

    def folder(self, words: tuple[str, ...]) -> Path:
        settings = dict(word.split("=", 1) for word in words if "=" in word)
        assert settings["APT::Architecture"] == settings["APT::Architectures"] == "arm64"
        for name in ("Dir::State", "Dir::State::status", "Dir::Cache"):
            assert Path(settings[name]).is_relative_to(cache_folder())  # nothing of the host's
        return Path(settings["Dir::State"]) / "lists"

    def ask(self, *words: str) -> str:
        if words[0] == "dpkg":
            return "amd64\n"
        if not (list(self.folder(words).glob("*_Packages")) and self.listed):
            return ""
        if "depends" in words:
            assert words[-1] == "linux-image-rt-arm64"
            return "  Depends: linux-image-6.1.0-9-rt-arm64\n"
        return "  Candidate: 6.1.9-1\n"

    def do(self, *words: str, cwd: Path) -> None:
        assert "update" in words
        self.updates += 1
        if not self.reachable:
            raise ImageError("`apt-get update` failed: no route")
        (self.folder(words) / "a_mirror_Packages").touch()


@pytest.mark.usefixtures("guest")
def test_lists_of_another_architecture_are_kept_in_the_cache_for_a_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = FakeApt(monkeypatch)
    apt = debian.Apt("arm64", lambda step: None)
    for _ in range(2):
        package = apt.newest_kernel("rt-arm64")
        assert package == debian.KernelPackage("linux-image-6.1.0-9-rt-arm64", "6.1.9-1")
    assert fake.updates == 1
    yesterday = time.time() - 25 * 3600
    os.utime(cache_folder() / "apt-arm64" / "asked", (yesterday, yesterday))
    fake.reachable = False  # old lists are better than none
    assert apt.newest_kernel("rt-arm64") == package
    assert fake.updates == 2


@pytest.mark.usefixtures("guest")
def test_without_a_mirror_the_way_to_a_kernel_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeApt(monkeypatch).reachable = False
    with pytest.raises(ImageError, match=r"no route.*--arch arm64 --kernel PATH --modules DIR"):
        debian.Apt("arm64", lambda step: None).newest_kernel("rt-arm64")


def test_images_of_several_architectures_are_kept_side_by_side(
    guest: Path, kernel: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build_image(**kernel)
    with pytest.raises(ImageError, match=r"image of arm64 yet.*image build --arch arm64"):
        require_image("arm64")
    monkeypatch.setattr(sources, "_ask", lambda *words: "/usr/lib/libc.a")
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    path = tmp_path / "Image"
    path.write_bytes(kernels.arm_image())
    tree = kernels.module_folder(tmp_path / "arm modules", kernels.ARM_RELEASE)
    second = build_image(arch="arm64", kernel=path, modules=tree)
    assert second.kernel.read_bytes() == kernels.arm_image()
    assert (find_image(), find_image("arm64")) == (first, second)
    assert build.other_images() == []
    shown = CliRunner().invoke(command, ["show"]).stdout
    assert kernels.RELEASE in shown
    assert f"arm64: {second.folder}" in shown


def test_an_unknown_architecture_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match=r"architecture 'mips'.*amd64, arm64, armhf"):
        require_image("mips")


MAKER = """
import sys
from pathlib import Path
from distributor.machines.image.cache import keep

def make(part):
    with open(sys.argv[2], "a") as log:
        log.write("made\\n")
    (part / "content").write_text("whole")

assert (keep(Path(sys.argv[1]), make) / "content").read_text() == "whole"
"""


def test_many_processes_make_a_thing_once(tmp_path: Path) -> None:
    words = [sys.executable, "-c", MAKER, str(tmp_path / "thing"), str(tmp_path / "log")]
    makers = [subprocess.Popen(words) for _ in range(4)]
    assert [maker.wait() for maker in makers] == [0] * 4
    assert (tmp_path / "log").read_text() == "made\n"


def test_what_a_dead_maker_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / ".thing.part-dead"
    left.mkdir()
    (left / "half").touch()
    keep(tmp_path / "thing", lambda part: (part / "content").touch())
    assert not left.exists()


def test_show_tells_the_image_or_how_to_get_one(guest: Path, kernel: dict[str, Any]) -> None:
    none = CliRunner().invoke(command, ["show"])
    assert isinstance(none.exception, ImageError)
    assert "distributor image build" in str(none.exception)
    words = [f"--{name}={path}" for name, path in kernel.items()]
    built = CliRunner().invoke(command, ["build", *words])
    assert built.exit_code == 0, built.output
    told = json.loads(CliRunner().invoke(command, ["show", "--json"]).stdout)
    assert told["release"] == kernels.RELEASE
    assert os.access(told["tasks"]["hey"], os.R_OK)
    assert Path(told["kernel"]).is_file()
