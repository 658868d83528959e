"""A model file of either form taken apart, and put together again, for tests that change what is inside."""

import json

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file


def contents(path, **how):
    """Return the header and the arrays of a file, without the check sum; ``how`` is what ``json.loads`` is told."""
    if path.suffix == ".npz":
        with np.load(path) as file:
            arrays = dict(file)
        return json.loads(arrays.pop("header").tobytes(), **how), arrays
    with safe_open(path, "numpy") as file:
        header = json.loads(file.metadata()["header"], **how)
    return {name: value for name, value in header.items() if name != "crc32"}, load_file(path)


def write_contents(path, header, arrays):
    """Write a header and arrays to a file in its form, whatever they are; without a check sum it is read as it is."""
    if path.suffix == ".npz":
        np.savez(path, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)
    else:
        in_order = {name: np.asarray(array, order="C") for name, array in arrays.items()}
        save_file(in_order, path, {"header": json.dumps(header)})
