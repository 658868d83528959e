"""``find-rate``: a sweep of the learning rate, what it suggests, and a picture of it."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.artifacts import DEFAULT_ARTIFACTS, MAKERS, PREPARED, SPLIT, read_class_names, read_training, remedy
from pipeline.cli.arguments import read_arguments
from pipeline.cli.options import ArtifactsOption, DebugOption, JsonOption, ParamsOption, SettingsOption
from pipeline.cli.output_file import write_output_file
from pipeline.cli.params_file import PARAMS, check_apply, write_values
from pipeline.cli.stage_command import stage_class
from pipeline.cli.terminal import RichProgress, format_json, saying_warnings, show, tell
from pipeline.files import UnwritableError, check_replaceable, sweep
from pipeline.parameters import ParameterError
from pipeline.program import command, work_begins
from pipeline.stages.base import MissingInputError

commands = typer.Typer()

RATE = "learning_rate_init"
"""The parameter of ``train`` that is found."""


@commands.command("find-rate")
def find_rate(
    settings: SettingsOption = None,
    params: ParamsOption = None,
    artifacts: ArtifactsOption = Path("artifacts"),
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Draw the sweep into this PNG file.")
    ] = None,
    *,
    apply: Annotated[
        bool, typer.Option("--apply", help="Write the suggestion into the file of parameters, as learning_rate_init.")
    ] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001 - the group of all commands looks for the word
) -> None:
    """Find a learning rate for the network that `train` configures, from a sweep over mini-batches.

    The training rows of `split` are learned from at rates that rise from batch to batch, in seconds; no file of the
    artifacts is written. What is suggested is for `learning_rate_init`, whichever schedule there is. `--apply` writes
    it into the file of parameters, and nothing that `--set` has changed.
    """
    arguments = read_arguments(params, settings)["train"]
    if output is not None:
        _check_output(output)
    home = params or PARAMS
    if apply:
        check_apply(home)
    train = stage_class("train")(**arguments)
    from pipeline.mlp.class_weights import by_label  # noqa: PLC0415 - for start-up time
    from pipeline.rate_finder import find_learning_rate  # noqa: PLC0415 - the same

    work_begins()
    with RichProgress() as progress, saying_warnings(progress):
        X, y = _training_rows(artifacts, train)
        train.class_weight = by_label(train.class_weight, read_class_names(artifacts, PREPARED))
        found = find_learning_rate(train, X, y, progress=progress)
    if output is not None:
        from pipeline.plots import to_png  # noqa: PLC0415 - for start-up time

        write_output_file(output, to_png(found.plot()))
    show(format_json(_as_json(found)) if as_json else describe(found, artifacts, params, applied=apply))
    if apply:
        _apply(found, home)


def _apply(found: Any, home: Path) -> None:
    """Write the suggestion into the file of parameters."""
    if found.means_little:
        raise ParameterError(f"--apply leaves {home} as it is: the loss fell at no rate")
    write_values(home, {f"train.{RATE}": found.suggestion})
    tell(f"{home} has {RATE}: {found.suggestion:g} now")


def _check_output(output: Path) -> None:
    """Raise where the picture cannot be written or drawn, before any work is done."""
    if output.suffix.lower() != ".png":
        raise typer.BadParameter(
            f"it is a PNG picture, and must be called so: {output.stem}.png, for one", param_hint="--output"
        )
    if output.is_dir():
        raise UnwritableError(f"{output} is a folder; choose another name with --output")
    check_replaceable(output, "choose another name with --output")
    import pipeline.plots  # noqa: F401, PLC0415 - matplotlib is an extra, and it is better missed now than later


def _training_rows(artifacts: Path, train: Any) -> tuple[Any, Any]:
    """Return what `train` would learn from."""
    sweep(artifacts, [PREPARED, SPLIT])
    for name in (PREPARED, SPLIT):
        if not (artifacts / name).is_dir():
            raise MissingInputError(f"{artifacts / name} is missing: {remedy(MAKERS[name], artifacts)} makes it")
    normalize, X, y, _ = read_training(artifacts)
    if train.augmentation is not None and hasattr(normalize, "image_shape_"):
        train.augmentation.check_shape(normalize.image_shape_)
    return X, y


def describe(
    found: Any, artifacts: Path = DEFAULT_ARTIFACTS, params: Path | None = None, *, applied: bool = False
) -> str:
    """Return a sweep as lines: where the loss is least, the suggestion, and how it is set, unless it will be.

    Examples
    --------
    >>> import numpy as np
    >>> from pipeline.rate_finder import LearningRateSweep
    >>> losses = np.array([2.3, 0.5, 1.0])
    >>> print(describe(LearningRateSweep(np.array([0.001, 0.01, 0.1]), losses, losses, 0.0033)))
    find-rate: the loss falls from 2.3 to 0.5 at the rate 0.01; the sweep ended at 0.1
    suggestion: 0.0033
    set it: `python -m pipeline train --learning-rate-init 0.0033`, or learning_rate_init: 0.0033 in params.yaml
    """
    least = int(found.smoothed.argmin())
    places = [("--artifacts", artifacts)] if artifacts != DEFAULT_ARTIFACTS else []
    places += [("--params", params)] if params is not None else []
    words = *(word for name, path in places for word in (name, shlex.quote(str(path)))), "--learning-rate-init"
    falls = (
        f"find-rate: the loss falls from {found.smoothed[0]:.3g} to {found.smoothed[least]:.3g} at the rate "
        f"{found.rates[least]:.2g}; the sweep ended at {found.rates[-1]:.2g}"
    )
    rate = f"{found.suggestion:g}"
    lines = [falls, f"suggestion: {rate}"]
    if applied:
        return "\n".join(lines)
    told = f"set it: {command('train', *words, rate)}, or learning_rate_init: {rate} in {params or 'params.yaml'}"
    return "\n".join([*lines, told])


def _as_json(found: Any) -> dict[str, Any]:
    """Return a sweep in JSON's own types."""
    curves = {name: getattr(found, name).tolist() for name in ("rates", "losses", "smoothed")}
    return {"suggestion": found.suggestion, **curves}
