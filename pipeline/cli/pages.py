"""Where a command writes an HTML page: checked before anything is computed, and written whole or not at all."""

from collections.abc import Sequence
from pathlib import Path

import typer

from pipeline.files import UnwritableError, check_replaceable, replace_file


def check_page(output: Path, models: Sequence[Path]) -> None:
    """Raise where a page cannot be written, or would replace one of the models that it is made of.

    Raises
    ------
    UnwritableError
        Where it would be a folder or a model, or cannot be replaced.
    typer.BadParameter
        For a name that is no page's.
    """
    if output.is_dir():
        raise UnwritableError(f"{output} is a folder; choose another name with --output")
    if output.suffix.lower() not in (".html", ".htm"):
        raise typer.BadParameter(
            f"it is an HTML page, and must be called so: {output.stem}.html, for one", param_hint="--output"
        )
    check_replaceable(output, "choose another name with --output")
    if output.exists() and any(output.samefile(model) for model in models):
        raise UnwritableError(f"{output} is the model itself; choose another name with --output")


def write_page(output: Path, page: str) -> int:
    """Write a page, in the place of an older one, and return its bytes; its folder is made where there is none."""
    content = page.encode()
    output.parent.mkdir(parents=True, exist_ok=True)
    replace_file(output, content)
    return len(content)
