"""The machine that figures come from: what a reader must know, and nothing that says whose it is."""

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = ("numpy", "scipy", "scikit-learn", "torch")


def machine() -> dict[str, Any]:
    """Return processor, cores, memory, system and versions."""
    return {
        "processor": processor(),
        "cores": cores(),
        "memory_gib": memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {"Python": platform.python_version()} | {name: _version(name) for name in _PACKAGES},
    }


def processor() -> str:
    """Return the processor's name, with family and model where the system tells them."""
    path = Path("/proc/cpuinfo")
    told = (
        dict(re.findall(r"^([\w ]+?)\s*: (.*)$", path.read_text(encoding="utf-8").split("\n\n")[0], re.MULTILINE))
        if path.is_file()
        else {}
    )
    if "model name" not in told:
        return platform.processor() or platform.machine()
    return f"{told['model name']}, family {told.get('cpu family')}, model {told.get('model')}"


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> float | None:
    """Return the memory in GiB, where the system tells it."""
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    except (AttributeError, ValueError):  # Windows has no sysconf, and not every sysconf has these
        return None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
