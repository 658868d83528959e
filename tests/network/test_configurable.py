"""What every small object of parameters can do."""

import pytest

from pipeline.network.configurable import Configurable


class Box(Configurable):
    def __init__(self, width=1, height=2):
        self.width, self.height = width, height


class Crate(Box):
    pass


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
