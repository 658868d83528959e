"""What folders say of the files in them: parts and classes, in folders and in ZIP archives."""

import os
import zipfile

import pytest

from pipeline.data.own.picture import PictureError
from pipeline.data.own.tree import TreeError, opened_tree, plan


def planned(root, paths, archived):
    """Return the plan of a folder, or of an archive, with these files; a path that ends with ``/`` is a folder."""
    top = root / "data"
    if archived:
        top = root / "data.zip"
        with zipfile.ZipFile(top, "w") as archive:
            for path in paths:
                archive.writestr(path, b"")
    else:
        top.mkdir()
        for path in paths:
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).mkdir() if path.endswith("/") else (top / path).touch()
    with opened_tree(top) as tree:
        return plan(tree)


@pytest.fixture(params=["folder", "archive"])
def tree_of(tmp_path, request):
    """Make a function that plans a folder, and an archive."""
    return lambda *paths: planned(tmp_path, paths, request.param == "archive")


def told(found):
    """Return part, class and path of each file."""
    return [(part, name, str(entry)) for part, name, entry in found.files]


def test_a_folder_for_each_class(tree_of):
    """Classes and files stand in the order of a person, deeper files with the class that they are in."""
    found = tree_of("10/b.png", "2/b10.png", "2/b2.png", "2/deep/a.png")
    assert told(found) == [
        ("train", "2", "2/b2.png"),
        ("train", "2", "2/b10.png"),
        ("train", "2", "2/deep/a.png"),
        ("train", "10", "10/b.png"),
    ]
    assert not found.has_test


@pytest.mark.parametrize(
    "names", [["data/train.parquet", "README.md"], ["default/train/0.parquet", "default/test/0.parquet"]]
)
def test_an_archive_of_tables_must_be_unpacked(tree_of, names):
    """It is said to be what it is, whatever its folders are called."""
    with pytest.raises(TreeError, match=r"it has tables \(.parquet\), which are read from their folder"):
        tree_of(*names)


def test_tables_beside_pictures_are_left_out(tree_of):
    """A table in no folder of a class is skipped like any other file."""
    assert tree_of("a/1.png", "b/1.png", "index.parquet").skipped == [
        ("index.parquet", "it is in no folder of a class")
    ]


def test_train_and_test(tree_of):
    """Two folders of parts, whatever the case of their names, with classes in them."""
    found = tree_of("Train/a/1.png", "Train/b/1.png", "test/b/2.png")
    assert told(found) == [
        ("train", "a", "Train/a/1.png"),
        ("train", "b", "Train/b/1.png"),
        ("test", "b", "test/b/2.png"),
    ]
    assert found.has_test


def test_a_folder_around_all(tree_of):
    """One that holds all the others is looked through: what an archive is packed in is no class."""
    assert told(tree_of("mine/v1/a/1.png", "mine/v1/b/1.png"))[0] == ("train", "a", "mine/v1/a/1.png")


def test_a_training_part_alone(tree_of):
    """A folder ``train`` without a test part beside it is all there is."""
    found = tree_of("train/a/1.png", "train/b/1.png")
    assert [part for part, _, _ in found.files] == ["train", "train"]
    assert not found.has_test


@pytest.mark.parametrize(("others", "part"), [(["test/a/3.png"], "train"), ([], "test")])
def test_a_validation_part(tree_of, others, part):
    """Beside a test part it is for training; without one it is the test part. It is said in either case."""
    found = tree_of("train/a/1.png", "train/b/1.png", "val/a/2.png", *others)
    assert (part, "a", "val/a/2.png") in told(found)
    assert len(found.notes) == 1
    assert found.has_test


def test_what_is_hidden_is_no_class(tree_of):
    """Neither are the folders that programs and systems leave; none of them is even listed."""
    hidden = [".ipynb_checkpoints/x.png", "__MACOSX/a/._1.png", "a/.DS_Store", "a/Thumbs.db", "@eaDir/a/1.png"]
    found = tree_of("a/1.png", "b/1.png", "b/.ipynb_checkpoints/1-checkpoint.png", *hidden)
    assert [name for _, name, _ in told(found)] == ["a", "b"]
    assert found.classes == {"a", "b"}
    assert found.skipped == []


def test_folders_beside_the_parts_are_left_out(tree_of):
    """And so are files beside the classes; all are told with the reason."""
    found = tree_of("train/a/1.png", "test/a/1.png", "docs/x/1.png", "train/stray.png", "README.md")
    assert len(found.files) == 2
    assert {name for name, _ in found.skipped} == {"docs/x/1.png", "train/stray.png", "README.md"}
    assert all(reason for _, reason in found.skipped)


def test_classes_may_be_called_as_parts_are(tree_of):
    """Folders called ``train`` beside others, with pictures right in them, are classes: of vehicles, say."""
    assert {name for _, name, _ in told(tree_of("train/1.png", "bus/1.png", "car/1.png"))} == {"train", "bus", "car"}


def test_an_empty_folder_is_told_as_a_class(tree_of):
    """It may be meant as one, and whoever reads the plan says that it is empty."""
    assert tree_of("a/1.png", "b/1.png", "c/").classes == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (["train/1.png", "test/1.png"], "train must have a folder for each class|must have a folder for each class"),
        (["1.png", "2.png"], "it has no folders of classes with files in them.*It holds"),
        (["test/a/1.png", "val/a/1.png"], "it has test, val, and no folder train beside them"),
        (["train/a/1.png", "training/a/1.png", "test/a/1.png"], "train and training are one part"),
    ],
)
def test_folders_that_say_nothing_are_refused(tree_of, paths, words):
    """Where it cannot be told which class a picture has, none is guessed."""
    with pytest.raises(TreeError, match=words):
        tree_of(*paths)


def test_names_in_an_archive_lead_nowhere(tmp_path):
    """One that goes above the archive is left out; Windows' slashes are slashes."""
    found = planned(tmp_path, ["a\\1.png", "b/1.png", "../../etc/passwd", "/c/1.png"], archived=True)
    assert {name for _, name, _ in told(found)} == {"a", "b", "c"}
    assert [name for name, _ in found.skipped] == ["../../etc/passwd"]
    assert found.classes == {"a", "b", "c"}


def test_files_may_be_called_alike(tree_of):
    """Names are those of one class alone, and deeper folders are no others."""
    found = tree_of("a/1.png", "a/deep/1.png", "b/1.png", "b/1.PNG")
    assert [name for _, name, _ in told(found)] == ["a", "a", "b", "b"]


def test_an_accent_may_be_written_in_two_ways(tree_of):
    """One letter, or a letter and its accent, as Macintosh has it: both are one class."""
    found = tree_of("caf\u00e9/1.png", "cafe\u0301/2.png", "tea/1.png")
    assert [name for _, name, _ in told(found)] == ["caf\u00e9", "caf\u00e9", "tea"]
    assert found.classes == {"caf\u00e9", "tea"}


def test_a_table_beside_pictures_is_pointed_at(tree_of):
    """It may say which picture is what, where no folder does."""
    with pytest.raises(TreeError, match=r"It holds 1.png, labels.csv; where labels.csv says .*, give its own path"):
        tree_of("1.png", "labels.csv")


def test_a_closed_folder_is_told(tmp_path, monkeypatch):
    """All others are read; the data set itself must be open."""
    for name in ("a/1.png", "b/2.png", "closed/3.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    scandir = os.scandir
    closed = {tmp_path / "closed"}

    def refuse(folder):
        if folder in closed:
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with opened_tree(tmp_path) as tree:
        found = plan(tree)
    assert {name for _, name, _ in told(found)} == {"a", "b"}
    assert found.skipped == [("closed", "Permission denied")]
    closed.add(tmp_path)
    with pytest.raises(PermissionError), opened_tree(tmp_path):
        pass


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_is_stored_or_deflated(tmp_path, method):
    """Of what is compressed in another way, a header can ask for gigabytes of memory, nothing is read."""
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("a/1.png", b"one", method)
        archive.writestr("b/2.png", b"two", zipfile.ZIP_DEFLATED)
    with opened_tree(tmp_path / "data.zip") as tree:
        other, deflated = tree.files
        assert deflated.read() == b"two"
        with pytest.raises(PictureError, match="compressed in the archive in another way"):
            other.read()


def test_what_is_no_archive(tmp_path):
    """A file that begins as one and goes on otherwise is told."""
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 and nothing")
    with pytest.raises(TreeError, match="it is no ZIP archive that can be read"), opened_tree(tmp_path / "x.zip"):
        pass


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_are_followed_and_do_not_go_round(tmp_path):
    """A class may lie elsewhere; a link to a folder above is not gone down for ever."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "1.png").touch()
    (tmp_path / "data" / "a").mkdir(parents=True)
    (tmp_path / "data" / "a" / "1.png").touch()
    (tmp_path / "data" / "b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "a" / "loop").symlink_to(tmp_path / "data")
    with opened_tree(tmp_path / "data") as tree:
        found = plan(tree)
    assert {name for _, name, _ in told(found)} == {"a", "b"}
    assert len(found.files) < 10
