"""Where a command finds the model that it was given."""

from pathlib import Path

import pytest

from pipeline.cli.model_path import find_model
from pipeline.stages.base import MissingInputError


@pytest.fixture
def place(tmp_path):
    """Make a folder of artifacts with a network, one with an ensemble, a file, and an empty folder."""
    for name in ("one/model/model.npz", "several/model/model-1.npz", "several/model/model-2.npz", "mine.npz"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "empty").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("mine.npz", "mine.npz"),
        ("one", "one/model/model.npz"),
        ("one/model", "one/model/model.npz"),
        ("one/model/model.npz", "one/model/model.npz"),
        ("several", "several/model"),
        ("several/model", "several/model"),
        ("several/model/model-2.npz", "several/model/model-2.npz"),
    ],
)
def test_a_folder_stands_for_the_model_in_it(place, given, found):
    """A folder of artifacts, or of a model; that of an ensemble stands for itself."""
    assert find_model(place / given) == place / found


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("none.npz", r"none\.npz is missing: a model file or a folder of artifacts is expected"),
        ("empty", r"empty/model/model\.npz is missing: `.* train --artifacts .*/empty` makes it"),
        ("trial/model/model.npz", r"trial/model/model\.npz is missing: `.* train --artifacts .*/trial` makes it"),
    ],
)
def test_where_there_is_none_it_says_what_makes_one(place, given, words):
    """A command makes the model of a folder of artifacts, and no other file."""
    with pytest.raises(MissingInputError, match=words):
        find_model(place / given)


@pytest.mark.parametrize("given", ["/none-of-this-name.npz", "/none-of-this-name/model.npz"])
def test_a_model_that_is_missing_may_lie_at_the_root(given):
    """There is no folder around it that a killed process could have left."""
    with pytest.raises(MissingInputError, match="is missing"):
        find_model(Path(given))
