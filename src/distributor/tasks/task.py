"""A periodic task: an executable and the timing it is run with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from distributor.errors import ConfigurationError
from distributor.tasks.builtin import BUILTIN_TASKS

#: Priority that stands for earliest deadline first; 0 (highest) to 127 are fixed.
EDF = 128
#: Characters of a binary's name on the wire, without the final NUL.
NAME_MAX = 15
#: Longest time that the loader's 64-bit nanoseconds are asked to hold: 10 years.
TIME_MAX_NS = 10 * 365 * 24 * 3600 * 10**9
#: Jobs of one task; a 32-bit word on the wire.
JOBS_MAX = 2**32 - 1

_UNIT_NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_TIMES = ("period", "deadline", "offset", "executiontime", "criticaltime")
_PLAIN = (
    "binary",
    "arg1",
    "priority",
    "numberofjobs",
    "quota_mib",
    "caps",
    "cores",
    "coreoffset",
    "overrun",
)
#: Every parameter that a task takes; a time also takes the endings _s, _us and _ns.
PARAMETERS = _PLAIN + tuple(f"{time}_ms" for time in _TIMES)


class Overrun(StrEnum):
    """What a release does that finds the previous job of its task still running."""

    #: The running job is killed and this release starts none (Genode's rule).
    KILL = "kill"
    #: This release starts no job; the running one goes on.
    SKIP = "skip"
    #: The job starts when the running one has ended.
    LATE = "late"


@dataclass(frozen=True, init=False, slots=True)
class Task:
    """A task, checked when it is made.

    Made from keywords, from blocks (:mod:`distributor.blocks`), or from both::

        Task("busy", arg1=2000, period_ms=10, priority=1, numberofjobs=100)
        Task(busy.Value(2000), period.Value(10), priority.Value(1), numberofjobs.Value(100))

    :param binary: a built-in task's name (``distributor tasks`` lists them), or the path
        of a Linux executable; one that is linked statically starts fastest.
    :param arg1: the job's only argument.
    :param priority: 0 (highest) to 127 (lowest) is a fixed priority; 128, the default,
        is earliest deadline first.
    :param numberofjobs: how many jobs to start, at least 1; the default is 1.
    :param quota_mib: memory that all of a job may use; more ends it with OUT_OF_QUOTA.
    :param caps: Genode capabilities; of no effect on a Linux machine.
    :param cores: how many processors the task may use, from ``coreoffset`` on; all if unset.
    :param overrun: ``kill`` (default), ``skip`` or ``late``, see :class:`Overrun`.

    Times end in their unit (``_s``, ``_ms``, ``_us``, ``_ns``) and may be fractions, as
    long as they are whole nanoseconds: ``period_ms`` (default 1), ``deadline_ms``
    (relative; default the period), ``offset_ms`` of the first release (default 0),
    ``executiontime_ms`` (worst case), ``criticaltime_ms`` after which a running job is
    killed (default never).

    :raise ConfigurationError: naming the parameter and what it may be.
    """

    binary: str
    arg1: str
    priority: int
    period_ns: int
    deadline_ns: int
    offset_ns: int
    numberofjobs: int
    executiontime_ns: int | None
    criticaltime_ns: int | None
    quota_bytes: int | None
    caps: int | None
    cores: int | None
    coreoffset: int
    overrun: Overrun

    def __init__(self, *blocks: Mapping[str, Any] | str | Path, **parameters: Any) -> None:
        given = _merge(blocks, parameters)
        times = {time: _take_time(given, time) for time in _TIMES}
        period_ns = _in_range("period", times["period"], 10**6, 1, TIME_MAX_NS)
        quota_mib = given.pop("quota_mib", None)
        values = {
            "binary": _binary(given.pop("binary", None)),
            "arg1": _arg1(given.pop("arg1", "")),
            "priority": _in_range("priority", given.pop("priority", None), EDF, 0, EDF),
            "period_ns": period_ns,
            "deadline_ns": _in_range("deadline", times["deadline"], period_ns, 1, TIME_MAX_NS),
            "offset_ns": _in_range("offset", times["offset"], 0, 0, TIME_MAX_NS),
            "numberofjobs": _in_range(
                "numberofjobs", given.pop("numberofjobs", None), 1, 1, JOBS_MAX
            ),
            "executiontime_ns": _optional("executiontime", times["executiontime"], 1, TIME_MAX_NS),
            # 0 means "never" on the wire, and to the users of earlier distributors.
            "criticaltime_ns": _optional(
                "criticaltime", times["criticaltime"] or None, 1, TIME_MAX_NS
            ),
            "quota_bytes": None if quota_mib is None else _quota_bytes(quota_mib),
            "caps": _optional("caps", given.pop("caps", None), 0, 2**31),
            "cores": _optional("cores", given.pop("cores", None), 1, 1024),
            "coreoffset": _in_range("coreoffset", given.pop("coreoffset", None), 0, 0, 1023),
            "overrun": _overrun(given.pop("overrun", Overrun.KILL)),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def name(self) -> str:
        """Name of the binary on the wire: the last part of its path."""
        return self.binary.rsplit("/", 1)[-1]

    @property
    def builtin(self) -> bool:
        """Whether the binary is one that the guest image brings along."""
        return "/" not in self.binary

    @property
    def wcet_ns(self) -> int | None:
        """Worst-case execution time, see :func:`wcet_ns`; None if nothing tells it."""
        return wcet_ns(self.binary, self.arg1, self.executiontime_ns)

    @property
    def utilization(self) -> float | None:
        """Share of one processor that it needs, WCET / period; None if no WCET is known."""
        wcet = self.wcet_ns
        return None if wcet is None else wcet / self.period_ns

    @property
    def horizon_ns(self) -> int:
        """From time zero until the last job's release plus the longer of period and deadline."""
        last_ns = self.offset_ns + (self.numberofjobs - 1) * self.period_ns
        return last_ns + max(self.period_ns, self.deadline_ns)


def wcet_ns(executable: str, arg1: str, executiontime_ns: int | None) -> int | None:
    """What a job needs at worst: ``executiontime``, if it was given, else what ``busy`` burns.

    :return: nanoseconds of processor time; None for any other executable.
    """
    if executiontime_ns is not None:
        return executiontime_ns
    if executable == "busy" and arg1.isdecimal():
        return int(arg1) * 1000
    return None


def _merge(
    blocks: tuple[Mapping[str, Any] | str | Path, ...], parameters: dict[str, Any]
) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for block in (*blocks, parameters):
        if isinstance(block, str | Path):
            block = {"binary": block}
        if not isinstance(block, Mapping):
            raise ConfigurationError(
                f"a task takes blocks and keywords, not {block!r}",
                hint="a block of several values makes variants: put it into a BlockTaskSet",
            )
        for name, value in block.items():
            if name == "pkg":
                name = "binary"
            if not is_parameter(name):
                raise ConfigurationError(
                    f"a task has no parameter {name!r}", hint="it has " + ", ".join(PARAMETERS)
                )
            if name in given:
                raise ConfigurationError(f"a task's {name} is given twice")
            given[name] = value
    return given


def is_parameter(name: object) -> bool:
    """Whether a task takes a keyword of that name."""
    if not isinstance(name, str):
        return False
    time, _, unit = name.rpartition("_")
    return name in _PLAIN or (time in _TIMES and unit in _UNIT_NS)


def _take_time(given: dict[str, Any], time: str) -> int | None:
    """The time in nanoseconds, whichever unit it was given in; None if it was not."""
    found = [name for name in (f"{time}_{unit}" for unit in _UNIT_NS) if name in given]
    if not found:
        return None
    if len(found) > 1:
        raise ConfigurationError(f"{time} is given twice: as {' and as '.join(found)}")
    value = given.pop(found[0])
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigurationError(f"{found[0]} is a number, not {value!r}")
    time_ns = value * _UNIT_NS[found[0].rpartition("_")[2]]
    if abs(time_ns - round(time_ns)) > 1e-3:
        raise ConfigurationError(
            f"{found[0]}={value!r} is no whole number of nanoseconds", hint="round it"
        )
    return round(time_ns)


def _in_range(name: str, value: Any, default: int, low: int, high: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError(f"{name} is a whole number, not {value!r}")
    if not low <= value <= high:
        unit = " ns" if name in _TIMES else ""
        raise ConfigurationError(f"{name} is {value}{unit}: it is {low} to {high}{unit}")
    return int(value)


def _optional(name: str, value: Any, low: int, high: int) -> int | None:
    return None if value is None else _in_range(name, value, low, low, high)


def _quota_bytes(quota_mib: object) -> int:
    if (
        isinstance(quota_mib, bool)
        or not isinstance(quota_mib, int | float)
        or not 0 < quota_mib <= 2**20
    ):
        raise ConfigurationError(
            f"quota_mib is a number of mebibytes above 0 and at most 2^20, not {quota_mib!r}"
        )
    return math.ceil(quota_mib * 2**20)


def _arg1(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ConfigurationError(f"arg1 is a text or a number, not {value!r}")
    text = str(value)
    if len(text) > 4095 or not text.isprintable() or not text.isascii():
        raise ConfigurationError(
            f"arg1 is printable ASCII of at most 4095 characters, not {text[:40]!r}"
        )
    return text


def _overrun(value: Any) -> Overrun:
    try:
        return Overrun(value)
    except ValueError:
        raise ConfigurationError(f"overrun is {', '.join(Overrun)}, not {value!r}") from None


def _binary(value: Any) -> str:
    """A built-in's name, or the absolute path of an executable that exists."""
    if value is None:
        raise ConfigurationError(
            "a task has no binary",
            hint="give a built-in task's name (`distributor tasks` lists them) or a path",
        )
    if not isinstance(value, str | Path) or not str(value):
        raise ConfigurationError(f"a task's binary is a name or a path, not {value!r}")
    text = str(value)
    if text in BUILTIN_TASKS:
        return text
    path = Path(text)
    if len(path.name) > NAME_MAX or not path.name.isascii() or not path.name.isprintable():
        raise ConfigurationError(
            f"the binary's name {path.name!r} is not printable ASCII of at most "
            f"{NAME_MAX} characters",
            hint="the loader's protocol has no room for more: rename the file",
        )
    if path.name in BUILTIN_TASKS:
        raise ConfigurationError(
            f"the binary {text!r} is called as the built-in task {path.name!r} is",
            hint="rename the file",
        )
    if not path.is_file():
        where = "" if path.is_absolute() else f" in {Path.cwd()}"
        raise ConfigurationError(
            f"there is no built-in task and no file {text!r}{where}",
            hint="`distributor tasks` lists the built-in ones",
        )
    return str(path.resolve())
