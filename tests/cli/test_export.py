"""``export``: what is written, what is said, what is refused."""

import os
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from sklearn.pipeline import Pipeline
from typer.testing import CliRunner

from pipeline import (
    MLPClassifier,
    Normalize,
    load_ensemble,
    load_model,
    make_ensemble,
    save_ensemble,
    save_model,
    to_onnx,
)
from pipeline.cli.app import app

X, y = np.random.default_rng(0).integers(0, 256, (40, 64), np.uint8), np.arange(40) % 4
NETWORK = MLPClassifier(5, learning_rate="cosine", max_iter=2, engine="numpy", random_state=0)


@pytest.fixture(scope="module")
def model():
    """Return a model of images."""
    return Pipeline([("preprocess", Normalize()), ("train", NETWORK)]).fit(X, y)


@pytest.fixture
def call(tmp_path, monkeypatch, model):
    """Return a function that calls the command in a folder with a model, and returns code, output and errors."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "artifacts" / "model").mkdir(parents=True)
    save_model(tmp_path / "artifacts" / "model" / "model.npz", model)

    def called(*words):
        result = CliRunner().invoke(app, ["export", *words])
        return result.exit_code, result.stdout, " ".join(result.stderr.split())

    return called


def labels(path):
    """Return what a file answers."""
    return onnxruntime.InferenceSession(path).run(["label"], {"X": X})[0]


def test_a_file_is_written_that_answers_as_the_model(call, tmp_path, model):
    """Of the model of the workflow, into digits.onnx or another place, twice the same; what goes in and out is said."""
    code, out, error = call()
    assert (code, error) == (0, "")
    assert out == "digits.onnx: 0.00 MB; X uint8 (n, 64) -> label int64 (n), probabilities float32 (n, 4)\n"
    np.testing.assert_array_equal(labels(tmp_path / "digits.onnx"), model.predict(X))
    (tmp_path / "old.onnx").write_text("old")
    assert call("artifacts/model/model.npz", "-o", "old.onnx")[0] == 0
    assert call("artifacts", "--output", "a/new/folder/digits.onnx")[0] == 0
    assert (tmp_path / "old.onnx").read_bytes() == (tmp_path / "digits.onnx").read_bytes()
    assert (tmp_path / "a/new/folder/digits.onnx").read_bytes() == (tmp_path / "digits.onnx").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"a", "artifacts", "digits.onnx", "old.onnx"}


def test_the_type_of_the_input_can_be_chosen(call):
    """For callers that have no bytes."""
    code, out, _ = call("--input-type", "float32")
    assert code == 0
    assert "X float32 (n, 64)" in out


def test_the_folder_of_an_ensemble_is_one_file(call, tmp_path):
    """Whose answers are those of its members together."""
    save_ensemble(tmp_path / "several", make_ensemble(Pipeline([("a", Normalize()), ("b", NETWORK)]), 2).fit(X, y))
    assert call("several")[0] == 0
    np.testing.assert_array_equal(labels(tmp_path / "digits.onnx"), load_ensemble(tmp_path / "several").predict(X))


@pytest.mark.parametrize("name", ["a.safetensors", "new/folder/A.SafeTensors", "a.npz"])
def test_a_name_may_ask_for_a_model_file(call, tmp_path, model, name):
    """Of either form, which opens as the model that it was made of, twice the same, and back again from that."""
    code, out, error = call("-o", name)
    assert (code, error) == (0, "")
    assert out == f"{name}: 0.00 MB; a model file, as artifacts/model/model.npz is\n"
    np.testing.assert_array_equal(load_model(name).predict_proba(X), model.predict_proba(X))
    whole = (tmp_path / name).read_bytes()
    assert call("-o", name)[0] == call(name, "-o", "back.npz")[0] == 0
    assert (tmp_path / name).read_bytes() == whole
    assert (tmp_path / "back.npz").read_bytes() == (tmp_path / "artifacts/model/model.npz").read_bytes()


def test_an_ensemble_is_no_single_model_file(call, tmp_path):
    """It is refused with what to do instead."""
    save_ensemble(tmp_path / "several", make_ensemble(NETWORK, 2).fit(X, y))
    code, _, error = call("several", "-o", "a.safetensors")
    assert code == 2
    assert "several is an ensemble, and a file holds one model: export its members one by one" in error
    assert not (tmp_path / "a.safetensors").exists()


def make_nothing(folder):
    """Leave no file where one is named."""


def make_directory(folder):
    """Make an empty folder."""
    (folder / "given").mkdir()


def make_empty(folder):
    """Write a file of no bytes."""
    (folder / "given").touch()


def make_text(folder):
    """Write a text."""
    (folder / "given").write_text("W1: 1 2 3")


def make_onnx(folder):
    """Write a model that is exported already."""
    onnx.save(to_onnx(load_model(folder / "artifacts/model/model.npz")), folder / "given")


def make_half(folder):
    """Write half of a model."""
    whole = (folder / "artifacts/model/model.npz").read_bytes()
    (folder / "given").write_bytes(whole[: len(whole) // 2])


def make_arrays(folder):
    """Write arrays without a header."""
    np.savez(folder / "whole.npz", W=X)
    (folder / "whole.npz").rename(folder / "given")


def make_pickle(folder):
    """Write what other programs pickle."""
    import pickle

    (folder / "given").write_bytes(pickle.dumps({"W": [1, 2]}))


def make_deskewing(folder):
    """Write a model that deskews its images."""
    save_model(
        folder / "given",
        Pipeline([("a", Normalize(deskew=True).fit(X)), ("b", load_model(folder / "artifacts/model/model.npz")[-1])]),
    )


def make_loop(folder):
    """Make a link to itself."""
    (folder / "given").symlink_to(folder / "given")


def make_gap(folder):
    """Make an ensemble of which one member is missing."""
    save_ensemble(folder / "given", make_ensemble(NETWORK, 3).fit(X, y))
    (folder / "given" / "model-2.npz").unlink()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (make_nothing, "given is missing: a model file or a folder of artifacts is expected"),
        (make_directory, "model.npz is missing"),
        (make_empty, "given is no model file: it is empty"),
        (make_text, "given is no model file: it is a text file"),
        (make_onnx, "given is no model file"),
        (make_half, "given is no model file"),
        (make_arrays, "without a header"),
        (make_pickle, "given is no model file: it is a pickle"),
        (make_deskewing, "Normalize has deskew=True"),
        (make_loop, "given"),
        (make_gap, "model-2.npz is missing, a member of the ensemble"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_no_model_is_refused_in_one_line(call, make, told, tmp_path):
    """Whatever is given in its place; nothing is written."""
    make(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    code, out, error = call("given")
    assert (code, out) == (1, "")
    assert error.startswith("error: ")
    assert told in error
    assert error.count("error:") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["-o", "artifacts"], 1, "artifacts is a folder; choose another name with --output"),
        (["-o", "digits.pb"], 2, "it is an ONNX file, and must be called so: digits.onnx, for one"),
        (["-o", "artifacts/model/model.npz"], 1, "model.npz is the model itself; choose another name with --output"),
        (["-o", "artifacts/model/model.npz/a.npz"], 1, "cannot be written"),
        (
            ["-o", "a.safetensors", "--input-type", "uint8"],
            2,
            "it is for ONNX files; a model file takes what it took",
        ),
        (["-o", "artifacts/model/model.npz/a.onnx"], 1, "cannot be written"),
        (["same.onnx", "-o", "same.onnx"], 1, "same.onnx is the model itself; choose another name with --output"),
        (["--input-type", "int8"], 2, "int8"),
    ],
)
def test_what_cannot_be_written_is_refused_in_one_line(call, words, code, told, tmp_path):
    """A folder, another kind of name, a place below a file, the model itself; the model stays as it is."""
    whole = (tmp_path / "artifacts/model/model.npz").read_bytes()
    (tmp_path / "same.onnx").write_bytes(whole)
    found, _, error = call(*words)
    assert found == code
    assert told in error
    assert (tmp_path / "artifacts/model/model.npz").read_bytes() == (tmp_path / "same.onnx").read_bytes() == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["artifacts", "same.onnx"]


def test_without_onnx_the_extra_is_named(call, monkeypatch, tmp_path):
    """In one line, and nothing is written."""
    monkeypatch.setitem(sys.modules, "onnx", None)
    code, _, error = call()
    assert code == 1
    assert error == ('error: export needs onnx, which is not installed: pip install "digits-pipeline[onnx]" brings it')
    assert not (tmp_path / "digits.onnx").exists()


def test_the_help_imports_no_onnx(tmp_path):
    """Neither that of all commands, nor that of this one, nor the package itself."""
    code = (
        "import sys; from typer.testing import CliRunner; import pipeline; from pipeline.cli.app import app; "
        "[CliRunner().invoke(app, words) for words in (['--help'], ['export', '--help'])]; "
        "sys.exit(any(name in sys.modules for name in ('onnx', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=os.environ, check=False).returncode == 0
