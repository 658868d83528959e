import gzip
from itertools import product

import numpy as np
import pytest

from pipeline.data.idx import FILES, IdxError, write_idx
from pipeline.data.idx_names import find_parts, holds_idx, role_of

OFFICIAL = {(part, kind): name for part, names in FILES.items() for kind, name in zip(("images", "labels"), names)}  # noqa: B905 - both have two
SPLITS = ["balanced", "byclass", "bymerge", "digits", "letters", "mnist"]
LAYOUTS = {
    "official": "{stem}-{kind}-idx{n}-ubyte",
    "compressed": "{stem}-{kind}-idx{n}-ubyte.gz",
    "with a dot": "{stem}-{kind}.idx{n}-ubyte",
    "with a dot, compressed": "{stem}-{kind}.idx{n}-ubyte.gz",
    "capital letters": "{STEM}-{KIND}-IDX{n}-UBYTE.GZ",
    "underscores": "{stem}_{kind}_idx{n}_ubyte",
    "short": "{stem}-{kind}.idx",
    "torchvision": "MNIST/raw/{stem}-{kind}-idx{n}-ubyte",
    "torchvision's other sets": "FashionMNIST/raw/{stem}-{kind}-idx{n}-ubyte",
    "torchvision, one below": "raw/{stem}-{kind}-idx{n}-ubyte",
    "EMNIST's archive, unpacked": "gzip/emnist-letters-{stem}-{kind}-idx{n}-ubyte.gz",
    "folders of the files' names": "{stem}-{kind}-idx{n}-ubyte/{stem}-{kind}-idx{n}-ubyte",
    "folders with the end of the archive": "{stem}-{kind}-idx{n}-ubyte.gz/{stem}-{kind}.idx{n}-ubyte",
    "folders of the files' names below": "MNIST/raw/{stem}-{kind}-idx{n}-ubyte/{stem}-{kind}-idx{n}-ubyte",
    "prefix": "my own set_{stem}-{kind}-idx{n}-ubyte",
    "QMNIST": "qmnist-{stem}-{kind}-idx{n}-ubyte.gz",
    **{f"EMNIST {split}": f"emnist-{split}-{{stem}}-{{kind}}-idx{{n}}-ubyte.gz" for split in SPLITS},
}
"""How people's files are called; a stem is train and t10k, or test."""


def fill(folder, layout, test="t10k", offset=0, leave_out=()):
    """Write four files under such names, an array of one axis in each; return them by part and kind."""
    paths = {}
    for number, (part, kind) in enumerate(product(("train", "test"), ("images", "labels"))):
        stem, n = "train" if part == "train" else test, 3 if kind == "images" else 1
        path = folder / layout.format(stem=stem, kind=kind, n=n, STEM=stem.upper(), KIND=kind.upper())
        if (part, kind) not in leave_out:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_idx(path, np.array([number + offset], np.uint8))
            if path.name.lower().endswith("gz"):
                path.write_bytes(gzip.compress(path.read_bytes()))
            paths[part, kind] = path
    return paths


def found(folder):
    """Return what is found by part and kind."""
    parts = find_parts(folder)
    return {(part, kind): path for part, pair in parts.items() for kind, path in zip(("images", "labels"), pair)}  # noqa: B905 - both have two


@pytest.mark.parametrize("test", ["t10k", "test"])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_names_as_they_come(tmp_path, layout, test):
    """Under each of these names and layouts the four files are found, other files beside them make no difference."""
    (tmp_path / "readme.txt").write_text("about", "utf-8")
    (tmp_path / "._train-images-idx3-ubyte.gz").write_bytes(b"what macOS keeps beside a file")
    (tmp_path / "notes").mkdir()
    paths = fill(tmp_path, layout, test)
    assert found(tmp_path) == paths


def test_names_may_differ_within_a_set(tmp_path):
    """One file may be compressed and the other not, one with a dot and the other without."""
    one = fill(tmp_path, LAYOUTS["official"], leave_out={("train", "labels"), ("test", "images")})
    other = fill(tmp_path, LAYOUTS["with a dot, compressed"], leave_out=one.keys())
    assert found(tmp_path) == one | other


def test_labels_of_qmnist_have_a_name_of_their_own(tmp_path):
    """QMNIST's labels are of int32 on two axes, and are called so."""
    paths = fill(
        tmp_path, "qmnist-{stem}-{kind}-idx3-ubyte", "test", leave_out={("train", "labels"), ("test", "labels")}
    )
    paths |= fill(tmp_path, "qmnist-{stem}-{kind}-idx2-int.gz", "test", leave_out=paths.keys())
    assert found(tmp_path) == paths


@pytest.mark.parametrize(
    "name",
    [
        "train-images-idx3-ubyte.zip",
        "train-images-idx3-ubyte.gz.part",
        "train-images-idx3-ubyte (1).gz",
        "train-images.png",
        "train_images.npy",
        "train.csv",
        "retrain-images-idx3-ubyte",
        "xnist-images-idx3-ubyte.xz",
        ".train-images-idx3-ubyte",
        "train-pictures-idx3-ubyte",
        "",
    ],
)
def test_other_names(name):
    """What is called otherwise is no candidate."""
    assert role_of(name) is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("official", "compressed"),
        ("official", "with a dot"),
        ("with a dot", "folders of the files' names"),
        ("compressed", "capital letters"),
    ],
)
def test_a_file_that_is_there_twice(tmp_path, first, second):
    """Twice the same, raw and compressed or under two names, is once; two that differ are both named."""
    paths, others = fill(tmp_path, LAYOUTS[first]), fill(tmp_path, LAYOUTS[second])
    assert all(path in (paths[key], others[key]) for key, path in found(tmp_path).items())
    fill(tmp_path, LAYOUTS[second], offset=9)
    with pytest.raises(IdxError, match="are called alike, but their contents differ; remove one of them") as caught:
        find_parts(tmp_path)
    for path in (paths["train", "images"], others["train", "images"]):
        assert f"{path} " in str(caught.value)


def test_raw_goes_before_compressed(tmp_path):
    """Of the same file raw and compressed the raw one is taken, for it can be mapped."""
    fill(tmp_path, LAYOUTS["compressed"])
    raw = fill(tmp_path, LAYOUTS["official"])
    assert found(tmp_path) == raw


def test_a_damaged_second_copy_is_named(tmp_path):
    """A file that is there raw and, damaged, compressed: the damaged one is named."""
    fill(tmp_path, LAYOUTS["official"])
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(b"\x1f\x8b")
    with pytest.raises(IdxError, match=r"t10k-labels-idx1-ubyte\.gz is cut short"):
        find_parts(tmp_path)


@pytest.mark.parametrize(
    "layouts",
    [("EMNIST digits", "EMNIST letters"), ("official", "prefix"), ("torchvision", "torchvision's other sets")],
)
def test_two_sets_are_not_guessed_between(tmp_path, layouts):
    """Where the files of two sets lie, neither is taken, and a file of each is named; not even if they are the same."""
    sets = [fill(tmp_path, LAYOUTS[layout]) for layout in layouts]
    with pytest.raises(IdxError, match=r"holds several data sets, .* move the four files of one") as caught:
        find_parts(tmp_path)
    for paths in sets:
        assert str(paths["train", "images"]) in str(caught.value)


def test_sets_are_not_mixed(tmp_path):
    """The training files of one set and the test files of another are no set; both are said to be half there."""
    fill(tmp_path, LAYOUTS["EMNIST digits"], leave_out={("test", "images"), ("test", "labels")})
    fill(tmp_path, LAYOUTS["EMNIST letters"], leave_out={("train", "images"), ("train", "labels")})
    with pytest.raises(FileNotFoundError) as caught:
        find_parts(tmp_path)
    for split, stem in [("digits", "t10k"), ("letters", "train")]:
        missing = [f"emnist-{split}-{stem}-images-idx3-ubyte", f"emnist-{split}-{stem}-labels-idx1-ubyte"]
        assert f"lack beside them {', '.join(missing)}" in str(caught.value)


def test_half_a_set_beside_a_complete_one(tmp_path):
    """A set that is not complete does not stand in the way of one that is; and the nearest is taken."""
    fill(tmp_path, LAYOUTS["prefix"], leave_out={("test", "labels")})
    paths = fill(tmp_path, LAYOUTS["official"])
    fill(tmp_path, LAYOUTS["torchvision"])
    assert found(tmp_path) == paths


@pytest.mark.parametrize("gap", OFFICIAL)
def test_a_missing_file_is_named(tmp_path, gap):
    """The file that is missing is named, and those that are there."""
    paths = fill(tmp_path, LAYOUTS["with a dot"], leave_out={gap})
    with pytest.raises(FileNotFoundError, match=f"lack beside them {OFFICIAL[gap]}, with .gz or without$") as caught:
        find_parts(tmp_path)
    assert all(str(path) in str(caught.value) for path in paths.values())


def test_what_is_there_instead(tmp_path):
    """Where nothing fits, the error says which names would, and what there is; of many files, some."""
    with pytest.raises(FileNotFoundError, match=r"it holds nothing$"):
        find_parts(tmp_path)
    (tmp_path / "train").mkdir()
    (tmp_path / "train.csv").touch()
    with pytest.raises(
        FileNotFoundError, match=r"called like train-images-idx3-ubyte, .*; it holds train/, train.csv$"
    ):
        find_parts(tmp_path)
    for number in range(10, 30):
        (tmp_path / f"{number}.png").touch()
    with pytest.raises(FileNotFoundError, match=r"it holds 10.png, 11.png, .*, 21.png and 10 more$"):
        find_parts(tmp_path)


def test_many_halves_are_not_all_told(tmp_path):
    """Of many sets that are not complete three are told."""
    for number in range(5):
        (tmp_path / f"set{number}-train-images-idx3-ubyte").touch()
    with pytest.raises(FileNotFoundError, match=r"set0-.*; .*set2-[^;]*; \.\.\.$") as caught:
        find_parts(tmp_path)
    assert "set3" not in str(caught.value)


@pytest.mark.parametrize(
    ("names", "holds"),
    [
        (["gzip/emnist-letters-train-images-idx3-ubyte.gz"], True),
        (["a.png", "train-labels.idx1-ubyte"], True),
        (["MNIST\\raw\\t10k-labels-idx1-ubyte"], True),
        (["__MACOSX/train-labels-idx1-ubyte", "train/idx.png"], False),
        ([], False),
    ],
)
def test_archives_by_their_names(names, holds):
    """An archive with a file of IDX is one of IDX, wherever the file lies in it."""
    assert holds_idx(names) == holds
