"""Models taken apart: what is known is found, however it is wrapped, and what is not is refused by name."""

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline

from pipeline import MLPClassifier, MLPRegressor, Normalize, RobustSmoothClip
from pipeline.interchange.graph import ExportError
from pipeline.interchange.model_parts import ModelParts

X = np.random.default_rng(0).integers(0, 256, (40, 16), np.uint8)
y = np.arange(40) % 2
NETWORK = MLPClassifier(3, learning_rate="cosine", max_iter=1, engine="numpy", random_state=0).fit(X / 255, y)
NORMALIZE = Normalize().fit(X)
REGRESSOR = MLPRegressor(hidden_layer_sizes=3, learning_rate="cosine", max_iter=1, engine="numpy", random_state=0)


def test_a_network_is_found_however_it_is_wrapped():
    """In pipelines inside of pipelines, frozen, behind steps that do nothing."""
    inner = Pipeline([("nothing", "passthrough"), ("preprocess", NORMALIZE), ("train", FrozenEstimator(NETWORK))])
    parts = ModelParts.of(FrozenEstimator(Pipeline([("skip", None), ("inner", inner)])))
    assert (parts.steps, parts.last, parts.members) == ([NORMALIZE], NETWORK, [])
    assert (parts.n_features, parts.input_type) == (16, np.uint8)
    assert ModelParts.of(NETWORK).input_type == np.float64


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (make_pipeline(RobustSmoothClip().fit(X), NETWORK), "got RobustSmoothClip"),
        (make_pipeline(NORMALIZE, LogisticRegression().fit(X, y)), "got LogisticRegression"),
        (make_pipeline(Normalize(deskew=True).fit(X), NETWORK), "Normalize has deskew=True"),
        (make_pipeline(Normalize(ink_width=3).fit(X), NETWORK), "Normalize has ink_width=3"),
        (VotingClassifier([("a", FrozenEstimator(NETWORK))]).fit(X / 255, y), "voting='hard'"),
        (VotingClassifier([("a", LogisticRegression())], voting="soft").fit(X, y), "got LogisticRegression"),
        (TransformedTargetRegressor(REGRESSOR, func=np.log1p, inverse_func=np.expm1).fit(X, y), "got one with <ufunc"),
        (VotingRegressor([("a", Ridge())]).fit(X, y), "got Ridge"),
        (MLPClassifier, "got MLPClassifier, a class"),
        ("model.npz", "got str"),
        (None, "got NoneType"),
    ],
)
def test_what_has_no_form_is_refused_by_name(model, told):
    """Another step, another classifier, images that are aligned, votes that are counted, and what is no model."""
    with pytest.raises(ExportError, match=told):
        ModelParts.of(model)


@pytest.mark.parametrize(("weights", "wanted"), [(None, [0.5, 0.5]), ([1, 7, 3], [0.25, 0.75])])
def test_a_member_that_was_dropped_counts_nothing(weights, wanted):
    """The weights of those that are left are 1 together."""
    members = [("a", FrozenEstimator(NETWORK)), ("gone", "drop"), ("b", FrozenEstimator(NETWORK))]
    parts = ModelParts.of(VotingClassifier(members, voting="soft", weights=weights).fit(X / 255, y))
    assert (len(parts.members), parts.weights) == (2, wanted)
