import re

import pytest

from pipeline.data.idx import FILES
from pipeline.data.own.tree import TreeError
from pipeline.data.registry import REGISTRY, find_dataset
from pipeline.data.sources.base import Transfer
from pipeline.data.sources.local import Folder
from pipeline.data.sources.openml import OpenML
from pipeline.parameters import ParameterError
from pipeline.progress import Progress

NAMES = {name for part in FILES.values() for name in part}


def test_names():
    """The registry has these data sets."""
    assert list(REGISTRY) == ["mnist", "fashion-mnist", "kmnist", "digits"]


@pytest.mark.parametrize("dataset", REGISTRY.values(), ids=REGISTRY)
def test_entries(dataset):
    """Every entry has the four files, somebody to bring it, its classes, a licence and a citation."""
    assert {name.removesuffix(".gz") for name in dataset.files} == NAMES
    assert dataset.sources
    assert dataset.n_classes == 10
    assert dataset.licence
    assert dataset.citation
    assert find_dataset(dataset.name) is dataset


@pytest.mark.parametrize("dataset", REGISTRY.values(), ids=REGISTRY)
def test_what_comes_from_afar_can_be_checked(dataset):
    """No entry that a remote source brings lacks a SHA-256 of a file, and no two files have the same."""
    if any(source.remote for source in dataset.sources):
        known = list(dataset.files.values())
        assert all(re.fullmatch("[0-9a-f]{64}", one) for one in known)
        assert len(set(known)) == 4


@pytest.mark.parametrize("dataset", REGISTRY.values(), ids=REGISTRY)
def test_sources_have_names(dataset):
    """Sources of one data set can be told apart by their names in a message."""
    assert len({str(source) for source in dataset.sources}) == len(dataset.sources)


@pytest.mark.parametrize(
    ("name", "key"), [("openml:554", 554), ("openml:mnist_784", "mnist_784"), ("openml:USPS", "USPS")]
)
def test_openml(name, key):
    """Any OpenML set can be named by its number or its name."""
    dataset = find_dataset(name)
    assert dataset.sources == (OpenML(key),)
    assert dataset.name == name
    assert dataset.n_classes is None
    assert set(dataset.files) == NAMES


def test_folder(tmp_path):
    """A folder that is there is a data set, of which nothing is known beforehand."""
    dataset = find_dataset(str(tmp_path))
    assert dataset.sources == (Folder(str(tmp_path)),)
    assert set(dataset.files.values()) == {None}


@pytest.mark.parametrize("name", ["MNIST", "", "openml:", "openml:a/b", "openml:a b", "no/such/folder"])
def test_unknown(name):
    """What is no data set is refused with the names that there are."""
    with pytest.raises(ParameterError, match=r"dataset must be mnist, .*openml:NAME or a folder .*; got "):
        find_dataset(name)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("MNIST", "mnist"), ("minst", "mnist"), ("fashion_mnist", "fashion-mnist"), ("FashionMNIST", "fashion-mnist")],
)
def test_a_misspelt_name_brings_a_guess(name, meant):
    """The nearest data set is offered, whatever the case and the dashes."""
    with pytest.raises(ParameterError, match=rf"got '{name}'; did you mean {meant}\?$"):
        find_dataset(name)


def test_a_relative_folder_that_is_missing_is_told_with_where_it_was_looked_for(tmp_path, monkeypatch):
    """The message has the whole path, and in DVC's copy of the repository what to do."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParameterError, match=f"there is no {re.escape(str(tmp_path / 'my' / 'own'))}$"):
        find_dataset("my/own")
    copy = tmp_path / ".dvc" / "tmp" / "exps" / "standalone" / "tmp1"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)
    with pytest.raises(ParameterError, match=r"in a copy of what Git tracks: give the absolute path of your folder$"):
        find_dataset("my/own")
    with pytest.raises(ParameterError, match=r"got '/my/own'$"):
        find_dataset("/my/own")


def test_pictures_in_no_folder_of_a_class_are_told(tmp_path):
    """Nothing is said of IDX files to those who have pictures."""
    for name in ("1.PNG", "2.png"):
        (tmp_path / name).touch()
    [source] = find_dataset(str(tmp_path)).sources
    with pytest.raises(TreeError, match=r"no folders of classes with files in them.* It holds 1.PNG, 2.png$"):
        source.bring({}, tmp_path, Transfer(1.0, 0, Progress()))


def test_a_table_that_is_no_utf8_is_told_so(tmp_path):
    """Spreadsheets write UTF-16, and old programs an alphabet of their country."""
    for encoding in ("utf-16", "latin-1"):
        (tmp_path / "own.csv").write_text("file,label\ncaf\u00e9.png,1\n", encoding)
        with pytest.raises(ParameterError, match=r"own.csv cannot be read: it is .*, and no text in UTF-8"):
            find_dataset(str(tmp_path / "own.csv"))
