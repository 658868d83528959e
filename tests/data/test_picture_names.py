"""The pictures that images were made of: a line for each row, whatever they are called."""

import json

import pytest

from pipeline.artifacts import known_names
from pipeline.data.picture_names import FILES, read_picture_names, write_picture_names

NAMES = ["3/a.png", 'odd "name".png', "two\nlines.png", "caf\u00e9.png", "\udcff.png"]


@pytest.mark.parametrize("part", ["train", "test"])
def test_names_come_back_by_their_rows(tmp_path, part):
    """In any order, one twice, and none where none is asked for; a name may hold anything that a file system has."""
    write_picture_names(tmp_path, part, iter(NAMES))
    assert read_picture_names(tmp_path, part, range(5)) == NAMES
    assert read_picture_names(tmp_path, part, [4, 0, 4]) == [NAMES[4], NAMES[0], NAMES[4]]
    assert read_picture_names(tmp_path, part, []) == []
    assert len((tmp_path / FILES[part]).read_text("ascii").splitlines()) == 5


def test_images_without_pictures_have_no_names(tmp_path):
    """There is no such file in most raw data."""
    assert read_picture_names(tmp_path, "train", [0]) is None


@pytest.mark.parametrize(
    "content", [b"", b'"a"\n', b'"a"\n"b"', b'"a"\n3\n', b'"a"\nnull\n', b'"a"\n"b\n', b'"a"\n\xff\n']
)
def test_a_damaged_file_is_told(tmp_path, content):
    """The error names the file and the row that cannot be read."""
    (tmp_path / FILES["test"]).write_bytes(content)
    with pytest.raises(ValueError, match=r"test_pictures.jsonl is damaged: row [01] must be the name of a picture"):
        read_picture_names(tmp_path, "test", [0, 1])


def test_a_line_without_end_takes_no_memory(tmp_path):
    """Of a line no more is read than the longest path has."""
    (tmp_path / FILES["train"]).write_text(json.dumps("a" * 100_000) + "\n", "utf-8")
    with pytest.raises(ValueError, match="row 0 must be the name"):
        read_picture_names(tmp_path, "train", [0])


def test_the_files_are_of_the_artifacts():
    """They may be deleted with the folder that they are in."""
    assert set(FILES.values()) <= set(known_names("raw"))
