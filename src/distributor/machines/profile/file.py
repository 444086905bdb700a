"""Profiles as files (TOML): found by name or path, read, and refused with one line that says
which key of which file is wrong, and what is expected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from distributor.errors import ConfigurationError
from distributor.machines.image import ARCHITECTURES, Board
from distributor.machines.profile.profile import Profile
from distributor.machines.toml import read_toml
from distributor.session.result import Clock
from distributor.session.rules import Rules

#: Where those that are shipped lie.
SHIPPED = Path(__file__).parent / "shipped"
_TEXT_MAX = 1000
_CLOCKS = [Clock.VIRTUAL.value, Clock.REAL.value]


class _Key(NamedTuple):
    """What a key's value must be, in words, and whether it is."""

    expected: str
    fits: Callable[[Any], bool]


def _text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _TEXT_MAX and value.isprintable()


def _word(value: Any) -> bool:
    return _text(value) and not set(value) & set(" ,/")


def _number(low: int, high: int) -> _Key:
    def fits(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

    return _Key(f"a whole number of {low} to {high}", fits)


def _span(high: float) -> _Key:
    def fits(value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= high

    return _Key(f"a number above 0 and up to {high:g}", fits)


def _one_of(*words: str) -> _Key:
    named = ", ".join(f'"{word}"' for word in words)
    return _Key(f"one of {named}", lambda value: isinstance(value, str) and value in words)


def _are_clocks(value: Any) -> bool:
    known = isinstance(value, list) and all(each in _CLOCKS for each in value)
    return known and 0 < len(value) == len(set(value))


_SENTENCE = _Key("a text", _text)
_NAME = _Key("a word", _word)
_OPTIONS = _Key("a text without a space", lambda value: _text(value) and " " not in value)
_PATH = _Key("a path, relative to this file", _text)
_FLAG = _Key("true or false", lambda value: isinstance(value, bool))

#: Every key, by the table that it is in.
_KEYS: Mapping[str, Mapping[str, _Key]] = {
    "": {
        "about": _SENTENCE,
        "port": _number(1, 65535),
        "boot_s": _span(3600),
        "clocks": _Key(f"a list of {' and '.join(_CLOCKS)}, or of one of them", _are_clocks),
        "tasks": _PATH,
    },
    "machine": {
        "program": _NAME,
        "type": _OPTIONS,
        "processor": _OPTIONS,
        "cpus": _number(1, 64),
        "memory_mib": _number(16, 1 << 20),
        "card": _NAME,
        "device_tree": _PATH,
        "sound": _FLAG,
    },
    "start": {
        "guest": _one_of(*ARCHITECTURES),
        "kernel": _PATH,
        "initrd": _PATH,
        "append": _SENTENCE,
    },
    "loader": {
        "extensions": _FLAG,
        "quota_mib": _number(1, 1 << 20),
        "caps": _number(1, (1 << 32) - 1),
        "first_release": _one_of("offset", "offset + period"),
        "offsets": _one_of("at once", "in turn"),
    },
}
_NEEDED = {"": ("about",), "machine": ("program", "type"), "start": (), "loader": ()}


def shipped_profiles() -> list[str]:
    """The names of the profiles that Distributor brings."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def read_profile(named: str | Path) -> Profile:
    """The profile of that name, or of a file that ends in ``.toml``.

    :raise ConfigurationError: there is none, or it says something that is not known.
    """
    text = str(named)
    if text.endswith(".toml"):
        return _profile(text, Path(text))
    if text not in shipped_profiles():
        raise ConfigurationError(
            f"there is no profile {text!r}",
            hint=f"there are {', '.join(shipped_profiles())}, or give a file that ends in .toml",
        )
    return _profile(text, SHIPPED / f"{text}.toml")


def _profile(name: str, file: Path) -> Profile:
    content = read_toml(file, "the profile")
    tables = {"": {key: value for key, value in content.items() if not isinstance(value, dict)}}
    tables |= {key: value for key, value in content.items() if isinstance(value, dict)}
    for table, values in tables.items():
        _check(file, table, values)
    for table, keys in _NEEDED.items():
        for key in keys:
            if key not in tables.get(table, {}):
                raise ConfigurationError(
                    f"{file} lacks {_full(table, key)}",
                    hint=f"it is {_KEYS[table][key].expected}",
                )
    top, machine = tables[""], tables["machine"]
    start, loader = tables.get("start", {}), tables.get("loader", {})
    if "guest" in start and ("kernel" in start or "initrd" in start):
        raise ConfigurationError(
            f"{file}: start.guest is an image of our own, beside which there is no other kernel",
            hint="leave out start.guest, or start.kernel and start.initrd",
        )
    guest = ARCHITECTURES[start["guest"]] if "guest" in start else None
    tree = machine.get("device_tree")
    return Profile(
        name=name,
        about=top["about"],
        program=machine["program"],
        board=Board(
            machine=machine["type"],
            processor=machine.get("processor", ""),
            card=machine.get("card", ""),
            # Of our own image it lies beside the kernel, where only the image knows.
            device_tree=None if tree is None else Path(tree) if guest else _there(file, tree),
            sound=machine.get("sound", False),
        ),
        clocks=tuple(Clock(clock) for clock in top.get("clocks", [Clock.REAL.value])),
        cpus=machine.get("cpus", 1),
        memory_mib=machine.get("memory_mib", 256),
        port=top.get("port", 3001),
        boot_s=float(top.get("boot_s", 60.0)),
        guest=guest,
        kernel=_there(file, start["kernel"]) if "kernel" in start else None,
        initrd=_there(file, start["initrd"]) if "initrd" in start else None,
        append=start.get("append", ""),
        tasks=_there(file, top["tasks"]) if "tasks" in top else None,
        rules=Rules(
            extensions=loader.get("extensions", True),
            quota_bytes=loader["quota_mib"] << 20 if "quota_mib" in loader else None,
            caps=loader.get("caps"),
            first_after_period=loader.get("first_release") == "offset + period",
            offsets_in_turn=loader.get("offsets") == "in turn",
        ),
    )


def _check(file: Path, table: str, values: Mapping[str, Any]) -> None:
    keys = _KEYS.get(table)
    if keys is None:
        known = ", ".join(f"[{name}]" for name in _KEYS if name)
        raise ConfigurationError(f"{file} has an unknown part [{table}]", hint=f"it has {known}")
    for key, value in values.items():
        if key not in keys:
            raise ConfigurationError(
                f"{file} has an unknown key {_full(table, key)}",
                hint=f"there it has {', '.join(keys)}",
            )
        if not keys[key].fits(value):
            raise ConfigurationError(
                f"{file}: {_full(table, key)} is {keys[key].expected}, not {value!r}"
            )


def _there(file: Path, path: str) -> Path:
    """A path as it was written, which is relative to the file that it stands in."""
    return file.parent / path


def _full(table: str, key: str) -> str:
    return f"{table}.{key}" if table else key
