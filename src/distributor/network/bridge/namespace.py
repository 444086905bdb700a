"""A network namespace of this process's own (namespaces(7))."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

from distributor.errors import NetworkError

#: linux/sched.h.
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000


def enter_new_namespace() -> bool:
    """Put this process, which has one thread, into a new network namespace.

    As root (CAP_SYS_ADMIN) at once, otherwise within a new user namespace, in which this user
    is root.

    :return: whether it took a user namespace.
    :raise NetworkError: the host allows neither.
    """
    refused = _unshare(_CLONE_NEWNET)
    if not refused:
        return False
    user, group = os.getuid(), os.getgid()
    if refused != errno.EPERM:
        raise NetworkError(f"a network namespace cannot be made: {os.strerror(refused)}")
    refused = _unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    if refused:
        raise NetworkError(
            "a network namespace cannot be made: this user is not root (CAP_SYS_ADMIN), and "
            f"may not make a user namespace either: {_reason(refused)}",
            hint="run it as root, have user namespaces allowed (sysctl user.max_user_namespaces, "
            "kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns), "
            "or take --network user",
        )
    # user_namespaces(7): who maps a group must first give up changing groups.
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1", encoding="ascii")
    return True


def _reason(refused: int) -> str:
    # unshare(2): ENOSPC is the limit on namespaces, and has nothing to do with a disk.
    return "their limit is reached" if refused == errno.ENOSPC else os.strerror(refused)


def _unshare(flags: int) -> int:
    """0, or the error's number. (Python has os.unshare from 3.12 on.)"""
    libc = ctypes.CDLL(None, use_errno=True)
    return 0 if libc.unshare(flags) == 0 else ctypes.get_errno()
