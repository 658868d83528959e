"""``page``: what is written, what is said, what is refused."""

import numpy as np
import pytest
from sklearn.pipeline import Pipeline
from typer.testing import CliRunner

from pipeline import MLPClassifier, Normalize, make_ensemble, save_ensemble, save_model
from pipeline.cli.app import app

X = np.random.default_rng(0).integers(0, 256, (40, 64), np.uint8)


@pytest.fixture(scope="module")
def model():
    """Return a model of images that are no ink."""
    network = MLPClassifier(5, learning_rate="cosine", max_iter=2, random_state=0)
    return Pipeline([("preprocess", Normalize()), ("train", network)]).fit(X, np.arange(40) % 4)


@pytest.fixture
def call(tmp_path, monkeypatch, model):
    """Return a function that calls the command in a folder with a model, and returns code, output and errors."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "artifacts" / "model").mkdir(parents=True)
    save_model(tmp_path / "artifacts" / "model" / "model.npz", model)

    def called(*words):
        result = CliRunner().invoke(app, ["page", *words])
        return result.exit_code, result.output, result.stderr

    return called


def test_a_page_is_written(call, tmp_path):
    """Of the model of the workflow, into page.html or another place, twice the same; how large it is, is said."""
    code, out, error = call()
    assert (code, error) == (0, "")
    assert out.startswith("page.html: 0.0")
    assert "349 weights" in out
    (tmp_path / "old.html").write_text("old")
    assert call("artifacts/model/model.npz", "-o", "old.html")[0] == 0
    assert (tmp_path / "old.html").read_bytes() == (tmp_path / "page.html").read_bytes()
    assert call("--output", "a/new/folder/page.html")[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "artifacts", "old.html", "page.html"]


@pytest.mark.parametrize("folder", ["artifacts", "artifacts/model"])
def test_a_folder_stands_for_the_model_in_it(call, folder, tmp_path):
    """As for ``compare``: the page is that of the model file."""
    assert call()[0] == 0
    code, _, error = call(folder, "-o", "other.html")
    assert (code, error) == (0, "")
    assert (tmp_path / "other.html").read_bytes() == (tmp_path / "page.html").read_bytes()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["none.npz"], "none.npz is missing: a model file or a folder of artifacts is expected"),
        (["-o", "artifacts"], "artifacts is a folder; choose another name with --output"),
        (["-o", "page.pdf"], "page.html, for one"),
        (["--prepare", "photo", "-o", "artifacts/model/model.npz"], "must be called so: model.html"),
    ],
)
def test_a_page_that_cannot_be_is_refused(call, words, told, tmp_path):
    """A model that is missing, a place that is a folder, a name that is no page's."""
    code, _, error = call(*words)
    assert code
    assert told in " ".join(error.split())
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("given", ["several", "several/model"])
def test_an_ensemble_is_refused_and_a_member_named(call, given, tmp_path):
    """A page holds one network: the error names the folder and a member, of which there can be a page."""
    network = MLPClassifier(3, learning_rate="cosine", max_iter=1, random_state=0)
    save_ensemble(tmp_path / "several" / "model", make_ensemble(network, 2).fit(X / 255, np.arange(40) % 4))
    code, _, error = call(given)
    assert code
    assert "several/model is an ensemble; a page holds one network, such as several/model/model-1.npz" in " ".join(
        error.split()
    )
    assert not (tmp_path / "page.html").exists()
    assert call("several/model/model-1.npz", "--prepare", "plain")[0] == 0


def test_a_model_with_a_preparation_of_its_own_is_refused(call, tmp_path, model):
    """One that deskews, and one of an earlier version that does not know what its images were made from."""
    deskewed = Pipeline([("preprocess", Normalize(deskew=True).fit(X)), ("train", model["train"])])
    save_model(tmp_path / "deskewed.npz", deskewed)
    assert "the model has deskew=True" in call("deskewed.npz")[2]
    former = Pipeline([("preprocess", Normalize().fit(X)), ("train", model["train"])])
    del former["preprocess"].ink_size_
    save_model(tmp_path / "former.npz", former)
    assert "does not say what its images were made from" in call("former.npz")[2]
    assert call("former.npz", "--prepare", "photo")[0] == 0
    assert call("former.npz", "--prepare", "plain")[0] == 0
