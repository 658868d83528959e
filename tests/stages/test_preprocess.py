import gzip
import json
import mmap
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

import pipeline.images.pixels
from pipeline.artifacts import read_labels, read_normalizer, read_pixels
from pipeline.cli.app import app
from pipeline.data.idx import FILES, write_idx
from pipeline.images.deskew import align
from pipeline.parameters import ParameterError
from pipeline.preprocessing.normalize import Normalize
from pipeline.progress import Progress
from pipeline.provenance import Record, write_record
from pipeline.stages.base import MissingInputError
from pipeline.stages.preprocess import Preprocess

METHODS = ["unit", "standard"]


def pixels(n=50, n_pixels=12, seed=0):
    """Return images of noise as rows of pixels."""
    return np.random.default_rng(seed).integers(256, size=(n, n_pixels), dtype=np.uint8)


def write_raw(folder, train=(20, 4, 3), test=(7, 4, 3), train_labels=None, test_labels=None):
    """Write four IDX files of noise, and return their images and labels."""
    folder.mkdir(parents=True)
    parts = {"train": ("train", train, train_labels), "test": ("t10k", test, test_labels)}
    made = {}
    for part, (stem, shape, given) in parts.items():
        images = pixels(shape[0], shape[1] * shape[2], seed=shape[0]).reshape(shape)
        labels = np.array(np.arange(shape[0]) % 5 if given is None else given, dtype=np.uint8)
        write_idx(folder / f"{stem}-images-idx3-ubyte", images)
        write_idx(folder / f"{stem}-labels-idx1-ubyte", labels)
        made[part] = images, labels
    return made


@pytest.mark.parametrize("method", METHODS)
def test_run_writes_what_the_transformers_say(tmp_path, method):
    """The artifact is `Normalize` of the pixels and `OneHot` of the labels, learned from the training file alone."""
    raw = write_raw(tmp_path / "raw")
    done = Preprocess(method).run(tmp_path)
    assert done == {"train": 20, "test": 7, "pixels": 12, "classes": 5}
    scaler = Normalize(method).fit(raw["train"][0].reshape(20, 12))
    for part, (images, labels) in raw.items():
        X, Y = (np.load(tmp_path / "prepared" / f"{part}_{name}.npy", mmap_mode="r") for name in "XY")
        assert X.dtype == Y.dtype == np.float32
        assert np.array_equal(X, scaler.transform(images.reshape(len(images), 12)))
        assert np.array_equal(Y, np.eye(5)[labels])
        assert np.array_equal(read_labels(tmp_path, part), labels)
    assert read_labels(tmp_path, "test").dtype == np.int64
    state = json.loads((tmp_path / "prepared" / "normalize.json").read_text())
    assert Normalize.from_state(state).get_state() == state
    assert state.pop("images")["shape"] == state["image_shape"] == [4, 3]
    assert state == {name: value for name, value in scaler.get_state().items() if name != "images"} | {
        "image_shape": [4, 3]
    }


def test_the_shape_of_images_is_kept(tmp_path):
    """A state says height and width where they are known; learned from rows, they are known no more."""
    write_raw(tmp_path / "raw")
    stage = Preprocess()
    stage.run(tmp_path)
    state = json.loads((tmp_path / "prepared" / "normalize.json").read_text())
    assert Normalize.from_state(state).image_shape_ == stage.image_shape_ == (4, 3)
    assert "image_shape" not in stage.fit(np.zeros((1, 12), np.uint8)).get_state()
    for wrong in ([4, 4], [12], "43", [4, 3, 1], None):
        with pytest.raises(ValueError, match="not the state of a Normalize"):
            Normalize.from_state(state | {"image_shape": wrong})


@pytest.mark.parametrize("method", METHODS)
def test_the_command_aligns(tmp_path, monkeypatch, method):
    """``preprocess --deskew true --ink-width 16`` writes what `Normalize` with these makes of both files."""
    raw = write_raw(tmp_path / "artifacts" / "raw", train=(20, 20, 20), test=(7, 20, 20))
    monkeypatch.chdir(tmp_path)
    words = ["preprocess", "--method", method, "--deskew", "true", "--ink-width", "16"]
    assert CliRunner().invoke(app, words).exit_code == 0
    prepared = tmp_path / "artifacts" / "prepared"
    scaler = Normalize(method, deskew=True, ink_width=16).fit(raw["train"][0].reshape(20, 400))
    for part, (images, _) in raw.items():
        X = np.load(prepared / f"{part}_X.npy")
        assert X.dtype == np.float32
        assert np.array_equal(X, scaler.transform(images.reshape(-1, 400)))
    assert Normalize.from_state(json.loads((prepared / "normalize.json").read_text())).ink_width == 16


@pytest.mark.filterwarnings("default::FutureWarning")
@pytest.mark.parametrize("home", ["option", "file"])
def test_the_command_takes_the_old_name_of_deskew(tmp_path, monkeypatch, home):
    """``--deslant`` and ``preprocess.deslant`` of a file are read, and a line says what they are called now."""
    write_raw(tmp_path / "artifacts" / "raw", train=(20, 5, 5), test=(7, 5, 5))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("preprocess: {deslant: true}" if home == "file" else "preprocess: {}")
    done = CliRunner().invoke(app, ["preprocess", *(["--deslant", "true"] if home == "option" else [])])
    assert done.exit_code == 0
    assert done.stderr.count("deslant is called ") == 1
    state = json.loads((tmp_path / "artifacts" / "prepared" / "normalize.json").read_text())
    assert state["deskew"] is True
    assert "--deslant" not in CliRunner().invoke(app, ["preprocess", "--help"]).stdout


def test_artifacts_without_geometry_are_as_ever(tmp_path):
    """What was not asked for is not in ``normalize.json``."""
    write_raw(tmp_path / "raw")
    Preprocess().run(tmp_path)
    state = json.loads((tmp_path / "prepared" / "normalize.json").read_text())
    assert state.pop("images")["high"] == 254
    shape = {"image_shape": [4, 3], "pictures": {"background": "black", "ink_size": None}}
    assert state == {"method": "unit", "n_features": 12, "scale": 1 / 255, "shift": 0.0} | shape


def test_the_command_refuses_images_that_are_no_squares(tmp_path):
    """Images of 4x9 have as many pixels as those of 6x6, and are refused all the same."""
    write_raw(tmp_path / "raw", train=(20, 4, 9), test=(7, 4, 9))
    with pytest.raises(ValueError, match="deskew and ink_width take square grey images; got 4x9"):
        Preprocess(deskew=True).run(tmp_path)
    assert Preprocess().run(tmp_path)["pixels"] == 36


def test_columns_are_labels(tmp_path):
    """Column k stands for label k even where a label has no rows."""
    write_raw(tmp_path / "raw", train_labels=[1, 4] * 10, test_labels=[4] * 7)
    Preprocess().run(tmp_path)
    assert np.load(tmp_path / "prepared" / "train_Y.npy").sum(axis=0).tolist() == [0, 10, 0, 0, 10]
    assert read_labels(tmp_path, "test").tolist() == [4] * 7


def test_run_is_the_same_twice_and_in_pieces(tmp_path, monkeypatch):
    """Two runs write the same bytes, and so do pieces of another size."""
    write_raw(tmp_path / "raw")
    stage = Preprocess("standard")

    def written():
        stage.run(tmp_path)
        return {path.name: path.read_bytes() for path in (tmp_path / "prepared").iterdir()}

    first = written()
    assert sorted(first) == [
        "normalize.json",
        "provenance.json",
        "test_X.npy",
        "test_Y.npy",
        "train_X.npy",
        "train_Y.npy",
    ]
    assert written() == first
    monkeypatch.setattr(pipeline.images.pixels, "PIECE", 25)
    assert written() == first


def test_run_works_in_pieces_of_bounded_size(tmp_path, monkeypatch):
    """No more pixels than a piece holds are ever normalised at once, and whoever watches hears of every image."""
    write_raw(tmp_path / "raw")
    monkeypatch.setattr(pipeline.images.pixels, "PIECE", 40)
    sizes, heard = [], []

    class Watched(Preprocess):
        def transform(self, X):
            sizes.append(X.size)
            return super().transform(X)

    class Watcher(Progress):
        def begin(self, what, total, unit):
            heard.append((what, total, unit))

        def advance(self, step=1, **figures):
            heard.append(figures or step)

        def end(self):
            heard.append("end")

    Watched().run(tmp_path, Watcher())
    assert max(sizes) <= 40
    assert heard[:1] + heard[-5:] == [
        ("normalise train_X", 20, "images"),
        ("normalise test_X", 7, "images"),
        3,
        3,
        1,
        "end",
    ]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"test": (7, 5, 3)}, "t10k-images-idx3-ubyte has images of 5x3 pixels; expected 4x3, as train-images"),
        ({"test": (7, 3, 4)}, "t10k-images-idx3-ubyte has images of 3x4 pixels; expected 4x3"),
        ({"test_labels": [5] * 7}, r"t10k-labels-idx1-ubyte has the label 5 \(7 of 7 rows\), which train-labels"),
        ({"train_labels": [0, 2] * 10, "test_labels": [0, 0, 1, 2, 2, 2, 2]}, r"the label 1 \(1 of 7 rows\)"),
        ({"train_labels": [3] * 20, "test_labels": [3] * 7}, "train-labels-idx1-ubyte has the label 3 alone"),
        ({"test": (0, 4, 3)}, "t10k-images-idx3-ubyte holds no pixel"),
    ],
)
def test_files_that_no_later_stage_could_use_are_refused(tmp_path, raw, message):
    """Images of another size, unknown labels, one class, no image: each is refused, and nothing is left behind."""
    write_raw(tmp_path / "raw", **raw)
    with pytest.raises(ValueError, match=message):
        Preprocess().run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_missing_input_names_its_maker(tmp_path):
    """Without raw files the error says which command makes them."""
    with pytest.raises(MissingInputError, match="pipeline fetch"):
        Preprocess().run(tmp_path)


@pytest.mark.parametrize("background", ["black", "white"])
def test_the_background_of_the_pictures_is_kept(tmp_path, background):
    """What `fetch` has inverted, whoever reads pictures for the model has to invert as well."""
    write_raw(tmp_path / "raw")
    write_record(tmp_path / "raw", Record("fetch", {"dataset": "folder", "background": background}))
    Preprocess().run(tmp_path)
    assert read_normalizer(tmp_path).background_ == background


def test_oblong_images_are_no_ink_in_a_square(tmp_path):
    """Images of 4x9 pixels are not taken for such of 6x6, whatever stands in these."""
    images = np.zeros((20, 6, 6), np.uint8)
    images[:, 1:5, 2:4] = 255
    write_raw(tmp_path / "raw", (20, 4, 9), (7, 4, 9))
    write_idx(tmp_path / "raw/train-images-idx3-ubyte", images.reshape(20, 4, 9))
    Preprocess().run(tmp_path)
    assert read_normalizer(tmp_path).photo_ is None
    assert Normalize().fit(images.reshape(20, 36)).photo_ is not None


def test_bytes_share_the_place_of_the_raw_images(tmp_path):
    """Stored as uint8, images that stay as they are take no place on the disk, and are read as the raw ones."""
    raw = write_raw(tmp_path / "raw")
    done = Preprocess(stored_as="uint8").run(tmp_path)
    assert done == {"train": 20, "test": 7, "pixels": 12, "classes": 5}
    assert not list((tmp_path / "prepared").glob("*_X.npy"))
    for part, (images, labels) in raw.items():
        assert (tmp_path / "prepared" / f"{part}_X.idx").samefile(tmp_path / "raw" / FILES[part][0])
        X = read_pixels(tmp_path, part)
        assert isinstance(X.base if X.base is not None else X, np.memmap | mmap.mmap)
        assert X.dtype == np.uint8
        assert np.array_equal(X, images.reshape(len(images), 12))
        assert np.array_equal(read_labels(tmp_path, part), labels)
    with_floats = tmp_path / "other"
    shutil.copytree(tmp_path / "raw", with_floats / "raw")
    Preprocess().run(with_floats)
    name = "normalize.json"
    assert (tmp_path / "prepared" / name).read_bytes() == (with_floats / "prepared" / name).read_bytes()


def test_bytes_are_written_where_they_cannot_be_shared(tmp_path, monkeypatch):
    """A file system without second names has a copy; so have compressed files, and images that are aligned."""
    raw = write_raw(tmp_path / "raw", train=(20, 20, 20), test=(7, 20, 20))

    def stored(**parameters):
        Preprocess(stored_as="uint8", **parameters).run(tmp_path)
        assert all(path.stat().st_nlink == 1 for path in (tmp_path / "prepared").iterdir())
        return read_pixels(tmp_path, "train")

    rows = raw["train"][0].reshape(20, 400)
    assert np.array_equal(stored(deskew=True), align(rows, deskew=True, ink_width=None))
    with monkeypatch.context() as patched:
        patched.setattr("os.link", lambda *_: (_ for _ in ()).throw(OSError("not here")))
        assert np.array_equal(stored(), rows)
    for path in (tmp_path / "raw").glob("*images*"):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert np.array_equal(stored(), rows)


def test_bytes_are_for_a_method_that_is_one_scale(tmp_path):
    """A mean that is subtracted would be lost."""
    write_raw(tmp_path / "raw")
    with pytest.raises(ParameterError, match="stored_as must be float32 where method is standard; got 'uint8'"):
        Preprocess("standard", stored_as="uint8").run(tmp_path)
    assert not (tmp_path / "prepared").exists()


def test_labels_are_encoded_in_pieces(tmp_path, monkeypatch):
    """Whatever fits in a piece, the file is the same."""
    write_raw(tmp_path / "raw")
    Preprocess().run(tmp_path)
    whole = (tmp_path / "prepared" / "train_Y.npy").read_bytes()
    monkeypatch.setattr("pipeline.stages.preprocess._LABELS", 3)
    Preprocess().run(tmp_path)
    assert (tmp_path / "prepared" / "train_Y.npy").read_bytes() == whole
