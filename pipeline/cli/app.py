"""All commands by name, and how each begins and ends.

The bare ``--help`` needs neither NumPy nor scikit-learn, and a command imports its own module alone. Whatever goes
wrong reaches a person as one line and an exit code: 1 failed, 2 wrong usage or wrong ``params.yaml``, 130 interrupted,
143 or 129 told to end (SIGTERM, SIGHUP). Results go to the output, the rest to the error stream.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

import pipeline
from pipeline.cli.errors import report
from pipeline.cli.stage_command import STAGES
from pipeline.cli.terminal import show, tell
from pipeline.program import INTERRUPTED

# Where each command is registered, and its line in the help; in the order of the work.
COMMANDS = {
    **{name: ("pipeline.cli.stages", line) for name, (_, line) in STAGES.items()},
    "run": ("pipeline.cli.stages", "Run all five stages, always."),
    "predict": (
        "pipeline.cli.predict",
        "Tell the label of each image: number, label (or labels) and confidence; with several files, the file first.",
    ),
    "page": (
        "pipeline.cli.page",
        "Write a page to draw on: one HTML file with the network inside, that answers while one draws, offline.",
    ),
    "export": (
        "pipeline.cli.export",
        "Write a model as an ONNX file, preprocessing included, which answers elsewhere and without this package.",
    ),
    "summary": (
        "pipeline.cli.summary",
        "Tell a model's layers, shapes, parameters, memory and multiplications, and how it was trained.",
    ),
    "compare": (
        "pipeline.cli.compare",
        "Compare two models on the same test images: accuracy, McNemar's test, and where they differ.",
    ),
    "gradcheck": (
        "pipeline.cli.gradcheck",
        "Compare backpropagation with numerical differentiation for the network that `train` configures.",
    ),
    "find-rate": (
        "pipeline.cli.find_rate",
        "Find a learning rate for the network that `train` configures, from a sweep over mini-batches.",
    ),
    "search": (
        "pipeline.cli.search",
        "Search for better parameters of the network, on all cores or on a Dask cluster; interrupted, it goes on.",
    ),
    "recipes": (
        "pipeline.cli.recipes",
        "Train the networks of articles for several seeds, and compare what they reach.",
    ),
}
FORMER_COMMANDS = {"recipe": "pipeline.cli.former_recipe"}
"""Where commands are registered that work under a former name for a release, and that no help shows."""


class LazyGroup(TyperGroup):
    """The group of all commands: a command is imported when it is called, not when it is listed.

    What goes wrong in one becomes one line and an exit code.
    """

    def __init__(self, **settings: Any) -> None:
        listed = {name: TyperCommand(name, help=line) for name, (_, line) in COMMANDS.items()}
        super().__init__(**settings | {"commands": listed})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command as it is listed: its name and its line."""
        return TyperCommand(cmd_name) if cmd_name in FORMER_COMMANDS else super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return a command as it is called: with its options and all else."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, listed and load_command(str(name)), rest

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        """Run a command, and leave with its exit code."""
        words = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(words, *rest, **extra | {"standalone_mode": False})
        except Exception as error:
            if "--debug" in words:
                raise
            code = report(error)
        if code == INTERRUPTED:
            tell("interrupted")
        sys.exit(code)


def load_command(name: str) -> Any:
    """Import a command, or a group of commands, from its module."""
    module = FORMER_COMMANDS[name] if name in FORMER_COMMANDS else COMMANDS[name][0]
    return typer.main.get_group(import_module(module).commands).commands[name]


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={
        "help_option_names": ["--help", "-h"],
        "token_normalize_func": lambda word: word.replace("_", "-"),
    },
)


def main() -> None:
    """Run the command line."""
    app()


def _show_version(asked: bool) -> None:
    if asked:
        show(f"digits {pipeline.__version__}")
        raise typer.Exit


@app.callback()
def digits(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """From raw MNIST to an evaluated neural network, in five stages."""
