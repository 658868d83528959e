"""Pictures decoded on all cores: in order, to the byte, whatever the number and the kind of workers."""

import io
import warnings

import numpy as np
import pytest
from PIL import Image

from pipeline.data.own import decoding
from pipeline.data.own.decoding import Sample, decode_all
from pipeline.data.own.picture import PictureError, Rules, ignoring_warnings

PIXELS = np.random.default_rng(0).integers(256, size=(700, 6, 5), dtype=np.uint8)


def encoded(pixels):
    """Return a PNG's bytes."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


CONTENTS = [encoded(pixels) for pixels in PIXELS]


def samples(contents):
    """Yield samples with names and classes of their own."""
    return (Sample("train", f"class {n % 3}", f"picture {n}", content) for n, content in enumerate(contents))


def decoded(contents, n_workers=2):
    """Return all blocks."""
    with ignoring_warnings():
        return list(decode_all(samples(contents), len(contents), Rules(), n_workers))


@pytest.mark.parametrize(("n_workers", "many"), [(1, 10**9), (2, 10**9), (3, 10**9), (2, 1)])
def test_the_workers_make_no_difference(monkeypatch, n_workers, many):
    """One thread, several, or processes: names and pixels are those that went in, in their order."""
    monkeypatch.setattr(decoding, "_MANY", many)
    blocks = decoded([*CONTENTS[:3], b"hello", *CONTENTS[3:]], n_workers)
    assert np.concatenate([block.images for block in blocks]).tobytes() == PIXELS.tobytes()
    numbers = [n for n in range(701) if n != 3]
    assert [one.name for block in blocks for one in block.read] == [f"picture {n}" for n in numbers]
    assert [one.class_name for block in blocks for one in block.read] == [f"class {n % 3}" for n in numbers]
    assert [one for block in blocks for one in block.failed] == [("picture 3", "it is a text file")]
    assert sum(block.n_samples for block in blocks) == 701
    digests = np.frombuffer(b"".join(block.digests for block in blocks), np.uint64)
    assert digests.tolist() == [int.from_bytes(decoding.digest_image(one), "little") for one in PIXELS]


def test_files_are_taken_as_they_are_needed():
    """No more of them are in memory than some blocks for each worker, and the first alone before all others."""
    taken = []

    def counted():
        for sample in samples(CONTENTS * 5):
            taken.append(sample.name)
            yield sample

    blocks = decode_all(counted(), 3500, Rules(), 1)
    assert next(blocks).n_samples == 1
    assert len(taken) == 1
    next(blocks)
    assert len(taken) <= 1 + 3 * 256
    blocks.close()


def test_another_shape_ends_the_work():
    """What follows it in its block is not decoded, so that no block takes more memory than the first image tells."""
    odd = encoded(np.zeros((9, 9), np.uint8))
    blocks = decoded([b"", *CONTENTS[:5], odd, *CONTENTS[5:10]])
    assert blocks[-1].unlike == ("picture 6", (9, 9))
    assert np.concatenate([block.images for block in blocks if block.read]).tobytes() == PIXELS[:5].tobytes()


def test_reasons_of_readers_are_kept():
    """What could not even be read has the reason of its reader, the system's without its number."""
    blocks = decoded([PictureError("it is too far away"), FileNotFoundError(2, "No such file"), CONTENTS[0]])
    failed = [one for block in blocks for one in block.failed]
    assert failed == [("picture 0", "it is too far away"), ("picture 1", "No such file")]


def test_threads_leave_filters_of_warnings_alone():
    """After threads have read pictures that Pillow warns of, warnings are what they were."""
    large = io.BytesIO()
    Image.new("1", (9500, 9500)).save(large, "PNG")  # of so many pixels, Pillow warns
    before = list(warnings.filters)
    found = decoded([CONTENTS[0]] + [large.getvalue()] * 4)
    assert [reason for block in found for _, reason in block.failed] == [
        "it has 9500x9500 pixels, and at most 67108864 are read"
    ] * 4
    assert warnings.filters == before


def test_nothing_comes_of_nothing():
    """No samples are no blocks."""
    assert decoded([]) == []
