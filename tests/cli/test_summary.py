"""``summary`` on model files and folders of ensembles."""

import json
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from pipeline import MLPClassifier, make_ensemble, save_ensemble, save_model
from pipeline.cli.app import app

X, y = np.random.default_rng(0).random((20, 4)), np.arange(20) % 3


def call(*words):
    """Run a command; return exit code, output and errors."""
    result = CliRunner().invoke(app, ["summary", *map(str, words)])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Write a model and an ensemble."""
    folder = tmp_path_factory.mktemp("models")
    network = MLPClassifier((5,), learning_rate="cosine", max_iter=2, engine="numpy", random_state=0)
    save_ensemble(folder / "ensemble", make_ensemble(network, 2).fit(X, y))
    save_model(folder / "model.npz", network.fit(X, y))
    save_model(folder / "model.safetensors", network)
    return folder


def test_a_file_is_told_layer_by_layer(files):
    """With its name and size, its layers, and the epochs that it was trained for."""
    code, out, error = call(files / "model.npz")
    assert (code, error) == (0, "")
    assert str(files / "model.npz") in out.splitlines()[0]
    assert "Affine(4, 5)" in out
    assert "2 epochs by adam, engine numpy" in out


def test_a_file_of_tensors_is_told_alike(files):
    """But for its name and its size, which stand in the first line."""
    (_, archive, _), (code, tensors, _) = (call(files / f"model.{form}") for form in ("npz", "safetensors"))
    assert code == 0
    assert tensors.splitlines()[1:] == archive.splitlines()[1:]


def test_a_missing_library_is_told_in_one_line(files, monkeypatch):
    """With the extra that brings it."""
    monkeypatch.setitem(sys.modules, "safetensors", None)
    code, out, error = call(files / "model.safetensors")
    assert (code, out) == (1, "")
    assert error.startswith("error: files of safetensors are read and written by the library of that name")
    assert error.endswith('pip install "digits-pipeline[safetensors]" brings it\n')


def test_json_has_the_same_figures(files):
    """One document, with bytes and counts as numbers."""
    code, out, _ = call(files / "model.npz", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["bytes"] == (files / "model.npz").stat().st_size
    assert found["network"]["n_parameters"] == 4 * 5 + 5 + 5 * 3 + 3


def test_the_folder_of_an_ensemble_is_told_member_by_member(files):
    """Its size is that of all its files."""
    code, out, _ = call(files / "ensemble", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["bytes"] == sum(path.stat().st_size for path in (files / "ensemble").iterdir())
    assert len(found["members"]) == 2
    assert "Member 2" in call(files / "ensemble")[1]


def test_a_folder_of_artifacts_stands_for_its_model(tmp_path, files):
    """As for ``compare``; the file that was found is told."""
    file = tmp_path / "model" / "model.npz"
    file.parent.mkdir()
    file.write_bytes((files / "model.npz").read_bytes())
    told = call(file)
    assert told[0] == 0
    assert call(tmp_path) == call(file.parent) == told


def test_without_a_name_it_is_the_model_of_the_workflow(workplace, monkeypatch):
    """It knows the images' shape, for the normalization is in the file."""
    monkeypatch.chdir(workplace)
    code, out, _ = call()
    assert code == 0
    assert "64 features (images of 8x8)" in out


@pytest.mark.parametrize(("name", "words"), [("nothing.npz", "is missing"), ("empty", "train --artifacts")])
def test_what_is_no_model_is_one_line(files, name, words):
    """It says what is there, and how a model is made."""
    (files / "empty").mkdir(exist_ok=True)
    code, out, error = call(files / name)
    assert (code, out) == (1, "")
    assert words in error
    assert len(error.splitlines()) == 1
