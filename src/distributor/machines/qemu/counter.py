"""The speed of the host's time-stamp counter, which emulated machines of the real clock share.

A guest's kernel measures it while it boots, against timers that QEMU emulates. On a busy host
that went wrong by a factor of five, so that the guest's seconds were as much too short.
Therefore the guest is told (Linux, kernel-parameters.txt, tsc_early_khz).
"""

from __future__ import annotations

import ctypes
import json
import mmap
import platform
import time
from collections.abc import Callable
from pathlib import Path

from distributor.machines.image.cache import locked, write_whole

#: rdtsc; shl rdx, 32; or rax, rdx; ret (Intel's manual, volume 2).
_READ = bytes.fromhex("0f31 48c1e220 4809d0 c3")
_BETWEEN_S = 0.1
_ATTEMPTS = 50


def counter_khz(folder: Path, boot_id: str) -> int:
    """Its speed; measured once in each boot of the host, so that it is the same for all who ask.

    :param folder: where the answer is kept.
    :return: 0 where it cannot be told.
    """
    kept = folder / "counter.json"
    with locked(kept.with_suffix(".lock")):
        try:
            told = json.loads(kept.read_text(encoding="utf-8"))
            if told["boot"] == boot_id:
                return int(told["khz"])
        except (OSError, ValueError, TypeError, KeyError):
            pass
        khz = _measure() if platform.machine() == "x86_64" else 0
        write_whole(kept, json.dumps({"boot": boot_id, "khz": khz}))
    return khz


def _measure() -> int:
    try:
        code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    except OSError:  # a hardened host
        return 0
    with code:
        code.write(_READ)
        start = ctypes.c_char.from_buffer(code)
        read: Callable[[], int] = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(start))
        first_ns, first = _both(read)
        time.sleep(_BETWEEN_S)
        second_ns, second = _both(read)
        del read, start
    return round((second - first) * 1e6 / (second_ns - first_ns))


def _both(read: Callable[[], int]) -> tuple[float, int]:
    """A moment of the host's time and the counter's value then; the closest pair of many."""
    pairs = []
    for _ in range(_ATTEMPTS):
        before_ns = time.monotonic_ns()
        value = read()
        after_ns = time.monotonic_ns()
        pairs.append((after_ns - before_ns, (before_ns + after_ns) / 2, value))
    _, moment_ns, value = min(pairs)
    return moment_ns, value
