"""The forms of a model file: told by the ending on writing, by the content on reading, and each refused by its own."""

import json
import pickle
import sys
import zipfile

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save, save_file
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline

from pipeline import MLPClassifier, Normalize, load_model, save_model
from pipeline.model_file import ModelFileError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = (array[:200] for array in load_digits(return_X_y=True))


@pytest.fixture(scope="module")
def model():
    """Return a model of images, with words for labels."""
    network = MLPClassifier((5, 4), dropout=0.1, batch_norm=True, max_iter=2, random_state=0)
    return make_pipeline(Normalize(), network).fit(X, np.array(list("abcdefghij"))[Y])


@pytest.fixture
def path(tmp_path, model):
    """Return a file of tensors."""
    save_model(tmp_path / "model.safetensors", model)
    return tmp_path / "model.safetensors"


def header_of(path):
    """Return what the file says of the model."""
    with safe_open(path, "numpy") as file:
        return json.loads(file.metadata()["header"])


def test_the_ending_asks_for_a_form_and_the_content_says_it(tmp_path, model):
    """Capitals are no matter, a file of another name is read as what it is, and from one form comes the other."""
    names = ["a.npz", "a.safetensors", "a.SafeTensors", "a.model"]
    for name in names:
        save_model(tmp_path / name, model)
    contents = {name: (tmp_path / name).read_bytes() for name in names}
    assert contents["a.npz"] == contents["a.model"]
    assert contents["a.safetensors"] == contents["a.SafeTensors"] != contents["a.npz"]
    for name, other in (("a.npz", "a.safetensors"), ("a.safetensors", "a.npz")):
        (tmp_path / "renamed").write_bytes(contents[name])
        save_model(tmp_path / other, load_model(tmp_path / "renamed"))
        assert (tmp_path / other).read_bytes() == contents[other]


def test_a_model_file_is_not_called_as_one_of_onnx(tmp_path, model):
    """What such a name promises is another form, and made by another function."""
    with pytest.raises(ValueError, match=r"model\.onnx is called as a file of ONNX, .* to_onnx makes one"):
        save_model(tmp_path / "model.onnx", model)
    assert not list(tmp_path.iterdir())


def test_tensors_are_those_of_the_network_alone(path, model):
    """Others find layers by their names, no more; all that is no tensor stands in one word of the metadata."""
    found = load_file(path)
    weights = [f"{place}.{name}" for place in (0, 3, 6) for name in ("weight", "bias")]
    norms = [f"{place}.{name}" for place in (1, 4) for name in ("weight", "bias", "running_mean", "running_var")]
    assert set(found) == {*weights, *norms} - {"0.bias", "3.bias"}
    assert np.array_equal(found["6.weight"].T, model[-1].coefs_[-1])
    with safe_open(path, "numpy") as file:
        assert set(file.metadata()) == {"header"}
    assert header_of(path)["classes"] == {"dtype": "<U1", "values": list("abcdefghij")}


def test_training_adds_tensors_of_its_own(path, model):
    """With ``resume`` they stand beside the network's, whose names begin with a number."""
    lean = set(load_file(path))
    save_model(path, model, resume=True)
    more = set(load_file(path)) - lean
    assert {"optimizer_m", "optimizer_v", "best_params"} <= more
    assert not [name for name in more if name[0].isdigit()]


def edited(path, change, **metadata):
    """Write a file anew with other tensors, without a check sum."""
    tensors = load_file(path)
    header = {name: value for name, value in header_of(path).items() if name != "crc32"}
    change(tensors)
    path.write_bytes(save(tensors, {"header": json.dumps(header), **metadata}))


def test_weights_that_others_have_trained_on_come_back(path, model):
    """A file that was written elsewhere has no check sum, and is read as it is."""

    def train_on(tensors):
        tensors["6.bias"].fill(0.25)
        tensors["1.num_batches_tracked"] = np.array(7)  # as PyTorch saves it

    edited(path, train_on, format="pt")
    loaded = load_model(path)
    assert (loaded["train"].intercepts_[-1] == 0.25).all()
    assert np.array_equal(loaded["train"].coefs_[0], model[-1].coefs_[0])


def test_weights_that_have_changed_unseen_are_refused(path):
    """A check sum is over all of them, and over the header."""
    tensors, header = load_file(path), header_of(path)
    tensors["6.bias"][0] += 1e-3
    save_file(tensors, path, {"header": json.dumps(header)})
    with pytest.raises(ModelFileError, match=r"not those that were written: another crc32 is in its header"):
        load_model(path)


def swap(tensors, name, array):
    """Put another array in the place of a tensor."""
    tensors[name] = array


OTHER_TENSORS = {
    "one is missing": (lambda t: t.pop("6.bias"), "it has no 6.bias"),
    "all but one are missing": (lambda t: [t.pop(name) for name in sorted(t)[:-1]], "it has no 0.weight"),
    "one too many": (lambda t: swap(t, "7.weight", np.zeros(3)), "it has '7.weight', which is in no model file"),
    "a bias too many": (lambda t: swap(t, "0.bias", np.zeros(5)), "it has '0.bias', which is in no model file"),
    "a name in colours": (lambda t: swap(t, "\x1b[31m" * 99, np.zeros(3)), "which is in no model file"),
    "turned": (lambda t: swap(t, "6.weight", np.ascontiguousarray(t["6.weight"].T)), r"shape \(10, 4\); got \(4, 10\)"),
    "flat": (lambda t: swap(t, "6.weight", t["6.weight"].ravel()), r"shape \(10, 4\); got \(40,\)"),
    "too short": (lambda t: swap(t, "6.bias", t["6.bias"][:-1]), r"6.bias must have the shape \(10,\)"),
    "whole numbers": (
        lambda t: swap(t, "6.bias", np.zeros(10, int)),
        "float32, or float64; got float64, int64",
    ),
    "halves": (lambda t: t.update({name: a.astype("f2") for name, a in t.items()}), "got float16"),
    "two precisions": (lambda t: swap(t, "6.bias", t["6.bias"].astype("f4")), "got float32, float64"),
    "no numbers": (lambda t: t["0.weight"].fill(np.nan), "params must be finite numbers"),
    "infinite": (lambda t: t["1.running_var"].fill(np.inf), "params must be finite numbers"),
}


@pytest.mark.parametrize(("change", "words"), OTHER_TENSORS.values(), ids=OTHER_TENSORS)
def test_tensors_that_do_not_fit_are_refused(path, change, words):
    """In one line that names the file, and the tensor."""
    edited(path, change)
    with pytest.raises(ModelFileError, match=f"does not hold together: .*{words}") as caught:
        load_model(path)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 300 + len(str(path))


OTHER_TRAINING = {
    "one is missing": lambda t: t.pop("optimizer_m"),
    "too short": lambda t: swap(t, "optimizer_m", t["optimizer_m"][:-1]),
    "words": lambda t: swap(t, "optimizer_m", t["optimizer_m"].astype("i8")),
    "no numbers": lambda t: t["best_params"].fill(np.nan),
}


@pytest.mark.parametrize("change", OTHER_TRAINING.values(), ids=OTHER_TRAINING)
def test_training_that_does_not_fit_is_refused(path, model, change):
    """What goes on from a file is as the header says, too."""
    save_model(path, model, resume=True)
    edited(path, change)
    with pytest.raises(ModelFileError, match=r"does not hold together: ValueError: .*(optimizer_m|best_params)"):
        load_model(path)


OTHER_LABELS = {
    "none": lambda header: header.pop("classes"),
    "no list": lambda header: header.update(classes="abcdefghij"),
    "too few": lambda header: header["classes"]["values"].pop(),
    "alike": lambda header: header["classes"]["values"].__setitem__(0, "b"),
    "other words": lambda header: header["classes"]["values"].__setitem__(0, "bc"),
    "words for numbers": lambda header: header["classes"].update(dtype="<i8"),
    "words without an end": lambda header: header["classes"].update(dtype=f"<U{10**9}"),
    "dates that are none": lambda header: header["classes"].update(dtype="<M8[D]", values=[-(2**63), *range(9)]),
    "objects": lambda header: header["classes"].update(dtype="|O"),
}


@pytest.mark.parametrize("change", OTHER_LABELS.values(), ids=OTHER_LABELS)
def test_labels_that_do_not_fit_are_refused(path, change):
    """They stand in the header, which has no word for some, and may announce more than it has."""
    header = header_of(path)
    del header["crc32"]
    change(header)
    save_file(load_file(path), path, {"header": json.dumps(header)})
    with pytest.raises(ModelFileError, match=r"does not hold together: .") as caught:
        load_model(path)
    assert len(str(caught.value)) <= 300 + len(str(path))


class Bomb:
    """Something that must never be unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


def zipped(path):
    """Return an archive of another program."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(Bomb()))
    return path.read_bytes()


def with_header(text):
    """Return a file of tensors that says something of itself."""
    return save({"a": np.zeros(3)}, {"header": text})


NO_MODELS = {
    "a pickle": (lambda _: pickle.dumps(Bomb()), "it is a pickle"),
    "a zip": (zipped, "it is an archive of data.pkl, without a header"),
    "another's": (
        lambda _: save({"a": np.zeros(3)}),
        "a file of safetensors with a, without a header of a model",
    ),
    "of nothing": (
        lambda _: raw(b'{"__metadata__": {"a": "b"}}'),
        "a file of safetensors with nothing",
    ),
    "a header that is no JSON": (lambda _: with_header("{"), "its header cannot be read"),
    "a header in a list": (lambda _: with_header("[1]"), "its header is no mapping"),
    "a header with a name twice": (lambda _: with_header('{"state": 1, "state": 2}'), "its header cannot be read"),
    "a header too long": (
        lambda _: with_header(" " * (2**24 + 1)),
        f"its header has {2**24 + 1} bytes",
    ),
    "a header that is no word": (lambda _: raw(b'{"__metadata__": {"header": {}}}'), "its __metadata__ are no words"),
    "two headers": (lambda _: raw(b'{"__metadata__": {}, "__metadata__": {}}'), "'__metadata__' is there twice"),
    "a length alone": (lambda _: bytes(8), "it is of no kind that is known here"),
    "a length beyond the file": (lambda _: raw(b"{}")[:-1], "it is cut short within its header"),
    "a length beyond memory": (lambda _: (2**39).to_bytes(8, "little") + b"{}", f"its header has {2**39} bytes"),
    "a length beyond all": (lambda _: b"\xff" * 8 + b"{}", "it is of no kind that is known here"),
    "a length that is a zip's name": (lambda _: b"PK" + bytes(6) + b"{" * 99, "it is cut short within its header"),
}


def raw(header):
    """Return a file of a header alone."""
    return len(header).to_bytes(8, "little") + header


@pytest.mark.parametrize(("make", "words"), NO_MODELS.values(), ids=NO_MODELS)
def test_what_is_no_model_of_tensors_is_refused(path, make, words):
    """It says what the file is, or what is wrong with it, in one line; nothing is unpickled."""
    path.write_bytes(make(path))
    with pytest.raises(ModelFileError, match=f"model.safetensors is no model file: .*{words}") as caught:
        load_model(path)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 400 + len(str(path))


def test_tensors_that_are_cut_or_longer_are_refused(path):
    """The last byte that is missing, or one more."""
    whole = path.read_bytes()
    for content in (whole[:-1], whole + b"\0"):
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match=r"does not hold together: .*its header does not fit its arrays"):
            load_model(path)


def test_without_the_library_one_line_says_what_to_install(path, model, monkeypatch):
    """The file is not at fault; nothing is written, and an archive needs no library."""
    monkeypatch.setitem(sys.modules, "safetensors", None)
    other = path.with_name("other.safetensors")
    for attempt in (lambda: load_model(path), lambda: save_model(other, model)):
        with pytest.raises(ImportError, match=r'pip install "digits-pipeline\[safetensors\]" brings it'):
            attempt()
    assert not other.exists()
    save_model(path.with_name("model.npz"), model)
    assert load_model(path.with_name("model.npz")).predict(X[:3]).tolist() == model.predict(X[:3]).tolist()
