"""The forms of a model file: NumPy's ``.npz``, which is ours, and safetensors, which others read.

A form is a class that opens a file, with the header that it has found there, and hands over its arrays once it is known
what these must be; and a function that writes both. What a model is, `saving` and `loading` know.
"""

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pipeline.data.npz import NpzError, NpzReader
from pipeline.data.safetensors import SafetensorsError, SafetensorsReader, to_safetensors
from pipeline.data.signatures import ARCHIVE, HEAD, archive_of_model, describe_kind, is_safetensors
from pipeline.files import replace_file, replacing_file
from pipeline.mlp.state import OPTIONAL, ArraySpec
from pipeline.model_file.header import MAX_HEADER, read_header, read_labels, write_header, write_labels
from pipeline.network.layers import Layer
from pipeline.network.tensors import from_tensors, tensor_specs, to_tensors
from pipeline.strict_json import JsonError
from pipeline.text import shown

Arrays = Mapping[str, NDArray[Any]]

MAX_RATIO = 32
"""By how much a file may be compressed; weights that have learned something hardly can be."""

SAFETENSORS = ".safetensors"
"""How the name of a file ends that is written in that form."""

_LABELS = "classes"
"""The array of labels, which stands in the header where tensors cannot be of words."""

_PARAMS = "params"
"""The array of what the network has learned, which stands layer by layer where others read it."""


_CHECKSUM = "crc32"
"""What the header calls the check sum of all tensors and of its own other words; archives have such sums themselves."""


class FormError(ValueError):
    """A file is no model; the message says what it is or what is wrong, and leaves it to the caller to name it."""


class NpzForm:
    """An opened archive of arrays, the header among them.

    Parameters
    ----------
    file : binary file
        The file.
    max_bytes : int
        How much its arrays may take together.

    Attributes
    ----------
    header : dict
        What it says of the model.

    Raises
    ------
    FormError
        Where it is no such archive, or has no header.
    """

    def __init__(self, file: BinaryIO, max_bytes: int) -> None:
        try:
            self._archive = NpzReader(file, max_bytes)
            if "header" not in self._archive.names:
                known = archive_of_model(self._archive.names)
                raise FormError(f"it is {known or f'an archive of {_some(self._archive.names)}, without a header'}")
            text = self._archive.read("header", ["uint8"], [(None,)]).tobytes()
        except NpzError as error:
            raise FormError(_PICKLED if "pickled" in str(error) else str(error)) from error
        self.header = _parsed(text)

    def read(self, specs: Mapping[str, ArraySpec], layers: Sequence[Layer]) -> dict[str, NDArray[Any]]:
        """Read the arrays, each of which must be as its spec says; the layers are not needed.

        Raises
        ------
        ValueError
            Where one is missing, damaged or another, or one is there that no model file has.
        """
        del layers
        names = self._archive.names
        _check_names(names, specs, lambda name: name in specs or bool(_MEMBERS.fullmatch(name)))
        return {name: self._archive.read(name, *spec) for name, spec in specs.items() if name in names}


_MEMBERS = re.compile(r"header|classes|params|best_params|last_params|average_total|optimizer_\w{1,30}")
_PICKLED = "it holds pickled objects, which are never opened"


class SafetensorsForm:
    """An opened file of tensors, with the header of the model in its metadata.

    Parameters and attributes are those of ``NpzForm``.
    """

    def __init__(self, file: BinaryIO, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        try:
            self._file = SafetensorsReader(file, max_bytes)
        except SafetensorsError as error:
            raise FormError(str(error)) from error
        if "header" not in self._file.metadata:
            raise FormError(f"it is a file of safetensors with {_some(self._file.names)}, without a header of a model")
        self.header = _parsed(self._file.metadata["header"].encode("utf-8", "surrogatepass"))

    def read(self, specs: Mapping[str, ArraySpec], layers: Sequence[Layer]) -> dict[str, NDArray[Any]]:
        """Read the arrays: labels from the header, what the network has learned layer by layer, and all others.

        Raises
        ------
        ValueError
            Where one is missing, damaged or another, or one too many.
        ImportError
            Where the library is not installed.
        """
        flat = {name: spec for name, spec in specs.items() if name not in (_LABELS, _PARAMS)}
        expected = [*flat, *(spec.name for spec in tensor_specs(layers))]
        _check_names(self._file.names, expected, lambda name: name in expected or bool(_COUNTS.fullmatch(name)))
        found = self._file.read()
        if _CHECKSUM in self.header and _checksum(self.header, found) != self.header[_CHECKSUM]:
            raise ValueError(f"its bytes are not those that were written: another {_CHECKSUM} is in its header")
        arrays = {name: found[name] for name in flat if name in found} | {_PARAMS: from_tensors(layers, found)}
        if _LABELS in specs:
            arrays[_LABELS] = read_labels(self.header[_LABELS], self._max_bytes)
        for name, array in arrays.items():
            _check(name, array, specs[name])
        return arrays


_COUNTS = re.compile(r"\d{1,5}\.num_batches_tracked")
"""What PyTorch counts in batch normalization, and saves; a prediction does without."""


def open_form(file: BinaryIO, max_bytes: int) -> NpzForm | SafetensorsForm:
    """Open a file by its content, whatever its name says.

    Parameters
    ----------
    file : binary file
        The file, which can seek.
    max_bytes : int
        How much its arrays may take together; of one that is compressed, they may take `MAX_RATIO` times as much as
        the file, or 16 MiB.

    Raises
    ------
    FormError
        Where it is of none of the forms, damaged, or without a header.
    """
    head = file.read(HEAD)
    max_bytes = min(max_bytes, max(MAX_HEADER, MAX_RATIO * file.seek(0, 2)))
    file.seek(0)
    if is_safetensors(head):
        return SafetensorsForm(file, max_bytes)
    if head.startswith(ARCHIVE):
        return NpzForm(file, max_bytes)
    raise FormError(f"it is {describe_kind(head)}")


def write_form(path: Path, header: Mapping[str, Any], arrays: Arrays, layers: Sequence[Layer]) -> None:
    """Write a model to a file, whole or not at all, in the form that the ending of its name asks for.

    Parameters
    ----------
    path : Path
        Where to; ``.safetensors`` at its end asks for that form, all others for ``.npz``.
    header : mapping
        What is no array.
    arrays : mapping of str to ndarray
        By name.
    layers : sequence of Layer
        The network's, whose parameters are among the arrays.

    Raises
    ------
    ImportError
        Where the form needs a library that is not installed.
    ValueError
        For a model beyond what a file may hold, or a name that promises another form.
    """
    if path.suffix.lower() == ".onnx":
        raise ValueError(f"{path} is called as a file of ONNX, which is no model file: to_onnx makes one")
    if path.suffix.lower() == SAFETENSORS:
        replace_file(path, _to_safetensors(header, arrays, layers))
    else:
        members = {"header": np.frombuffer(write_header(header), np.uint8), **arrays}
        with replacing_file(path, sum(array.nbytes for array in members.values())) as file:
            np.savez(file, allow_pickle=False, **members)


def _to_safetensors(header: Mapping[str, Any], arrays: Arrays, layers: Sequence[Layer]) -> bytes:
    """Return the bytes of a model; the whole header is one word, since several would stand in an order that changes."""
    header = {**header} | ({_LABELS: write_labels(arrays[_LABELS])} if _LABELS in arrays else {})
    flat = {name: array for name, array in arrays.items() if name not in (_LABELS, _PARAMS)}
    tensors = flat | to_tensors(layers, arrays[_PARAMS])
    header[_CHECKSUM] = _checksum(header, tensors)
    return to_safetensors(tensors, {"header": write_header(header).decode()})


def _checksum(header: Mapping[str, Any], tensors: Arrays) -> int:
    """Return a sum over all that a file of safetensors holds, which has none of its own."""
    total = zlib.crc32(write_header({name: value for name, value in header.items() if name != _CHECKSUM}))
    for name, array in sorted(tensors.items()):
        in_order = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
        total = zlib.crc32(in_order.data, zlib.crc32(name.encode(), total))
    return total


def _parsed(text: bytes) -> dict[str, Any]:
    """Return the header that a text is."""
    if len(text) > MAX_HEADER:
        raise FormError(f"its header has {len(text)} bytes; at most {MAX_HEADER} are read")
    try:
        header = read_header(text)
    except JsonError as error:
        raise FormError("its header cannot be read") from error
    if not isinstance(header, dict):
        raise FormError("its header is no mapping")
    return header


def _check_names(
    names: Sequence[str], expected: Sequence[str] | Mapping[str, Any], known: Callable[[str], bool]
) -> None:
    """Raise where an array is missing, or one is there that no model file has."""
    missing = [name for name in expected if name not in names and name not in OPTIONAL]
    if missing:
        raise ValueError(f"it has no {missing[0]}")
    foreign = [name for name in names if not known(name)]
    if foreign:
        raise ValueError(f"it has {shown(foreign[0], 50)!r}, which is in no model file")


def _check(name: str, array: NDArray[Any], spec: ArraySpec) -> None:
    """Raise unless an array is what its spec says."""
    if array.shape not in spec.shapes or not {array.dtype.name, array.dtype.kind} & set(spec.dtypes):
        raise ValueError(
            f"{name} holds {array.dtype} of shape {shown(array.shape, 50)}; expected {', '.join(spec.dtypes)} of shape "
            f"{' or '.join(map(str, spec.shapes))}"
        )


def _some(names: Sequence[str]) -> str:
    """Return the first of some names."""
    return shown(", ".join(names[:5]), 100) or "nothing"
