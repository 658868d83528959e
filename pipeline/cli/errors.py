"""What went wrong, for a person in one line, and for a shell as an exit code."""

import typer

from pipeline.cli.stage_command import STAGES, stage_class
from pipeline.cli.terminal import tell
from pipeline.parameters import ParameterError, closest, parameters_of
from pipeline.program import explain_missing


def report(error: Exception) -> int:
    """Say in one line what went wrong, and return the exit code."""
    message = _explain_usage(error) if isinstance(error, typer.TyperException) else _explain(error)
    if message:  # `digits` alone has shown the help already
        tell(f"error: {message}")
    return 2 if isinstance(error, ParameterError) else getattr(error, "exit_code", 1)


def _explain_usage(error: typer.TyperException) -> str:
    """Return what was wrong in how a command was typed, and what may have been meant."""
    option, context = getattr(error, "option_name", ""), getattr(error, "ctx", None)
    if not option or not hasattr(error, "possibilities"):
        return error.format_message()
    message = f"No such option: {option}"
    name = option.lstrip("-").replace("-", "_")
    options = {word for one in context.command.get_params(context) for word in one.opts} if context else set()
    if "--set" in options:
        homes = [stage for stage in STAGES if name in parameters_of(stage_class(stage))]
        if homes:
            return f"{message}; did you mean --set {homes[-1]}.{name}=VALUE?"
    near = closest(option, options)
    return f"{message}; did you mean {near}?" if near else message


def _explain(error: Exception) -> str:
    """Return an error's message; with its kind, where the message alone would be a riddle."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return explain_missing(error)
    ours = type(error).__module__.startswith("pipeline.")
    speaks = ours or isinstance(error, ValueError | OSError | ImportError)
    return str(error) if speaks and str(error) else f"{type(error).__name__}: {error}".removesuffix(": ")
