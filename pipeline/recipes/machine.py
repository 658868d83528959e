"""The machine that results come from: what a reader must know, and nothing that says whose it is."""

import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

from pipeline.network.compiled.engines import has_numba


def environment() -> dict[str, Any]:
    """Return where and with what results are made: machine, versions, BLAS with its kernel and threads, date."""
    blas = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {
            "system": platform.system(),
            "processor": platform.machine(),
            "model": processor(),
            "cores": cores(),
        },
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("digits-pipeline", "numpy", "scipy", "scikit-learn")}
        | ({"numba": version("numba")} if has_numba() else {}),
        "blas": [{name: pool.get(name) for name in _OF_A_POOL} for pool in blas],
    }


_OF_A_POOL = ("internal_api", "version", "architecture", "num_threads")


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


def describe_machine(environment: dict[str, Any], engine: str = "numpy") -> str:
    """Return an environment in words, and the engine that trained there where that was not NumPy.

    Examples
    --------
    >>> machine = {"cores": 2, "model": "Zen", "processor": "x86_64", "system": "Linux"}
    >>> describe_machine({"machine": machine, "versions": {"numpy": "2.4"}, "blas": [{"num_threads": 2}]})
    '2 threads on 2 cores, Zen, Linux, NumPy 2.4'
    >>> describe_machine({"machine": machine, "versions": {"numpy": "2.4", "numba": "0.68"}, "blas": []}, "numba")
    '1 thread on 2 cores, Zen, Linux, NumPy 2.4, numba 0.68'
    """
    machine, numpy = environment["machine"], environment["versions"]["numpy"]
    processor = machine.get("model", machine["processor"])  # older results know no model
    threads = max((pool["num_threads"] for pool in environment["blas"]), default=1)
    compiled = "" if engine == "numpy" else f", {engine} {environment['versions'].get(engine, '')}".rstrip()
    words = f"{threads} thread{'s' if threads > 1 else ''} on {machine['cores']} cores"
    return f"{words}, {processor}, {machine['system']}, NumPy {numpy}{compiled}"
