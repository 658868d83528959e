"""The machine that figures come from: what a reader must know, and nothing that says whose it is."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pipeline.recipes.machine import cores, processor

_PACKAGES = ("numpy", "scipy", "scikit-learn", "numba", "torch")


def machine() -> dict[str, Any]:
    """Return processor, cores, memory, system and versions."""
    return {
        "processor": processor(),
        "cores": cores(),
        "memory_gib": memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {"Python": platform.python_version()} | {name: _version(name) for name in _PACKAGES},
    }


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
