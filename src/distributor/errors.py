"""Every error that Distributor raises on purpose.

::

    DistributorError
    ├── ConfigurationError          the input or an option is wrong; nothing was run
    ├── StateError                  a call that the object's state does not allow
    │   └── NotThereError           a job, a machine or a set that does not exist
    ├── ImageError                  the guest image cannot be built or found
    ├── MachineError
    │   ├── LaunchError             the machine's process did not come up
    │   ├── BootError               it came up, but its loader never answered
    │   ├── MachineLost             it ran, then its process died              (transient)
    │   └── GuestFault              the guest itself panicked or powered off
    ├── QMPError                    QEMU refused or garbled a command          (transient)
    ├── NetworkError                a bridge, tap, lease or port is missing
    ├── SessionError
    │   ├── WireError               bytes that the protocol does not allow
    │   ├── SessionClosed           the connection ended inside a conversation (transient)
    │   └── SessionTimeout          the machine made no progress in time
    ├── StoreError                  results cannot be kept
    └── ServiceError                a service does not answer, or not as one does

*Transient* errors are faults of the infrastructure: whatever was going on may be
tried again elsewhere, and no task set pays for them with one of its own tries. That
flag is all that the retry rule in :mod:`distributor.jobs.queue` reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class DistributorError(Exception):
    """Root of the tree; its text is one line for a person.

    :param message: what was being done, with what, and what came back.
    :param hint: what the reader can try, as a sentence of its own.
    """

    transient: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ConfigurationError(DistributorError):
    """The user's input or an option is wrong; the text says what, where and what to do."""


class StateError(DistributorError):
    """A call that the object's present state does not allow."""


class NotThereError(StateError):
    """A job, a machine or a set that is asked for does not exist."""


class ImageError(DistributorError):
    """The guest image cannot be built, read or found."""


class MachineError(DistributorError):
    """A machine did something other than run task sets.

    :param command: the command line that started it, where one did.
    :param exit_code: how its process ended; negative for a signal, None while it runs.
    :param console: the last lines that the machine printed.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        command: Sequence[str] = (),
        exit_code: int | None = None,
        console: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.command = tuple(command)
        self.exit_code = exit_code
        self.console = console


class LaunchError(MachineError):
    """The machine's process could not be started or ended before it said anything."""


class BootError(MachineError):
    """The machine's process runs, but its loader did not answer in time."""


class MachineLost(MachineError):
    """A machine that had been running is gone: killed, crashed or cut off."""

    transient = True


class GuestFault(MachineError):
    """The guest's own kernel or loader gave up (a panic, a power-off, a reset)."""


class QMPError(DistributorError):
    """QEMU's monitor refused a command or did not answer it."""

    transient = True


class NetworkError(DistributorError):
    """The way to a machine cannot be set up or is gone."""


class SessionError(DistributorError):
    """The talk with a loader went wrong."""


class WireError(SessionError):
    """The peer sent bytes that the protocol does not allow, or more than its bounds."""


class SessionClosed(SessionError):
    """The connection ended while an answer was due."""

    transient = True


class SessionTimeout(SessionError):
    """The machine made no progress within the time that its clock and task set allow."""


class StoreError(DistributorError):
    """The store cannot be opened, read or written; going on would lose results."""


class ServiceError(DistributorError):
    """A service cannot be reached, or answers as none should."""
