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
from functools import wraps
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from pipeline.text import VALUE, shorten, shown, shown_value

_Class = TypeVar("_Class", bound=type)


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
            raise ParameterError(f"{self.name} must be {self.allowed}; got {shown_value(value)}{self._meant(value)}")

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


def check_arguments(function: Callable[..., Any], **values: Any) -> None:
    """Check arguments of a function against its signature, by their names.

    Examples
    --------
    >>> def draw(n: Annotated[int, ">= 1"]) -> None: ...
    >>> check_arguments(draw, n=True)
    Traceback (most recent call last):
    pipeline.parameters.ParameterError: n must be an integer >= 1; got True

    Raises
    ------
    ParameterError
        For the first with a value that is not allowed.
    """
    hints = get_type_hints(function, include_extras=True)
    for name, value in values.items():
        Parameter(name, hints[name], None, "").check(value)


def parameter_values(constructor: type, instance: Any) -> dict[str, Any]:
    """Return the values that an object has of the parameters of a constructor, its own or that of a base, by name."""
    return {name: getattr(instance, name) for name in parameters_of(constructor)}


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

    Warns
    -----
    FutureWarning
        For a name that a parameter had before.
    """
    known = parameters_of(constructor)
    values = current_parameters(constructor, values, where)
    for name in values:
        if name not in known:
            raise ParameterError(f"{where}: {no_such('parameter', name, known)}")
    try:
        return {name: known[name].read(value) for name, value in values.items()}
    except ParameterError as error:
        raise ParameterError(f"{where}: {error}") from None


def current_parameters(
    constructor: type, values: Mapping[str, Any], where: str, *, quiet: bool = False
) -> dict[str, Any]:
    """Return plain values by the present names of a constructor's parameters, where some stand under names of before.

    Parameters
    ----------
    constructor : type
        The class whose parameters they are; ``renamed_parameters`` has marked it where some were renamed.
    values : mapping
        As YAML gives them, by name. ``augmentation__elastic`` is one of the object that is a parameter.
    where : str
        What to call their home.
    quiet : bool, default=False
        Whether old names bring no warning, as in a record that is not to be changed.

    Raises
    ------
    ParameterError
        Where a value stands under both names.

    Warns
    -----
    FutureWarning
        For each old name.
    """
    known, current = parameters_of(constructor), dict[str, Any]()
    for path, value in values.items():
        old, deeper, rest = path.partition("__") if isinstance(path, str) else (path, "", "")
        name = _present_name(constructor, old)
        if name != old and not quiet:
            _warn_of_old_name(where, old, name, stacklevel=3)
        classes = _classes(known[name].annotation) if name in known else []
        new = f"{name}__{_present_path(classes, rest)}" if deeper else name
        if new in current or (new != path and new in values):
            raise ParameterError(f"{where}: {new} is given twice, by its old name {path} as well")
        told = name if isinstance(name, str) else shown_value(name)
        current[new] = _current_value(classes, value, f"{where}: {told}", quiet=quiet)
    return current


def renamed_parameters(**new_names: str) -> Callable[[_Class], _Class]:
    """Return a class decorator under which old names of parameters work as the new ones, with a ``FutureWarning``.

    The constructor and ``set_params`` take an old name as a keyword, an attribute can be read by it, and so can
    ``params.yaml``. It is for classes that must not import the network, which has one like it for its own.

    Parameters
    ----------
    **new_names : str
        The new name of each parameter by its old one.

    Examples
    --------
    >>> @renamed_parameters(deslant="deskew")
    ... class Scan:
    ...     def __init__(self, deskew: bool = False) -> None:
    ...         self.deskew = deskew
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", FutureWarning)
    ...     Scan(deslant=True).deskew, read_parameters(Scan, {"deslant": True}, "params.yaml: scan")
    (True, {'deskew': True})
    """

    def decorate(owner: _Class) -> _Class:
        owner._renamed = new_names  # type: ignore[attr-defined]  # noqa: SLF001 - its own mark
        for method in ("__init__", "set_params"):
            if hasattr(owner, method):
                setattr(owner, method, _taking_old_names(getattr(owner, method)))
        for old, new in new_names.items():
            setattr(owner, old, _old_attribute(old, new))
        return owner

    return decorate


def _taking_old_names(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that takes keywords by their old names as well."""

    @wraps(method)
    def taking(self: Any, *arguments: Any, **keywords: Any) -> Any:
        for old in keywords.keys() & self._renamed.keys():
            new = self._renamed[old]
            if new in keywords:
                raise ParameterError(f"{type(self).__name__}: {new} is given twice, by its old name {old} as well")
            _warn_of_old_name(type(self).__name__, old, new, stacklevel=3)
            keywords[new] = keywords.pop(old)
        return method(self, *arguments, **keywords)

    return taking


def _old_attribute(old: str, new: str) -> property:
    """Return what reads an attribute that has another name now."""

    def read(self: Any) -> Any:
        _warn_of_old_name(type(self).__name__, old, new, stacklevel=3)
        return getattr(self, new)

    return property(read, doc=f"The old name of ``{new}``.")


def _present_name(constructor: type, name: str) -> str:
    """Return what a parameter of a class is called now."""
    renamed: Mapping[str, str] = getattr(constructor, "_renamed", {})
    return renamed.get(name, name)


def _present_path(classes: Iterable[type], path: str) -> str:
    """Return what a parameter of an object is called now, which is of one of these classes."""
    name, deeper, rest = path.partition("__")
    return next((new for one in classes if (new := _present_name(one, name)) != name), name) + deeper + rest


def _current_value(classes: Iterable[type], value: Any, where: str, *, quiet: bool) -> Any:
    """Return what a parameter is, with present names in the mappings that make objects."""
    if isinstance(value, list):
        return [_current_value(classes, item, where, quiet=quiet) for item in value]
    maker = next((one for one in classes if isinstance(value, Mapping) and _is_named(value, one)), None)
    return value if maker is None else current_parameters(maker, value, where, quiet=quiet)


def _is_named(value: Mapping[str, Any], one: type) -> bool:
    """Tell whether a mapping makes an object of this class."""
    return value.get("name") == snake_case(one.__name__)


def _warn_of_old_name(where: str, old: str, new: str, stacklevel: int) -> None:
    """Warn that a name has changed."""
    warnings.warn(
        f"{where}: {old} is called {new} now; the old name will go in the next release", FutureWarning, stacklevel
    )


def closest(word: object, known: Iterable[str]) -> str | None:
    """Return the one of some words that a misspelt one is near to, if there is one; case and dashes do not count.

    Examples
    --------
    >>> closest("Drop-uot", ["dropout", "noise"])
    'dropout'
    """
    text = word if isinstance(word, str) else shown_value(word)  # which can show a number of any length
    if len(text) > VALUE:
        return None
    plain = {re.sub(r"[-_ ]", "", one.lower()): one for one in known}
    near = difflib.get_close_matches(re.sub(r"[-_ ]", "", text.lower()), list(plain), 1)
    return plain[near[0]] if near else None


_NAMES = 150
"""Characters of a line for the names that there are."""


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
    there = shown(", ".join(map(str, known)), _NAMES) or "none"
    return f"there is no {kind} {shown_value(name)}{where}; there are {there}{hint}"


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
    """Return the reader's words on one line, as far as it fits."""
    return shorten(" ".join(str(words).split()), 120)


def _name(text: str | Path) -> str:
    """Return what to call a text, or a file, in an error."""
    return str(text) if isinstance(text, Path) else shown_value(text)


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
_BOUNDS = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt, "!=": operator.ne}


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
    given = value.get("name")
    maker = makers.get(given) if isinstance(given, str) else None
    if maker is None:
        known = f"one of {', '.join(makers)}" if makers else "no mapping"
        near = closest(given, makers)
        hint = f"; did you mean {near}?" if near else ""
        raise ParameterError(f"{name} takes {known}; got {shown_value(dict(value))}{hint}")
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
