import gzip
import hashlib

import pytest

from pipeline.data.carriers.base import CarrierError
from pipeline.data.carriers.local import Cache, Folder, ScikitLearnDigits
from pipeline.data.idx import FILES, IdxError, read_part

IMAGES = FILES["train"][0]
DIGITS = {
    "train-images-idx3-ubyte": "dc15de4d6f0b703d",
    "train-labels-idx1-ubyte": "758ea24dda58850b",
    "t10k-images-idx3-ubyte": "cc85d50f07c5f2d9",
    "t10k-labels-idx1-ubyte": "34128b0eac0fff7f",
}
"""The first half of the SHA-256 of each file."""


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_folder(tiny_folder, tiny, files, home, transfer):
    """A folder's files come out raw, whether they lie there compressed or not; and the folder stays as it was."""
    (tiny_folder / IMAGES).unlink()
    (tiny_folder / f"{IMAGES}.gz").write_bytes(gzip.compress(tiny[IMAGES]))
    before = contents(tiny_folder)
    Folder(tiny_folder).bring(files, home, transfer)
    assert contents(home) == tiny
    assert contents(tiny_folder) == before


def test_folder_that_is_not_there(tmp_path, files, home, transfer):
    """A folder that is not there is said to be so."""
    with pytest.raises(CarrierError, match="not there"):
        Folder(tmp_path / "nowhere").bring(files, home, transfer)


def test_folder_with_a_file_missing(tiny_folder, files, home, transfer):
    """A missing file is named."""
    (tiny_folder / IMAGES).unlink()
    with pytest.raises(FileNotFoundError, match=f"holds neither {IMAGES} nor"):
        Folder(tiny_folder).bring(files, home, transfer)


def test_folder_with_a_damaged_file(tiny_folder, files, home, transfer):
    """A damaged file is named with its damage."""
    (tiny_folder / IMAGES).write_bytes(b"<html>")
    with pytest.raises(IdxError, match=f"{IMAGES} is an HTML"):
        Folder(tiny_folder).bring(files, home, transfer)


def test_cache_gives_what_it_has_kept(tmp_path, tiny_folder, tiny, files, home, transfer):
    """A cache is empty first, and gives the same bytes once it has kept them; keeping them again does no harm."""
    cache = Cache(tmp_path / "deep" / "cache")
    with pytest.raises(CarrierError, match="not been filled"):
        cache.bring(files, home, transfer)
    cache.keep(files, tiny_folder)
    cache.keep(files, tiny_folder)
    cache.bring(files, home, transfer)
    assert contents(home) == contents(cache.path) == tiny


def test_half_a_cache_is_empty(tmp_path, tiny_folder, files, home, transfer):
    """A cache in which a file is missing gives nothing."""
    cache = Cache(tmp_path / "cache")
    cache.keep(files, tiny_folder)
    (cache.path / IMAGES).unlink()
    with pytest.raises(CarrierError, match="not been filled"):
        cache.bring(files, home, transfer)
    assert not list(home.iterdir())


def test_digits_are_the_same_everywhere(home, files, transfer):
    """The digits inside scikit-learn make the same files on every machine, the test part among them."""
    ScikitLearnDigits().bring(dict.fromkeys(files), home, transfer)
    assert {name: hashlib.sha256(body).hexdigest()[:16] for name, body in contents(home).items()} == DIGITS


def test_digits_fill_the_range(home, files, transfer):
    """They are stretched from 0..16 to 0..255, and a fifth of each class is in the test part."""
    ScikitLearnDigits().bring(dict.fromkeys(files), home, transfer)
    images, labels = read_part(home, "test", n_classes=10)
    assert images.shape == (360, 8, 8)
    assert (images.min(), images.max()) == (0, 255)
    assert set(labels) == set(range(10))
