"""What a signature says of its parameters: types, choices, ranges, words, and what YAML turns into."""

import inspect
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import numpy as np
import pytest

import pipeline
from pipeline import (
    MLPClassifier,
    TestTimeAugmentation,
    load_model,
    make_ensemble,
    make_tabular,
    training_together,
)
from pipeline.parameters import (
    Parameter,
    ParameterError,
    allows,
    check_arguments,
    check_parameters,
    closest,
    current_parameters,
    describe,
    no_such,
    parameters_of,
    read_parameters,
    read_value,
    read_yaml,
    renamed_parameters,
    snake_case,
)


class Rate:
    """A family of objects that a mapping may name."""

    def get_params(self):
        return vars(self)


class Cosine(Rate):
    """Half a wave.

    Parameters
    ----------
    warmup : int, default=0
        Epochs before it.
    """

    def __init__(self, warmup: Annotated[int, ">= 0"] = 0) -> None:
        self.warmup = warmup


class OneCycle(Rate):
    """Up, then down."""


class Model:
    """Something to configure.

    Parameters
    ----------
    layers : tuple of int, default=(100,)
        Units in each hidden layer, e.g. 64, from input to output. More of it.

        A second paragraph.
    kind, other : {"plain", "fancy"}, default="plain"
        Which one
        it is.
    rate : Rate or float, default=0.1
        How fast.

    Attributes
    ----------
    layers_ : list
        Learned. Not a parameter.
    """

    def __init__(
        self,
        layers: tuple[Annotated[int, ">= 1"], ...] = (100,),
        kind: Literal["plain", "fancy"] = "plain",
        other: int | None = None,
        rate: Rate | Annotated[float, "> 0"] = 0.1,
        *rest: Any,  # noqa: ARG002 - there to be left out
        **more: Any,  # noqa: ARG002 - the same
    ) -> None:
        self.layers, self.kind, self.other, self.rate = layers, kind, other, rate


class Child(Model):
    """Has no constructor of its own."""


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (float, 1),
        (float, 0.5),
        (float, np.float32(1)),
        (int, np.int64(2)),
        (int, 2**63 - 1),
        (int, -(2**63)),
        (bool, True),
        (bool, np.True_),
        (str, "a"),
        (int | None, None),
        (Literal["auto"] | int, "auto"),
        (Literal["auto"] | int, 3),
        (Annotated[float, ">= 0", "< 1"], 0),
        (Annotated[float, ">= 0", "< 1"], 0.999),
        (Annotated[int, "<= 4294967295"], 2**32 - 1),
        (tuple[int, ...], ()),
        (tuple[int, ...], [1, 2]),
        (tuple[int, ...], np.array([1, 2])),
        (list[int], [1]),
        (Mapping[str, int], {"a": 1}),
        (dict[Any, float], {0: 1, "a": 0.5}),
        (Callable[[int], int], len),
        (np.random.Generator, np.random.default_rng(0)),
        (Any, object()),
    ],
)
def test_a_value_of_the_type_within_the_range_is_allowed(annotation, value):
    """Python's and NumPy's values of a type, up to the bounds, pass."""
    assert allows(annotation, value)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (float, True),
        (float, float("nan")),
        (float, "1"),
        (float, None),
        pytest.param(float, 10**400, id="float-of 401 digits"),
        pytest.param(float, Fraction(10**400), id="float-fraction of 401 digits"),
        (int, 2**63),
        (int, -(2**63) - 1),
        pytest.param(int, 10**5000, id="int-of 5001 digits"),
        (int, 2.0),
        (int, True),
        (int, np.True_),
        (bool, 1),
        (bool, "true"),
        (str, 5),
        (int | None, "null"),
        (Literal["auto"] | int, "full"),
        (Literal["auto"], ["auto"]),
        (Annotated[float, ">= 0", "< 1"], 1),
        (Annotated[float, ">= 0", "< 1"], -1e-9),
        (Annotated[float, "> 0"], 0),
        (Annotated[int, "<= 5"], 6),
        (tuple[int, ...], 5),
        (tuple[int, ...], "12"),
        (tuple[int, ...], {1: 2}),
        (tuple[int, ...], {1, 2}),
        (tuple[int, ...], [1, "2"]),
        (tuple[int, ...], np.array(5)),
        (tuple[int, ...], np.ones((2, 2), int)),
        (tuple[Annotated[int, ">= 1"], ...], [0]),
        (Mapping[str, int], [1]),
        (dict[Any, float], {0: "1"}),
        (dict[Any, float], [1]),
        (np.random.Generator, 5),
    ],
)
def test_a_value_of_another_type_or_out_of_range_is_not_allowed(annotation, value):
    """A bool is no number, a number no bool, a text no list, and a bound holds."""
    assert not allows(annotation, value)


def test_a_generator_is_refused_without_being_used_up():
    """Looking at a generator would empty it, and so it is no list."""
    numbers = (number for number in [1, 2])
    assert not allows(tuple[int, ...], numbers)
    assert list(numbers) == [1, 2]


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (float, "a number"),
        (bool, "true or false"),
        (int | None, "an integer or null"),
        (Annotated[float, ">= 0", "< 1"], "a number >= 0 and < 1"),
        (Annotated[float, "> 0"], "a number > 0"),
        (Literal["a", "b", "c"], "'a', 'b' or 'c'"),
        (Literal["auto"] | Annotated[int, ">= 1"] | None, "'auto', an integer >= 1 or null"),
        (tuple[Annotated[int, ">= 1"], ...], "a list of integers >= 1"),
        (tuple[str, ...], "a list of words"),
        (dict[Any, Annotated[float, ">= 0"]], "a mapping to numbers >= 0"),
        (np.random.Generator, "a Generator"),
        (OneCycle, "an OneCycle (one_cycle)"),
    ],
)
def test_a_type_is_described_in_words(annotation, words):
    """What a type allows reads as a person would say it."""
    assert describe(annotation) == words


def test_kinds_that_a_mapping_may_name_are_described():
    """A family's kinds are listed by the words of params.yaml."""
    assert describe(Rate).endswith("cosine, one_cycle)")


def test_parameters_come_in_the_signature_s_order_with_their_sentences():
    """Names and defaults are the signature's, sentences the docstring's, whichever way it groups them."""
    found = parameters_of(Model)
    assert list(found) == ["layers", "kind", "other", "rate"]
    assert found["layers"].default == (100,)
    assert found["layers"].help == "Units in each hidden layer, e.g. 64, from input to output."
    assert found["kind"].help == found["other"].help == "Which one it is."
    assert found["rate"].help == "How fast."


def test_a_child_without_a_constructor_has_its_parent_s_parameters():
    """A stage that inherits its constructor inherits its sentences as well."""
    assert parameters_of(Child) == parameters_of(Model)


def test_a_class_without_a_constructor_has_no_parameters():
    """What Python gives every class is no parameter."""
    assert parameters_of(OneCycle) == {}


def test_a_parameter_without_a_type_takes_anything():
    """Where the signature is silent, so is the check."""

    class Silent:
        def __init__(self, value=None) -> None: ...

    parameters_of(Silent)["value"].check(object())


def test_an_object_is_checked_against_its_constructor():
    """The first value that is not allowed is named, with what was given and what is allowed."""
    check_parameters(Model())
    with pytest.raises(ParameterError, match=r"^kind must be 'plain' or 'fancy'; got 'blue'$"):
        check_parameters(Model(kind="blue"))


def test_an_error_is_a_value_error_and_a_type_error():
    """scikit-learn's checks, and anyone's except clause, find it under either name."""
    assert issubclass(ParameterError, ValueError)
    assert issubclass(ParameterError, TypeError)


def test_lists_become_tuples_and_mappings_objects():
    """What YAML gives becomes what the constructor takes."""
    values = {"layers": [64, 32], "rate": {"name": "cosine", "warmup": 2}}
    read = read_parameters(Model, values, "params.yaml: train")
    assert read["layers"] == (64, 32)
    assert isinstance(read["rate"], Cosine)
    assert read["rate"].warmup == 2


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"layer": [1]}, "here: there is no parameter 'layer'; there are layers, kind, other, rate"),
        ({1: 2}, "here: there is no parameter 1; there are layers, kind, other, rate"),
        ({"layers": [0]}, r"here: layers must be a list of integers >= 1; got (0,)"),
        ({"rate": {"name": "square"}}, "here: rate takes one of "),
        ({"rate": {"warmup": 2}}, "here: rate takes one of "),
        ({"rate": {"name": ["cosine"]}}, "here: rate takes one of "),
        ({"rate": {"name": "cosine", "warmup": -1}}, "here: rate: cosine: warmup must be an integer >= 0; got -1"),
        ({"rate": {"name": "cosine", "warm": 1}}, "here: rate: cosine: there is no parameter 'warm'; there are warmup"),
        ({"kind": {"name": "plain"}}, "here: kind takes no mapping; got {'name': 'plain'}"),
        ({10**5000: 2}, "here: there is no parameter "),  # which Python does not write in decimals
        ({"rate": {"name": 10**5000}}, "here: rate takes one of "),
        ({"rate": {"name": "cosine", 10**5000: 1}}, "here: rate: cosine: there is no parameter "),
    ],
)
def test_wrong_values_are_refused_by_name(values, message):
    """An error says where, which parameter, what was given and what is allowed."""
    with pytest.raises(ParameterError) as caught:
        read_parameters(Model, values, "here")
    assert str(caught.value).startswith(message)


def test_a_mapping_is_handed_on_where_one_is_allowed():
    """Weights by class stay a mapping, and are checked like anything else."""
    weights = Parameter("class_weight", Literal["balanced"] | dict[Any, float] | None, None, "")
    assert weights.read({0: 1.0, 1: 2.5}) == {0: 1.0, 1: 2.5}
    with pytest.raises(ParameterError, match="class_weight"):
        weights.read({0: "heavy"})


def test_read_hands_on_a_value_that_is_fine():
    """A plain value passes through untouched."""
    assert Parameter("tol", float, 0.1, "").read(0.5) == 0.5


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-05", 1e-05),
        ("1e5", 1e5),
        ("on", "on"),
        ("no", "no"),
        ("010", 10),
        ("true", True),
        ("null", None),
        ("", None),
        ("'5'", "5"),
        ("openml:mnist_784", "openml:mnist_784"),
        ("[64, 32]", [64, 32]),
        ("{name: cosine}", {"name": "cosine"}),
    ],
)
def test_yaml_is_version_1_2(text, value):
    """Numbers with exponents are numbers, and only true and false are truths."""
    read = read_yaml(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", 'duplicate key "a"'),
        ("[1,", "is not YAML: .*line 1"),
        ("!!python/object:os.system {}", "constructor for the tag"),
        ("2020-13-45", "is not YAML"),
        ("@x", "is not YAML"),
        ("--- 1\n--- 2", "another document"),
    ],
)
def test_what_is_no_yaml_is_refused_in_one_line(text, message):
    """The reason is told with its line, and nothing of the reader's own advice."""
    with pytest.raises(ParameterError, match=message) as caught:
        read_yaml(text)
    assert "\n" not in str(caught.value)
    assert "http" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.with_suffix(".yml").touch(), "is not there"),
        (lambda path: path.mkdir(), "cannot be read"),
        (lambda path: path.write_bytes(b"a: \xff\xfe\x00"), "is not YAML"),
        (lambda path: path.write_text("a: [", "utf-8"), "is not YAML"),
    ],
    ids=["missing", "folder", "bytes", "broken"],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, make, message):
    """Missing, no file, no text or no YAML: the error begins with the file's path."""
    path = tmp_path / "params.yaml"
    make(path)
    with pytest.raises(ParameterError, match=message) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(("name", "word"), [("Cosine", "cosine"), ("OneCycle", "one_cycle"), ("L2", "l2")])
def test_a_class_s_name_becomes_a_word(name, word):
    """Capitals in the middle become underscores."""
    assert snake_case(name) == word


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{0:2}", {0: 2}),
        ("{0: 2, 9:0.5}", {0: 2, 9: 0.5}),
        ("{name:cosine, warmup:1}", {"name": "cosine", "warmup": 1}),
        ("{'a:b':1}", {"a:b": 1}),
        ("a:b", "a:b"),
        ("[64,32]", [64, 32]),
    ],
)
def test_a_colon_in_a_mapping_needs_no_space(text, value):
    """What a shell hands over may have lost its spaces; a quoted text keeps its colon, and so does a bare one."""
    assert read_value(text) == value


@pytest.mark.parametrize(
    ("word", "near"),
    [("max_itr", "max_iter"), ("MaxIter", "max_iter"), ("max-iter", "max_iter"), ("alhpa", "alpha"), ("colour", None)],
)
def test_a_misspelt_word_has_a_nearest_one(word, near):
    """Case and dashes do not count, and what is like none has none."""
    assert closest(word, ["alpha", "max_iter", "tol"]) == near


def test_a_misspelt_choice_and_a_misspelt_name_bring_a_guess():
    """The message ends with what may have been meant."""
    activation = Parameter("activation", Literal["relu", "tanh"] | tuple[Literal["relu", "tanh"], ...], "relu", "")
    with pytest.raises(ParameterError, match=r"got 'rellu'; did you mean 'relu'\?$"):
        activation.read("rellu")
    with pytest.raises(ParameterError, match=r"got 'sine'$"):
        activation.read("sine")
    assert no_such("key", "a", [], where=" here") == "there is no key 'a' here; there are none"


@pytest.mark.parametrize("kind", ["adversary", "learning_rate", "averaging", "augmentation", "rate_factors"])
def test_every_kind_that_help_offers_can_be_made(kind):
    """No abstract kind is among those that a mapping may name: each is made with its defaults, and is allowed."""
    parameter = parameters_of(MLPClassifier)[kind]
    offered = re.search(r"\((.*?)\)", parameter.allowed)
    names = offered[1].split(", ")
    assert names
    for name in names:
        made = parameter.read({"name": name})
        assert snake_case(type(made).__name__) == name
        check_parameters(made)


@renamed_parameters(sd="std")
class Grain:
    """Noise.

    Parameters
    ----------
    std : float
        How much.
    """

    def __init__(self, std: Annotated[float, ">= 0"] = 1.0) -> None:
        self.std = std

    def get_params(self):
        return vars(self)


@renamed_parameters(grains="grain")
class Film:
    """What has grain.

    Parameters
    ----------
    grain : Grain
        Of it.
    """

    def __init__(self, grain: Grain | tuple[Grain, ...] | None = None, speed: int = 1) -> None:
        self.grain, self.speed = grain, speed


def test_old_names_of_parameters_are_read_however_deep():
    """In a mapping that makes an object, in a list of them, and as a path; the order stays."""
    values = {"grains": {"name": "grain", "sd": 2}, "speed": 3}
    with pytest.warns(FutureWarning) as caught:
        read = read_parameters(Film, values, "here")
    assert [str(warning.message).partition(" now;")[0] for warning in caught] == [
        "here: grains is called grain",
        "here: grain: sd is called std",
    ]
    assert list(read) == ["grain", "speed"]
    assert read["grain"].std == 2
    quiet = partial(current_parameters, Film, where="here", quiet=True)
    assert quiet({"grain": [{"name": "grain", "sd": 2}, None]}) == {"grain": [{"name": "grain", "std": 2}, None]}
    assert quiet({"grains__sd": 2, "unknown__sd": 1}) == {"grain__std": 2, "unknown__sd": 1}


def test_a_parameter_under_both_names_is_refused():
    """Which of the two is meant cannot be told."""
    for values in ({"grain": None, "grains": None}, {"grains": None, "grain": None}):
        with pytest.raises(ParameterError, match="grain is given twice, by its old name grains"):
            current_parameters(Film, values, "here", quiet=True)


IMAGES = np.zeros((4, 16))
LABELS = [0, 1, 0, 1]
MODEL = MLPClassifier((3,), solver="lbfgs", max_iter=1)
USES = {
    "Evaluate": lambda one: one(MODEL, IMAGES, LABELS),
    "Fetch": lambda one: one.load(),
    "Photo": lambda one: one.transform([np.zeros((30, 30), np.uint8)]),
    "Split": lambda one: next(one.split(IMAGES, LABELS)),
    "Deform": lambda one: MLPClassifier(augmentation=one).fit(IMAGES, LABELS),
    "ExponentialAverage": lambda one: MLPClassifier(averaging=one).fit(IMAGES, LABELS),
    "LastEpochs": lambda one: MLPClassifier(averaging=one).fit(IMAGES, LABELS),
}
"""How those are used that have no `fit`."""


def numbers_of_classes():
    """Yield every public class with each of its parameters that may be a number and no bool."""
    for name in pipeline.__all__:
        public = getattr(pipeline, name)
        for parameter in parameters_of(public).values() if isinstance(public, type) else ():
            if any(allows(parameter.annotation, number) for number in (0, 1, 0.5)) and not allows(
                parameter.annotation, True
            ):
                yield public, parameter.name


@pytest.mark.parametrize(("public", "name"), [*numbers_of_classes()])
def test_a_bool_is_no_number_of_any_class(public, name):
    """Every parameter that wants a number refuses True, whatever bounds 1 keeps within, when the object is used."""
    parameters = {name: True} | ({"estimator": MODEL} if public is TestTimeAugmentation else {})
    use = USES.get(public.__name__, lambda one: one.fit(IMAGES, LABELS))
    with pytest.raises(ParameterError, match=f"^{name} must be .*; got True"):
        use(public(**parameters))


def entered(n_jobs):
    """Enter the context that fits are trained together in."""
    with training_together(n_jobs):
        pass


FUNCTIONS = {
    "make_tabular n_members": lambda n: make_tabular("regression", n_members=n),
    "make_tabular max_categories": lambda n: make_tabular("regression", max_categories=n),
    "make_tabular n_bins": lambda n: make_tabular("regression", n_bins=n),
    "make_tabular random_state": lambda n: make_tabular("regression", random_state=n),
    "make_tabular n_jobs": lambda n: make_tabular("regression", n_jobs=n),
    "make_ensemble n_members": lambda n: make_ensemble(MODEL, n),
    "make_ensemble random_state": lambda n: make_ensemble(MODEL, 2, n),
    "make_ensemble n_jobs": lambda n: make_ensemble(MODEL, 2, n_jobs=n),
    "load_model max_bytes": lambda n: load_model("model.npz", max_bytes=n),
    "training_together n_jobs": entered,
}
"""Calls of public functions with one whole number."""


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("value", [True, np.True_, "a", 1.5], ids=repr)
def test_what_is_no_whole_number_is_none_of_any_function(name, value):
    """Nor of a public function: it is refused by its name, before anything is done."""
    with pytest.raises(ParameterError, match=rf"^{name.split()[1]} must be an integer.*; got {re.escape(repr(value))}"):
        FUNCTIONS[name](value)


def test_no_whole_number_of_a_public_function_is_forgotten():
    """Whatever allows an integer is tried above."""
    wanted = {
        f"{name} {argument}"
        for name in pipeline.__all__
        if not isinstance(public := getattr(pipeline, name), type)
        for argument, hint in inspect.get_annotations(public).items()
        if takes_integers(hint)
    }
    assert wanted == set(FUNCTIONS)


def takes_integers(hint):
    """Tell whether an annotation is, or has among its choices, an integer."""
    return hint is int or (
        get_origin(hint) in (Annotated, Union, UnionType) and any(map(takes_integers, get_args(hint)))
    )


def test_arguments_are_checked_by_the_signature_of_a_function():
    """In the order that they are given in; what is not given is not looked at."""

    def draw(n: Annotated[int, "!= 0"], seed: int | None = None) -> None:
        """Draw."""

    check_arguments(draw, n=-1, seed=None)
    check_arguments(draw, seed=3)
    with pytest.raises(ParameterError, match=r"^n must be an integer != 0; got 0$"):
        check_arguments(draw, n=0, seed="a")
