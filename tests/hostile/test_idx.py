"""IDX files that are damaged or made to harm: read as what they are, or refused in one line that names the file."""

import gzip
import struct
import tracemalloc
from functools import partial

import numpy as np
import pytest

from pipeline.data.idx import FILES, IdxError, copy_idx, read_idx, read_part, write_idx
from pipeline.data.idx_names import find_parts

pytestmark = pytest.mark.hostile

MOST = 2**23
"""Bytes that an input of a few hundred may take."""
BOUND = 2**22
LINE = 300
ALLOWED = (IdxError, FileNotFoundError, ValueError)


def harmed(content, draw):
    """Return bytes with something wrong in them: letters changed, put in or left out, or another header."""
    changed = bytearray(content)
    how = draw.randrange(6)
    if how == 0:
        for _ in range(draw.randint(1, 4)):
            changed[draw.randrange(len(changed))] = draw.randrange(256)
    elif how == 1:
        del changed[draw.randrange(len(changed)) :]
    elif how == 2:
        changed += bytes(draw.randrange(1, 100))
    elif how == 3:
        at = draw.randrange(0, min(16, len(changed)))
        changed[at] = draw.choice((0, 1, 3, 8, 9, 0x0B, 0x0C, 0x0D, 0x0E, 127, 128, 255))
    elif how == 4:
        axes = draw.randrange(6)
        header = bytes([0, 0, draw.choice((8, 9, 11, 12, 13, 14)), axes])
        sizes = [draw.choice((0, 1, 5, 2**16, 2**31 - 1, 2**31, 2**32 - 1)) for _ in range(axes)]
        changed[: 4 + 4 * axes] = header + b"".join(struct.pack(">I", size) for size in sizes)
    else:
        start = draw.randrange(len(changed))
        changed[start : start + draw.randrange(20)] = draw.randbytes(draw.randrange(20))
    return bytes(changed)


@pytest.fixture
def good(tmp_path):
    """Write the four files of a data set, and return their bytes."""
    folder = tmp_path / "good"
    folder.mkdir()
    for (images, labels), n in zip(FILES.values(), (6, 3), strict=True):
        write_idx(folder / images, np.arange(n * 4, dtype=np.uint8).reshape(n, 2, 2))
        write_idx(folder / labels, np.arange(n, dtype=np.uint8) % 3)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_data_set_with_anything_in_it(good, tmp_path, draw, scaled, failures):
    """Files raw or compressed are read as arrays that fit together, or refused in one line, in little memory."""
    folder = tmp_path / "strange"
    folder.mkdir()
    n_read = 0
    tracemalloc.start()
    for _ in range(scaled(2000)):
        name = draw.choice(list(good))
        content = harmed(good[name], draw)
        packed = draw.random() < 0.4
        if packed:
            content = gzip.compress(content, mtime=0)
            content = harmed(content, draw) if draw.random() < 0.5 else content
        for path in folder.iterdir():
            path.unlink()
        for one, right in good.items():
            (folder / one).write_bytes(right)
        if packed:
            (folder / name).unlink()
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(content)
        part = "train" if name.startswith("train") else "test"
        for read in (
            partial(read_idx, path),
            partial(read_part, folder, part),
            partial(copy, path),
            partial(find_parts, folder),
        ):
            with failures.of(name, content[:200], packed):
                n_read += holds(read, path)
    tracemalloc.stop()
    assert n_read > 0


def copy(path):
    """Copy a file to its raw form, with a bound."""
    target = path.parent.parent / "copied"
    copy_idx(path, target, max_bytes=BOUND)
    assert target.stat().st_size <= BOUND + 2**10


def holds(read, path):
    """See that what is read is read in little memory, or refused in one line; tell whether it was read."""
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    try:
        read()
    except ALLOWED as error:
        line = str(error)
        assert line.isprintable(), repr(line)
        assert len(line) <= LINE + len(str(path)), line
        return False
    except Exception as error:  # noqa: BLE001 - what is none of the documented errors is the defect that is looked for
        raise AssertionError(f"{type(error).__name__}: {error}"[:300]) from None
    finally:
        peak = tracemalloc.get_traced_memory()[1] - before
    assert peak <= MOST, f"{peak} bytes"
    return True


def test_bombs(tmp_path):
    """A compressed file that goes on and on is read no further than its header says, or its bound."""
    zeros = gzip.compress(bytes(2**24), mtime=0)
    for header in (
        b"\x00\x00\x08\x01\x00\x00\x00\x05",
        b"\x00\x00\x08\x03" + b"\x7f\xff\xff\xff" * 3,
        b"\x00\x00\x0e\x00",
    ):
        path = tmp_path / "bomb.gz"
        path.write_bytes(gzip.compress(header) + zeros * 20)
        tracemalloc.start()
        with pytest.raises(IdxError):
            read_idx(path, max_bytes=BOUND)
        with pytest.raises(IdxError):
            copy_idx(path, tmp_path / "copied", max_bytes=BOUND)
        assert tracemalloc.get_traced_memory()[1] < 4 * BOUND
        tracemalloc.stop()
        assert not (tmp_path / "copied").exists()
