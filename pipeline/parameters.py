"""What a constructor's signature says of its parameters: names, types, choices, ranges and defaults.

The signature is the one home of a parameter. From it come the check that ``fit`` makes, the options of the command
line and the check of ``params.yaml``; the sentence that helps a person is the first of its entry in the docstring.
"""

import difflib
import inspect
import math
import operator
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pipeline.text import ROOM, shorten, shown


class ParameterError(ValueError, TypeError):
    """A parameter has a name or a value that it must not have; the message says which, and what is allowed."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a constructor.

    Attributes
    ----------
    name : str
        As it stands in the signature.
    annotation : type form
        Its type; ``Literal`` holds choices, ``Annotated`` the bounds of a range, ``Annotated[float, "> 0", "<= 1"]``.
    default : object
        Its default value.
    help : str
        One sentence for a person.
    """

    name: str
    annotation: Any
    default: Any
    help: str

    @property
    def allowed(self) -> str:
        """What may be given, in words.

        Examples
        --------
        >>> Parameter("tol", Annotated[float, ">= 0"], 1e-4, "").allowed
        'a number >= 0'
        """
        return describe(self.annotation)

    def check(self, value: Any) -> None:
        """Raise unless ``value`` is allowed.

        Raises
        ------
        ParameterError
            Naming the parameter, what is allowed and what was given.
        """
        if not allows(self.annotation, value):
            raise ParameterError(f"{self.name} must be {self.allowed}; got {shown(value)}{self._meant(value)}")

    def _meant(self, value: Any) -> str:
        """Return the choice that a misspelt word is near to, as a question."""
        near = closest(value, choices(self.annotation)) if isinstance(value, str) else None
        return "" if near is None else f"; did you mean {near!r}?"

    def read(self, value: Any) -> Any:
        """Turn a value as YAML gives it (lists, mappings) into what the constructor takes, and check it.

        Raises
        ------
        ParameterError
            Where it is not allowed.
        """
        made = _make(self.name, self.annotation, value)
        self.check(made)
        return made


def parameters_of(constructor: type[Any]) -> dict[str, Parameter]:
    """Return the parameters of a class's constructor, in order.

    Examples
    --------
    >>> class Step:
    ...     '''Fall by a factor.
    ...
    ...     Parameters
    ...     ----------
    ...     factor : float, default=0.1
    ...         What the rate is multiplied by. Small is fast.
    ...     '''
    ...
    ...     def __init__(self, factor: Annotated[float, "> 0", "<= 1"] = 0.1) -> None: ...
    >>> parameters_of(Step)["factor"].help
    'What the rate is multiplied by.'
    >>> parameters_of(Step)["factor"].allowed
    'a number > 0 and <= 1'
    """
    if constructor not in _KNOWN:
        _KNOWN[constructor] = _read_signature(constructor)
    return dict(_KNOWN[constructor])


_KNOWN: dict[Any, dict[str, Parameter]] = {}
"""The signatures read so far: reading one takes milliseconds, and every fit asks."""


def _read_signature(constructor: type[Any]) -> dict[str, Parameter]:
    """Read a constructor's signature and docstring."""
    initialiser = constructor.__init__
    hints = get_type_hints(initialiser, include_extras=True)
    sentences = _first_sentences(_docstring_home(constructor))
    _, *own = inspect.signature(initialiser).parameters.values()
    named = [p for p in own if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return {p.name: Parameter(p.name, hints.get(p.name, Any), p.default, sentences.get(p.name, "")) for p in named}


def check_parameters(instance: Any) -> None:
    """Check every parameter of an object against its constructor's signature.

    Raises
    ------
    ParameterError
        For the first parameter with a value that is not allowed.
    """
    for parameter in parameters_of(type(instance)).values():
        parameter.check(getattr(instance, parameter.name))


def read_parameters(constructor: type, values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Read and check plain values for a constructor.

    Parameters
    ----------
    constructor : type
        The class whose parameters they are.
    values : mapping
        As YAML gives them, by name.
    where : str
        What to call their home in an error, ``"params.yaml: train"``.

    Returns
    -------
    dict
        Ready to be handed to the constructor.

    Raises
    ------
    ParameterError
        For an unknown name or a value that is not allowed.
    """
    known = parameters_of(constructor)
    for name in values:
        if name not in known:
            raise ParameterError(f"{where}: {no_such('parameter', name, known)}")
    try:
        return {name: known[name].read(value) for name, value in values.items()}
    except ParameterError as error:
        raise ParameterError(f"{where}: {error}") from None


def closest(word: object, known: Iterable[str]) -> str | None:
    """Return the one of some words that a misspelt one is near to, if there is one; case and dashes do not count.

    Examples
    --------
    >>> closest("Drop-uot", ["dropout", "noise"])
    'dropout'
    """
    if len(str(word)) > ROOM:
        return None
    plain = {re.sub(r"[-_ ]", "", one.lower()): one for one in known}
    near = difflib.get_close_matches(re.sub(r"[-_ ]", "", str(word).lower()), list(plain), 1)
    return plain[near[0]] if near else None


def no_such(kind: str, name: object, known: Iterable[str], *, meant: str | None = None, where: str = "") -> str:
    """Say that there is no such thing, which one may have been meant, and which there are.

    Parameters
    ----------
    kind : str
        What is looked for: ``"parameter"``.
    name : object
        The name that was given.
    known : iterable of str
        The names that there are.
    meant : str, optional
        What was meant, where that is known; by default the nearest name.
    where : str, default=""
        Words on where it was looked for, ``" in recipes"``.

    Examples
    --------
    >>> no_such("section", "trian", ["split", "train"])
    "there is no section 'trian'; there are split, train; did you mean train?"
    >>> no_such("section", "colour", ["split", "train"])
    "there is no section 'colour'; there are split, train"
    """
    known = list(known)
    meant = meant or closest(name, known)
    hint = "" if meant is None else f"; did you mean {meant}?"
    return f"there is no {kind} {shown(name)}{where}; there are {', '.join(known) or 'none'}{hint}"


def read_value(text: str) -> Any:
    """Read a value of a command line as YAML, where ``{a:1}`` is a mapping with or without a space after the colon.

    Raises
    ------
    ParameterError
        Where it is no YAML.

    Examples
    --------
    >>> read_value("{0:2, name:'a:b'}")
    {0: 2, 'name': 'a:b'}
    """
    quoted_or_colon = r"""("[^"]*"|'[^']*')|:(?=\S)"""
    spaced = re.sub(quoted_or_colon, lambda match: match[1] or ": ", text) if "{" in text else text
    return read_yaml(spaced)


def read_yaml(text: str | Path) -> Any:
    """Read YAML 1.2: a text, or the file at a path. Numbers such as ``1e-05`` are numbers.

    Raises
    ------
    ParameterError
        Where it is no YAML, says a key twice, or the file is not there; where it is larger, deeper or has more values
        than parameters need; see ``yaml_bounds``.

    Examples
    --------
    >>> read_yaml("[1e-05, on, auto, [64, 32]]")
    [1e-05, 'on', 'auto', [64, 32]]
    """
    from ruamel.yaml import YAML  # noqa: PLC0415 - for start-up time: help and completion read no YAML
    from ruamel.yaml.error import MarkedYAMLError  # noqa: PLC0415 - the same

    from pipeline.yaml_bounds import BoundsError, check_bounds  # noqa: PLC0415 - the same

    try:
        content = text if isinstance(text, str) else _read_bounded(text)
        check_bounds(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an anchor may stand twice
            return YAML(typ="safe", pure=True).load(content)
    except BoundsError as error:
        raise ParameterError(f"{_name(text)} {error}") from None
    except MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ParameterError(f"{_name(text)} is not YAML: {_one_line(error.problem)}{line}") from None
    except OSError as error:
        reason = "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        raise ParameterError(f"{text} {reason}") from None
    except Exception as error:  # noqa: BLE001 - the reader stumbles over much: `!!bool x`, 2020-13-45, bytes of no text
        words = _one_line(error) if isinstance(error, ValueError) else "a value is not what its tag says"
        raise ParameterError(f"{_name(text)} is not YAML: {words}") from None


def _read_bounded(path: Path) -> bytes:
    """Return what a file holds; of an endless one no more than it takes to see that it is too large."""
    from pipeline.yaml_bounds import LARGEST  # noqa: PLC0415 - for start-up time

    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def _one_line(words: object) -> str:
    """Return the reader's words on one line, as far as there is room."""
    return shorten(" ".join(str(words).split()), 120)


def _name(text: str | Path) -> str:
    """Return what to call a text, or a file, in an error."""
    return str(text) if isinstance(text, Path) else shown(text)


def allows(annotation: Any, value: Any) -> bool:
    """Tell whether a value is of a type, within its choices and its range."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return allows(arguments[0], value) and all(_holds(bound, value) for bound in arguments[1:])
    if origin in (Union, UnionType):
        return any(allows(one, value) for one in arguments)
    if origin is Literal:
        return isinstance(value, str) and value in arguments
    if origin is tuple:
        return _is_sequence(value) and all(allows(arguments[0], item) for item in value)
    if origin is dict:
        return isinstance(value, Mapping) and all(
            allows(arguments[0], key) and allows(arguments[1], item) for key, item in value.items()
        )
    if annotation in _KINDS:
        return _KINDS[annotation](value)
    return isinstance(value, origin or annotation)


def describe(annotation: Any) -> str:
    """Say in words what a type allows.

    Examples
    --------
    >>> describe(Literal["auto", "full"] | Annotated[int, ">= 1"])
    "'auto', 'full' or an integer >= 1"
    >>> describe(tuple[Annotated[int, ">= 1"], ...])
    'a list of integers >= 1'
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return f"{describe(arguments[0])} {' and '.join(arguments[1:])}"
    if origin in (Union, UnionType, Literal):
        words = _alternatives(annotation)
        return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    if origin is tuple:
        return f"a list of {_plural(describe(arguments[0]))}"
    if origin is dict:
        return f"a mapping to {_plural(describe(arguments[1]))}"
    if annotation in (None, NoneType):
        return "null"
    return _NOUNS.get(annotation) or _describe_class(annotation)


_NOUNS = {bool: "true or false", int: "an integer", float: "a number", str: "a word", Any: "anything"}
_BOUNDS = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}


def _plural(words: str) -> str:
    """Turn ``a number >= 0`` into ``numbers >= 0``."""
    return re.sub(r"^an? (\w+)", r"\1s", words)


def _describe_class(annotation: Any) -> str:
    """Say a class's name, and which of its kinds a mapping of ``params.yaml`` may name."""
    name = getattr(annotation, "__name__", str(annotation))
    kinds = [snake_case(one.__name__) for one in _classes(annotation)]
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}" + (f" ({', '.join(kinds)})" if kinds else "")


def _alternatives(annotation: Any) -> list[str]:
    """Return the words for each of the things that a union or a choice allows."""
    if get_origin(annotation) in (Union, UnionType):
        return [word for one in get_args(annotation) for word in _alternatives(one)]
    if get_origin(annotation) is Literal:
        return [repr(choice) for choice in get_args(annotation)]
    return [describe(annotation)]


def choices(annotation: Any) -> list[str]:
    """Return the words that a type has to choose from, however deep, each once.

    Examples
    --------
    >>> choices(Literal["auto", "full"] | Annotated[int, ">= 1"])
    ['auto', 'full']
    """
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return list(dict.fromkeys(word for part in get_args(annotation) for word in choices(part)))


def _holds(bound: str, value: Any) -> bool:
    """Tell whether a value keeps within one bound, ``">= 0"``."""
    sign, limit = bound.split()
    return bool(_BOUNDS[sign](value, float(limit)))


def _is_bool(value: Any) -> bool:
    """Tell whether a value is true or false, Python's or NumPy's (which is neither a bool nor a number)."""
    return isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", "") == "b"


def _is_number(value: Any) -> bool:
    """Tell whether a value is a real number that a float can hold, infinity among them."""
    try:
        return isinstance(value, Real) and not _is_bool(value) and not math.isnan(value)
    except OverflowError:
        return False


def _is_integer(value: Any) -> bool:
    """Tell whether a value is an integer that NumPy can hold."""
    return isinstance(value, Integral) and not _is_bool(value) and -(2**63) <= int(value) < 2**63


def _is_sequence(value: Any) -> bool:
    """Tell whether a value is a list, a tuple or a one-dimensional array: something with an order, and no text."""
    return getattr(value, "ndim", 0) == 1 or (isinstance(value, Sequence) and not isinstance(value, str | bytes))


_KINDS: dict[Any, Callable[[Any], bool]] = {
    Any: lambda _: True,
    None: lambda value: value is None,
    NoneType: lambda value: value is None,
    bool: _is_bool,
    int: _is_integer,
    float: _is_number,
}


def _make(name: str, annotation: Any, value: Any) -> Any:
    """Turn YAML's lists into tuples, and a mapping with a ``name`` into the object of that name."""
    if isinstance(value, list):
        return tuple(_make(name, annotation, item) for item in value)
    if not isinstance(value, Mapping) or allows(annotation, value):
        return value
    makers = {snake_case(one.__name__): one for one in _classes(annotation)}
    maker = makers.get(str(value.get("name")))
    if maker is None:
        known = f"one of {', '.join(makers)}" if makers else "no mapping"
        near = closest(value.get("name"), makers)
        hint = f"; did you mean {near}?" if near else ""
        raise ParameterError(f"{name} takes {known}; got {shown(dict(value))}{hint}")
    rest = {key: item for key, item in value.items() if key != "name"}
    return maker(**read_parameters(maker, rest, where=f"{name}: {value['name']}"))


def _classes(annotation: Any) -> list[type[Any]]:
    """Return the classes of our own that a type names, however deep, with their subclasses."""
    if isinstance(annotation, type) and not get_args(annotation):
        children: list[type[Any]] = annotation.__subclasses__()
        kinds = [annotation, *(kind for child in children for kind in _classes(child))]
        return [kind for kind in kinds if hasattr(kind, "get_params") and not inspect.isabstract(kind)]
    return [one for part in get_args(annotation) for one in _classes(part)]


def snake_case(name: str) -> str:
    """Turn a class's name into a word of ``params.yaml``.

    Examples
    --------
    >>> snake_case("OneCycle")
    'one_cycle'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _docstring_home(constructor: type) -> str:
    """Return the docstring of the class that defines the constructor."""
    home = next(one for one in constructor.__mro__ if "__init__" in vars(one))
    return inspect.cleandoc(home.__doc__ or "")


def _first_sentences(docstring: str) -> dict[str, str]:
    """Read the first sentence of every parameter from a numpydoc docstring."""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}$|\Z)", docstring, re.MULTILINE | re.DOTALL)
    if section is None:
        return {}
    entries = re.findall(r"^(\w[\w, ]*?) :[^\n]*\n((?:[ \t]+\S[^\n]*\n?|\n)+)", section[1] + "\n", re.MULTILINE)
    return {
        name: re.split(r"(?<=\.)(?<!e\.g\.)(?<!i\.e\.)\s", " ".join(text.split()), maxsplit=1)[0]
        for names, text in entries
        for name in names.split(", ")
    }
