"""How long it takes until a program that uses a side can begin: a new interpreter and its imports."""

import subprocess
import sys
import time
from typing import Any

from benchmarks.measure import ROOT, environment, summary
from benchmarks.options import Options, say
from benchmarks.rows import NUMBA, OURS, PYTORCH, SKLEARN
from benchmarks.sides import is_there

MINUTES = 1
PROGRAMS = {
    "Python alone": "",
    "NumPy": "import numpy",
    f"{OURS}, the network alone": "import pipeline.network",
    OURS: "from pipeline import MLPClassifier",
    NUMBA: "from pipeline import MLPClassifier; import pipeline.network.compiled.updater",
    SKLEARN: "from sklearn.neural_network import MLPClassifier",
    PYTORCH: "import torch",
}


def run(options: Options) -> dict[str, Any]:
    """Start every program in turn; the first start of each warms the disk's cache, and does not count."""
    say("start: imports")
    programs = {name: program for name, program in PROGRAMS.items() if is_there(name)}
    for program in programs.values():
        _seconds(program)
    taken = [{name: _seconds(program) for name, program in programs.items()} for _ in range(options.turns())]
    return {"sides": {name: {"seconds": summary([one[name] for one in taken])} for name in programs}}


def _seconds(program: str) -> float:
    """Return the seconds from the start of an interpreter to its end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, env=environment())
    return time.perf_counter() - began
