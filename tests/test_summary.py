"""What a model comes to, whatever it is made of."""

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from pipeline import (
    Deform,
    MLPClassifier,
    MLPRegressor,
    Normalize,
    Preprocess,
    TestTimeAugmentation,
    load_ensemble,
    load_model,
    make_ensemble,
    save_ensemble,
    save_model,
    summarize,
)
from pipeline.strict_json import to_json
from pipeline.summary import AT_MOST

X, y = np.random.default_rng(0).integers(0, 256, (20, 9)).astype(np.uint8), np.arange(20) % 3


def network(**parameters):
    """Return a small network that is to learn yet."""
    return MLPClassifier((4,), learning_rate="cosine", max_iter=2, engine="numpy", random_state=0, **parameters)


@pytest.fixture(scope="module")
def model():
    """Return a fitted pipeline."""
    return Pipeline([("preprocess", Normalize()), ("train", network())]).fit(X, y)


def test_a_pipeline_has_its_steps_and_its_network(model):
    """The network's figures are the classifier's own."""
    found = summarize(model)
    assert found.network == model[-1].summary()
    assert found.preprocessing == ["Normalize, pixels x 0.00392157 + 0"]
    assert "Normalize" in str(found)
    assert found.n_parameters == 9 * 4 + 4 + 4 * 3 + 3


def test_a_file_tells_the_same(model, tmp_path):
    """What was saved and opened comes to the same, the engine included."""
    save_model(tmp_path / "model.npz", model)
    assert summarize(load_model(tmp_path / "model.npz")) == summarize(model)


def test_the_shape_of_images_is_told_where_it_was_learned(model):
    """The step before the network knows it; the network alone has rows."""
    step = Preprocess().fit(X)
    step.image_shape_ = (3, 3)
    with_shape = Pipeline([("preprocess", step), ("train", model[-1])])
    assert summarize(with_shape).network.image_shape == (3, 3)
    assert "9 features (images of 3x3)" in str(summarize(with_shape))
    assert summarize(model).network.image_shape is None


def test_an_ensemble_has_its_members_in_short(tmp_path):
    """Each in a line, and what all have learned together; from a folder as well."""
    ensemble = make_ensemble(network(), 3).fit(X, y)
    found = summarize(ensemble)
    assert [member.n_parameters for member in found.members] == [55, 55, 55]
    assert found.n_parameters == 165
    assert "Member 3" in str(found)
    save_ensemble(tmp_path, ensemble)
    assert summarize(load_ensemble(tmp_path)).to_dict()["members"] == found.to_dict()["members"]


def test_a_large_ensemble_is_cut_short():
    """More than a screen of members are counted."""
    ensemble = make_ensemble(network(), AT_MOST + 2).fit(X, y)
    assert f"Member {AT_MOST + 1}" not in str(summarize(ensemble))
    assert "2 members more" in str(summarize(ensemble))


def test_test_time_augmentation_is_told(model):
    """With how the copies are deformed."""
    found = summarize(TestTimeAugmentation(model, Deform(rotation=5), n_copies=4))
    assert found.test_time_augmentation.startswith("mean over an image and 3 copies of it, Deform(rotation=5")
    assert found.network == model[-1].summary()


def test_a_classifier_of_another_kind_has_its_name():
    """Nothing is known of what it has learned."""
    found = summarize(make_pipeline(StandardScaler(), DummyClassifier()).fit(X, y))
    assert (found.name, found.network, found.preprocessing) == ("DummyClassifier", None, ["StandardScaler()"])
    assert "DummyClassifier" in found._repr_html_()


def test_what_is_not_fitted_is_an_error():
    """There is no network to look at yet."""
    with pytest.raises(NotFittedError):
        summarize(Pipeline([("preprocess", Normalize()), ("train", network())]))


def test_it_shows_itself_as_text_html_and_json(model):
    """One and the same in three forms."""
    found = summarize(model)
    assert repr(found) == str(found)
    assert "Affine(9, 4)" in found._repr_html_()
    assert "Affine(9, 4)" in to_json(found.to_dict())


def test_a_regressor_is_told_with_the_scaling_of_its_targets():
    """Of a file as well; an ensemble has the mean of its members' predictions."""
    net = MLPRegressor(hidden_layer_sizes=(4,), learning_rate="cosine", max_iter=2, random_state=0)
    scaled = TransformedTargetRegressor(net, transformer=StandardScaler())
    model = make_pipeline(Normalize(), scaled).fit(X, 1000.0 * y)
    found = summarize(model)
    assert found.name == "MLPRegressor, targets by StandardScaler()"
    assert found.network.n_outputs == 1
    ensemble = summarize(make_ensemble(net, 2).fit(X, y))
    assert ensemble.name == "ensemble of 2, mean prediction"
    assert ensemble.n_parameters == 2 * found.n_parameters
