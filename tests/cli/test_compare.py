"""``compare``: which models and images it takes, what it says of them, and what it refuses."""

import json
import shutil

import numpy as np
import pytest
from markup import Markup, requests_of
from sklearn.pipeline import Pipeline
from typer.testing import CliRunner

from pipeline import MLPClassifier, MLPRegressor, Normalize, load_model, save_model
from pipeline.artifacts import read_images
from pipeline.cli.app import app
from pipeline.cli.compare import DifferentError
from pipeline.data.idx import write_idx
from pipeline.metrics import mcnemar
from pipeline.stages.base import MissingInputError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # few epochs are enough here


def fitted(X, y, **parameters):
    """Return a model of raw pixels."""
    network = MLPClassifier((8,), max_iter=5, random_state=1, **parameters)
    return Pipeline([("preprocess", Normalize()), ("train", network)]).fit(X, y)


@pytest.fixture(scope="module")
def artifacts(workplace):
    """Return the folder of a run on the digits inside scikit-learn."""
    return workplace / "artifacts"


@pytest.fixture(scope="module")
def training(artifacts):
    """Return rows of pixels and labels to learn from."""
    images, labels = read_images(artifacts, "train")
    return images.reshape(len(images), -1)[:300], labels[:300]


@pytest.fixture(scope="module")
def other(training, tmp_path_factory):
    """Return the file of another model."""
    path = tmp_path_factory.mktemp("other") / "other.npz"
    save_model(path, fitted(*training))
    return path


def run(*words):
    """Return what the command prints."""
    done = CliRunner().invoke(app, ["compare", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def error_of(*words):
    """Raise what the command fails with."""
    CliRunner().invoke(app, ["compare", *map(str, words), "--debug"], catch_exceptions=False)


def test_figures_are_those_of_the_models(artifacts, other):
    """Accuracy, McNemar's p, and every image with two answers are what the models say themselves."""
    found = json.loads(run(artifacts, other, "--json"))
    images, y = read_images(artifacts, "test")
    X = images.reshape(len(images), -1)
    a, b = load_model(artifacts / "model/model.npz").predict(X), load_model(other).predict(X)
    assert found["a"]["accuracy"] == (a == y).mean()
    assert found["b"]["n_wrong"] == (b != y).sum()
    assert found["b"]["interval"][0] < found["b"]["accuracy"] < found["b"]["interval"][1]
    assert found["p_value"] == mcnemar(y, a, b)
    assert [one["row"] for one in found["differing"]] == np.flatnonzero(a != b).tolist()
    one = found["differing"][0]
    assert (one["predicted_a"], one["predicted_b"], one["true"]) == tuple(int(of[one["row"]]) for of in (a, b, y))
    assert sum(one["n"] for one in found["by_class"]) == found["n_images"] == len(y)


def test_lines_say_the_same(artifacts, other):
    """What is printed for people has both accuracies, the test and a line for each class."""
    lines = run(artifacts / "model/model.npz", other).splitlines()
    figures = json.loads(run(artifacts, other, "--json"))
    assert f"{figures['a']['accuracy']:.4f}" in lines[2]
    assert f"{figures['b']['accuracy']:.4f}" in lines[3]
    assert lines[5].startswith("McNemar's test: p = ")
    assert len(lines) == 8 + 10


def test_a_page_is_written_that_knows_no_path(artifacts, other, tmp_path):
    """It is whole, the same twice, and does not say where the models lie."""
    texts = []
    for name in ("one.html", "two.html"):
        run(artifacts, other, "-o", tmp_path / "new" / name)
        texts.append((tmp_path / "new" / name).read_text("utf-8"))
    assert texts[0] == texts[1]
    assert Markup(texts[0]).wrong == requests_of(texts[0]) == []
    assert str(other.parent) not in texts[0]
    assert str(artifacts.parent) not in texts[0]


def test_different_classes_and_sizes_are_one_clear_error(artifacts, training, tmp_path):
    """It names both models and what each has."""
    X, y = training
    save_model(tmp_path / "few.npz", fitted(X[y < 5], y[y < 5]))
    with pytest.raises(DifferentError, match=r"must have the same classes: .* has 10 \(0, 1, .*few\.npz has 5 \(0, "):
        error_of(artifacts, tmp_path / "few.npz")
    save_model(tmp_path / "small.npz", fitted(X[:, :16], y))
    with pytest.raises(DifferentError, match=r"small\.npz takes images of .*, and those of .*raw are 8x8"):
        error_of(artifacts, tmp_path / "small.npz")
    Y = np.column_stack([y > 4, y % 2 == 0]).astype(int)
    save_model(tmp_path / "several.npz", fitted(X, Y))
    with pytest.raises(DifferentError, match=r"several\.npz gives an image several labels at once"):
        error_of(artifacts, tmp_path / "several.npz")
    save_model(tmp_path / "numbers.npz", MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", max_iter=200).fit(X, y))
    with pytest.raises(DifferentError, match=r"numbers\.npz predicts numbers; compare is for models that tell labels"):
        error_of(artifacts, tmp_path / "numbers.npz")


def test_different_test_images_are_an_error_but_where_one_is_chosen(artifacts, tmp_path):
    """Two folders of artifacts must have the same test images, or ``--artifacts`` says which are meant."""
    for name in ("raw", "model"):
        shutil.copytree(artifacts / name, tmp_path / name)
    assert "both right" in run(artifacts, tmp_path)
    images, labels = read_images(artifacts, "test")
    write_idx(tmp_path / "raw/t10k-images-idx3-ubyte", images[::-1].copy())
    write_idx(tmp_path / "raw/t10k-labels-idx1-ubyte", labels[::-1].copy())
    with pytest.raises(DifferentError, match="have different test images: --artifacts says which are meant"):
        error_of(artifacts, tmp_path)
    assert "p = 1:" in run(artifacts, tmp_path, "--artifacts", artifacts)


def test_the_images_are_those_beside_the_models(artifacts, tmp_path):
    """However a model is given, its own folder of artifacts is looked into, and none around that."""
    images, labels = read_images(artifacts, "test")
    home = tmp_path / "home"
    for name in ("raw", "model"):
        shutil.copytree(artifacts / name, home / name)
    shutil.copytree(home / "raw", tmp_path / "raw")
    write_idx(tmp_path / "raw/t10k-images-idx3-ubyte", images[:5].copy())
    write_idx(tmp_path / "raw/t10k-labels-idx1-ubyte", labels[:5].copy())
    for given in (home, home / "model", home / "model/model.npz"):
        assert json.loads(run(given, given, "--json"))["n_images"] == len(labels)


def test_what_is_missing_is_named(artifacts, other, tmp_path, monkeypatch):
    """A model that is not there, a folder without one, and images that lie nowhere near."""
    with pytest.raises(MissingInputError, match=r"nowhere is missing: a model file or a folder of artifacts"):
        error_of(artifacts, tmp_path / "nowhere")
    with pytest.raises(MissingInputError, match=r"model\.npz is missing: `.* train --artifacts .*` makes it"):
        error_of(artifacts, tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingInputError, match=r"raw is missing, which has the test images: .*--artifacts names"):
        error_of(other, other)


def test_a_page_replaces_no_model(artifacts, other):
    """Nor is it called otherwise than a page, nor does it take the place of a folder."""
    assert CliRunner().invoke(app, ["compare", str(artifacts), str(other), "-o", str(other)]).exit_code == 2
    done = CliRunner().invoke(app, ["compare", str(artifacts), str(other), "-o", str(artifacts)])
    assert done.exit_code == 1
    assert load_model(other)


def test_an_ensemble_is_a_model(artifacts, training, other, tmp_path):
    """A folder of members is compared by what they say together."""
    for number in (1, 2):
        save_model(tmp_path / f"model-{number}.npz", fitted(*training, alpha=number / 1000))
    assert "both right" in run(tmp_path, other, "--artifacts", artifacts, "-o", tmp_path / "page.html")
    assert "2 networks, the first 64-8-10, relu" in Markup((tmp_path / "page.html").read_text("utf-8")).text


def test_a_browser_opens_its_page(open_page, artifacts, other, tmp_path):
    """Nothing is asked for, and nothing is wider than a telephone's screen."""
    run(artifacts, other, "-o", tmp_path / "page.html")
    seen = open_page(tmp_path / "page.html", viewport=(390, 844))
    assert seen.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert seen.evaluate("[...document.images].every(one => one.complete && one.naturalWidth === 8)")
