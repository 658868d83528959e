"""Where the model is that a command was given: a file, a folder of artifacts or of a model, or that of an ensemble."""

from pathlib import Path
from typing import Any

from pipeline.artifacts import MODEL, NETWORK, member_name, network_path, remedy
from pipeline.files import sweep
from pipeline.stages.base import MissingInputError


def find_model(path: Path) -> Path:
    """Return where the model is: a file, or the folder of an ensemble.

    Raises
    ------
    MissingInputError
        Where there is none.

    Examples
    --------
    >>> find_model(Path("nowhere.npz"))
    Traceback (most recent call last):
        ...
    pipeline.stages.base.MissingInputError: nowhere.npz is missing: a model file or a folder of artifacts is expected
    """
    folder = path.absolute().parent
    if not path.exists() and folder.name:  # a killed process may have left its folder without a name
        sweep(folder.parent, [folder.name])
    for place in (path, path / MODEL):
        if (place / member_name(1)).is_file():
            return place
    for file in (path, path / NETWORK, network_path(path)):
        if file.is_file():
            return file
    artifacts = path.parent.parent if path.parts[-2:] == (MODEL, NETWORK) else path
    if path.is_dir() or artifacts != path:
        missing = network_path(artifacts)
        raise MissingInputError(f"{missing} is missing: {remedy('train', artifacts)} makes it (`run` makes all)")
    raise MissingInputError(f"{path} is missing: a model file or a folder of artifacts is expected")


def load_found(path: Path) -> Any:
    """Load a model from where ``find_model`` has found it: one of a file, or an ensemble of a folder."""
    from pipeline.model_file import load_model  # noqa: PLC0415 - for start-up time: the help needs no scikit-learn

    if not path.is_dir():
        return load_model(path)
    from pipeline.ensemble.voting import load_ensemble  # noqa: PLC0415 - the same

    return load_ensemble(path)
