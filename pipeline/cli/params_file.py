"""What the stages are told: ``params.yaml``, and the overrides of a command line laid over it.

A document is what YAML gives: a mapping of sections, one for each stage. What it hands on are checked
arguments for the stages' constructors; of the file itself, values may be changed and nothing else.
"""

import io
import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from pipeline.files import check_replaceable, replace_file
from pipeline.parameters import (
    ParameterError,
    closest,
    current_parameters,
    no_such,
    parameters_of,
    read_parameters,
    read_value,
    read_yaml,
)
from pipeline.text import VALUE, shorten, shown_value

PARAMS = Path("params.yaml")
RECIPES = Path("recipes")
SEARCH = "search"
"""The section that configures no stage: what varies in a search."""


def shipped(path: Path) -> Path:
    """Return where a file or a folder is that comes with the program, ``PARAMS`` or ``RECIPES``.

    It lies inside an installed package, and in a clone of the repository beside the package: each stands there once.

    Examples
    --------
    >>> shipped(PARAMS).name
    'params.yaml'
    """
    package = Path(__file__).parents[1]
    inside = package / "shipped"
    return (inside if inside.is_dir() else package.parent) / path


def read_document(path: Path | None) -> dict[str, Any]:
    """Read the sections of a file of parameters.

    Parameters
    ----------
    path : Path or None
        The file; None takes ``params.yaml`` of the current folder, or where there is none the one that is shipped.

    Returns
    -------
    dict
        The sections by name, as YAML gives them.

    Raises
    ------
    ParameterError
        Where a named file is missing, is no YAML, or holds something other than sections.
    """
    if path is None:
        path = PARAMS if PARAMS.exists() else shipped(PARAMS)
    document = read_yaml(path)
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ParameterError(f"{path} must hold sections of parameters; got {shown_value(document)}")
    return document


def check_document(
    document: Mapping[str, Any],
    constructors: Mapping[str, type[Any]],
    where: object = PARAMS,
    sections: Iterable[str] | None = None,
) -> dict[str, dict[str, Any]]:
    """Turn a document into checked arguments for every constructor.

    Parameters
    ----------
    document : mapping
        Sections by name; one that is left out, or empty, leaves all to the defaults.
    constructors : mapping of str to type
        The class that each section configures.
    where : object
        What to call the document in an error.
    sections : iterable of str, optional
        All sections that there may be; those without a constructor are not looked into. By default, those with one.

    Returns
    -------
    dict of dict
        For each constructor, its arguments.

    Raises
    ------
    ParameterError
        For an unknown section, an unknown name in a section, or a value that is not allowed.

    Examples
    --------
    >>> class Wait:
    ...     def __init__(self, seconds: int = 1) -> None: ...
    >>> check_document({"wait": {"seconds": 5}}, {"wait": Wait})
    {'wait': {'seconds': 5}}
    """
    known = list(sections or constructors)
    for section, values in document.items():
        if section not in known:
            raise ParameterError(
                f"{where}: {no_such('section', section, known, meant=_meant(section, known, constructors))}"
            )
        if not isinstance(values, Mapping | None):
            raise ParameterError(f"{where}: {section} must hold names and values; got {shown_value(values)}")
    return {
        section: read_parameters(constructor, document.get(section) or {}, f"{where}: {section}")
        for section, constructor in constructors.items()
    }


def current_document(
    document: Mapping[str, Any], constructors: Mapping[str, type[Any]], where: object = PARAMS
) -> dict[str, Any]:
    """Return a document with the present names of parameters, where some stand under names of before.

    Parameters
    ----------
    document, constructors, where
        As ``check_document`` takes them. Nothing is checked here.

    Warns
    -----
    FutureWarning
        For each old name.
    """
    return {
        section: current_parameters(constructors[section], values, f"{where}: {section}")
        if section in constructors and isinstance(values, Mapping)
        else values
        for section, values in document.items()
    }


def current_override(text: str, constructors: Mapping[str, type[Any]]) -> str:
    """Return an override with the present name of its parameter.

    Examples
    --------
    >>> import warnings
    >>> from pipeline import Preprocess
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", FutureWarning)
    ...     current_override("preprocess.deslant=true", {"preprocess": Preprocess})
    'preprocess.deskew=true'
    """
    parts = _OVERRIDE.fullmatch(text)
    section, _, rest = parts["path"].partition(".") if parts else ("", "", "")
    if parts is None or section not in constructors or not rest:
        return text
    name, dot, deeper = rest.partition(".")
    [new] = current_parameters(constructors[section], {name: None}, "--set")
    return text[: parts.start("path")] + f"{section}.{new}{dot}{deeper}" + text[parts.end("path") :]


def _meant(word: object, sections: Iterable[str], constructors: Mapping[str, type[Any]]) -> str | None:
    """Return what stands where a section should: a section misspelt, or a parameter without its section."""
    paths = {name: f"{section}.{name}" for section, one in constructors.items() for name in parameters_of(one)}
    near = closest(word, [*sections, *paths])
    return None if near is None else paths.get(near, near)


def override(document: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Return a document with one override applied, in the grammar of ``dvc exp run -S``.

    ``key=value`` sets, ``+key=value`` adds what is not there yet, ``++key=value`` does either, ``~key`` or
    ``~key=value`` removes. A key is a path with dots, in which an item of a list goes by its number; before it may
    stand ``params.yaml:``. A value is read as YAML, and so may be quoted in YAML's way alone. DVC is stricter in that
    ``key=value`` cannot name a parameter that has its default.

    Parameters
    ----------
    document : mapping
        Sections by name. It stays as it is.
    text : str
        The override.

    Returns
    -------
    dict
        The new document.

    Raises
    ------
    ParameterError
        Where the text is no override, or the document does not allow it.

    Examples
    --------
    >>> override({"train": {"max_iter": 10}}, "train.max_iter=5")
    {'train': {'max_iter': 5}}
    >>> override({"train": {"max_iter": 10}}, "~train.max_iter")
    {'train': {}}

    Notes
    -----
    The grammar is Hydra's [1]_, less its sweeps, functions and interpolations.

    .. [1] https://hydra.cc/docs/advanced/override_grammar/basic/
    """
    sign, path, value = _parse(text)
    changed = deepcopy(dict(document))
    *parents, key = path.split(".")
    parent = _descend(changed, parents, text)
    if sign == "~":
        _remove(parent, key, value, text)
        return changed
    place, old = _find(parent, key, text)
    if sign == "+" and old is not None and not isinstance(value, dict | list):
        raise ParameterError(f"{shown_value(text)} adds what is there already; {shown_value(text[1:])} sets it")
    parent[place] = _merge(old, value)
    return changed


def with_values(document: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with values set, by dotted names; what is not there yet is added.

    Raises
    ------
    ParameterError
        Where a name leads into what holds no names.

    Examples
    --------
    >>> with_values({"train": {"learning_rate": {"name": "cosine"}}}, {"train.learning_rate.warmup": 2})
    {'train': {'learning_rate': {'name': 'cosine', 'warmup': 2}}}
    """
    changed = deepcopy(dict(document))
    for path, value in values.items():
        _set(changed, path, deepcopy(value))
    return changed


def check_apply(path: Path) -> None:
    """Raise where ``--apply`` could not write into a file of parameters, before any work is done.

    Raises
    ------
    ParameterError
        Where the file is missing.
    UnwritableError
        Where it cannot be written.
    """
    if not path.exists():
        raise ParameterError(f"--apply writes into {path}, which is not there; --params FILE names another")
    check_replaceable(path, "make it writable, or leave out --apply")


def write_values(path: Path, values: Mapping[str, Any]) -> None:
    """Set values in a file of parameters, by dotted names; its comments and all else stay as they are.

    Raises
    ------
    ParameterError
        Where the file is missing or no YAML, or a name leads into what holds no names.
    UnwritableError
        Where it cannot be written.
    """
    from ruamel.yaml import YAML  # noqa: PLC0415 - for start-up time

    read_document(path)  # whose errors are a person's
    yaml = YAML()
    yaml.width, yaml.preserve_quotes = 4096, True
    yaml.representer.add_representer(
        type(None), lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    document = yaml.load(path.read_text("utf-8")) or {}
    for name, value in values.items():
        _set(document, name, _in_one_line(value))
    text = io.StringIO()
    yaml.dump(document, text)
    check_replaceable(path, "make it writable, or set the values by hand")
    replace_file(path, text.getvalue())


def _set(document: Any, path: str, value: Any) -> None:
    """Set a value at a path of names."""
    *parents, key = path.split(".")
    parent = _descend(document, parents, path)
    place, _ = _find(parent, key, path)
    parent[place] = value


def _in_one_line(value: Any) -> Any:
    """Return lists and mappings as ruamel writes them in one line: ``[64, 32]``."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq  # noqa: PLC0415 - for start-up time

    if not isinstance(value, list | dict):
        return value
    made: Any = CommentedSeq(map(_in_one_line, value)) if isinstance(value, list) else CommentedMap()
    if isinstance(value, dict):
        made.update({name: _in_one_line(one) for name, one in value.items()})
    made.fa.set_flow_style()
    return made


_ABSENT = object()
_DEEPEST = 50
_OVERRIDE = re.compile(
    r"(?:(?P<file>[^=:]*):)?(?P<sign>~|\+\+|\+|)(?P<path>\w+(?:\.\w+)*)(?:=(?P<value>.*))?", re.DOTALL
)


def _parse(text: str) -> tuple[str, str, Any]:
    """Take an override apart into sign, path and value."""
    parts = _OVERRIDE.fullmatch(text)
    if parts is None or (parts["value"] is None and parts["sign"] != "~"):
        raise ParameterError(
            f"{shown_value(text)} is no override; one looks like train.max_iter=5, +key=value, ++key=value or ~key"
        )
    if parts["path"].count(".") >= _DEEPEST:
        raise ParameterError(f"{shown_value(text)} names a path of more than {_DEEPEST} levels")
    if parts["path"].count(".") >= _DEEPEST:
        raise ParameterError(f"{shown_value(text)} names a path of more than {_DEEPEST} levels")
    if parts["file"] not in (None, str(PARAMS)):
        raise ParameterError(
            f"{shown_value(text)} names the file {shown_value(parts['file'])}; overrides are for {PARAMS} alone"
        )
    return parts["sign"], parts["path"], _ABSENT if parts["value"] is None else _read_value(parts["value"])


def _read_value(text: str) -> Any:
    """Read a value; several with commas between them are a sweep, which is not for here."""
    if not text.strip():
        return ""
    value = read_value(text)
    if isinstance(value, str) and "," in value and text.strip()[0] not in "'\"":
        raise ParameterError(
            f"{shown_value(text)} is a sweep over several values, which is for `dvc exp run --queue`; quote a text"
        )
    return value


def _descend(document: dict[str, Any], parents: list[str], text: str) -> Any:
    """Return the mapping or the list at a path; a mapping is made on the way where there is nothing."""
    node: Any = document
    for name in parents:
        place, below = _find(node, name, text)
        if below is None:
            node[place] = below = {}
        if not isinstance(below, dict | list):
            raise ParameterError(
                f"{shown_value(text)} looks for a name inside {shorten(name, VALUE)}, which is {shown_value(below)}"
            )
        node = below
    return node


def _find(node: Any, name: str, text: str) -> tuple[Any, Any]:
    """Return the key of a mapping, or the number of an item of a list, and what is there."""
    if isinstance(node, dict):
        return name, node.get(name)
    if not (name.isdecimal() and len(name) < 9 and int(name) < len(node)):  # Python reads no number of 5000 digits
        raise ParameterError(
            f"{shown_value(text)} looks for item {shorten(name, VALUE)} of {shown_value(node)}, where the first is 0"
        )
    return int(name), node[int(name)]


def _remove(parent: Any, key: str, value: Any, text: str) -> None:
    """Take a key away, if it is there and has the value that was told."""
    if isinstance(parent, list):
        raise ParameterError(
            f"{shown_value(text)} removes an item of {shown_value(parent)}; set the whole list instead"
        )
    if key not in parent:
        raise ParameterError(f"{shown_value(text)} removes what is not there")
    if value is not _ABSENT and value != parent[key]:
        raise ParameterError(f"{shown_value(text)} removes what is {shown_value(parent[key])}")
    del parent[key]


def _merge(old: Any, new: Any) -> Any:
    """Lay a new value over an old one: names of a mapping over names, anything else in its place."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    return old | {name: _merge(old.get(name), value) for name, value in new.items()}
