"""``gradcheck``: backpropagation beside numerical differentiation."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.cli.arguments import read_arguments
from pipeline.cli.options import ArtifactsOption, DebugOption, JsonOption, ParamsOption, SettingsOption
from pipeline.cli.stage_command import stage_class
from pipeline.cli.terminal import RichProgress, format_json, saying_warnings, show
from pipeline.program import work_begins

commands = typer.Typer()


@commands.command()
def gradcheck(
    settings: SettingsOption = None,
    params: ParamsOption = None,
    artifacts: ArtifactsOption = Path("artifacts"),
    images: Annotated[int, typer.Option("--images", min=1, help="How many training images to look at.")] = 10,
    *,
    engine: Annotated[
        Literal["auto", "numpy", "numba"] | None,
        typer.Option(help="Whose backpropagation to check; left out, the one that trains.", show_default=False),
    ] = None,
    loss: Annotated[
        Literal["squared_error", "poisson", "absolute_error", "huber", "quantile"] | None,
        typer.Option(help="A loss of numbers to check in the same layers: the labels as numbers.", show_default=False),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Check every parameter: minutes for a large network.")] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001 - the group of all commands looks for the word
) -> None:
    """Compare backpropagation with numerical differentiation for the network that `train` configures.

    Of each array of parameters a sample is checked, the same in every run. Numba multiplies up to eight images by
    loops of its own, and more by BLAS.
    """
    arguments = read_arguments(params, settings)
    from pipeline import gradcheck as gradients  # noqa: PLC0415 - for start-up time

    if engine is not None:
        arguments["train"]["engine"] = engine
    fetch, preprocess, _, train, _ = (stage_class(name)(**values) for name, values in arguments.items())
    work_begins()
    with RichProgress() as progress, saying_warnings(progress):
        X, y = gradients.training_images(artifacts, fetch, progress)
        some, labels = preprocess.fit(X).transform(X[:images]), sorted(set(y.tolist()))
        n_of_each = None if every else gradients.N_OF_EACH
        model = train if loss is None else gradients.as_regressor(train, loss)
        differences = gradients.check(model, some, y[:images], labels, progress, n_of_each=n_of_each)
    found = [asdict(one) for one in differences]
    show(format_json(found) if as_json else "\n".join(gradients.describe(differences)))
    gradients.demand_agreement(differences)
