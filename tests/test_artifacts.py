"""What lies between stages, and how it is read."""

import numpy as np
import pytest

from pipeline.artifacts import (
    HISTORY,
    HISTORY_COLUMNS,
    MAKERS,
    MODEL,
    PREPARED,
    SPLIT,
    known_names,
    labels_name,
    pixels_name,
    read_history,
    read_labels,
    read_pixels,
    read_rows,
    rows_name,
)
from pipeline.data.npy import NpyError


def write(tmp_path, folder, name, array):
    """Write an array into a folder of the artifacts."""
    (tmp_path / folder).mkdir(exist_ok=True)
    np.save(tmp_path / folder / name, array)


def test_labels_are_read_back_from_one_hot_rows(tmp_path):
    """Each is the column of its 1."""
    write(tmp_path, PREPARED, labels_name("train"), np.eye(4, dtype=np.float32)[[3, 0, 2]])
    assert read_labels(tmp_path, "train").tolist() == [3, 0, 2]


@pytest.mark.parametrize("Y", [[[1, 1]], [[0, 0]], [[2, 0]], np.zeros((0, 3)), np.zeros((2, 257))], ids=np.shape)
def test_rows_that_are_not_one_hot_are_refused(tmp_path, Y):
    """The error names the file."""
    write(tmp_path, PREPARED, labels_name("test"), np.array(Y, np.float32))
    with pytest.raises(NpyError, match=labels_name("test")):
        read_labels(tmp_path, "test")


@pytest.mark.parametrize("X", [[[1, np.nan]], [[np.inf, 0]], np.zeros((0, 3))], ids=np.shape)
def test_pixels_must_be_finite_numbers(tmp_path, X):
    """One that is not is found before anything learns from it."""
    write(tmp_path, PREPARED, pixels_name("train"), np.array(X, np.float32))
    with pytest.raises(NpyError, match=pixels_name("train")):
        read_pixels(tmp_path, "train")


def test_rows_are_those_of_the_part(tmp_path):
    """Rows that the training file does not have were made for other data."""
    write(tmp_path, SPLIT, rows_name("train"), np.array([4, 1]))
    assert read_rows(tmp_path, "train", 5).tolist() == [4, 1]
    with pytest.raises(NpyError, match=rows_name("train")):
        read_rows(tmp_path, "train", 4)


def test_a_history_is_columns_of_numbers(tmp_path):
    """What was left empty is NaN; other columns are left out."""
    (tmp_path / MODEL).mkdir()
    text = ",".join([*HISTORY_COLUMNS, "learning_rate"]) + "\n1,0.5,0.75,,,0.1\n2,0.25,1,0.5,0.5,0.1\n"
    (tmp_path / MODEL / HISTORY).write_text(text, "utf-8")
    history = read_history(tmp_path)
    assert tuple(history) == HISTORY_COLUMNS
    assert history["loss"].tolist() == [0.5, 0.25]
    assert np.isnan(history["validation_loss"]).tolist() == [True, False]


@pytest.mark.parametrize("row", ["1,a,0.5,,", "1,0.5,1.5,,", "1,-1,0.5,,", ""])
def test_a_history_that_no_training_comes_to_is_damaged(tmp_path, row):
    """Words, an accuracy above 1, a negative loss, no epoch at all."""
    (tmp_path / MODEL).mkdir()
    (tmp_path / MODEL / HISTORY).write_text(",".join(HISTORY_COLUMNS) + f"\n{row}\n", "utf-8")
    with pytest.raises(ValueError, match=rf"{HISTORY} is damaged: it must have numbers in the columns epoch, loss"):
        read_history(tmp_path)


def test_every_stage_knows_the_names_of_its_files():
    """Those of a folder that no stage makes are not known."""
    assert all(known_names(folder) for folder in MAKERS)
    assert known_names("mine") == ()
