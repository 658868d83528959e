"""Tables in parquet as a data set: names in their own order, lines that say what was read, and bounded memory."""

import builtins
import io
import json

import numpy as np
import pytest
from PIL import Image

from pipeline.data.class_names import read_class_names
from pipeline.data.download import FetchError
from pipeline.data.idx import read_part
from pipeline.data.sources.base import SourceError
from pipeline.data.sources.parquet import Parquet
from pipeline.parameters import ParameterError
from pipeline.stages.fetch import Fetch

pa = pytest.importorskip("pyarrow", reason='pip install -e ".[test]" brings it')
pq = pytest.importorskip("pyarrow.parquet")

PIXELS = np.random.default_rng(0).integers(256, size=(40, 4, 4), dtype=np.uint8)
LABELS = np.arange(40) % 4


def png(pixels):
    """Return the file of a picture."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def write(path, contents, labels, names=("dog", "cow", "cat", "ape")):
    """Write a table as Hugging Face does."""
    note = json.dumps({"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}})
    images = pa.array([{"bytes": one, "path": None} for one in contents], pa.struct({"bytes": pa.binary()}))
    table = pa.table({"image": images, "label": pa.array(labels, pa.int64())})
    pq.write_table(table.replace_schema_metadata({"huggingface": note}), path)
    return path


@pytest.fixture
def own(tmp_path):
    """Make a folder of two tables."""
    folder = tmp_path / "own"
    folder.mkdir()
    write(folder / "train-00000-of-00001.parquet", [png(one) for one in PIXELS[:32]], LABELS[:32])
    write(folder / "test-00000-of-00001.parquet", [png(one) for one in PIXELS[32:]], LABELS[32:])
    return folder


def test_rows_and_labels_are_as_they_were(own, home, transfer):
    """Images stand in the order of their rows, and labels are the numbers of the tables with their names."""
    Parquet(own).bring({}, home, transfer)
    for part, rows in {"train": slice(32), "test": slice(32, 40)}.items():
        images, labels = read_part(home, part)
        assert images.tobytes() == PIXELS[rows].tobytes()
        assert labels.tolist() == LABELS[rows].tolist()
    assert read_class_names(home) == ("dog", "cow", "cat", "ape")
    assert transfer.progress.lines == [
        "read from 2 tables of 40 rows: pictures in the column 'image', labels in 'label'",
        "read 40 pictures of 4x4 pixels, 32 to train and 8 to test, in 4 classes: ape 10, cat 10, cow 10, dog 10",
    ]
    assert transfer.progress.begun == [("read pictures", 40, "pictures")]
    assert transfer.progress.total == 40


def test_rows_that_cannot_be_read_are_told(tmp_path, home, transfer):
    """A broken picture and one that is not there are left out, each with its row and the reason."""
    contents = [png(one) for one in PIXELS]
    contents[3], contents[30] = contents[3][:40], None
    labels = np.where(LABELS == 2, 1, LABELS)
    Parquet(write(tmp_path / "own.parquet", contents, labels)).bring({}, home, transfer)
    said = transfer.progress.lines[1]
    assert said.startswith("warning: 2 files are left out: own.parquet row 3: it is damaged")
    assert "; own.parquet row 30: it has no bytes" in said
    assert transfer.progress.lines[2] == "warning: no class, for there is no picture in it: 'cat'"
    assert sum(len(read_part(home, part)[1]) for part in ("train", "test")) == 38
    assert set(read_part(home, "train")[1].tolist()) == {0, 1, 3}


def test_nothing_is_left_of_a_table_with_a_wrong_label(tmp_path, home, transfer):
    """The error names the row, and no file stands where the data set would."""
    labels = LABELS.copy()
    labels[37] = 4
    with pytest.raises(SourceError, match=r"own.parquet row 37 has the label 4; 4 classes have names"):
        Parquet(write(tmp_path / "own.parquet", map(png, PIXELS), labels)).bring({}, home, transfer)
    assert list(home.iterdir()) == []


def test_fetch_takes_them(own, tmp_path):
    """A folder of tables and a table alone are data sets, with what pictures of one's own are made by."""
    fetch = Fetch(dataset=str(own), size=8, background="white")
    X, y = fetch.load("test")
    assert (X.shape, y.tolist()) == ((8, 64), LABELS[32:].tolist())
    assert fetch.class_names_ == ("dog", "cow", "cat", "ape")
    assert Fetch(dataset=str(own), colour="rgb").load("test")[0].shape == (8, 48)
    alone = own / "train-00000-of-00001.parquet"
    assert len(Fetch(dataset=str(alone), test_fraction=0.25).load("test")[1]) == 8
    (tmp_path / "other.parquet").write_bytes(alone.read_bytes()[:-9])
    with pytest.raises(FetchError, match=r"file .*other.parquet: 'other.parquet' is damaged"):
        Fetch(dataset=str(tmp_path / "other.parquet")).load()
    with pytest.raises(ParameterError, match=r"colour|rgb"):
        Fetch(dataset=str(own), colour="red").load()


def test_without_pyarrow(own, home, transfer, monkeypatch):
    """The error names the extra that brings it."""
    imported = builtins.__import__

    def refuse(name, *rest):
        if name.startswith("pyarrow"):
            raise ModuleNotFoundError("No module named 'pyarrow'", name="pyarrow")
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(SourceError, match=r"pip install \"digits-pipeline\[parquet\]\" brings it"):
        Parquet(own).bring({}, home, transfer)


def test_memory_hardly_grows_with_rows(tmp_path, home, transfer, monkeypatch, peak_of):
    """Of each row its name is held, and neither its file nor its pixels, though all rows are one group."""
    monkeypatch.setattr("pipeline.data.own.decoding._MOST_SAMPLES", 16)  # what is on its way is little, and no noise
    contents = [png(np.full((28, 7), number, np.uint32).view(np.uint8)) for number in range(6000)]
    peaks = {}
    for n_rows in (1500, 3000, 6000):  # the first imports what is needed
        path = write(tmp_path / f"{n_rows}.parquet", contents[:n_rows], np.arange(n_rows) % 4)
        peaks[n_rows] = peak_of(lambda path=path: Parquet(path).bring({}, home, transfer))
    assert (peaks[6000] - peaks[3000]) / 3000 < 300
