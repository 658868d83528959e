"""Candidates of a search as experiments of DVC: each is trained and evaluated once more by the stages, in a copy.

``dvc exp run --temp`` does it, one after another: DVC's queue starts workers that may hang, and a saved workspace would
have no model and no measures. So an experiment has all that one has that was run by hand.
"""

import hashlib
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from pipeline.cli.params_file import SEARCH
from pipeline.parameters import ParameterError
from pipeline.progress import Progress
from pipeline.search.evaluation import COMPLETE
from pipeline.search.methods import Trial, with_epochs
from pipeline.search.table import ranked
from pipeline.strict_json import to_json

NO_DVC = "--experiments needs the extra `workflow`: `pip install 'digits-pipeline[workflow]'`"


def keep_experiments(candidates: Sequence[Mapping[str, Any]], settings: Sequence[str], progress: Progress) -> list[str]:
    """Have DVC run candidates that are no experiments yet, and return the names of all.

    Parameters
    ----------
    candidates : sequence of mapping
        Values by dotted names.
    settings : sequence of str
        What ``--set`` laid over the file of parameters.
    progress : Progress
        What hears how far the work is.

    Raises
    ------
    ModuleNotFoundError
        Where DVC is not installed.
    ParameterError
        Where DVC refuses, with its own words.
    """
    check_dvc()
    known = set(_dvc("exp", "list", "--names-only").split())
    names = [experiment_name(one, settings) for one in candidates]
    progress.begin("keep experiments", len(names), "candidates")
    try:
        for name, values in zip(names, candidates, strict=True):
            if name not in known:
                _dvc("exp", "run", "--temp", "--name", name, *overrides(values, settings))
            progress.advance()
    finally:
        progress.end()
    return names


def to_keep(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Return what DVC is to run again of a search, the best first: values by dotted names.

    Candidates of successive halving have the epochs that they had. Where it gave out samples, only those are kept that
    had most: the stages learn from all rows. What was pruned is left out: a training for as few epochs would come to
    the end of its schedule in them, and so to another accuracy.
    """
    most = max(trial.n_samples or 0 for trial in trials)
    finished = [trial for trial in ranked(trials) if trial.result["state"] == COMPLETE]
    return [with_epochs(trial) for trial in finished if (trial.n_samples or 0) == most]


def check_dvc() -> None:
    """Raise where DVC is not installed, or this folder is none of its.

    Raises
    ------
    ModuleNotFoundError, ParameterError
        Naming what to do.
    """
    if find_spec("dvc") is None:
        raise ModuleNotFoundError(NO_DVC)
    _dvc("root")


def experiment_name(values: Mapping[str, Any], settings: Sequence[str]) -> str:
    """Return the name of a candidate's experiment: the same candidate has the same in every search.

    Examples
    --------
    >>> experiment_name({"train.dropout": 0.2}, [])
    'search-394de031'
    """
    told = to_json([dict(values), list(settings)], sort_keys=True)
    return f"search-{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def overrides(values: Mapping[str, Any], settings: Sequence[str]) -> list[str]:
    """Return the options by which DVC sets what a candidate has, with one thread as in the search.

    Examples
    --------
    >>> overrides({"train.hidden_layer_sizes": [64, 32]}, [])
    ['-S', '++train.n_threads=1', '-S', '++train.hidden_layer_sizes=[64, 32]']
    """
    told = ["++train.n_threads=1", *(one for one in settings if not re.match(rf"[+~]*{SEARCH}\b", one))]
    told += [f"++{name}={value if isinstance(value, str) else to_json(value)}" for name, value in values.items()]
    return [word for one in told for word in ("-S", one)]


def _dvc(*words: str) -> str:
    """Return what DVC prints."""
    done = subprocess.run([sys.executable, "-m", "dvc", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["ERROR: it says nothing"]
        raise ParameterError(f"`dvc {' '.join(words[:2])}`: {lines[-1].removeprefix('ERROR: ')}")
    return done.stdout
