import datetime as dt
from decimal import Decimal

import numpy as np
import pytest
import scipy.sparse

from pipeline.tabular.columns import as_numbers, as_text, category_columns, number_columns

pandas = pytest.importorskip("pandas")

N, C = "numbers", "categories"
COLUMNS = {
    "float": ([0.5, np.nan, 2], "float64", N),
    "float32": ([0.5, np.nan, 2], "float32", N),
    "int": ([1, 2, 3], "int8", N),
    "Int64": ([1, None, 3], "Int64", N),
    "Float64": ([1.5, None, 3], "Float64", N),
    "sparse": ([0.0, 0.0, 3], "Sparse[float]", N),
    "objects that are numbers": ([1, None, 2.5], object, N),
    "numbers and NA": ([1, pandas.NA, Decimal("2.5")], object, N),
    "bool": ([True, False, True], "bool", C),
    "boolean": ([True, None, False], "boolean", C),
    "objects that are booleans": ([True, None, False], object, C),
    "str": (["a", None, "b"], "str", C),
    "string": (["a", None, "b"], "string", C),
    "objects that are text": (["a", None, np.nan], object, C),
    "text and numbers": (["a", 1, None], object, C),
    "booleans and numbers": ([True, 2, None], object, C),
    "category": (["a", None, "b"], "category", C),
    "category of numbers": ([1, None, 2], "category", C),
    "category of dates": (pandas.to_datetime(["2020-01-01", None, "2020-01-02"]), "category", C),
    "no value, object": ([None, None, None], object, C),
    "no value, float": ([np.nan] * 3, "float64", N),
}


def table(*names):
    """Return a table of some of the columns."""
    return pandas.DataFrame({name: pandas.Series(COLUMNS[name][0], dtype=COLUMNS[name][1]) for name in names})


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_are_told_apart(name):
    """By their dtype, and where that is any object by what they hold: of every kind of pandas."""
    assert number_columns(table(name)).tolist() == [COLUMNS[name][2] == N]
    assert category_columns(table(name)).tolist() == [COLUMNS[name][2] == C]


@pytest.mark.parametrize("backend", ["pyarrow", "python"])
def test_text_of_each_storage(backend):
    """pandas keeps text by Arrow or by Python, and either is categories with the same text."""
    pytest.importorskip("pyarrow")
    column = pandas.DataFrame({"a": pandas.array(["x", None], dtype=pandas.StringDtype(backend))})
    assert category_columns(column).tolist() == [True]
    assert as_text(column).tolist() == [["x"], [None]]


@pytest.mark.parametrize(
    ("X", "numbers"),
    [
        (np.ones((2, 3)), [True] * 3),
        (np.ones((2, 3), dtype=bool), [False] * 3),
        (np.array([["1", "2"]]), [False] * 2),
        (np.array([[1, "a", None]], dtype=object), [True, False, False]),
        ([[1, "a", True], [2, "b", None]], [True, False, False]),
        ([[1, 2.5]], [True, True]),
        (np.empty((2, 0)), []),
    ],
)
def test_columns_of_arrays(X, numbers):
    """An array has one dtype, and where that is any object each column is looked at; a list is read as such."""
    X = np.array(X, dtype=object) if isinstance(X, list) else X
    assert number_columns(X).tolist() == numbers
    assert category_columns(X).tolist() == [not number for number in numbers]


def test_columns_without_a_use_are_named():
    """Dates, times, lists and complex numbers are neither numbers nor categories, and the error says what to do."""
    X = pandas.DataFrame(
        {
            "a": [1.0],
            "when": pandas.to_datetime(["2020-01-01"]),
            "zone": pandas.to_datetime(["2020-01-01"]).tz_localize("Europe/Berlin"),
            "long": pandas.to_timedelta([1], unit="D"),
            "day": pandas.Series([dt.date(2020, 1, 1)], dtype=object),
            "list": [[1, 2]],
            "complex": [1j],
            "period": pandas.period_range("2020", periods=1, freq="M"),
        }
    )
    with pytest.raises(ValueError, match="columns must hold numbers or categories; got when") as caught:
        number_columns(X)
    text = str(caught.value)
    for words in (
        "when (datetime64[us])",
        "zone (datetime64[us, Europe/Berlin])",
        "long (timedelta64",
        "day (of date)",
        "list (of list)",
        "complex (complex128)",
        "period (of Period)",
        "the year",
    ):
        assert words in text
    assert "a (" not in text


def test_what_is_no_table():
    """Anything but a DataFrame and an array in two dimensions is refused."""
    for wrong in (np.ones(3), np.ones((1, 1, 1)), "text", pandas.Series([1.0]), scipy.sparse.csr_array(np.eye(2))):
        with pytest.raises(ValueError, match="a pandas DataFrame or an array in two dimensions; got"):
            number_columns(wrong)


def test_numbers():
    """Numbers of every kind become floats, with NaN where one is missing."""
    names = [name for name, (_, _, kind) in COLUMNS.items() if kind == N]
    found = as_numbers(table(*names))
    assert found.dtype == np.float64
    expected = np.array([[np.nan if pandas.isna(v) else float(v) for v in COLUMNS[name][0]] for name in names]).T
    assert np.array_equal(found, expected, equal_nan=True)


@pytest.mark.parametrize("X", [np.ones((2, 2), np.float32), table("float32")], ids=["array", "frame"])
def test_single_precision_stays(X):
    """Where all are float32."""
    assert as_numbers(X).dtype == np.float32


def test_text_among_numbers_is_named():
    """A column that was of numbers when it was learned from may not be of words later."""
    with pytest.raises(ValueError, match="column age holds numbers; got 'old'"):
        as_numbers(pandas.DataFrame({"age": ["old"]}))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bool", ["True", "False", "True"]),
        ("boolean", ["True", None, "False"]),
        ("objects that are booleans", ["True", None, "False"]),
        ("str", ["a", None, "b"]),
        ("string", ["a", None, "b"]),
        ("objects that are text", ["a", None, None]),
        ("text and numbers", ["a", "1", None]),
        ("category of numbers", ["1", None, "2"]),
        ("category of dates", ["2020-01-01 00:00:00", None, "2020-01-02 00:00:00"]),
        ("no value, object", [None] * 3),
    ],
)
def test_text(name, expected):
    """The same category is the same text in whatever type it comes; a whole number is one without a point."""
    assert as_text(table(name)).ravel().tolist() == expected


def test_what_is_read_stays_as_it_was():
    """Nothing is written to."""
    X = table(*COLUMNS)
    before = X.copy(deep=True)
    number_columns(X)
    as_text(X)
    pandas.testing.assert_frame_equal(X, before)
