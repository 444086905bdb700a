"""A run whose controller is killed again and again comes to the same end as an undisturbed one.

``python -m benchmarks.kills 2000 50`` runs so many sets and kills so often, with SIGKILL, half of
the time after some verdicts and a moment, else some moment after the start. Each kill is followed
by ``distributor run --resume``. It raises where a set has no verdict, or another one than in the
undisturbed run, or where a process is left. Of a set whose fingerprint is another one it tells the
job by which the two runs part, and which of the two the same set gives when it is run alone.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks import Measured, measured
from distributor.analysis.compare import first_difference
from distributor.errors import StoreError
from distributor.store.store import Store

SETS, KILLS = 60, 6
#: Variable by which the processes of a run are known, in whatever process group they are.
_MARK = "DISTRIBUTOR_KILLS"
#: How often a set whose two runs differ is run alone.
_ALONE = 12
#: How long processes may take to follow their controller.
_FOLLOW_S = 20.0

_PROGRAM = """
from distributor import Task, TaskSet
tasksets = [
    TaskSet(Task("hey", arg1=n, period_ms=5 + n % 7, priority=n % 100, numberofjobs=1 + n % 3))
    for n in {numbers}
]
"""


def main(sets: int = SETS, kills: int = KILLS, seed: int = 1) -> Iterator[Measured]:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "sets.py").write_text(_PROGRAM.format(numbers=range(sets)))
        (folder / "tmp").mkdir()
        begun_s = time.perf_counter()
        with _started(folder, "whole.db", "sets.py") as whole:
            assert whole.wait() == 0
        whole_s = time.perf_counter() - begun_s
        begun_s = time.perf_counter()
        killed = _kill_again_and_again(folder, sets, kills, chance)
        while _has_not_ended(folder):
            with _started(folder, "killed.db", *_words(folder)) as last:
                assert last.wait() == 0
        killed_s = time.perf_counter() - begun_s
        expected, found = (_kept(folder / store) for store in ("whole.db", "killed.db"))
        left = os.listdir(folder / "tmp")
        assert len(expected) == sets
        verdicts = [sorted(each[:3] for each in kept) for kept in (expected, found)]
        assert verdicts[0] == verdicts[1], f"{len(found)} verdicts; others: {found ^ expected}"
        for batch, index, *_ in sorted(expected - found):
            print(_told(folder, batch, index), file=sys.stderr)
    yield measured("kills", killed, "", kills)
    yield measured("kills_verdicts", len(found), "sets", sets)
    yield measured("kills_same_digests", len(found & expected), "sets", sets)
    yield measured("kills_temporary_files_left", len(left), "")
    yield measured("kills_time", killed_s, "s", whole_s)


def _kill_again_and_again(folder: Path, sets: int, kills: int, chance: random.Random) -> int:
    """Returns how many kills met a run that had not ended."""
    killed = 0
    # Spread over the run, so that none is left to kill only at the very end.
    for target in sorted(chance.sample(range(sets), kills)):
        if not _has_not_ended(folder):
            break
        with _started(folder, "killed.db", *_words(folder)) as running:
            if chance.random() < 0.5:
                while _count(folder) < target and running.poll() is None:
                    time.sleep(0.01)
            time.sleep(chance.random() * 2)
            killed += running.poll() is None
            running.kill()
            running.wait()
        _wait_for_no_orphan(folder)
    return killed


def _words(folder: Path) -> list[str]:
    return ["--resume"] if _begun(folder) else ["sets.py"]


def _started(folder: Path, store: str, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "distributor", "run", *words, "--store", store, "--quiet"],
        cwd=folder,
        env={**os.environ, _MARK: str(folder), "TMPDIR": str(folder / "tmp")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _begun(folder: Path) -> bool:
    """Whether the run is kept, so that it can go on."""
    try:
        with Store.open(str(folder / "killed.db"), create=False) as store:
            return store.batches.unfinished_runs() != []
    except StoreError:
        return False


def _has_not_ended(folder: Path) -> bool:
    try:
        with Store.open(str(folder / "killed.db"), create=False) as store:
            return [batch.state for batch in store.batches.of_run(store.run().id)] != ["done"]
    except StoreError:
        return True


def _count(folder: Path) -> int:
    try:
        with Store.open(str(folder / "killed.db"), create=False) as store:
            return sum(store.counts(store.run().id).values())
    except StoreError:
        return 0


def _kept(path: Path) -> set[tuple[int, int, str, str]]:
    """Batch, index, verdict and digest of each set.

    Killed in its first milliseconds, a run has nothing yet to go on with, and another begins.
    """
    with Store.open(str(path), create=False) as store:
        *empty, last = (run.id for run in store.runs())
        assert not any(sum(store.counts(run).values()) for run in empty)
        return {
            (each.batch, each.set_index, each.verdict.value, each.digest)
            for each in store.tasksets(last)
        }


def _told(folder: Path, batch: int, index: int) -> str:
    """How the two runs of a set part, and which of them is the odd one."""
    digests, jobs = {}, {}
    for name in ("whole", "killed"):
        with Store.open(str(folder / f"{name}.db"), create=False) as store:
            run = store.run().id
            rows = store.tasksets(run)
            digests[name] = next(row.digest for row in rows if row.set_index == index)
            records = store.jobs(run, batch=batch, set_index=index)
            jobs[name] = [record.job for record in records]
    (folder / "alone.py").write_text(_PROGRAM.format(numbers=[index] * _ALONE))
    with _started(folder, "alone.db", "alone.py") as alone:
        assert alone.wait() == 0
    with Store.open(str(folder / "alone.db"), create=False) as store:
        given = Counter(row.digest for row in store.tasksets(store.run().id))
    shares = [
        f"{digest[:12]} in the {name} run, {given[digest]} of {_ALONE} alone"
        for name, digest in digests.items()
    ]
    where = first_difference(jobs["whole"], jobs["killed"])
    return f"set {index}: {'; '.join(shares)}; {where}"


def _wait_for_no_orphan(folder: Path) -> None:
    end_s = time.monotonic() + _FOLLOW_S
    while orphans := _marked(folder):
        assert time.monotonic() < end_s, f"processes are left: {orphans}"
        time.sleep(0.02)


def _marked(folder: Path) -> list[int]:
    """Processes that carry the run's mark in their environment."""
    mark = f"{_MARK}={folder}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if mark in environment.split(b"\0"):
                found.append(int(entry.name))
    return found


if __name__ == "__main__":
    for line in main(*map(int, sys.argv[1:])):
        print(line, flush=True)
