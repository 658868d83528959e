"""Checked arguments for stages, from the file of parameters with the overrides of a command line over it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pipeline
from pipeline.cli.params_file import (
    PARAMS,
    SEARCH,
    check_document,
    current_document,
    current_override,
    override,
    read_document,
)
from pipeline.cli.stage_command import STAGES, stage_class
from pipeline.cli.terminal import echoing_warnings, tell


def read_arguments(params: Path | None, settings: list[str] | None) -> dict[str, dict[str, Any]]:
    """Read the file of parameters, lay ``--set`` over it, and check all."""
    return check_arguments(read_settings(params, settings), "--set")


def read_settings(params: Path | None, settings: list[str] | None) -> dict[str, Any]:
    """Read the file of parameters, check it, and lay ``--set`` over it, which is not checked here."""
    constructors = {name: stage_class(name) for name in STAGES}
    with echoing_warnings():
        document = current_document(read_params(params), constructors, params or PARAMS)
        check_arguments(
            document, params or PARAMS
        )  # before it is changed, so that a slip in the file is told as the file's
        for text in settings or []:
            document = override(document, current_override(text, constructors))
        return document


def check_arguments(
    document: dict[str, Any], where: object, names: Iterable[str] = STAGES
) -> dict[str, dict[str, Any]]:
    """Check the sections of some stages, and the names of all.

    A stage that runs alone looks into its own section alone: it then imports no other stage, and so depends on none.
    """
    sections = [*STAGES, SEARCH]
    return check_document(document, {name: stage_class(name) for name in names}, where, sections=sections)


def read_params(params: Path | None) -> dict[str, Any]:
    """Read the file of parameters, and say so where it is the one that comes with the program."""
    if params is None and not PARAMS.exists():
        tell(f"there is no {PARAMS} here: the parameters are {ours()}; --params FILE names others")
    return read_document(params)


def ours() -> str:
    """Return what parameters and recipes are called that come with the program."""
    return f"those that come with digits-pipeline {pipeline.__version__}"
