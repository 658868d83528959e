"""Tables in parquet: which files and columns are meant, rows in their order, and one clear answer to every odd one."""

import io
import json
import random

import numpy as np
import pytest
from PIL import Image

from pipeline.data.own.parquet import ParquetError, holds_tables, plan_tables, read_rows
from pipeline.data.own.tree import TreeError

pa = pytest.importorskip("pyarrow", reason='pip install -e ".[test]" brings it')
pq = pytest.importorskip("pyarrow.parquet")


def png(number):
    """Return the file of a small picture."""
    file = io.BytesIO()
    Image.fromarray(np.full((4, 4), number, np.uint8)).save(file, "PNG")
    return file.getvalue()


PNG = [png(number) for number in range(6)]
IMAGE = pa.array([{"bytes": content, "path": None} for content in PNG])
LABEL = pa.array([0, 1, 2, 0, 1, 2], pa.int64())


def write(path, columns=None, features=None, note=None, **options):
    """Write a table of columns, with what Hugging Face would note of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns or {"image": IMAGE, "label": LABEL})
    if features or note is not None:
        text = note if note is not None else json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": text})
    pq.write_table(table, path, **options)
    return path


def class_label(*names):
    """Return what is noted of a column of labels."""
    return {"names": list(names), "_type": "ClassLabel"}


def rows(path):
    """Return part, class, and file or reason of every row."""
    tables, _ = plan_tables(path)
    return [(one.part, one.class_name, one.content) for one in read_rows(tables)]


def test_numbers_stand_for_the_names_of_the_note(tmp_path):
    """As Hugging Face writes it: bytes in a struct, and the names of classes in the order of their numbers."""
    path = write(tmp_path / "own.parquet", features={"label": class_label("dog", "cow", "cat")})
    names = ["dog", "cow", "cat"] * 2
    assert rows(path) == [("train", name, content) for name, content in zip(names, PNG, strict=True)]
    tables, plan = plan_tables(path)
    assert tables[0].class_names == ("dog", "cow", "cat")
    assert [one.name for one in read_rows(tables)][:2] == ["own.parquet row 0", "own.parquet row 1"]
    assert not plan.has_test
    assert plan.notes == ["read from 1 table of 6 rows: pictures in the column 'image', labels in 'label'"]


@pytest.mark.parametrize(
    "labels",
    [
        pa.array([7, 3] * 3, pa.int8()),
        pa.array([7, 3] * 3, pa.uint64()),
        pa.array(["7", " 3 "] * 3),
        pa.array(["7", "3"] * 3, pa.large_string()),
        pa.array(["7", "3"] * 3).dictionary_encode(),
    ],
)
def test_labels_of_every_type(tmp_path, labels):
    """Integers and text, as they are or with each value once."""
    path = write(tmp_path / "own.parquet", {"image": IMAGE, "label": labels})
    assert [name for _, name, _ in rows(path)] == ["7", "3"] * 3


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
def test_plain_bytes(tmp_path, kind):
    """Files of pictures may stand in the column itself."""
    path = write(tmp_path / "own.parquet", {"y": LABEL, "picture": pa.array(PNG, kind)})
    assert [content for _, _, content in rows(path)] == PNG


@pytest.mark.parametrize(
    "names",
    [
        ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet", "test-00000-of-00001.parquet"],
        ["data/train-00000-of-00002-ab12.parquet", "data/train-00001-of-00002-cd34.parquet", "data/test.parquet"],
        ["default/train/0000.parquet", "default/train/0001.parquet", "default/test/0000.parquet"],
        ["train-2.parquet", "train-10.parquet", "Test.PARQUET"],
    ],
)
def test_parts_by_the_names_of_files_and_folders(tmp_path, names):
    """As Hugging Face calls them, in natural order, training rows first; what else lies there is not looked at."""
    for number, name in enumerate(names):
        write(tmp_path / name, {"image": IMAGE[:2], "label": pa.array([number, number])})
    (tmp_path / "README.md").write_text("a data set", "utf-8")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "broken.parquet").write_bytes(b"PAR1")
    assert holds_tables(tmp_path)
    parts = ["train"] * 4 + ["test"] * 2
    assert [(part, name) for part, name, _ in rows(tmp_path)] == list(zip(parts, "001122", strict=True))
    assert plan_tables(tmp_path)[1].has_test


def test_validation_belongs_to_training(tmp_path):
    """As in folders: it is the test part where there is no other, and else is learned from."""
    for part in ("train", "validation"):
        write(tmp_path / f"{part}.parquet")
    assert [part for part, _, _ in rows(tmp_path)] == ["train"] * 6 + ["test"] * 6
    write(tmp_path / "test.parquet")
    assert [part for part, _, _ in rows(tmp_path)] == ["train"] * 12 + ["test"] * 6
    assert "the validation part is taken into the training part" in plan_tables(tmp_path)[1].notes[0]


def test_tables_without_parts_are_all_for_training(tmp_path):
    """Where some say their part, those that do not are left out."""
    write(tmp_path / "b.parquet", {"image": IMAGE[:1], "label": pa.array([2])})
    write(tmp_path / "a.parquet", {"image": IMAGE[:1], "label": pa.array([1])})
    assert [(part, name) for part, name, _ in rows(tmp_path)] == [("train", "1"), ("train", "2")]
    write(tmp_path / "train.parquet")
    assert len(rows(tmp_path)) == 6
    assert [name for name, _ in sorted(plan_tables(tmp_path)[1].skipped)] == ["a.parquet", "b.parquet"]


def test_folders_of_pictures_are_none_of_tables(tmp_path):
    """A table that lies beside pictures does not count."""
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.PNG").write_bytes(PNG[0])
    assert not holds_tables(tmp_path)
    write(tmp_path / "index.parquet")
    assert not holds_tables(tmp_path)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["a/train.parquet", "b/train.parquet"], "it has tables in 'a', 'b', and which are meant cannot be told"),
        (["test.parquet"], "it has tables of test, and none of train"),
    ],
)
def test_parts_that_cannot_be_told(tmp_path, files, words):
    """With what was found."""
    for name in files:
        write(tmp_path / name)
    with pytest.raises(TreeError, match=words):
        plan_tables(tmp_path)


def test_the_picture_is_found_by_content(tmp_path):
    """Of several binary columns, one whose first bytes are a picture is meant, or that which the note says is one."""
    hashes = pa.array([None, *[b"\x00" * 20] * 5], pa.binary())
    columns = {"sha1": hashes, "picture": IMAGE, "label": LABEL}
    assert rows(write(tmp_path / "content.parquet", columns))[0][2] == PNG[0]
    both = {"mask": IMAGE.take(pa.array(range(5, -1, -1))), "picture": IMAGE, "label": LABEL}
    assert rows(write(tmp_path / "note.parquet", both, {"picture": {"_type": "Image"}}))[0][2] == PNG[0]


def test_the_label_is_found_by_note_and_name(tmp_path):
    """Classes of the note come first, then what is called label; text and numbers beside it are something else."""
    columns = {"image": IMAGE, "writer": pa.array(list("aabbcc")), "Label": LABEL, "age": LABEL}
    assert [name for _, name, _ in rows(write(tmp_path / "name.parquet", columns))] == list("012012")
    features = {"writer": class_label("x"), "age": class_label("p", "q", "r")}
    del columns["Label"], columns["writer"]
    assert rows(write(tmp_path / "note.parquet", columns, features))[1][1] == "q"


TWICE = {"image": IMAGE, "mask": IMAGE, "label": LABEL}


@pytest.mark.parametrize(
    ("columns", "features", "words"),
    [
        (TWICE, None, "'own.parquet' has 2 columns of pictures, 'image', 'mask'; expected is one"),
        (TWICE, {one: {"_type": "Image"} for one in ("image", "mask")}, "2 columns of pictures, 'image', 'mask'"),
        ({"label": LABEL, "n": LABEL}, None, r"no column of pictures, .* it has label \(int64\), n \(int64\)"),
        ({"image": IMAGE, "x": pa.array([0.5] * 6)}, None, r"no column of labels, .* x \(double\)"),
        ({"image": IMAGE, "fine": LABEL, "coarse": LABEL}, None, "2 columns that may be labels, 'fine', 'coarse'"),
        (
            {"image": IMAGE, "fine": LABEL, "coarse": LABEL, "id": LABEL},
            {one: class_label("a", "b", "c") for one in ("fine", "coarse")},
            "2 columns that may be labels, 'fine', 'coarse'; call the one that is meant label",
        ),
        (None, {"label": class_label("a", "b")}, "own.parquet row 2 has the label 2; 2 classes have names"),
        (
            {"image": IMAGE, "label": pa.array([0, -1] * 3)},
            {"label": class_label("a", "b")},
            "own.parquet row 1 has the label -1, which stands for none; 2 classes",
        ),
        ({"image": IMAGE, "label": pa.array([0, None] * 3)}, None, "own.parquet row 1 has no label"),
        ({"image": IMAGE, "label": pa.array(["a", " "] * 3)}, None, "own.parquet row 1 has no label"),
        (None, {"label": class_label("a", "a", "b")}, "names of classes that are no list of texts that all differ"),
        (None, {"label": class_label(*map(str, range(257)))}, "names of 257 classes; at most 256"),
        (None, {"label": {"names": "abc", "_type": "ClassLabel"}}, "names of classes that are no list of texts"),
    ],
)
def test_columns_and_labels_that_cannot_be_told(tmp_path, columns, features, words):
    """Names of the columns, or the row, and what is expected."""
    with pytest.raises(ParquetError, match=words):
        rows(write(tmp_path / "own.parquet", columns, features))


@pytest.mark.parametrize("note", ["", "{", "[1]", '{"info": 3}', '{"info": {"features": []}}', "[" * 5000])
def test_notes_that_are_none(tmp_path, note):
    """One that is no JSON is an error; one that says nothing of columns is none."""
    path = write(tmp_path / "own.parquet", note=note)
    if note.startswith(("[1", '{"')):
        assert len(rows(path)) == 6
    else:
        with pytest.raises(ParquetError, match="a damaged note in its schema, huggingface"):
            rows(path)


def test_tables_that_differ(tmp_path):
    """In their columns, or in what numbers stand for."""
    write(tmp_path / "train.parquet", features={"label": class_label("a", "b", "c")})
    write(tmp_path / "test.parquet", features={"label": class_label("a", "c", "b")})
    with pytest.raises(ParquetError, match=r"'train.parquet' and 'test.parquet' differ in the names of their classes"):
        plan_tables(tmp_path)
    write(tmp_path / "test.parquet", {"image": IMAGE, "class": LABEL})
    with pytest.raises(ParquetError, match=r"in the columns 'image', 'label', and 'test.parquet' in 'image', 'class'"):
        plan_tables(tmp_path)


def test_pictures_that_are_not_there(tmp_path):
    """A row without bytes has its reason, whether the struct is missing or its bytes are."""
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    images = pa.array([{"bytes": PNG[0]}, None, {"bytes": None, "path": "a.png"}], kind)
    path = write(tmp_path / "own.parquet", {"image": images, "label": LABEL[:3]})
    assert [str(content) for _, _, content in rows(path)][1:] == ["it has no bytes"] * 2


def test_rows_are_read_some_at_a_time(tmp_path):
    """The larger the pictures, the fewer at once."""
    columns = {"image": pa.array([bytes(2**20 + number) for number in range(6)]), "label": LABEL}
    tables, _ = plan_tables(write(tmp_path / "own.parquet", columns, compression="none", use_dictionary=False))
    assert tables[0].batch <= 4
    assert len(list(read_rows(tables))) == 6
    assert plan_tables(write(tmp_path / "own.parquet"))[0][0].batch == 256


@pytest.mark.parametrize("store_schema", [True, False])
@pytest.mark.parametrize("compression", ["none", "snappy"])
def test_damaged_tables(tmp_path, compression, store_schema):
    """Cut short or with bytes turned, a table is read or told to be damaged, and nothing else comes of it."""
    features = {"label": class_label("a", "b", "c")}
    good = write(tmp_path / "own.parquet", features=features, compression=compression, store_schema=store_schema)
    content = good.read_bytes()
    chance, told = random.Random(3), []
    for _ in range(150):
        broken = bytearray(content[: chance.choice([len(content), chance.randrange(4, len(content))])])
        for _ in range(chance.randrange(1, 4)):
            broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
        good.write_bytes(broken)
        try:
            rows(good)
        except ParquetError as error:
            told.append(str(error))
    assert 50 < len(told) < 150
    assert all("own.parquet" in one and len(one) < 500 for one in told)
