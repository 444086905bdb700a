"""Whether KVM works here, which only a boot on it can tell.

/dev/kvm can be there and open, and stock guests still hang on it (inside many virtual
machines). So the real image is booted once, with a short limit, and the answer is kept.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from distributor.machines.image.cache import alone, write_whole

_log = logging.getLogger(__name__)

KVM = Path("/dev/kvm")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def kvm_opens() -> bool:
    """Whether this process may use /dev/kvm at all."""
    return os.access(KVM, os.R_OK | os.W_OK)


class KvmProbe:
    """What is known of KVM, for one image, one QEMU and one boot of the host.

    :param folder: where the answer is kept, for every process of this user.
    """

    def __init__(self, folder: Path, image_key: str, qemu_version: str) -> None:
        self._file = folder / "kvm.json"
        self._key = f"{image_key} {qemu_version} {boot_id()}"

    def remembered(self) -> bool | None:
        """The answer, None if nobody has tried yet."""
        try:
            told = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(told, dict) or told.get("key") != self._key:
            return None
        works = told.get("works")
        return works if isinstance(works, bool) else None

    async def ask(self, boots: Callable[[], Awaitable[bool]]) -> bool:
        """The answer; tried once, however many machines and processes ask at once.

        :param boots: tries it.
        """
        if not kvm_opens():
            return False
        async with alone(self._file.with_suffix(".lock")):
            works = self.remembered()
            if works is None:
                works = await boots()
                write_whole(self._file, json.dumps({"key": self._key, "works": works}))
                if not works:
                    _log.warning(
                        "/dev/kvm opens, but a guest does not boot on it: "
                        "machines with the real clock are emulated (TCG)"
                    )
        return works


def boot_id() -> str:
    """Another one after each boot of the host; "" where it does not tell."""
    try:
        return _BOOT_ID.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
