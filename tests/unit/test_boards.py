"""Boards: fake loaders on loopback that somebody else runs, as the engine uses them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from distributor import (
    Attempt,
    BootError,
    Clock,
    ConfigurationError,
    Distributor,
    LaunchError,
    MachineLost,
    MachineState,
    Monitor,
    Result,
    Task,
    TaskSet,
    Verdict,
)
from distributor.machines.board import power
from distributor.machines.board.address import Address
from distributor.machines.board.kind import BoardKind
from distributor.machines.board.machine import Board
from distributor.machines.board.power import Power
from distributor.machines.board.rack import BoardSpec, Rack
from tests.fakes.loader import ExtendedLoader, PlainLoader


class BoardLoader(ExtendedLoader):
    clock = "real"


class Lab:
    """Loaders in a thread of their own, each on a port of loopback."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._loaders: list[PlainLoader] = []

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def add(self, loader: PlainLoader) -> str:
        self._loaders.append(loader)
        return f"127.0.0.1:{self.run(loader.start())}"

    def call(self, ask: Callable[[], Any]) -> None:
        self._loop.call_soon_threadsafe(ask)

    def close(self) -> None:
        for loader in self._loaders:
            self.run(loader.stop())
        self.call(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def lab() -> Iterator[Lab]:
    lab = Lab()
    yield lab
    lab.close()


@pytest.fixture
def nobody() -> str:
    """An address on which nobody listens."""
    return "127.0.0.1:1"


class Watcher(Monitor):
    def __init__(self) -> None:
        self.said: list[str] = []
        self.results: dict[int, Result] = {}

    def started(self, attempt: Attempt) -> None:
        self.said.append(f"started {attempt.index}")

    def stopped(self, attempt: Attempt) -> None:
        self.said.append(f"stopped {attempt.index}")

    def finished(self, attempt: Attempt, result: Result) -> None:
        self.results[attempt.index] = result

    def bad(self, attempt: Attempt, result: Result) -> None:
        self.results[attempt.index] = result

    @property
    def boards(self) -> set[str]:
        """Where sets ran."""
        facts = [result.facts for result in self.results.values()]
        return {each.accelerator.removeprefix("board ") for each in facts if each is not None}


@pytest.fixture
def builtin(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "hey").write_bytes(b"\x7fELF")
    return {"hey": tmp_path / "hey"}


def sets(count: int) -> list[TaskSet]:
    return [TaskSet([Task("hey", arg1=n, period_ms=5, numberofjobs=3)]) for n in range(count)]


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def on(builtin: dict[str, Path], hosts: list[str], **options: Any) -> Distributor:
    kind = {name: options.pop(name) for name in ("power", "boot_timeout_s") if name in options}
    return Distributor(session_type=BoardKind(hosts, **kind), builtin=builtin, **options)


@pytest.mark.parametrize("make", [PlainLoader, BoardLoader])
def test_each_board_is_one_machine(
    lab: Lab, builtin: dict[str, Path], nobody: str, make: Callable[[], PlainLoader]
) -> None:
    """Those that do not answer are no reason to fail, and cost no set anything."""
    loaders, watcher = [make(), make()], Watcher()
    hosts = [lab.add(loader) for loader in loaders]
    with on(builtin, [nobody, *hosts]) as distributor:
        assert distributor.get_max_machine_value() == 3
        distributor.add_job(sets(40), watcher)
        assert distributor.wait(20)
        assert {result.verdict for result in watcher.results.values()} == {Verdict.SCHEDULABLE}
        assert {facts.clock for r in watcher.results.values() if (facts := r.facts)} == {Clock.REAL}
        assert sorted(watcher.results) == list(range(40))
        with pytest.raises(ConfigurationError, match=r"4 machines at once .* there are 3 boards"):
            distributor.set_max_machine_value(4)
    assert watcher.boards == set(hosts)
    assert [loader.connections for loader in loaders] == [1, 1]


def test_a_board_that_leaves_is_used_again_and_no_set_pays(
    lab: Lab, builtin: dict[str, Path]
) -> None:
    class Leaving(BoardLoader):
        """Hangs up in the middle of its first set, and while it has none later on."""

        async def run(self, writer: asyncio.StreamWriter) -> None:
            if self.connections == 1:
                writer.transport.abort()
            else:
                await super().run(writer)

    loader, watcher = Leaving(), Watcher()
    with on(builtin, [lab.add(loader)]) as distributor:
        distributor.add_job(sets(2), watcher)
        assert distributor.wait(20)
        lab.call(loader.hang_up)  # idle
        until(lambda: not distributor.machines)
        distributor.add_job(sets(1), watcher)
        assert distributor.wait(20)
    assert watcher.said == ["started 0", "stopped 0", "started 1", "started 0", "started 0"]
    assert {result.verdict for result in watcher.results.values()} == {Verdict.SCHEDULABLE}
    assert loader.connections == 3


def test_without_any_board_the_run_ends_and_says_why(builtin: dict[str, Path], nobody: str) -> None:
    with on(builtin, [nobody]) as distributor:
        distributor.add_job(sets(1))
        with pytest.raises(BootError, match=r"127.0.0.1:1 cannot be reached: Connection refused"):
            distributor.wait(20)


class Hanging(BoardLoader):
    """Says nothing any more, from its first set until it is restarted."""

    hung = False

    def __init__(self, restarted: Path) -> None:
        super().__init__()
        self.restarted = restarted

    async def _message(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.hung and not self.restarted.exists():
            await asyncio.sleep(0.01)
            if await reader.read(100) == b"":
                raise ConnectionResetError
            return
        await super()._message(reader, writer)

    async def run(self, writer: asyncio.StreamWriter) -> None:
        if self.hung:
            await super().run(writer)
        self.hung = True


def test_a_board_that_hangs_is_restarted(
    lab: Lab, builtin: dict[str, Path], tmp_path: Path
) -> None:
    """As a QEMU machine is; the set on which it hung has spent its try."""
    restarted, watcher = tmp_path / "restarted", Watcher()
    host = lab.add(Hanging(restarted))
    cycle = {"cycle": f"touch {restarted}", "pause_s": 0}
    with on(builtin, [host], power=cycle, timeout=0.5) as distributor:
        distributor.add_job(sets(3), watcher)
        assert distributor.wait(20)
    assert [watcher.results[index].verdict for index in range(3)] == [
        Verdict.UNDECIDED,
        Verdict.SCHEDULABLE,
        Verdict.SCHEDULABLE,
    ]
    assert restarted.exists()


def test_a_board_that_is_off_is_turned_on(
    lab: Lab, builtin: dict[str, Path], tmp_path: Path
) -> None:
    loader, watcher, port = BoardLoader(), Watcher(), 0

    async def turn_on() -> None:
        while not (tmp_path / "on").exists():  # noqa: ASYNC110  # another process makes it
            await asyncio.sleep(0.005)
        loader._server = await asyncio.start_server(loader._serve, "127.0.0.1", port)

    port = int(lab.add(loader).rpartition(":")[2])
    lab.run(loader.stop())
    waiting = asyncio.run_coroutine_threadsafe(turn_on(), lab._loop)
    commands = {"off": f"touch {tmp_path}/off", "on": f"mv {tmp_path}/off {tmp_path}/on"}
    with on(builtin, [f"127.0.0.1:{port}"], power={**commands, "pause_s": 0}) as distributor:
        distributor.add_job(sets(1), watcher)
        assert distributor.wait(20)
    waiting.result(1)
    assert watcher.results[0].verdict is Verdict.SCHEDULABLE


def test_what_a_power_command_says_is_in_the_error(builtin: dict[str, Path], nobody: str) -> None:
    cycle = {"cycle": "sh -c 'echo no outlet {host}:{port}; exit 3'"}
    with on(builtin, [nobody], power=cycle) as distributor:
        distributor.add_job(sets(1))
        with pytest.raises(
            BootError, match=r"cycle of board .* ended with 3: .* no outlet 127.0.0"
        ):
            distributor.wait(20)


async def test_a_board_that_may_serve_somebody_else_is_not_restarted(tmp_path: Path) -> None:
    released = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
    rack = Rack([BoardSpec(address, Power(cycle=f"touch {tmp_path}/restarted"), boot_s=0.1)])
    board = Board("m1", rack, answer_s=0.2)
    with pytest.raises(BootError, match="it hangs, or somebody else uses it"):
        await board.start()
    await board.stop()
    released.set()
    server.close()
    await server.wait_closed()
    assert not (tmp_path / "restarted").exists()


async def test_an_idle_board_that_has_gone_silent_gets_no_set() -> None:
    class Silent(BoardLoader):
        silent = False

        async def _word(self, reader: asyncio.StreamReader) -> int:
            word = await super()._word(reader)
            if self.silent:
                await reader.read()
                raise ConnectionResetError
            return word

    loader = Silent()
    board = Board("m1", Rack([BoardSpec(Address("127.0.0.1", await loader.start()))]), answer_s=0.5)
    await board.start()
    assert board.state is MachineState.READY
    await board.pause()
    await board.resume()
    loader.silent = True
    with pytest.raises(MachineLost, match="said nothing"):
        await board.resume()
    await board.stop()
    await loader.stop()


async def test_the_virtual_clock_is_not_taken_for_a_real_one() -> None:
    loader = ExtendedLoader()
    board = Board("m1", Rack([BoardSpec(Address("127.0.0.1", await loader.start()))]))
    with pytest.raises(BootError, match="has the virtual clock"):
        await board.start()
    await board.stop()
    await loader.stop()


async def test_our_own_end_of_a_connection_is_no_death() -> None:
    loader = BoardLoader()
    board = Board("m1", Rack([BoardSpec(Address("127.0.0.1", await loader.start()))]))
    await board.start()
    death = asyncio.ensure_future(board.died())
    _, writer = await board.connect()
    writer.close()
    await writer.wait_closed()
    # A second connection, as another session has it, ended by the loader.
    await board.connect()
    assert not death.done()
    second = asyncio.ensure_future(board.died())
    loader.hang_up()
    assert isinstance(await second, MachineLost)
    assert not death.done()
    death.cancel()
    await board.stop()
    await loader.stop()


# -- the rack ------------------------------------------------------------------------------


def names(count: int) -> list[BoardSpec]:
    return [BoardSpec(Address(f"b{number}")) for number in range(count)]


async def test_a_board_that_is_silent_comes_last_and_more_and_more_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = 100.0
    monkeypatch.setattr("distributor.machines.board.rack._now_s", lambda: now_s)
    rack = Rack(names(2))
    waits = []
    for _ in range(8):
        slot = await rack.take()
        while slot.board.address.host != "b0":  # the other one is well
            rack.answered(slot)
            slot = await rack.take()
        rack.silent(slot, "no answer")
        waits.append(slot.due_s - now_s)
        now_s = slot.due_s
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert not rack.give_up()
    rack.answered(await rack.take())
    assert slot.wait_s == 1


async def test_who_waits_for_a_board_gets_one_that_comes_free() -> None:
    rack = Rack(names(1))
    slot = await rack.take()
    first, second = (asyncio.create_task(rack.take()) for _ in range(2))
    await asyncio.sleep(0)
    assert not first.done()
    rack.give_back(slot)
    done, waiting = await asyncio.wait({first, second}, return_when=asyncio.FIRST_COMPLETED)
    assert len(done) == 1
    for task in waiting:
        task.cancel()


async def test_boards_that_have_once_answered_are_given_time_to_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = 100.0
    monkeypatch.setattr("distributor.machines.board.rack._now_s", lambda: now_s)
    rack = Rack(names(5))
    slots = [await rack.take() for _ in range(5)]
    rack.answered(slots[0])
    rack.give_back(slots[0])
    for slot in [slots[0], *slots[1:]]:
        assert not rack.give_up()
        rack.silent(slot, f"{slot.board.address.host} is off")
    assert not rack.give_up()
    now_s += 60
    assert rack.give_up() == "b0 is off; b1 is off; b2 is off; and 2 more"
    assert (await rack.take()).due_s <= now_s  # as all are


# -- power commands ------------------------------------------------------------------------


async def test_a_power_command_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power, "COMMAND_S", 0.3)
    with pytest.raises(LaunchError, match=r"took more than 0.3 s: sleep 50"):
        await Power(cycle="sleep 50", pause_s=0).restart(Address("a"))


async def test_what_a_power_command_leaves_running_does_not_hold_it_up(tmp_path: Path) -> None:
    command = f"""sh -c 'sleep 5000 & echo $! >"{tmp_path}/pid"'"""
    async with asyncio.timeout(20):
        await Power(cycle=command, pause_s=0).restart(Address("a"))
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


async def test_a_power_command_ends_with_who_waits_for_it(tmp_path: Path) -> None:
    command = f"""sh -c 'touch "{tmp_path}/begun"; sleep 50'"""
    restart = asyncio.create_task(Power(cycle=command).restart(Address("a")))
    while not (tmp_path / "begun").exists():  # noqa: ASYNC110  # another process makes it
        await asyncio.sleep(0.005)
    restart.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await restart
    assert restart.cancelled()


async def test_no_shell_reads_a_power_command(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match=r"cannot access .*id"):
        await Power(cycle=f"ls {tmp_path}/$(id) ; true", pause_s=0).restart(Address("a"))
