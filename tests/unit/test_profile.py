"""Profiles: read, refused with one line, and made to command lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from distributor.cli.main import app
from distributor.errors import ConfigurationError
from distributor.machines.profile import ProfileKind, kind, read_profile, shipped_profiles
from distributor.machines.qemu import QemuFacts
from distributor.session.result import Clock
from distributor.session.rules import Rules

LEAST = """
about = "a machine"
[machine]
program = "qemu-system-arm"
type = "virt"
"""


@pytest.fixture(autouse=True)
def _qemu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A QEMU that is never run."""
    monkeypatch.setattr(kind, "qemu_facts", lambda *_: QemuFacts(Path("/usr/bin/qemu"), "7.2.22"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "own.toml"


def options(command: list[str]) -> dict[str, str]:
    return dict(zip(command, [*command[1:], ""], strict=True))


def test_the_shipped_profiles_can_be_read() -> None:
    assert shipped_profiles() == ["genode-pbxa9", "linux-vexpress-a9"]
    for name in shipped_profiles():
        assert read_profile(name).about


def test_genodes_profile_needs_its_image_alone(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="give it: --kernel PATH"):
        ProfileKind("genode-pbxa9")
    with pytest.raises(ConfigurationError, match="there is no kernel /nowhere"):
        ProfileKind("genode-pbxa9", kernel="/nowhere")
    image = tmp_path / "image.elf"
    image.touch()
    made = ProfileKind("genode-pbxa9", kernel=image)
    given = options(made.command("m1"))
    assert given["-machine"] == "realview-pbx-a9"
    assert given["-kernel"] == str(image)
    assert given["-net"] == "nic,model=lan9118,netdev=net0"
    assert given["-netdev"].startswith("user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:0-:3001")
    assert (given["-smp"], given["-m"]) == ("2", "1000M")
    assert not {"-append", "-initrd", "-dtb", "-icount"} & set(given)
    assert made.clock is Clock.REAL
    assert made.profile.rules == Rules(
        extensions=False,
        quota_bytes=5 << 20,
        caps=235,
        first_after_period=True,
        offsets_in_turn=True,
    )
    assert made.builtin == {}


def test_a_bridge_gives_the_boards_card_its_address(tmp_path: Path) -> None:
    image = tmp_path / "image.elf"
    image.touch()
    given = options(ProfileKind("genode-pbxa9", kernel=image, network="bridge").command("m1"))
    assert given["-net"].startswith("nic,model=lan9118,netdev=net0,macaddr=0a:06:00:00:00:")
    assert given["-netdev"].startswith("tap,")


def test_paths_are_relative_to_the_profile(file: Path) -> None:
    folder = file.parent / "bin"
    folder.mkdir()
    for name in ("image", "ramdisk", "board.dtb", "bin/hey"):
        (file.parent / name).touch()
    file.write_text(
        'tasks = "bin"\nport = 4001\nclocks = ["virtual"]'
        + LEAST
        + 'processor = "cortex-a15"\ndevice_tree = "board.dtb"\n'
        '[start]\nkernel = "image"\ninitrd = "ramdisk"\nappend = "console=ttyAMA0 quiet"\n'
    )
    made = ProfileKind(file)
    given = options(made.command("m1"))
    assert given["-kernel"] == str(file.parent / "image")
    assert given["-initrd"] == str(file.parent / "ramdisk")
    assert given["-dtb"] == str(file.parent / "board.dtb")
    assert given["-append"] == "console=ttyAMA0 quiet"
    assert given["-cpu"] == "cortex-a15"
    assert given["-icount"] == "shift=0,sleep=off"
    assert given["-netdev"].endswith("-:4001")
    assert "virtio-net-pci" in given["-device"]  # where the board has no card
    assert made.builtin == {"hey": folder / "hey"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("about = x", r"own\.toml is no TOML: .*line 1"),
        ("[machine]\n", r"own\.toml lacks about \(it is a text\)"),
        ('about = "a"\n', r"own\.toml lacks machine\.program \(it is a word\)"),
        (LEAST + 'typ = "x"', r"unknown key machine\.typ \(there it has program, type, "),
        (
            LEAST + "[boot]\n",
            r"unknown part \[boot\] \(it has \[machine\], \[start\], \[loader\]\)",
        ),
        ("ports = 1" + LEAST, r"unknown key ports \(there it has about, port, "),
        ("port = 0" + LEAST, r"port is a whole number of 1 to 65535, not 0"),
        ("port = true" + LEAST, r"port is a whole number of 1 to 65535, not True"),
        ('boot_s = "long"' + LEAST, r"boot_s is a number above 0 and up to 3600, not 'long'"),
        ('clocks = ["real", "real"]' + LEAST, r"clocks is a list of virtual and real"),
        ("clocks = [1]" + LEAST, r"clocks is a list of virtual and real"),
        (LEAST + "cpus = 2.5", r"machine\.cpus is a whole number of 1 to 64, not 2\.5"),
        (LEAST + 'card = "a,b"', r"machine\.card is a word, not 'a,b'"),
        (LEAST + "[start]\nkernel = 3", r"start\.kernel is a path, relative to this file, not 3"),
        (LEAST + '[start]\nguest = "mips"', r'start\.guest is one of "amd64", "arm64", "armhf"'),
        (
            LEAST + '[start]\nguest = "armhf"\nkernel = "k"',
            r"beside which there is no other kernel",
        ),
        (
            LEAST + '[loader]\nfirst_release = "later"',
            r'loader\.first_release is one of "offset", "offset \+ period", not \'later\'',
        ),
        (LEAST + "[loader]\nquota_mib = 0", r"loader\.quota_mib is a whole number of 1 to "),
        ("machine = 3\nabout = 'a'", r"own\.toml has an unknown key machine"),
    ],
)
def test_a_mistake_is_told_with_file_key_and_what_is_expected(
    file: Path, text: str, says: str
) -> None:
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=says) as told:
        read_profile(file)
    assert str(file) in str(told.value)
    assert "\n" not in str(told.value)


def test_what_is_not_there_is_told(file: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no profile 'tasty'.*genode-pbxa9, linux-"):
        read_profile("tasty")
    with pytest.raises(ConfigurationError, match=r"cannot read the profile .*own\.toml: No such"):
        read_profile(file)
    file.write_text(LEAST + '[start]\nkernel = "gone"')
    with pytest.raises(ConfigurationError, match=r"there is no kernel .*gone"):
        ProfileKind(file)
    (file.parent / "image").touch()
    file.write_text(LEAST + 'device_tree = "gone"\n[start]\nkernel = "image"')
    with pytest.raises(ConfigurationError, match=r"there is no .*gone, which the profile"):
        ProfileKind(file)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"clock": "virtual"}, "have no clock 'virtual' .their clock is real"),
        ({"network": "none"}, "network of a profile is auto, user, bridge, not 'none'"),
        ({"bridge": {"name": "x"}}, "network auto has no bridge"),
        ({"binaries": "/nowhere"}, "there is no folder of executables /nowhere"),
        ({"shift": 3}, r"no option shift .write a profile of your own: docs/profiles.md"),
    ],
)
def test_wrong_options_are_refused(file: Path, given, says: str) -> None:
    (file.parent / "image").touch()
    file.write_text(LEAST + '[start]\nkernel = "image"')
    with pytest.raises(ConfigurationError, match=says):
        ProfileKind(file, **given)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--profile", "genode-pbxa9", "--arch", "arm64"], "--arch does not go with --profile"),
        (["--profile", "genode-pbxa9", "--mips", "500"], "--mips does not go with --profile"),
        (["--profile", "genode-pbxa9", "--hosts", "lab"], "--hosts does not go with --profile"),
        (["--kernel", "image.elf"], "--kernel and --binaries go with --profile"),
        (["--profile", "tasty"], "there is no profile 'tasty'"),
    ],
)
def test_options_that_do_not_go_with_a_profile_are_refused(
    tmp_path: Path, words: list[str], says: str
) -> None:
    sets = tmp_path / "sets.json"
    sets.write_text('[{"tasks": [{"binary": "hey", "period_ms": 5}]}]')
    done = CliRunner().invoke(app, ["run", str(sets), *words])
    assert isinstance(done.exception, ConfigurationError)
    assert says in str(done.exception)
