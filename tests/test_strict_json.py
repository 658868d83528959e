"""JSON: what is written, what is read of others' making, and the one error for the rest."""

import pytest

from pipeline.strict_json import MAX_CONTAINERS, JsonError, parse_json, read_json, to_json, write_json


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_json_has_no_word_for_is_not_written(tmp_path, number):
    """No file is made that a strict reader would refuse."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"tol": [number]})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", number)
    assert not list(tmp_path.iterdir())


def test_what_is_written_is_read_and_has_its_own_bytes(tmp_path):
    """A document stands on many lines, its names in the given order or sorted, and ends with a line's end."""
    path = tmp_path / "a.json"
    write_json(path, {"b": 0.1, "a": [None]})
    assert path.read_bytes() == b'{\n  "b": 0.1,\n  "a": [\n    null\n  ]\n}\n'
    assert read_json(path) == {"b": 0.1, "a": [None]}
    path.unlink()
    write_json(path, {"b": 1, "a": 2}, sort_keys=True)
    assert path.read_bytes() == b'{\n  "a": 2,\n  "b": 1\n}\n'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is no JSON"),
        (b"{", "it is no JSON"),
        (b"\xff", "it is no text in UTF-8"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b"[]" * (MAX_CONTAINERS + 1), "more than 262144 lists and mappings"),
        (b"9" * 5000, "it is no JSON: Exceeds the limit"),
        (b"1e400", "1e400 is too large a number"),
        (b"[NaN]", "NaN is no number"),
        (b"-Infinity", "-Infinity is no number"),
    ],
    ids=["nothing", "half", "bytes", "deep", "wide", "digits", "power", "NaN", "infinity"],
)
def test_what_is_no_json_is_told_in_one_line(content, message):
    """One kind of error, which says what is wrong, whatever Python's module makes of it."""
    with pytest.raises(JsonError) as caught:
        parse_json(content)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_caller_may_make_something_of_an_infinity():
    """Documents of before have them."""
    assert parse_json(b"[NaN, -Infinity, 1.5]", constant=str) == ["NaN", "-Infinity", 1.5]


def test_no_more_of_a_file_is_read_than_was_asked_for(tmp_path):
    """What is too long is refused, and what just fits is read."""
    (tmp_path / "a.json").write_bytes(b"[10]")
    assert read_json(tmp_path / "a.json", max_bytes=4) == [10]
    with pytest.raises(JsonError, match="more than 3 bytes"):
        read_json(tmp_path / "a.json", max_bytes=3)


@pytest.mark.parametrize("text", [b'{"a": 1, "a": 1}', b'{"b": [{"a": 1, "c": 2, "a": 3}]}'])
def test_a_name_that_is_there_twice_is_refused_where_it_matters(text):
    """Readers differ in which value counts; without being asked, the last one does."""
    with pytest.raises(JsonError, match="it is no JSON: 'a' is there twice"):
        parse_json(text, unique=True)
    assert parse_json(b'{"a": 1, "a": 2}') == {"a": 2}


def test_a_mapping_may_be_made_something_else():
    """With names that are there once alone, as without."""
    for unique in (False, True):
        assert parse_json(b'{"a": {"b": 1}}', mapping=sorted, unique=unique) == ["a"]
