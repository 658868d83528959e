"""Files of safetensors: named arrays that come back, and damage that is told in one line."""

import io
import json
import sys

import numpy as np
import pytest

from pipeline.data.safetensors import MAX_HEADER, SafetensorsError, SafetensorsReader, to_safetensors

ARRAYS = {
    **{f"a{number}": np.arange(6).reshape(2, 3).astype(code) for number, code in enumerate("bhiqBHIQefd?")},
    "transposed": np.arange(6.0).reshape(2, 3).T,
    "reversed": np.arange(6.0)[::-1],
    "empty": np.zeros((0, 3)),
    "a number": np.array(1.5),
}


def opened(content, max_bytes=10**6):
    """Return a reader of bytes."""
    return SafetensorsReader(io.BytesIO(content), max_bytes)


def raw(header, data=b""):
    """Return a file of any header, and of any bytes behind it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def tensor(start=0, stop=4, dtype="F32", shape=(1,)):
    """Return how a header describes an array."""
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, stop]}


def test_arrays_and_words_come_back():
    """Of every type that both have, however they lie in memory."""
    file = opened(to_safetensors(ARRAYS, {"word": "größe"}))
    found = file.read()
    assert sorted(file.names) == sorted(found) == sorted(ARRAYS)
    assert file.metadata == {"word": "größe"}
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert np.array_equal(found[name], array)


def test_equal_arrays_have_equal_bytes():
    """In whatever order they are given."""
    backwards = dict(reversed(ARRAYS.items()))
    assert to_safetensors(ARRAYS, {"a": "b"}) == to_safetensors(backwards, {"a": "b"})


ENTRY = b'"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "its header cannot be read"),
        (b"\x02\0\0\0", "cut short within its header"),
        (raw({})[:-1], "cut short within its header"),
        (raw(b"{} ", b"")[:10] + b"x", "its header cannot be read"),
        ((2**40).to_bytes(8, "little") + b"{}", f"its header has {2**40} bytes; at most {MAX_HEADER} are read"),
        (b"\xff" * 8 + b"{}", f"its header has {2**64 - 1} bytes"),
        (raw(b"[1]"), "its header is no mapping"),
        (raw(b"{"), "its header cannot be read: it is no JSON"),
        (raw(b'{"a": NaN}'), "NaN is no number"),
        (raw(b'{"\xff": 1}'), "it is no text in UTF-8"),
        (raw(b'{"a":' * 5000 + b"1" + b"}" * 5000), "nested too deeply"),
        (raw(b'{"a": ' + b"[" * 300_000), "lists and mappings"),
        (raw(b"{" + ENTRY + b"," + ENTRY + b"}", bytes(4)), "'a' is there twice"),
        (raw(b'{"a": {"dtype": "F32", "dtype": "I32"}}'), "'dtype' is there twice"),
        (raw({"__metadata__": [1]}), "no words by name"),
        (raw({"__metadata__": {"a": 1}}), "no words by name"),
    ],
)
def test_a_header_that_is_none_is_refused(content, message):
    """Before anything else of the file is read."""
    with pytest.raises(SafetensorsError, match=message):
        opened(content)


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ({"a": tensor()}, b""),
        ({"a": tensor()}, bytes(3)),
        ({"a": tensor()}, bytes(5)),
        ({"a": tensor(4, 8)}, bytes(8)),
        ({"a": tensor(-4, 0)}, bytes(4)),
        ({"a": tensor(4, 0)}, bytes(4)),
        ({"a": tensor(0, 2**70)}, bytes(4)),
        ({"a": tensor(), "b": tensor()}, bytes(4)),
        ({"a": tensor(), "b": tensor(2, 6)}, bytes(6)),
        ({"a": tensor(), "b": tensor(8, 12)}, bytes(12)),
        ({"a": tensor(shape=(2,))}, bytes(4)),
        ({"a": tensor(shape=(-1,))}, bytes(4)),
        ({"a": tensor(shape=(2**62, 2**62))}, bytes(4)),
        ({"a": tensor(dtype="F33")}, bytes(4)),
        ({"a": tensor(dtype="BF16", shape=(2,))}, bytes(4)),
        ({"a": tensor(dtype="C64", stop=8)}, bytes(8)),
        ({"a": tensor(0, 0, shape=(0, 2**63))}, b""),
        ({"a": tensor(0, 0, shape=(0,) * 99)}, b""),
        ({"a": {}}, b""),
        ({"a": None}, b""),
        ({"a": {**tensor(), "shape": "1"}}, bytes(4)),
    ],
)
def test_a_header_that_does_not_fit_its_arrays_is_refused(header, data):
    """Offsets that are negative, overlap, leave a hole or an end, types and shapes that are others: one error."""
    file = opened(raw(header, data))
    with pytest.raises(SafetensorsError) as caught:
        file.read()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_file_has_a_bound():
    """More than the caller allows for is not read."""
    content = to_safetensors({"a": np.zeros(100)}, {})
    assert opened(content, len(content)).names == ["a"]
    with pytest.raises(SafetensorsError, match=rf"it has {len(content)} bytes, and {len(content) - 1} are allowed for"):
        opened(content, len(content) - 1)


def test_a_file_that_changes_meanwhile_is_refused():
    """What is proved is what is taken apart, though it be another file by then."""
    content = io.BytesIO(to_safetensors({"a": np.zeros(100)}, {}))
    file = SafetensorsReader(content, 10**6)
    content.truncate(50)
    with pytest.raises(SafetensorsError, match="does not fit"):
        file.read()


def test_without_the_library_an_error_says_what_to_install(monkeypatch):
    """Reading and writing alike."""
    content = to_safetensors(ARRAYS, {})
    monkeypatch.setitem(sys.modules, "safetensors", None)
    for attempt in (lambda: opened(content), lambda: to_safetensors(ARRAYS, {})):
        with pytest.raises(ImportError, match=r'not installed: pip install "digits-pipeline\[safetensors\]" brings it'):
            attempt()
