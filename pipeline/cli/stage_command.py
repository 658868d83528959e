"""The command of a stage: its options are the parameters of the stage's constructor.

They are made when they are first asked for, so that listing all commands imports no stage. An option takes a text that
is read as YAML, exactly as in ``params.yaml``, and so one check serves both.
"""

import inspect
import json
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from pipeline.parameters import Parameter, ParameterError, choices, parameters_of, read_value

# Where each stage lives, and its line in the help; in the order of the work.
STAGES = {
    "fetch": ("pipeline.stages.fetch:Fetch", "Get the four official files of a data set, verified, into raw/."),
    "preprocess": ("pipeline.stages.preprocess:Preprocess", "Turn pixels and labels into arrays, into prepared/."),
    "split": ("pipeline.stages.split:Split", "Draw the rows for training and validation, into split/."),
    "train": ("pipeline.stages.train:Train", "Train the network, into model/."),
    "evaluate": ("pipeline.stages.evaluate:Evaluate", "Measure the model and draw pictures, into evaluation/."),
}

# The parameters of train as its help groups them, most asked for first; what is in no group comes last.
GROUPS = {
    "Network": (
        "hidden_layer_sizes",
        "activation",
        "batch_norm",
        "feature_scale",
        "weight_init",
        "bias_init",
        "zero_output",
        "bias",
    ),
    "Training": (
        "solver",
        "max_iter",
        "max_updates",
        "batch_size",
        "learning_rate",
        "learning_rate_init",
        "rate_factors",
        "class_weight",
        "shuffle",
        "replacement",
        "warm_start",
        "random_state",
        "diagnose",
    ),
    "Regularization": (
        "dropout",
        "noise",
        "alpha",
        "weight_decay",
        "max_norm",
        "label_smoothing",
        "averaging",
        "recompute_statistics",
        "augmentation",
        "adversary",
    ),
    "Stopping": ("early_stopping", "validation_fraction", "monitor", "tol", "n_iter_no_change", "best_epoch"),
    "Details of a solver": (
        "momentum",
        "nesterovs_momentum",
        "power_t",
        "beta_1",
        "beta_2",
        "epsilon",
        "rho",
        "max_fun",
    ),
    "Speed and memory": ("n_threads", "engine", "pixel_scale"),
}
TOLD_BY_A_FLAG = ("verbose",)
"""The parameters that are no options, since every command has a flag of that name."""


def stage_class(name: str) -> type[Any]:
    """Import the class of a stage."""
    module, attribute = STAGES[name][0].split(":")
    return getattr(import_module(module), attribute)


class StageCommand(TyperCommand):
    """The command named after a stage, with an option for each parameter of the stage's constructor.

    What was given for them is handed to the command's function as ``context.obj``: a dict of checked arguments, by the
    names that were used.
    """

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters of the constructor that are options, by name."""
        known = parameters_of(stage_class(str(self.name)))
        return {name: one for name, one in known.items() if name not in TOLD_BY_A_FLAG}

    @cached_property
    def old_names(self) -> dict[str, str]:
        """The names that parameters had before, which are options that no help shows, and what they are called now."""
        return dict(getattr(stage_class(str(self.name)), "_renamed", {}))

    @cached_property
    def old_options(self) -> list[Any]:
        """An option for each old name."""
        hidden = {old: replace(self.parameters[new], name=old) for old, new in self.old_names.items()}
        options = make_options(hidden, "")
        for one in options:
            one.hidden = True
        return options

    @cached_property
    def options(self) -> list[Any]:
        """An option for each of them; made once, since typer tells options apart by identity."""
        rest = f"Parameters of {self.name}"
        if self.name != "train":
            return make_options(self.parameters, rest)
        left = dict(self.parameters)
        groups = {panel: {name: left.pop(name) for name in names if name in left} for panel, names in GROUPS.items()}
        return [one for panel, some in [*groups.items(), (rest, left)] for one in make_options(some, panel)]

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options of the command: those of its stage, then those that all stages have."""
        return [*self.options, *self.old_options, *super().get_params(ctx)]

    def invoke(self, ctx: Any) -> Any:
        """Check the values that were given for the stage's options, and run the command."""
        texts = {name: ctx.params.pop(name) for name in [*self.parameters, *self.old_names]}
        ctx.obj = {name: self._read(name, text, ctx) for name, text in texts.items() if text is not None}
        return super().invoke(ctx)

    def _read(self, name: str, text: str, ctx: Any) -> Any:
        try:
            return self.parameters[self.old_names.get(name, name)].read(read_value(text))
        except ParameterError as error:
            raise typer.BadParameter(str(error), ctx, param_hint=_flag(name)) from None


def _flag(name: str) -> str:
    """Return the option of a parameter."""
    return "--" + name.replace("_", "-")


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
    words = choices(parameter.annotation)

    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    option = typer.Option(
        help=_words(parameter), metavar="YAML", show_default=False, rich_help_panel=panel, autocompletion=complete
    )
    return Annotated[str | None, option]


def _words(parameter: Parameter) -> str:
    """Return a parameter's sentence, what it takes, and its default, safe from being read as markup."""
    words = f"{parameter.help} Takes {parameter.allowed}; default {_yaml(parameter.default)}."
    return words.replace("``", "").replace("[", r"\[").strip()


def _yaml(value: Any) -> str:
    """Return a default as it would be written in ``params.yaml``."""
    return value if isinstance(value, str) else json.dumps(value, default=repr)
