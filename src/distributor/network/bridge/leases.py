"""dnsmasq, which leases machines their addresses, and what it has leased."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from dataclasses import dataclass

from distributor.errors import NetworkError
from distributor.network.dhcp import dnsmasq_lines
from distributor.network.plan import BridgePlan
from distributor.tie import tied

#: Where it is, beside what is in PATH: users' seldom holds it.
_WHERE = "/usr/sbin:/usr/local/sbin:/sbin"
#: A user who owns nothing; where there is none of that name, dnsmasq runs as we do.
_NOBODY = "nobody"
#: What it needs of root: its port, answers to who has no address yet, the neighbours' table.
_RIGHTS = "+net_admin,+net_bind_service,+net_raw"
#: One that ends sooner than this is not started again at once.
_LIVES_S = 1.0
_LEASES_MAX = 4 << 20
_SAID_MAX = 2000


@dataclass(frozen=True, slots=True)
class Lease:
    """An address, and who has it."""

    hardware: str
    address: str


def parse_leases(text: str) -> list[Lease]:
    """Out of dnsmasq's file: a lease a line, of its end, hardware address, address and names."""
    words = [line.split() for line in text.splitlines()]
    return [Lease(line[1], line[2]) for line in words if len(line) >= 4]


def dnsmasq_program() -> str | None:
    """The path of this host's dnsmasq; None if it has none."""
    return shutil.which("dnsmasq", path=f"{os.environ.get('PATH', '')}:{_WHERE}")


def find_dnsmasq() -> str:
    """The same path.

    :raise NetworkError: it is not installed.
    """
    program = dnsmasq_program()
    if program is None:
        raise NetworkError(
            "there is no dnsmasq, which leases machines on a bridge their addresses",
            hint="install it: apt-get install dnsmasq-base",
        )
    return program


class Dnsmasq:
    """One that runs, in the namespace of this process, and is started again when it ends.

    :param as_root: whether this process is root on the host, too.
    :raise NetworkError: it is not installed.
    """

    def __init__(self, plan: BridgePlan, *, as_root: bool) -> None:
        program = find_dnsmasq()
        # Larger than a command line may be, in a subnet of many machines.
        self._told = os.memfd_create("dnsmasq.conf", os.MFD_CLOEXEC)
        os.write(self._told, "\n".join(dnsmasq_lines(plan)).encode())
        self._command = [
            program,
            f"--conf-file=/proc/self/fd/{self._told}",
            # Stays what it is and where it is, and complains to us.
            "--no-daemon",
            "--log-facility=-",
            "--quiet-dhcp",
            "--pid-file=",
            # The leases are kept in memory, and outlive it.
            "--dhcp-leasefile=/proc/self/fd/0",
            f"--dhcp-lease-max={len(plan.numbers)}",
        ]
        self._rights = _nobodys_rights() if as_root else ()
        self._leases = os.memfd_create("leases", os.MFD_CLOEXEC)
        self._said = os.memfd_create("dnsmasq", os.MFD_CLOEXEC)
        self.starts = 0
        self._start()

    def _start(self) -> None:
        os.ftruncate(self._said, 0)
        self._begun_s = time.monotonic()
        self.starts += 1
        self._process = subprocess.Popen(
            tied(self._command, *self._rights),
            stdin=self._leases,
            stdout=self._said,
            stderr=self._said,
            pass_fds=(self._told,),
            cwd="/",
        )
        #: Readable when it has ended.
        self.end = os.pidfd_open(self._process.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    def restart(self) -> float:
        """It has ended: start it again, unless it was started a moment ago.

        :return: seconds to wait before this is to be called again; 0 if it runs.
        """
        wait_s = self._begun_s + _LIVES_S - time.monotonic()
        if wait_s > 0:
            return wait_s
        self._process.wait()
        os.close(self.end)
        self._start()
        return 0

    def ended(self) -> bool:
        """Whether it does not run."""
        return self._process.poll() is not None

    def complaint(self) -> str:
        """The last that it said."""
        size = os.fstat(self._said).st_size
        text = os.pread(self._said, _SAID_MAX, max(0, size - _SAID_MAX))
        return " / ".join(text.decode(errors="replace").strip().splitlines()[-2:])

    def leases(self) -> list[Lease]:
        """Those that it has given."""
        return parse_leases(os.pread(self._leases, _LEASES_MAX, 0).decode(errors="replace"))

    def stop(self) -> None:
        """End it; it has nothing to lose."""
        self._process.kill()
        self._process.wait()


def _nobodys_rights() -> tuple[str, ...]:
    try:
        nobody = pwd.getpwnam(_NOBODY)
    except KeyError:
        return ()
    return (
        f"--reuid={nobody.pw_uid}",
        f"--regid={nobody.pw_gid}",
        "--clear-groups",
        f"--inh-caps={_RIGHTS}",
        f"--ambient-caps={_RIGHTS}",
    )
