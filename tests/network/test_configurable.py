"""What every small object of parameters can do."""

import copy
import inspect
import pickle
import warnings

import pytest
from sklearn.base import BaseEstimator, clone

from pipeline import Deform, network
from pipeline.network.configurable import Configurable, renamed_parameters
from pipeline.parameters import parameters_of

KINDS = [
    Deform,
    *(
        kind
        for name in network.__all__
        if isinstance(kind := getattr(network, name), type)
        and issubclass(kind, Configurable)
        and not vars(kind).get("__abstractmethods__")
        and kind is not network.Adversary
    ),
]


class Box(Configurable):
    def __init__(self, width=1, height=2):
        self.width, self.height = width, height


class Crate(Box):
    pass


@pytest.mark.parametrize("kind", KINDS)
def test_scikit_learns_manners(kind):
    """Whatever has parameters of its own can be read, set, cloned, copied, pickled and compared."""
    given = kind()
    names = list(parameters_of(kind))
    assert list(given.get_params()) == names
    for twin in (clone(given), copy.deepcopy(given), pickle.loads(pickle.dumps(given))):  # noqa: S301 - our own bytes
        assert twin == given
        assert twin is not given
    for name in names:
        assert given.set_params(**{name: 0.25}) is given
        assert given.get_params()[name] == getattr(given, name) == 0.25
        assert given != kind()


def test_all_of_them_are_held_to_this():
    """Schedules, averages, adversaries and factors of the rate are among them."""
    assert {"Cosine", "LastEpochs", "VirtualAdversarial", "RateFactors", "Deform"} < {kind.__name__ for kind in KINDS}
    assert len(KINDS) == 13


def test_parameters_are_read_and_set_by_name():
    """What was given comes back, and what is set is given back."""
    box = Box(height=5)
    assert box.get_params() == {"width": 1, "height": 5}
    assert box.set_params(width=3, height=4) is box
    assert box.get_params(deep=False) == {"width": 3, "height": 4}


def test_an_unknown_name_is_refused():
    """The message says which names there are."""
    with pytest.raises(ValueError, match="Box has no parameter 'depth'; it has width, height"):
        Box().set_params(depth=1)


def test_its_text_is_the_call_that_makes_it():
    """Every parameter is named."""
    assert repr(Box("a")) == "Box(width='a', height=2)"


def test_equality_is_of_kind_and_parameters():
    """Another kind is never equal, and what can be changed is no key."""
    assert Box(1) == Box()
    assert Box(2) != Box()
    assert Crate() != Box()
    with pytest.raises(TypeError, match="unhashable"):
        hash(Box())


@renamed_parameters(breadth="width")
class RenamedBox(Box):
    """A small object whose parameter has another name than before."""


@renamed_parameters(breadth="width")
class RenamedEstimator(BaseEstimator):
    """An estimator whose parameter has another name than before."""

    def __init__(self, width=1, height=2):
        self.width, self.height = width, height


RENAMED = pytest.mark.parametrize("kind", [RenamedBox, RenamedEstimator])
CHANGED = "breadth is called width now"


@RENAMED
def test_an_old_name_is_taken_with_a_warning(kind):
    """In the constructor, in `set_params` and as an attribute; the warning names the caller's line."""
    with pytest.warns(FutureWarning, match=CHANGED) as made:
        box = kind(breadth=5)
    with pytest.warns(FutureWarning, match=CHANGED) as read:
        assert box.breadth == 5
    with pytest.warns(FutureWarning, match=CHANGED) as changed:
        box.set_params(breadth=7)
    assert box.width == 7
    assert {warning.filename for caught in (made, read, changed) for warning in caught} == {__file__}


@RENAMED
def test_new_names_are_the_signature(kind):
    """What is made from the signature knows nothing of old names, and warns of none."""
    assert list(inspect.signature(kind).parameters) == ["width", "height"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kind(5, height=3).get_params() == {"width": 5, "height": 3}
        assert clone(kind(width=5)).width == 5


@RENAMED
def test_both_names_at_once_are_refused(kind):
    """Which of two values is meant cannot be told."""
    with pytest.raises(TypeError, match="got width twice"):
        kind(breadth=1, width=2)
