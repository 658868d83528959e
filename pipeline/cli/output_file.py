"""A file that a command writes beside what it prints: checked before anything is computed, written whole or not."""

from collections.abc import Iterable
from pathlib import Path

import typer

from pipeline.files import UnwritableError, check_replaceable, making_folder, replace_file

KINDS = {
    "HTML page": (".html", ".htm"),
    "ONNX file": (".onnx",),
    "PNG picture": (".png",),
    "model file": (".safetensors", ".npz"),
}
"""What is written, and how its name ends."""


def check_output_file(
    path: Path,
    kind: str,
    *,
    option: str = "--output",
    inputs: Iterable[str | Path] = (),
    called: str = "the model itself",
) -> None:
    """Raise where a file cannot be written, or would replace what is read.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        One of ``KINDS``.
    option : str, default="--output"
        What names it.
    inputs : iterable of path
        What is read.
    called : str
        What one of these is, in words.

    Raises
    ------
    UnwritableError
        Where it would be a folder or an input, or cannot be replaced.
    typer.BadParameter
        For a name that ends otherwise.
    """
    another = f"choose another name with {option}"
    if path.is_dir():
        raise UnwritableError(f"{path} is a folder; {another}")
    endings = KINDS[kind]
    if path.suffix.lower() not in endings:
        article = "an" if kind.startswith(("HTML", "ONNX")) else "a"
        raise typer.BadParameter(
            f"it is {article} {kind}, and must be called so: {path.stem}{endings[0]}, for one", param_hint=option
        )
    check_replaceable(path, another)
    if path.exists() and any(Path(one).exists() and path.samefile(one) for one in inputs):
        raise UnwritableError(f"{path} is {called}; {another}")


def write_output_file(path: Path, content: str | bytes) -> int:
    """Write a file, in the place of an older one, and return its bytes; its folder is made where there is none."""
    whole = content if isinstance(content, bytes) else content.encode()
    with making_folder(path.parent):
        replace_file(path, whole)
    return len(whole)
