"""The keeper's process, as its owner has it: started, asked, ended."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from distributor.errors import NetworkError
from distributor.network.plan import BridgePlan
from distributor.tie import tied

_KEEPER = "distributor.network.bridge.keeper"
#: Of what is said either way (:mod:`distributor.network.bridge.keeper`).
MESSAGE_MAX = 1 << 16
#: Where it listens for who wants to know what there is; in its owner's folder.
SOCKET = "network.sock"
#: How long it may take to come up, and to answer: it never waits for anything itself.
_UP_S = 60.0
_ANSWER_S = 30.0
_END_S = 5.0
_DESCRIPTORS_MAX = 4
_SAID_MAX = 1000


class Kept:
    """A keeper that answers. Made by :meth:`start`; its owner must :meth:`end` it."""

    def __init__(
        self, process: subprocess.Popen[bytes], ours: socket.socket, said: int, path: Path
    ) -> None:
        self._process = process
        self._socket = ours
        self._said = said
        self._turn = asyncio.Lock()
        self._heard_end = False
        self._numbers = itertools.count(1)
        # Also for an owner that is dropped.
        self._end = weakref.finalize(self, _end, process, ours, said, path)

    @classmethod
    async def start(cls, plan: BridgePlan, folder: Path) -> Self:
        """Start one, tied to the calling thread, and wait until its bridge is there.

        :param folder: for the socket that it is looked at by.
        :raise NetworkError: it cannot be had.
        """
        path = folder / SOCKET
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        said = os.memfd_create("keeper", os.MFD_CLOEXEC)
        with its, socket.socket(socket.AF_UNIX) as looked_at:
            _listen(looked_at, path)
            ends = (its.fileno(), looked_at.fileno())
            words = [sys.executable, "-m", _KEEPER, *map(str, ends), json.dumps(plan.options)]
            process = _spawn(words, said, ends)
        ours.setblocking(False)
        kept = cls(process, ours, said, path)
        try:
            await kept._hear(0, _UP_S)
        except BaseException:
            kept.end()
            raise
        return kept

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return not self._heard_end and self._end.alive and self._process.poll() is None

    async def ask(self, do: str, **about: object) -> list[int]:
        """Have it do something; returns the descriptors of what it made, the caller's to close.

        :raise NetworkError: it does not do it, or is gone.
        """
        async with self._turn:
            number = next(self._numbers)
            asked = json.dumps({"id": number, "do": do, **about}).encode()
            try:
                self._socket.send(asked)
            except OSError as error:
                raise self._gone() from error
            hearing = asyncio.ensure_future(self._hear(number, _ANSWER_S))
            try:
                return await asyncio.shield(hearing)
            except asyncio.CancelledError:
                # Nobody wants what was made: it is gone before anything else is asked for.
                with contextlib.suppress(NetworkError):
                    for descriptor in await hearing:
                        os.close(descriptor)
                raise

    async def _hear(self, number: int, limit_s: float) -> list[int]:
        """The answer of that number."""
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    await self._readable()
                    try:
                        text, made, _, _ = socket.recv_fds(
                            self._socket, MESSAGE_MAX, _DESCRIPTORS_MAX
                        )
                    except OSError as error:
                        raise self._gone() from error
                    if not text:
                        raise self._gone()
                    answer = json.loads(text)
                    if "error" in answer:
                        raise NetworkError(answer["error"], hint=answer["hint"])
                    if answer["id"] == number:
                        return made
                    for descriptor in made:  # of a question that was given up
                        os.close(descriptor)
        except TimeoutError:
            raise NetworkError(f"the bridge's keeper does not answer in {limit_s:g} s") from None

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self._socket, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._socket)

    def _gone(self) -> NetworkError:
        self._heard_end = True
        size = os.fstat(self._said).st_size
        text = os.pread(self._said, _SAID_MAX, max(0, size - _SAID_MAX)).decode(errors="replace")
        last = text.strip().splitlines()[-1:]
        return NetworkError(": ".join(["the bridge's keeper has ended", *last]))

    def end(self) -> None:
        """End it, and with it the bridge and dnsmasq; waits for that. Idempotent."""
        self._end()


def _listen(looked_at: socket.socket, path: Path) -> None:
    path.unlink(missing_ok=True)
    with short(path) as name:
        looked_at.bind(name)
    looked_at.listen()


@contextlib.contextmanager
def short(path: Path) -> Iterator[str]:
    """Another name of the path, short enough for a socket's address (unix(7): 107 bytes)."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _spawn(words: list[str], said: int, ends: tuple[int, int]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        tied(words),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=said,
        pass_fds=ends,
        # A Ctrl-C at the terminal is for the owner, who then ends it in order.
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes], ours: socket.socket, said: int, path: Path) -> None:
    ours.close()  # which it ends on
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    os.close(said)
    with contextlib.suppress(OSError):
        path.unlink()
