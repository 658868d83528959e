import io

import pytest

from pipeline.data.signatures import Chunks, describe_kind, foreign_kind, is_picture, is_safetensors, is_text


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"\xef\xbb\xbf\r\n <html>", "HTML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:", "git-lfs"),
        (b'{"error": "quota"}', "JSON"),
        (b"\xfd7zXZ\x00\x00\x04", "xz"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\x28\xb5\x2f\xfd\x04", "zstd"),
        (b"PK\x03\x04\x14", "zip"),
        (b"\x93NUMPY\x01\x00", ".npy"),
        (b"\x1f\x8b\x08", "gzip a second time"),
    ],
)
def test_kinds(head, words):
    """What is not data is called by its name, whatever blanks or byte order mark come before it."""
    assert words in foreign_kind(head)


@pytest.mark.parametrize("rest", [b"\x08\x12\x0fdigits-pipeline", b"\x07\x12\x07pytorch"])
def test_a_graph_of_onnx_is_called_by_its_name(rest):
    """Whatever the version of its form, and whoever has written it."""
    assert describe_kind(b"\x08" + rest) == "an ONNX file, which onnxruntime runs"


@pytest.mark.parametrize("head", [b"", b"\x00\x00\x08\x03", b"\x00\x00\x0e\x01<html>", b"\x03\x08\x00\x00"])
def test_no_kind(head):
    """What may be IDX, or nothing at all, is left to the reader."""
    assert foreign_kind(head) is None


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_chunks_make_a_file(size):
    """However much is asked for at once, the chunks come out whole and in order, and then the file is at its end."""
    file = io.BufferedReader(Chunks([b"a", b"bcd", b"ef"]), buffer_size=2)
    assert b"".join(iter(lambda: file.read(size), b"")) == b"abcdef"
    assert file.read(1) == b""


@pytest.mark.parametrize(
    ("head", "picture", "text"),
    [
        (b"\x89PNG\r\n\x1a\n", True, False),
        (b"\xff\xd8\xff\xe0", True, False),
        (b"GIF89a", True, False),
        (b"II*\x00", True, False),
        (b"MM\x00*", True, False),
        (b"BM\x10\0\0\0\0\0\0\0", True, False),
        (b"BMW,Audi,Opel", False, True),
        (b"RIFF\x10\0\0\0WEBP", True, False),
        (b"RIFF\x10\0\0\0WAVE", False, False),
        (b"P2\n1 1\n255\n0", True, False),
        (b"P1,P2,P3", False, True),
        (b"P7 332", False, True),
        (b"label,pixel0", False, True),
        (b"\xef\xbb\xbf0,1", False, True),
        (b"<html>", False, False),
        (b"\x00\x00\x08\x03", False, False),
        (b"\x93NUMPY\x01\x00", False, False),
        (b"", False, False),
    ],
)
def test_pictures_and_tables_are_told_apart(head, picture, text):
    """By more than two letters, where a text may begin with them."""
    assert (is_picture(head), is_text(head)) == (picture, text)


@pytest.mark.parametrize(("brand", "kind"), [(b"heic", "a HEIC image"), (b"avif", "an AVIF image")])
def test_what_cameras_write_is_called_by_its_name(brand, kind):
    """Though it is not read."""
    head = b"\0\0\0\x18ftyp" + brand + bytes(4)
    assert describe_kind(head) == kind
    assert not is_picture(head)


@pytest.mark.parametrize("length", [2, 0x4B50, 0x8B1F, 0x0178, 0x4D42, 2**24])
def test_tensors_are_told_whatever_the_length_of_their_header(length):
    """The first two bytes may be those of a zip archive, of gzip, zlib or a bitmap."""
    head = length.to_bytes(8, "little") + b'{"__metadata__"'
    assert is_safetensors(head)
    assert describe_kind(head) == "a file of safetensors"


@pytest.mark.parametrize(
    "head", [b"", bytes(9), b"\xff" * 8 + b"{", b"12345678{", b'{"a": {"b{": 1}}', b"PK\x03\x04\x0a\0\0\0{"]
)
def test_what_only_has_a_brace_is_no_file_of_tensors(head):
    """A length that no file has, a text, JSON, an archive."""
    assert not is_safetensors(head)
