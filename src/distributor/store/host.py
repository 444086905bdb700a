"""What the controlling host is; recorded with each run."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def host_facts() -> dict[str, str | int]:
    """Name, system, processor and memory of this host; what cannot be told is left out."""
    facts: dict[str, str | int] = {
        "node": platform.node(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "processors": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    }
    model = _processor_model()
    if model:
        facts["processor"] = model
    return facts


def distributor_version() -> str:
    """Version of the installed package; "unknown" for sources run without installing."""
    try:
        return version("distributor")
    except PackageNotFoundError:
        return "unknown"


def _processor_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return ""
