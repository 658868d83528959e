"""What arrived when data were expected: told by its first bytes, never by its name.

Hands on the words for it (``"an HTML page"``), and a file made of chunks of bytes, so that whatever has been looked
at can be read from its start again.
"""

import io
from collections.abc import Collection, Iterable
from typing import Any

HEAD = 64
"""How many first bytes are looked at."""

GZIP = b"\x1f\x8b"

ARCHIVE = b"PK"
"""The first bytes of every ZIP archive, an empty one too."""

ZIP = ARCHIVE + b"\x03\x04"
"""Those of one with members, which a ``.npz`` file is."""

MAT_5, MAT_7_3 = b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file"
"""The first bytes of MATLAB's files, of those that have a header."""

PARQUET = b"PAR1"
"""The first bytes of a table in the format parquet."""

HDF5 = b"\x89HDF"

PICKLES = tuple(b"\x80" + bytes([version]) for version in range(2, 6))
"""The first bytes of Python objects, by the version of the format."""

_KINDS = {
    b"version https://git-lfs": "a git-lfs pointer, which stands for the file; `git lfs pull` brings the file itself",
    b"<": "an HTML or XML page, as a web server or a firewall sends it in place of a file",
    b"{": "a JSON message, as a web service sends it in place of a file",
    GZIP: "compressed with gzip a second time",
    b"\xfd7zXZ\x00": "compressed with xz; unpack it first",
    b"BZh": "compressed with bzip2; unpack it first",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it first",
    ZIP: "a zip archive; unpack it first",
    b"\x93NUMPY": "a file of NumPy's own format (.npy)",
}

_OTHER_KINDS = {
    GZIP: "a file compressed with gzip",
    b"\xfd7zXZ\x00": "a file compressed with xz",
    b"BZh": "a file compressed with bzip2",
    b"\x28\xb5\x2f\xfd": "a file compressed with zstd",
    ARCHIVE: "a zip archive",
    b"\x93NUMPY": "a single NumPy array (.npy)",
    b"\x00\x00\x08": "an IDX file, which holds images or labels",
    MAT_5: "a MAT-file of MATLAB",
    MAT_7_3: "a MAT-file of MATLAB, version 7.3, which is HDF5",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"II*\x00": "a TIFF image",
    b"MM\x00*": "a TIFF image",
    b"BM": "a BMP image",
    b"%PDF": "a PDF document",
    PARQUET: "a parquet file",
    HDF5: "an HDF5 file, as Keras writes models",
    b"x\x01": "compressed with zlib, as joblib writes pickles",
    b"x\x5e": "compressed with zlib, as joblib writes pickles",
    b"x\x9c": "compressed with zlib, as joblib writes pickles",
    b"x\xda": "compressed with zlib, as joblib writes pickles",
    **{bytes([8, version, 18]): "an ONNX file, which onnxruntime runs" for version in range(3, 32)},
    **dict.fromkeys(PICKLES, "a pickle, as pickle and joblib write them"),
}


_KINDS_WITHIN = {
    **{(b"ftyp", brand): "a HEIC image" for brand in (b"heic", b"heix", b"mif1", b"msf1", b"heim", b"heis")},
    **{(b"ftyp", brand): "an AVIF image" for brand in (b"avif", b"avis")},
}
"""By the second four bytes and the third."""

_EMPTY, _TEXT, _UNKNOWN = "empty", "a text file", "of no kind that is known here"

_MAY_HOLD_IMAGES = (
    GZIP,
    b"\xfd7zXZ\x00",
    b"BZh",
    b"\x28\xb5\x2f\xfd",
    ARCHIVE,
    b"\x93NUMPY",
    b"\x00\x00\x08",
    b"version ",
)
"""How arrays begin, and what may be unpacked to some, or fetched by git-lfs: its own reader says so."""

_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*")
"""What begins so is a picture, or a damaged one."""


def is_picture(head: bytes) -> bool:
    r"""Tell whether a file is a picture of a format that is read, by its first bytes.

    Parameters
    ----------
    head : bytes
        The first bytes, ``HEAD`` of them or all that there are.

    Examples
    --------
    >>> is_picture(b"\x89PNG\r\n\x1a\n"), is_picture(b"RIFF\0\0\0\0WEBPVP8 "), is_picture(b"P5\n28 28\n255\n")
    (True, True, True)
    >>> is_picture(b"\0\0\x08\x03"), is_picture(b"P1,P2,P3")
    (False, False)
    """
    is_bmp = head.startswith(b"BM") and head[6:10] == bytes(4)  # reserved; a text that begins so has letters there
    is_webp = head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    is_ppm = head[:1] == b"P" and head[1:2] in _DIGITS and head[2:3] in _BLANKS
    return head.startswith(_STARTS) or is_bmp or is_webp or is_ppm


_DIGITS, _BLANKS = tuple(map(bytes, zip(b"123456", strict=True))), (b" ", b"\t", b"\n", b"\r")


def is_safetensors(head: bytes) -> bool:
    r"""Tell whether a file is one of safetensors: the length of a header in eight bytes, and the header in JSON.

    Parameters
    ----------
    head : bytes
        The first bytes, ``HEAD`` of them or all that there are.

    Examples
    --------
    >>> is_safetensors(b'\x02\0\0\0\0\0\0\0{}'), is_safetensors(b"PK\x03\x04\x14\0\0\0{")
    (True, False)
    """
    return head[8:9] == b"{" and head[5:8] == bytes(3) and not head.startswith(ZIP)


def is_text(head: bytes) -> bool:
    """Tell whether a file may be a table: a text in UTF-8, and none that is known to be something else.

    Examples
    --------
    >>> is_text(b"label,pixel0,pixel1"), is_text(b"<html>"), is_text(bytes(4))
    (True, False, False)
    """
    return bool(head) and _is_text(head) and foreign_kind(head) is None and not is_picture(head)


def describe_kind(head: bytes) -> str:
    r"""Say what a file is by its first bytes, whatever was expected in its place.

    Parameters
    ----------
    head : bytes
        The first bytes, ``HEAD`` of them or all that there are.

    Returns
    -------
    str
        Words that go on after "it is".

    Examples
    --------
    >>> describe_kind(b"\x89PNG\r\n\x1a\n")
    'a PNG image'
    >>> describe_kind(b"train: {max_iter: 12}")
    'a text file'
    """
    if not head:
        return _EMPTY
    if is_safetensors(head):  # the length of its header may be any signature
        return "a file of safetensors"
    known = next((kind for start, kind in _OTHER_KINDS.items() if head.startswith(start)), None)
    known = _KINDS_WITHIN.get((head[4:8], head[8:12]), known)
    return known or foreign_kind(head) or (_TEXT if _is_text(head) else _UNKNOWN)


def archive_of_model(names: Collection[str]) -> str | None:
    """Say what a ZIP archive is by the names in it, where it is a model.

    Examples
    --------
    >>> archive_of_model(["header.npy", "params.npy"])
    'a model file, as train and save_model write them'
    >>> archive_of_model(["metadata.json", "config.json", "model.weights.h5"])
    'a model of Keras'
    >>> archive_of_model(["net/data.pkl", "net/version"])
    'a file of PyTorch'
    >>> archive_of_model(["1.png", "X.npy"]) is None
    True
    """
    if {"header.npy", "params.npy"} <= set(names):
        return "a model file, as train and save_model write them"
    if {"config.json", "model.weights.h5"} <= set(names):
        return "a model of Keras"
    return "a file of PyTorch" if any(name.endswith("/data.pkl") for name in names) else None


def is_other_than_images(head: bytes) -> bool:
    r"""Tell whether a file is known to be something that no images, or numbers of images, are read from.

    What is compressed, an archive, a text, and what is not known at all may hold some.

    Parameters
    ----------
    head : bytes
        The first bytes, ``HEAD`` of them or all that there are.

    Examples
    --------
    >>> is_other_than_images(b"\x08\x08\x12\x0f"), is_other_than_images(b"%PDF-1.7"), is_other_than_images(b"{}")
    (True, True, True)
    >>> is_other_than_images(b"\0\0\x08\x03"), is_other_than_images(GZIP), is_other_than_images(b"1,2,3")
    (False, False, False)
    """
    if is_safetensors(head):
        return True
    return not head.startswith(_MAY_HOLD_IMAGES) and describe_kind(head) not in (_EMPTY, _TEXT, _UNKNOWN)


def _is_text(head: bytes) -> bool:
    """Tell whether bytes may be the beginning of a text in UTF-8, of which the last letter may be cut in two."""
    letters = head.decode("utf-8", errors="replace").rstrip("\ufffd")
    return "\ufffd" not in letters and all(letter.isprintable() or letter in "\t\r\n\ufeff" for letter in letters)


def foreign_kind(head: bytes) -> str | None:
    r"""Say what a file is by its first bytes, if it is something known that is not IDX.

    Parameters
    ----------
    head : bytes
        The first bytes, ``HEAD`` of them or all that there are.

    Returns
    -------
    str or None
        Words that go on after "it is", or None for what may be IDX.

    Examples
    --------
    >>> foreign_kind(b"PK\x03\x04\x14\x00")
    'a zip archive; unpack it first'
    >>> foreign_kind(b"\x00\x00\x08\x03") is None
    True
    """
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    return next((kind for start, kind in _KINDS.items() if head.startswith(start) or text.startswith(start)), None)


class Chunks(io.RawIOBase):
    r"""Chunks of bytes as they come, as a file to read from.

    Parameters
    ----------
    chunks : iterable of bytes
        None of them empty.

    Examples
    --------
    >>> io.BufferedReader(Chunks([b"ab", b"cde"])).read(4)
    b'abcd'
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Say yes: it can be read from."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as the chunk at hand goes, and return how far that is."""
        self._rest = self._rest or memoryview(next(self._chunks, b""))
        n_bytes = min(len(buffer), len(self._rest))
        buffer[:n_bytes] = self._rest[:n_bytes]
        self._rest = self._rest[n_bytes:]
        return n_bytes
