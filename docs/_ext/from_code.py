"""Directives that take text from the code: ``command-line``, every command's help, ``source``, an object's code.

What they show is as new as the build, and does not depend on the file that an object lives in.
"""

import inspect
from collections.abc import Iterator
from importlib import import_module
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from typer.main import get_command


class CommandLine(SphinxDirective):
    """A section for each command, with a table of its options, from what ``--help`` prints."""

    def run(self) -> list[nodes.Node]:
        """Return the sections, for the page to go on with."""
        from pipeline.cli.app import app  # noqa: PLC0415 - the pages without it need no command line

        found: list[nodes.Node] = []
        for name, command, context in commands(get_command(app)):
            section = nodes.section(ids=[nodes.make_id(f"command-{name}")], names=[name])
            section += nodes.title(name, "", nodes.literal(name, name))
            section += self.parse_text_to_nodes(f"{plain(command.help or '')}\n")
            if options := [one for one in command.get_params(context) if is_shown(one)]:
                section += definitions(options)
            found.append(section)
        return found


def commands(group: Any, before: str = "", parent: Any = None) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, command and context of all commands of a group, those of groups inside it as well."""
    context = group.make_context(before or "digits", [], parent=parent, resilient_parsing=True)
    for name in group.list_commands(context):
        _, command, _ = group.resolve_command(context, [name])  # as it is called: a listed one has no options
        full = f"{before} {name}".strip()
        if getattr(command, "hidden", False):
            continue
        yield full, command, command.make_context(full, [], parent=context, resilient_parsing=True)
        if hasattr(command, "list_commands"):
            yield from commands(command, full, context)


def is_shown(parameter: Any) -> bool:
    """Tell whether a person should read of a parameter."""
    return not getattr(parameter, "hidden", False) and parameter.name != "help"


def definitions(parameters: list[Any]) -> nodes.definition_list:
    """Return a list of options, each with its sentence."""
    made = nodes.definition_list(classes=["command"])
    for one in parameters:
        words = " / ".join([*one.opts, *one.secondary_opts]) if one.param_type_name == "option" else ""
        metavar = "" if getattr(one, "is_flag", False) else one.metavar or one.name.upper()
        text = f"{words} {metavar}".strip()
        sentence = plain(getattr(one, "help", None) or "")
        item = nodes.definition_list_item()
        item += nodes.term(text, "", nodes.literal(text, text))
        item += nodes.definition("", nodes.paragraph(sentence, sentence))
        made += item
    return made


def plain(text: str) -> str:
    """Return help without the marks that rich reads."""
    return inspect.cleandoc(text).replace("\\[", "[")


class Source(SphinxDirective):
    """The code of a class, a function or a method, by its public name."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        """Return the code without the docstring, which the reference has."""
        module, _, name = self.arguments[0].rpartition(":")
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
        code = inspect.getsource(found)
        return [nodes.literal_block(code, inspect.cleandoc(f"\n{code}"), language="python")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx of the directives."""
    app.add_directive("command-line", CommandLine)
    app.add_directive("source", Source)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
