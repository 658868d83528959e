"""The command of a stage: its options are the parameters of the stage's constructor.

They are made when they are first asked for, so that listing all commands imports no stage. An option takes a text that
is read as YAML, exactly as in ``params.yaml``, and so one check serves both.
"""

import inspect
import json
from functools import cached_property
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from pipeline.parameters import Parameter, ParameterError, parameters_of, read_value

# Where each stage lives, and its line in the help; in the order of the work.
STAGES = {
    "fetch": ("pipeline.stages.fetch:Fetch", "Get the four official files of a data set, verified, into raw/."),
    "preprocess": ("pipeline.stages.preprocess:Preprocess", "Turn pixels and labels into arrays, into prepared/."),
    "split": ("pipeline.stages.split:Split", "Draw the rows for training and validation, into split/."),
    "train": ("pipeline.stages.train:Train", "Train the network, into model/."),
    "evaluate": ("pipeline.stages.evaluate:Evaluate", "Measure the model and draw pictures, into evaluation/."),
}


def stage_class(name: str) -> type[Any]:
    """Import the class of a stage."""
    module, attribute = STAGES[name][0].split(":")
    return getattr(import_module(module), attribute)


class StageCommand(TyperCommand):
    """The command named after a stage, with an option for each parameter of the stage's constructor.

    What was given for them is handed to the command's function as ``context.obj``: a dict of checked arguments.
    """

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters of the constructor, by name."""
        return parameters_of(stage_class(str(self.name)))

    @cached_property
    def options(self) -> list[Any]:
        """An option for each of them; made once, since typer tells options apart by identity."""
        return make_options(self.parameters, panel=f"Parameters of {self.name}")

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options of the command: those of its stage, then those that all stages have."""
        return [*self.options, *super().get_params(ctx)]

    def invoke(self, ctx: Any) -> Any:
        """Check the values that were given for the stage's options, and run the command."""
        texts = {name: ctx.params.pop(name) for name in self.parameters}
        ctx.obj = {name: self._read(name, text, ctx) for name, text in texts.items() if text is not None}
        return super().invoke(ctx)

    def _read(self, name: str, text: str, ctx: Any) -> Any:
        try:
            return self.parameters[name].read(read_value(text))
        except ParameterError as error:
            raise typer.BadParameter(str(error), ctx, param_hint="--" + name.replace("_", "-")) from None


def make_options(parameters: dict[str, Parameter], panel: str) -> list[Any]:
    """Make an option for each parameter, by letting typer read a signature that has them all."""

    def command(**_: str | None) -> None: ...

    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # inspect allows it, mypy does not know
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_annotation(one, panel))
            for name, one in parameters.items()
        ]
    )
    factory = typer.Typer(add_completion=False)
    factory.command()(command)
    return list(typer.main.get_command(factory).params)


def _annotation(parameter: Parameter, panel: str) -> Any:
    """Return the type of an option, as typer wants to read it."""
    option = typer.Option(help=_words(parameter), metavar="YAML", show_default=False, rich_help_panel=panel)
    return Annotated[str | None, option]


def _words(parameter: Parameter) -> str:
    """Return a parameter's sentence, what it takes, and its default, safe from being read as markup."""
    words = f"{parameter.help} Takes {parameter.allowed}; default {_yaml(parameter.default)}."
    return words.replace("``", "").replace("[", r"\[").strip()


def _yaml(value: Any) -> str:
    """Return a default as it would be written in ``params.yaml``."""
    return value if isinstance(value, str) else json.dumps(value, default=repr)
