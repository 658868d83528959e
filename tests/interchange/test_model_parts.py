"""Models taken apart: what is known is found, however it is wrapped, and what is not is refused by name."""

import numpy as np
import pytest
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from pipeline import MLPClassifier, Normalize
from pipeline.interchange.graph import ExportError
from pipeline.interchange.model_parts import ModelParts

X = np.random.default_rng(0).integers(0, 256, (40, 16), np.uint8)
y = np.arange(40) % 2
NETWORK = MLPClassifier(3, learning_rate="cosine", max_iter=1, engine="numpy", random_state=0).fit(X / 255, y)
NORMALIZE = Normalize().fit(X)


def test_a_network_is_found_however_it_is_wrapped():
    """In pipelines inside of pipelines, frozen, behind steps that do nothing."""
    inner = Pipeline([("nothing", "passthrough"), ("preprocess", NORMALIZE), ("train", FrozenEstimator(NETWORK))])
    parts = ModelParts.of(FrozenEstimator(Pipeline([("skip", None), ("inner", inner)])))
    assert (parts.normalize, parts.last, parts.members) == (NORMALIZE, NETWORK, [])
    assert (parts.n_features, parts.input_type) == (16, np.uint8)
    assert ModelParts.of(NETWORK).input_type == np.float64


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (make_pipeline(StandardScaler().fit(X), NETWORK), "got StandardScaler"),
        (make_pipeline(NORMALIZE, LogisticRegression().fit(X, y)), "got LogisticRegression"),
        (make_pipeline(NORMALIZE, NORMALIZE, NETWORK), "2 normalisers one after the other"),
        (make_pipeline(Normalize(deskew=True).fit(X), NETWORK), "Normalize has deskew=True"),
        (make_pipeline(Normalize(ink_width=3).fit(X), NETWORK), "Normalize has ink_width=3"),
        (VotingClassifier([("a", FrozenEstimator(NETWORK))]).fit(X / 255, y), "voting='hard'"),
        (VotingClassifier([("a", LogisticRegression())], voting="soft").fit(X, y), "got LogisticRegression"),
        (MLPClassifier, "got MLPClassifier, a class"),
        ("model.npz", "got str"),
        (None, "got NoneType"),
    ],
)
def test_what_has_no_form_is_refused_by_name(model, told):
    """Another step, another classifier, images that are aligned, votes that are counted, and what is no model."""
    with pytest.raises(ExportError, match=told):
        ModelParts.of(model)
