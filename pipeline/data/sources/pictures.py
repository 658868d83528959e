"""Pictures of a person's own, in a folder for each class: read one by one, labelled by the name of the folder.

Hands on the four files, the names of the classes beside them, and lines that say what was read and what was not.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.data.class_names import in_order, natural_key, number_classes, write_class_names
from pipeline.data.idx import MAX_BYTES, write_part
from pipeline.data.own.csv_parts import read_parts
from pipeline.data.own.csv_table import plan_files
from pipeline.data.own.decoding import Sample, decode_all, digest_image
from pipeline.data.own.holdout import check_division, describe_division, draw_test
from pipeline.data.own.image_file import ImageFile
from pipeline.data.own.picture import NO_PILLOW, PictureError, Rules, ignoring_warnings
from pipeline.data.own.tree import Plan, is_archive, opened_tree, plan
from pipeline.data.picture_names import write_picture_names
from pipeline.data.sources.base import Files, Source, SourceError, Transfer
from pipeline.image_shape import as_colour, describe
from pipeline.progress import Progress
from pipeline.text import shown

_MOST_CLASSES, _MOST_FILES = 20, 3
"""How many classes and files are listed in a line."""

_CHUNK = 2**20
"""Bytes of images that are copied at once."""


@dataclass(frozen=True)
class Reading:
    """How a person's own data are read.

    Attributes
    ----------
    rules : Rules
        How each picture becomes an image.
    test_fraction : float
        The fraction of each class that becomes the test part, where there is none.
    random_state : int
        The seed of that draw.
    """

    rules: Rules = field(default_factory=Rules)
    test_fraction: float = 0.2
    random_state: int = 42


@dataclass(frozen=True)
class Found:
    """What was read: images with their files, the names of their classes, and which are for testing.

    Where the classes have an order of their own, it is told.
    """

    images: NDArray[np.uint8] | ImageFile
    files: list[str]
    names: list[str]
    is_test: NDArray[np.bool_]
    digests: NDArray[np.uint64]
    classes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Pictures(Source):
    """A folder, or a ZIP archive of one, with a folder of pictures for each class; see `plan` for how it may look.

    Attributes
    ----------
    path : path
        The folder or the archive.
    reading : Reading
        How it is read.
    """

    path: str | os.PathLike[str]
    reading: Reading = field(default_factory=Reading)
    kind = "folder"
    remote = False

    def __str__(self) -> str:
        return f"{'folder' if Path(self.path).is_dir() else 'file'} {self.path}"

    def bring(self, files: Files, folder: Path, transfer: Transfer) -> None:  # noqa: ARG002 - it has what it has
        """Read all pictures, number the classes, and draw a test part where there is none."""
        with ImageFile(folder) as images:
            with ExitStack() as opened:
                with transfer.steps("list files", None, "files"):
                    planned, groups = opened.enter_context(opened_plan(Path(self.path)))
                read, failed = read_samples(
                    _samples(planned), len(planned.files), self.reading.rules, images, transfer.progress
                )
            say_plan(planned, read, failed, transfer.progress)
            group_of = [groups[name] for name in read.files] if groups else None
            is_test = self._hand_over(read, planned.has_test, group_of, folder, transfer)
            for part, rows in {"train": ~is_test, "test": is_test}.items():
                write_picture_names(folder, part, compress(read.files, rows))

    def _hand_over(
        self, read: Found, has_test: bool, groups: list[str] | None, folder: Path, transfer: Transfer
    ) -> NDArray[np.bool_]:
        """Write the four files and the names of the classes, say what was read, and return which are for testing."""
        labels_of, class_names = number_classes(read.names) if read.classes is None else in_order(read.classes)
        if len(set(read.names)) < 2:
            raise SourceError(f"it has pictures of the class {shown(repr(read.names[0]), 50)} alone; expected are two")
        labels = np.array([labels_of[name] for name in read.names], np.uint8)
        is_test = (
            read.is_test
            if has_test
            else draw_test(read.names, self.reading.test_fraction, self.reading.random_state, groups)
        )
        check_division(read.names, is_test)
        for line in describe_division(read.names, is_test, groups):
            transfer.progress.say(f"warning: {line}")
        _say_doubles(read, labels, is_test, transfer.progress)
        _say_read(read, is_test, transfer.progress)
        for part, rows in {"train": ~is_test, "test": is_test}.items():
            shape = (int(rows.sum()), *read.images.shape[1:])
            write_part(folder, part, shape, _some_at_a_time(read.images, rows), labels[rows])
        write_class_names(folder, class_names)
        return is_test


@dataclass(frozen=True)
class Pixels(Pictures):
    """A CSV of labels and pixels, grey or coloured, or one for each part: size and background are for pictures."""

    def bring(self, files: Files, folder: Path, transfer: Transfer) -> None:  # noqa: ARG002 - it has what it has
        """Read all rows, number the classes, and draw a test part where there is none."""
        rows = read_parts(Path(self.path))
        for note in rows.notes:
            transfer.progress.say(note)
        images = as_colour(rows.images, self.reading.rules.colour)
        read = Found(images, rows.places, rows.labels, rows.is_test, digests_of(images))
        self._hand_over(read, bool(rows.is_test.any()), None, folder, transfer)


def digests_of(images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return a number for each image that is the same for equal ones."""
    return np.frombuffer(b"".join(map(digest_image, images)), np.uint64)


def _some_at_a_time(images: NDArray[np.uint8] | ImageFile, rows: NDArray[np.bool_]) -> Iterator[NDArray[np.uint8]]:
    """Yield the images of some rows, of bounded size together."""
    step = max(1, _CHUNK // max(1, int(np.prod(images.shape[1:]))))
    for start in range(0, len(images), step):
        yield images[start : start + step][rows[start : start + step]]


@contextmanager
def opened_plan(path: Path) -> Iterator[tuple[Plan, dict[str, str]]]:
    """Hand over which file is of which class, and the groups of files where a CSV has some."""
    if path.is_file() and not is_archive(path):
        yield plan_files(path)
        return
    with opened_tree(path) as tree:
        yield plan(tree), {}


def _samples(planned: Plan) -> Iterator[Sample]:
    """Yield the pictures of a plan, each with its file as soon as it is its turn."""
    for part, name, entry in planned.files:
        content: bytes | Exception
        try:
            content = entry.read()
        except (PictureError, OSError) as error:
            content = error
        yield Sample(part, name, str(entry), content)


def read_samples(
    samples: Iterator[Sample], n_samples: int, rules: Rules, images: ImageFile, progress: Progress
) -> tuple[Found, list[tuple[str, str]]]:
    """Read pictures into a file, and return what they are, and which cannot be read for which reason."""
    files: list[str] = []
    names: list[str] = []
    is_test = bytearray()
    digests = bytearray()
    failed: list[tuple[str, str]] = []
    progress.begin("read pictures", n_samples, "pictures")
    try:
        with ignoring_warnings(), closing(decode_all(samples, n_samples, rules)) as blocks:
            for block in blocks:
                if block.read:
                    if not files:
                        _check_bytes(n_samples, block.images[0])
                    images.append(block.images)
                files += [sample.name for sample in block.read]
                names += [sample.class_name for sample in block.read]
                is_test += bytes(sample.part == "test" for sample in block.read)
                digests += block.digests
                failed += block.failed
                if block.unlike:
                    raise SourceError(_unlike(files[0], images.shape[1:], *block.unlike))
                progress.advance(block.n_samples)
    except ModuleNotFoundError as error:
        raise SourceError(NO_PILLOW) from error
    except BrokenExecutor as error:
        raise SourceError(_ENDED) from error
    finally:
        progress.end()
    return Found(images, files, names, np.frombuffer(is_test, np.bool_), np.frombuffer(digests, np.uint64)), failed


_ENDED = (
    "a process that decodes pictures was ended, as the system does where memory is short, or by a damaged picture; no "
    "more is known"
)


def _check_bytes(n_images: int, first: NDArray[np.uint8]) -> None:
    """Raise where so many images like the first are more than later stages hold."""
    n_bytes = n_images * first.size
    if n_bytes > MAX_BYTES:
        raise SourceError(
            f"{n_images} pictures of {describe(first.shape)} pixels take {n_bytes} bytes; at most {MAX_BYTES} are "
            "held: set fetch.size to fewer pixels, such as 28"
        )


def _unlike(one: str, first: tuple[int, ...], other: str, shape: tuple[int, ...]) -> str:
    return (
        f"pictures differ in size: {shown(one, 100)} has {describe(first)} pixels and {shown(other, 100)} "
        f"{describe(shape)}; set fetch.size to bring all to one, such as 28"
    )


def _say_doubles(read: Found, labels: NDArray[np.uint8], is_test: NDArray[np.bool_], progress: Progress) -> None:
    """Say which pictures are there twice, pixel by pixel, where that does harm."""
    order = np.argsort(read.digests, kind="stable")
    same = np.flatnonzero(np.diff(read.digests[order]) == 0)
    pairs = [(int(order[at]), int(order[at + 1])) for at in same]
    pairs = [(one, other) for one, other in pairs if np.array_equal(read.images[one], read.images[other])]
    kinds = {
        "with two labels": [pair for pair in pairs if labels[pair[0]] != labels[pair[1]]],
        "in the training part and in the test part": [pair for pair in pairs if is_test[pair[0]] != is_test[pair[1]]],
    }
    for kind, found in kinds.items():
        if found:
            first = " and ".join(shown(read.files[row], 80) for row in found[0])
            times = "1 time" if len(found) == 1 else f"{len(found)} times"
            progress.say(f"warning: the same picture is there {kind}, {times}: {first}")


def _say_read(read: Found, is_test: NDArray[np.bool_], progress: Progress) -> None:
    """Say what was read: how many pictures of which size, in which part, and of each class."""
    counts = Counter(read.names)
    classes = [f"{shown(name, 30)} {counts[name]}" for name in sorted(counts, key=natural_key)]
    more = [f"{len(classes) - _MOST_CLASSES} more"] if len(classes) > _MOST_CLASSES else []
    n_test = int(is_test.sum())
    progress.say(
        f"read {len(read.files)} pictures of {describe(read.images.shape[1:])} pixels, {len(read.files) - n_test} to "
        f"train and {n_test} to test, in {len(classes)} classes: {', '.join(classes[:_MOST_CLASSES] + more)}"
    )


def say_plan(planned: Plan, read: Found, failed: list[tuple[str, str]], progress: Progress) -> None:
    """Say what a plan has to say and what could not be read; raise where nothing could."""
    skipped = planned.skipped + failed
    if not read.files:
        raise SourceError(f"it has no picture that can be read; {_describe_skipped(skipped)}")
    for note in planned.notes:
        progress.say(note)
    _say_skipped(skipped, planned.classes - set(read.names), progress)


def _say_skipped(skipped: Sequence[tuple[str, str]], empty: set[str], progress: Progress) -> None:
    """Say which files were left out, and which folders are no classes since they have no pictures."""
    if skipped:
        progress.say(f"warning: {_describe_skipped(skipped)}")
    if empty:
        names = [shown(repr(name), 50) for name in sorted(empty, key=natural_key)]
        more = ", ..." if len(names) > _MOST_FILES else ""
        progress.say(f"warning: no class, for there is no picture in it: {', '.join(names[:_MOST_FILES])}{more}")


def _describe_skipped(skipped: Sequence[tuple[str, str]]) -> str:
    """List files that were left out, some of them, with the reason of each."""
    some = "; ".join(f"{shown(name, 80)}: {reason}" for name, reason in skipped[:_MOST_FILES])
    more = f"; and {len(skipped) - _MOST_FILES} more" if len(skipped) > _MOST_FILES else ""
    return f"{len(skipped)} {'file is' if len(skipped) == 1 else 'files are'} left out: {some}{more}"
