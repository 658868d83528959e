"""The whole workflow on coloured pictures: where colour alone tells classes apart, it finds them, and in grey fails."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from pipeline.cli.app import app
from pipeline.data.idx import read_part
from pipeline.images.deform import Deform
from pipeline.images.statistics import unlike_training
from pipeline.model_file import load_model
from pipeline.parameters import ParameterError
from pipeline.provenance import ProvenanceError
from pipeline.stages.evaluate import Evaluate
from pipeline.stages.fetch import Fetch
from pipeline.stages.preprocess import Preprocess
from pipeline.stages.split import Split
from pipeline.stages.train import Train

COLOURS = {"azure": (40, 122, 250), "crimson": (230, 60, 70), "olive": (70, 147, 40)}
"""Three that are one grey, 112, to the byte."""


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Make a folder of boxes anywhere on black, of 10x12 pixels, brighter and darker, in a colour for each class."""
    folder, rng = tmp_path_factory.mktemp("colours") / "own", np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for number in range(40):
            image = np.zeros((10, 12, 3), np.uint8)
            top, left = rng.integers(0, 5, 2)
            image[top : top + 5, left : left + 6] = np.multiply(colour, rng.uniform(0.6, 1))
            Image.fromarray(image).save(folder / name / f"{number}.png")
    return folder


def run(own, artifacts, colour, **train):
    """Run all stages, and return the accuracy on the test part."""
    settings = {"max_iter": 30, "learning_rate_init": 0.01, "random_state": 0} | train
    for stage in (Fetch(str(own), colour=colour), Preprocess(), Split(), Train((16,), **settings)):
        stage.run(artifacts)
    return Evaluate(n_mistakes=9).run(artifacts)["test"]["accuracy"]


@pytest.fixture(scope="module")
def artifacts(own, tmp_path_factory):
    """Return what a run in colour leaves, which has found every class."""
    folder = tmp_path_factory.mktemp("colours") / "artifacts"
    assert run(own, folder, "rgb", augmentation=Deform(translation=1, rotation=10, shape=(10, 12, 3))) == 1
    return folder


def test_grey_cannot_tell_them_apart(own, tmp_path):
    """What is learned in colour is colour: without it, all that is left is chance, a third."""
    assert run(own, tmp_path, "grey") < 0.6


def test_a_model_takes_raw_pixels_and_knows_their_shape(artifacts):
    """A model file says height, width and channels, and its pipeline takes what fetch has brought."""
    model = load_model(artifacts / "model" / "model.npz")
    images, labels = read_part(artifacts / "raw", "test")
    assert images.shape == (24, 10, 12, 3)
    assert model.named_steps["preprocess"].image_shape_ == (10, 12, 3)
    assert model.predict(images.reshape(24, -1)).tolist() == [sorted(COLOURS)[label] for label in labels]
    assert unlike_training(model, images.reshape(24, -1)) == []
    assert unlike_training(model, 255 - images.reshape(24, -1)) == ["bright border: inverted?"]


def test_predict_takes_as_many_channels_as_training_had(artifacts, tmp_path):
    """The command reads what fetch has brought, channels before pixels as well, and refuses grey by name."""
    images, labels = read_part(artifacts / "raw", "test")
    model = str(artifacts / "model" / "model.npz")
    np.save(tmp_path / "first.npy", np.moveaxis(images, 3, 1))
    np.save(tmp_path / "grey.npy", images[..., 0])
    for file in (artifacts / "raw" / "t10k-images-idx4-ubyte", tmp_path / "first.npy"):
        told = CliRunner().invoke(app, ["predict", str(file), "--model", model, "--json"])
        assert [one["label"] for one in json.loads(told.stdout)] == [sorted(COLOURS)[label] for label in labels]
    refused = CliRunner().invoke(app, ["predict", str(tmp_path / "grey.npy"), "--model", model])
    assert refused.exit_code == 1
    assert "expected images of 10x12 pixels, in colour, as the model was trained on" in refused.stderr


def test_mistakes_are_drawn_in_colour(own, tmp_path):
    """A network that has learned nothing is wrong, and what it is wrong about has its colours in the picture."""
    run(own, tmp_path, "rgb", learning_rate_init=1e-9, max_iter=1)
    drawn = np.asarray(Image.open(tmp_path / "evaluation" / "mistakes.png").convert("RGB")).reshape(-1, 3)
    rows = [line.split(",")[1] for line in (tmp_path / "evaluation" / "mistakes.csv").read_text().splitlines()]
    images, _ = read_part(tmp_path / "raw", "test")
    seen = {tuple(images[int(row)].max(axis=(0, 1)).tolist()) for row in rows[-9:]}
    assert len(seen) > 3
    assert seen <= set(map(tuple, drawn.tolist()))


def test_a_model_of_another_colour_is_refused(own, artifacts, tmp_path):
    """Where the colour of raw was changed and nothing after it, evaluate says which stages to run."""
    for folder in ("split", "model"):
        (tmp_path / folder).mkdir()
        for file in (artifacts / folder).iterdir():
            if file.name != "provenance.json":
                (tmp_path / folder / file.name).write_bytes(file.read_bytes())
    Fetch(str(own)).run(tmp_path)
    with pytest.raises(ProvenanceError, match=r"model takes images of 10x12x3, and .*raw has 10x12: .* train"):
        Evaluate().run(tmp_path)


@pytest.mark.parametrize("how", [{"deskew": True}, {"ink_width": 5}])
def test_what_makes_no_sense_in_colour_is_refused(artifacts, tmp_path, how):
    """Ink is bright on black; images that are deskewed, or scaled by their ink, must be grey."""
    (tmp_path / "raw").mkdir()
    for file in (artifacts / "raw").iterdir():
        (tmp_path / "raw" / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ValueError, match=r"take square grey images; got 10x12x3; fetch.colour: grey makes them so"):
        Preprocess(**how).run(tmp_path)


def test_an_augmentation_that_takes_images_for_others_is_refused(tmp_path):
    """Grey images of 3x4 pixels would pass for coloured squares: the shape must be said."""
    folder = tmp_path / "own"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        for number in range(10):
            Image.fromarray(np.full((3, 4), 10 * number + ord(name), np.uint8)).save(folder / name / f"{number}.png")
    for stage in (Fetch(str(folder)), Preprocess(), Split()):
        stage.run(tmp_path)
    with pytest.raises(ParameterError, match=r"augmentation.shape must be \[3, 4\], as the images are"):
        Train((4,), augmentation=Deform(rotation=5)).run(tmp_path)
