"""What the loader keeps of the switches of its processors, under the sanitizers."""

from __future__ import annotations

import subprocess
from pathlib import Path

from distributor.session import wire
from distributor.session.switch import Occupant, Switch, Trace, TraceEnd

IDLE, LOADER, KERNEL = 2**32 - 3, 2**32 - 2, 2**32 - 1


def run(parsers: Path, *arguments: object, data: str) -> list[str]:
    done = subprocess.run(
        [str(parsers), *map(str, arguments)],
        input=data,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def told(
    parsers: Path, *switches: tuple[int, ...] | str, limit: int = 100, cpus: int = 1, size: int = 99
) -> tuple[list[Switch], TraceEnd, int]:
    """What a host reads of them: the switches, their end, and how many frames it took."""
    text = "\n".join(
        switch if isinstance(switch, str) else " ".join(map(str, switch)) for switch in switches
    )
    frames = run(parsers, "switches", limit, cpus, size, data=text)
    profiles = [wire.parse_profile(f"<profile>{frame}</profile>".encode()) for frame in frames]
    end = profiles[-1].trace_end
    assert end is not None
    assert all(profile.trace_end is None for profile in profiles[:-1])
    return [switch for profile in profiles for switch in profile.switches], end, len(frames)


def test_switches_reach_the_host_as_they_were(parsers: Path) -> None:
    switches, end, _ = told(
        parsers,
        (0, 5, LOADER, 0),
        (0, 20, 3, 7),
        (0, 30, KERNEL, 0),
        (1, 8, IDLE, 0),
        cpus=2,
    )
    assert switches == [
        Switch(0, 5, Occupant.LOADER),
        Switch(0, 20, Occupant.JOB, 3, 7),
        Switch(0, 30, Occupant.KERNEL),
        Switch(1, 8, Occupant.IDLE),
    ]
    assert end == TraceEnd(4, Trace.COMPLETE)


def test_only_what_lasts_beyond_time_zero_is_kept_of_before(parsers: Path) -> None:
    switches, _, _ = told(parsers, (0, -90, IDLE, 0), (0, -20, LOADER, 0), (0, 4, 1, 0))
    assert [switch.time_ns for switch in switches] == [-20, 4]


def test_who_stays_does_not_switch(parsers: Path) -> None:
    switches, end, _ = told(
        parsers, (0, -9, LOADER, 0), (0, 1, LOADER, 0), (0, 2, 0, 0), (0, 3, 0, 0), (0, 4, 0, 1)
    )
    assert [switch.time_ns for switch in switches] == [-9, 2, 4]
    assert end.count == 3


def test_each_processor_has_its_share_and_the_rest_is_cut(parsers: Path) -> None:
    many = [(cpu, moment, moment % 2, 0) for cpu in (0, 1) for moment in range(50)]
    switches, end, _ = told(parsers, *many, limit=20, cpus=2)
    assert end == TraceEnd(20, Trace.CUT)
    assert [switch.cpu for switch in switches] == [0] * 10 + [1] * 10
    assert [switch.time_ns for switch in switches[10:]] == list(range(10))


def test_what_follows_the_set_is_not_its_own(parsers: Path) -> None:
    switches, end, _ = told(parsers, (0, 1, 0, 0), "over", (0, 2, LOADER, 0))
    assert [switch.time_ns for switch in switches] == [1]
    assert end.trace is Trace.COMPLETE


def test_many_are_told_in_several_frames(parsers: Path) -> None:
    many = [(cpu, moment, moment % 2, 0) for moment in range(200) for cpu in range(3)]
    switches, end, frames = told(parsers, *many, limit=9999, cpus=3, size=500)
    assert len(switches) == end.count == 600
    assert frames > 5


def test_a_processor_that_is_not_known_is_left_out(parsers: Path) -> None:
    assert told(parsers, (64, 1, 0, 0), (4_000_000_000, 1, 0, 0))[0] == []


def test_processes_are_found_again(parsers: Path) -> None:
    learned = "".join(f"{pid} {pid * 7}\n" for pid in range(1, 900, 3))
    asked = "\n".join(map(str, [1, 2, 4, 898, 0, -4]))
    found = run(parsers, "pids", 300, data=learned + "4 99\n" + asked)
    assert found == ["7", "0", "99", str(898 * 7), "0", "0"]
    # More than there is room for: it is emptied, and goes on.
    assert run(parsers, "pids", 1, data=learned + "898")[-1:] == [str(898 * 7)]


def test_a_set_says_how_many_switches_it_wants(parsers: Path) -> None:
    task = "<periodictask><id>0</id><pkg>hey</pkg></periodictask>"
    for text, found in {
        "<switches>1048576</switches>": "switches=1048576",
        "<switches>1048577</switches>": "refused task 0: switches: is not a whole number from",
        "<switches>-1</switches>": "refused task 0: switches: is not a whole number from",
        "<switches/>": "refused task 0: switches: is not a whole number from",
        "<switches>0</switches>": "id=0",
    }.items():
        (line,) = run(parsers, "taskset", data=f"<taskset>{text}{task}</taskset>")
        assert line.startswith(found)
