"""Machines that lie, flood, stall and hang up: each set gets a verdict, each start an end."""

from __future__ import annotations

from pathlib import Path

import pytest

from distributor import (
    Attempt,
    Distributor,
    MachineError,
    Monitor,
    Result,
    SessionTimeout,
    StoreMonitor,
    Task,
    TaskSet,
    Verdict,
    WireError,
)
from distributor.store.store import Store
from tests.fakes import hostile
from tests.fakes.loader import PlainLoader
from tests.fakes.machine import FakeKind, FakeMachine


class Kind(FakeKind):
    """Machines whose work nobody knows, so that only what they say can be judged."""

    def create(self, machine_id: str) -> FakeMachine:
        machine = super().create(machine_id)
        machine.work = None
        return machine


class Verdicts(Monitor):
    def __init__(self) -> None:
        self.found: list[Result] = []

    def finished(self, attempt: Attempt, result: Result) -> None:
        self.found.append(result)

    def bad(self, attempt: Attempt, result: Result) -> None:
        self.found.append(result)


def ran(loader: type[PlainLoader], folder: Path) -> Result:
    """What becomes of one set on such machines; it is kept in a store, too."""
    (folder / "hey").write_bytes(b"\x7fELF")
    verdicts = Verdicts()
    with Distributor(
        session_type=Kind(loader),
        builtin={"hey": folder / "hey"},
        timeout=0.6,
        monitors=[StoreMonitor(str(folder / "store.db"))],
    ) as distributor:
        distributor.add_job(TaskSet([Task("hey", arg1=1, period_ms=5, numberofjobs=3)]), verdicts)
        assert distributor.wait(30)
    (result,) = verdicts.found
    with Store.open(str(folder / "store.db"), create=False) as store:
        assert [row.verdict for row in store.tasksets(1)] == [result.verdict]
        assert len(list(store.jobs(1))) == len(result.jobs)
    return result


@pytest.mark.parametrize(
    ("loader", "says"),
    [
        (hostile.Chatterbox, "m1 was given up: nothing heard"),
        (hostile.Dribbler, "m1 was given up: nothing heard"),
        (hostile.Stingy, "m1 gave no readiness for a binary within 0.6 s"),
        (hostile.Boaster, "announced a frame of 4294967295 bytes"),
        (hostile.Flooder, "task 0 started a job too many"),
        (hostile.Eternal, "beyond any time"),
        (hostile.Idler, "came to its end after 0 of 3 jobs"),
    ],
)
def test_a_set_on_a_hostile_machine_is_undecided_and_says_why(
    tmp_path: Path, loader: type[PlainLoader], says: str
) -> None:
    result = ran(loader, tmp_path)
    assert result.verdict is Verdict.UNDECIDED
    assert says in result.reason


def test_machines_that_always_hang_up_end_the_wait_and_no_set_pays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distributor.life._DEATH_NEWS_S", 0.01)
    (tmp_path / "hey").write_bytes(b"\x7fELF")
    builtin = {"hey": tmp_path / "hey"}
    with Distributor(session_type=Kind(hostile.Quitter), builtin=builtin) as distributor:
        distributor.add_job(TaskSet([Task("hey")]))
        with pytest.raises(MachineError, match=r"3 machines in a row failed .* hung up"):
            distributor.wait(30)
        assert [job.decided for job in distributor.jobs] == [0]


def test_stamps_from_one_end_of_time_to_the_other_are_kept(tmp_path: Path) -> None:
    result = ran(hostile.Ancient, tmp_path)
    assert (result.verdict, len(result.jobs)) == (Verdict.MISSED, 3)


@pytest.mark.parametrize("loader", [hostile.Mute, hostile.Babbler])
def test_machines_that_do_not_answer_a_greeting_end_the_wait(
    tmp_path: Path, loader: type[PlainLoader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distributor.life._DEATH_NEWS_S", 0.01)
    with Distributor(session_type=Kind(loader), builtin={}, timeout=0.3) as distributor:
        distributor.add_job(TaskSet([Task("hey")]))
        with pytest.raises(SessionTimeout, match=r"no answer to a greeting within 0\.3 s"):
            distributor.wait(30)


def test_a_word_where_a_frame_is_due_is_no_loader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distributor.life._DEATH_NEWS_S", 0.01)

    class Stranger(PlainLoader):
        def about(self) -> str:
            return "HTTP/1.1 400 Bad Request"

    with Distributor(session_type=Kind(Stranger), builtin={}, timeout=5) as distributor:
        distributor.add_job(TaskSet([Task("hey")]))
        with pytest.raises(WireError, match="no XML"):
            distributor.wait(30)
