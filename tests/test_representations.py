"""How public objects show themselves, at the prompt and in a notebook: right, short, and safe."""

import inspect
import re
import warnings
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

import pipeline
from pipeline import (
    Deform,
    MLPClassifier,
    Normalize,
    OneHot,
    Photo,
    TestTimeAugmentation,
    load_ensemble,
    load_model,
    make_ensemble,
    network,
    save_ensemble,
    save_model,
    summarize,
)
from pipeline.images.statistics import ImageStatistics
from pipeline.network.batches import Sampling
from pipeline.recipes.reading import read_recipes
from pipeline.stages.evaluate import Report

ROOT = Path(__file__).parents[1]
TAG = "<script>alert(1)</script>"
X = np.random.default_rng(0).integers(0, 256, (40, 16)).astype(np.uint8)
y = np.array([TAG, "b", "c", "d"])[np.arange(40) % 4]
LONGEST = 4000
"""Letters that a screen can hold."""

# What is needed to make an object of a class; others take nothing.
ARGUMENTS = {
    "Affine": (4, 3),
    "BatchNorm": (4,),
    "Dropout": (0.1,),
    "GaussianNoise": (0.1,),
    "L2": (0.1,),
    "LabelSmoothing": (network.SoftmaxCrossEntropy(), 0.1),
    "MaxNorm": (1.0,),
    "Network": ([network.Affine(4, 3)],),
    "Normal": (0.1,),
    "Adversarial": (0.1,),
    "RunningAverage": (network.LastEpochs(3), np.zeros(100_000)),
    "Scale": (4,),
    "TestTimeAugmentation": (MLPClassifier(),),
    "VirtualAdversarial": (0.1,),
    "WithNormalBias": (network.Normal(0.1), 1.0),
}


def classes():
    """Return every public class that can be made, by name."""
    found = {name: getattr(package, name) for package in (pipeline, network) for name in package.__all__}
    return {name: one for name, one in found.items() if inspect.isclass(one) and not inspect.isabstract(one)}


def classifier(**parameters):
    """Return a small classifier that is to learn yet."""
    options = {"learning_rate": "cosine", "max_iter": 2, "engine": "numpy", "random_state": 0} | parameters
    return MLPClassifier((5,), **options)


def report(n_classes):
    """Return what was found of a model that is wrong about 100,000 images."""
    nothing = {one.name: [None] * 100_000 for one in fields(Report)}
    return Report(**nothing | {"labels": list(range(n_classes)), "figures": {"accuracy": 0.0}})


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Return objects that have learned, saved and opened ones among them, by what they are."""
    folder = tmp_path_factory.mktemp("models")
    whole = Pipeline([("preprocess", Normalize()), ("train", classifier())]).fit(X, y)
    ensemble = make_ensemble(classifier(), 2).fit(X, y)
    save_model(folder / "model.npz", whole)
    save_ensemble(folder, ensemble)
    deep = network.Network([network.Affine(4, 4) for _ in range(1000)], random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # L-BFGS and the few epochs of the others
        found = {
            "pipeline": whole,
            "opened": load_model(folder / "model.npz"),
            "ensemble": ensemble,
            "opened ensemble": load_ensemble(folder),
            "classifier": classifier().fit(X, y, X_val=X, y_val=y),
            "stopped early": classifier(early_stopping=True, validation_fraction=0.3).fit(X, y),
            "partly fitted": classifier().partial_fit(X, y, classes=np.unique(y)),
            "lbfgs": classifier(solver="lbfgs").fit(X, y),
            "augmented": classifier(augmentation=Deform(rotation=3), batch_norm=True).fit(X / 255, y),
            "diagnosed": classifier(diagnose=True).fit(X, y),
            "long trained": classifier(max_iter=2000, n_iter_no_change=5000).fit(X[:8], y[:8]),
            "test-time": TestTimeAugmentation(whole, Deform(rotation=3)),
            "test-time of another": TestTimeAugmentation(LogisticRegression(max_iter=5)).fit(X, y),
            "one-hot": OneHot().fit(y),
            "statistics": ImageStatistics.of(X),
            "deep": deep,
            "summary": summarize(whole),
            "summary of an ensemble": summarize(ensemble),
            "photo": Photo().find(np.where(np.eye(300) + np.eye(300, k=1) > 0, 20, 230).astype(np.uint8)),
            "report": report(100),
        }
    found |= {f"network of {name}": one.network_ for name, one in found.items() if hasattr(one, "network_")}
    return found | {"trainer": found["long trained"]._trainer, "sampling": Sampling(8)}


def check(one):
    """Hold the rules for one object."""
    text = repr(one)
    assert text
    assert " at 0x" not in text, text
    assert len(text) <= LONGEST, f"{len(text)} letters: {text[:300]}"
    if hasattr(one, "_repr_html_"):
        html = one._repr_html_()
        assert TAG not in html
        assert len(html) < 200_000


@pytest.mark.parametrize("name", classes())
def test_a_new_object_shows_itself(name):
    """Each by its name and arguments, not by where it lies in memory."""
    made = classes()[name](*ARGUMENTS.get(name, ()))
    check(made)
    assert re.match(rf"{name}\(", repr(made))


KINDS = [
    *("pipeline", "opened", "ensemble", "opened ensemble", "classifier", "stopped early", "partly fitted", "lbfgs"),
    *(
        "augmented",
        "diagnosed",
        "long trained",
        "test-time",
        "test-time of another",
        "one-hot",
        "statistics",
        "deep",
        "summary",
    ),
    *(
        "summary of an ensemble",
        "photo",
        "network of classifier",
        "network of augmented",
        "trainer",
        "sampling",
        "report",
    ),
]


@pytest.mark.parametrize("kind", KINDS)
def test_what_has_learned_shows_itself(fitted, kind):
    """No attribute raises, no array is printed in full, and the name of a class is no tag of the page."""
    check(fitted[kind])


@pytest.mark.parametrize("name", sorted(path.stem for path in ROOT.glob("recipes/*.yaml")))
def test_a_recipe_shows_itself(name):
    """However many trials it has."""
    check(read_recipes(ROOT / "recipes")[name])
