"""Whether machines may keep their memory from being swapped out."""

from __future__ import annotations

import ctypes
import logging
import mmap
import resource

_log = logging.getLogger(__name__)

#: What QEMU 7.2 locks beside the memory of its guest: itself and all its libraries, stacks,
#: translated code and the memory that a template shares with us; measured 515 MiB.
OVERHEAD_MIB = 576


def may_lock(mib: int) -> bool:
    """Whether a process like this one may lock so much memory; a no is said in the log.

    The limit (RLIMIT_MEMLOCK) does not bind who has CAP_IPC_LOCK, which only trying tells:
    in a user namespace the capability is there, and of no use.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if limit == resource.RLIM_INFINITY or limit >= mib << 20 or _locks(limit + mmap.PAGESIZE):
        return True
    _log.warning(
        "machines cannot lock their memory: the limit is %d MiB, one takes %d MiB "
        "(`ulimit -l unlimited` before the command raises it, where that is allowed)",
        limit >> 20,
        mib,
    )
    return False


def _locks(size: int) -> bool:
    """Whether this process can lock so many bytes at once."""
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        memory = mmap.mmap(-1, size)
    except OSError:
        return False
    with memory:
        start = ctypes.c_char.from_buffer(memory)
        locked: bool = libc.mlock(ctypes.byref(start), ctypes.c_size_t(size)) == 0
        del start
    return locked
