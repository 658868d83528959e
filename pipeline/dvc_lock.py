"""What a killed ``dvc repro`` leaves behind: DVC writes ``dvc.lock`` in its place, and a kill there leaves half of it.

DVC then runs no stage, and says nothing of the cause. The commands of this program run all the same, and say it.
"""

from pathlib import Path

LOCK = Path("dvc.lock")


def damaged_lock() -> str | None:
    """Return what is wrong with this folder's ``dvc.lock``, and what mends it; None where nothing is, or there is none.

    Notes
    -----
    DVC ends the file with a line break, so that one without it is empty, or cut off.
    """
    try:
        text = LOCK.read_bytes()
    except OSError:
        return None
    if text.endswith(b"\n") and text.strip():
        return None
    state = "cut off in the middle" if text.strip() else "empty"
    return f"{LOCK} is {state}, as DVC leaves it when it is killed: `git restore {LOCK}` brings the last commit's back"
