"""What DVC has to do with this folder, so that a command can say so: the artifacts that it tracks, the lock it left.

Nothing is written, and DVC itself is not needed.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.parameters import ParameterError, read_yaml

WORKFLOW = Path("dvc.yaml")
LOCK = Path("dvc.lock")


def tracked_by_dvc(folders: Iterable[Path]) -> list[Path]:
    """Return those of some folders that are outputs of a stage in ``dvc.yaml`` of the current folder.

    Parameters
    ----------
    folders : iterable of Path
        Where something is about to be written.

    Returns
    -------
    list of Path
        In the order given; none where the current folder is no repository of DVC's.
    """
    if not (Path(".dvc").is_dir() and WORKFLOW.is_file()):
        return []
    outputs = {Path(path).resolve() for path in _outputs()}
    return [folder for folder in folders if folder.resolve() in outputs]


def damaged_lock() -> str | None:
    """Return what is wrong with this folder's ``dvc.lock``, and what mends it; None where nothing is, or there is none.

    Notes
    -----
    DVC writes it in its place, so that a kill leaves nothing or a part, with which DVC runs no stage and does not say
    why. It ends the file with a line break: one without it was cut off.
    """
    try:
        text = LOCK.read_bytes()
    except OSError:
        return None
    if text.endswith(b"\n") and text.strip():
        return None
    state = "cut off in the middle" if text.strip() else "empty"
    return f"{LOCK} is {state}, as DVC leaves it when it is killed: `git restore {LOCK}` brings the last commit's back"


def _outputs() -> list[str]:
    """Return the paths of all outputs; none of a file that DVC, too, could not read."""
    try:
        document = read_yaml(WORKFLOW)
    except ParameterError:
        return []
    stages = _mapping(_mapping(document).get("stages")).values()
    outputs = [output for stage in stages for output in _mapping(stage).get("outs") or []]
    return [str(next(iter(output))) if isinstance(output, dict) and output else str(output) for output in outputs]


def _mapping(node: Any) -> dict[str, Any]:
    return node if isinstance(node, dict) else {}
