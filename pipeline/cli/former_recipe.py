"""``recipe``, as the group ``recipes`` was called and spelt before: it says what to type now, and does that.

It goes with the next release.
"""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import DebugOption, JsonOption, WaitOption
from pipeline.cli.terminal import tell
from pipeline.parameters import ParameterError
from pipeline.program import command

commands = typer.Typer()


@commands.command("recipe")
def recipe(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME")] = None,
    folder: Annotated[Path | None, typer.Option("--recipes", metavar="FOLDER")] = None,
    keep: Annotated[Path | None, typer.Option("--keep", metavar="FOLDER")] = None,
    only: Annotated[list[str] | None, typer.Option("--only", metavar="TRIAL")] = None,
    readme: Annotated[Path | None, typer.Option("--write-readme", metavar="FILE")] = None,
    *,
    every: Annotated[bool, typer.Option("--all")] = False,
    replace: Annotated[bool, typer.Option("--replace")] = False,
    trials: Annotated[bool, typer.Option("--trials")] = False,
    table: Annotated[bool, typer.Option("--table")] = False,
    compare: Annotated[bool, typer.Option("--compare")] = False,
    wait: WaitOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001 - the group of all commands looks for the word
) -> None:
    """Do what the command ``recipes`` does, under its former name."""
    given = {
        "--recipes": folder,
        "--keep": keep,
        "--only": only,
        "--write-readme": readme,
        "--all": every,
        "--replace": replace,
        "--trials": trials,
        "--table": table,
        "--compare": compare,
        "--wait": wait,
        "--json": as_json,
    }
    now = translate(names or [], {option: value for option, value in given.items() if value})
    told = ", then ".join(command("recipes", *words) for words in now)
    tell(f"warning: {command('recipe')} goes with the next release; what it does here is {told} now")
    if readme:
        from pipeline.recipes.results import check_readme  # noqa: PLC0415 - for start-up time

        check_readme(readme)  # before any work
    from pipeline.cli.recipes import commands as group  # noqa: PLC0415 - the same

    for words in now:
        typer.main.get_group(group).main(["recipes", *words], prog_name=context.command_path, standalone_mode=False)


def translate(names: list[str], given: dict[str, object]) -> list[list[str]]:
    """Return the commands of ``recipes`` that do what a former command did, one after another.

    Parameters
    ----------
    names : list of str
        The recipes that it named.
    given : dict
        The options that it had, with their values.

    Raises
    ------
    ParameterError
        Where options exclude each other.

    Examples
    --------
    >>> translate(["small"], {"--replace": True, "--write-readme": "README.md"})
    [['run', 'small', '--replace'], ['table', '--write', 'README.md']]
    >>> translate(["small"], {"--only": ["wider"], "--recipes": "mine"})
    [['trials', 'small', '--only', 'wider', '--recipes', 'mine']]
    """
    if "--compare" in given:
        if set(given) - {"--compare", "--recipes", "--json"}:
            raise ParameterError("--compare takes the names of two recipes, and no other option but --recipes")
        return [["compare", *names, *_words(given, "--recipes", "--json")]]
    if {"--table", "--json"} <= set(given):
        raise ParameterError("--table prints Markdown, and --json JSON: take one of them")
    tries = bool({"--trials", "--only"} & set(given))
    if tries and "--replace" in given:
        raise ParameterError("--replace is for results of recipes, and cannot stand beside --trials or --only")
    made = []
    if tries:
        made.append(["trials", *names, *_words(given, "--all", "--only", "--keep", "--recipes", "--json")])
    elif names or {"--all", "--replace", "--keep"} & set(given):
        words = _words(given, "--all", "--replace", "--keep", "--wait", "--recipes", "--json")
        made.append(["run", *names, *words])
    if "--table" in given:
        made.append(["table", *_words(given, "--recipes")])
    if "--write-readme" in given:
        made.append(["table", "--write", str(given["--write-readme"]), *_words(given, "--recipes")])
    return made or [["list", *_words(given, "--recipes", "--json")]]


def _words(given: dict[str, object], *options: str) -> list[str]:
    """Return some of the options that were given, as they are typed."""
    words: list[str] = []
    for option in options:
        value = given.get(option)
        if value is True:
            words.append(option)
        elif value:
            words += [word for one in (value if isinstance(value, list) else [value]) for word in (option, str(one))]
    return words
