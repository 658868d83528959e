"""Every form that a data set may have: written by other programs, it comes back to the byte, labels included.

A form is a line in `FORMS`: what writes it, and whether it says which images are for testing.
"""

import gzip
import io
import json
import shutil
import struct
import zipfile
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from pipeline.stages.fetch import Fetch


@dataclass(frozen=True)
class Form:
    """A form.

    Attributes
    ----------
    write : callable
        Takes a new folder, and images and labels of ``"train"`` and ``"test"``; returns the path of the data set.
    has_parts : bool
        Whether the form says which part an image is of.
    """

    write: Any
    has_parts: bool = True


def write_npz(folder, parts, names, *, column=False, save=np.savez):
    """Write arrays under such names, in which ``{}`` stands for the part."""
    arrays = {}
    for part, (images, labels) in parts.items():
        for name, array in zip(names, (images, labels[:, None] if column else labels), strict=True):
            arrays[name.format(part)] = array
    save(folder / "own.npz", **arrays)
    return folder / "own.npz"


def write_npz_alone(folder, parts):
    """Write all images as rows of fractions, without parts."""
    images, labels = (np.concatenate(pair) for pair in zip(*parts.values(), strict=True))
    np.savez(folder / "own.npz", X=images.reshape(len(images), -1) / 255, y=labels.astype(float))
    return folder / "own.npz"


def rows_of(parts):
    """Yield part, number, image and label of every sample."""
    for part, (images, labels) in parts.items():
        for number, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
            yield part, number, image, label


def write_pictures(folder, parts, *, wrapped=""):
    """Write a folder of PNG files for each class of each part, perhaps with a folder around all."""
    for part, number, image, label in rows_of(parts):
        path = folder / wrapped / part / str(label) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path, compress_level=1)
    return folder


def write_zip(folder, parts):
    """Write an archive of such folders, as a program packs one, and leave nothing else."""
    write_pictures(folder / "loose", parts, wrapped="own")
    archive = shutil.make_archive(str(folder / "own"), "zip", folder / "loose")
    shutil.rmtree(folder / "loose")
    return archive


def write_file_table(folder, parts):
    """Write pictures beside each other, and a CSV that says what each of them is."""
    lines = ["file,label,split"]
    for part, number, image, label in rows_of(parts):
        Image.fromarray(image).save(folder / f"{part}-{number}.png", compress_level=1)
        lines.append(f"{part}-{number}.png,{label},{part}")
    (folder / "own.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder / "own.csv"


def write_pixel_table(folder, parts):
    """Write all images as rows of one CSV, as Kaggle has them."""
    rows = [np.array([label, *image.ravel()]) for _, _, image, label in rows_of(parts)]
    names = ",".join(f"pixel{number}" for number in range(len(rows[0]) - 1))
    np.savetxt(folder / "own.csv", rows, fmt="%d", delimiter=",", header=f"label,{names}", comments="")
    return folder / "own.csv"


def write_pixel_tables(folder, parts):
    """Write such a CSV for each part, and pack them."""
    with zipfile.ZipFile(folder / "own.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for part, one in parts.items():
            archive.write(write_pixel_table(folder, {part: one}), f"sign_mnist_{part}.csv")
    return folder / "own.zip"


def write_emnist(folder, parts, split, first=0):
    """Write EMNIST's four files: rows and columns of every image swapped, labels from a first one on."""
    for part, (images, labels) in parts.items():
        for kind, array in {"images-idx3": images.transpose(0, 2, 1), "labels-idx1": labels + first}.items():
            header = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            path = folder / f"emnist-{split}-{part}-{kind}-ubyte.gz"
            path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes(), 1))
    return folder


def write_qmnist(folder, parts):
    """Write QMNIST's four files: labels are the first of eight columns of int32."""
    for part, (images, labels) in parts.items():
        columns = (labels[:, None] + np.arange(8)).astype(">i4")
        for kind, code, array in (("images-idx3-ubyte", 8, images), ("labels-idx2-int", 12, columns)):
            header = struct.pack(f">4B{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
            (folder / f"qmnist-{part}-{kind}.gz").write_bytes(gzip.compress(header + array.tobytes(), 1))
    return folder


def write_emnist_zip(folder, parts):
    """Write two of EMNIST's data sets into an archive, and name one."""
    write_emnist(folder, parts, "letters", first=1)
    write_emnist(folder, {part: (images[::-1], labels[::-1]) for part, (images, labels) in parts.items()}, "mnist")
    with zipfile.ZipFile(folder / "gzip.zip", "w") as archive:
        for path in folder.glob("*.gz"):
            archive.write(path, f"gzip/{path.name}")
            path.unlink()
    return folder / "gzip.zip" / "emnist-letters"


def write_mat(folder, parts, first="A"):
    """Write EMNIST's struct: each row an image down its columns; labels stand for characters."""
    dataset = {
        part: {"images": images.transpose(0, 2, 1).reshape(len(images), -1), "labels": labels[:, None]}
        for part, (images, labels) in parts.items()
    }
    mapping = np.array([[label, ord(first) + label] for label in range(10)], np.uint8)
    savemat(folder / "emnist-own.mat", {"dataset": dataset | {"mapping": mapping}}, do_compression=True)
    return folder / "emnist-own.mat"


def write_parquet(folder, parts, *, pattern="data/{}-00000-of-00001.parquet", alone=False, text=False):
    """Write tables as Hugging Face does, names of classes in a note; or one without a note, and with plain bytes."""
    pa = pytest.importorskip("pyarrow", reason='pip install -e ".[test]" brings it')
    pq = pytest.importorskip("pyarrow.parquet")
    tables = {}
    for part, _, image, label in rows_of(parts):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG", compress_level=1)
        struct_or_bytes = file.getvalue() if alone else {"bytes": file.getvalue(), "path": None}
        rows = tables.setdefault("own" if alone else part, [])
        rows.append({"image": struct_or_bytes, "label": str(label) if text else label})
    names = {"names": [str(number) for number in range(10)], "_type": "ClassLabel"}
    note = json.dumps({"info": {"features": {"image": {"_type": "Image"}, "label": names}}})
    for name, rows in tables.items():
        path = folder / pattern.format(name)
        path.parent.mkdir(exist_ok=True)
        table = pa.Table.from_pylist(rows)
        pq.write_table(
            table if alone else table.replace_schema_metadata({"huggingface": note}), path, row_group_size=17
        )
    return path if alone else folder


FORMS = {
    "folder": Form(write_pictures),
    "ZIP": Form(write_zip),
    "CSV of files": Form(write_file_table),
    "CSV of pixels": Form(write_pixel_table, has_parts=False),
    "CSVs of pixels in a ZIP archive": Form(write_pixel_tables),
    "npz, Keras": Form(partial(write_npz, names=("x_{}", "y_{}"))),
    "npz, MedMNIST": Form(partial(write_npz, names=("{}_images", "{}_labels"), column=True, save=np.savez_compressed)),
    "npz, X and y": Form(write_npz_alone, has_parts=False),
    "QMNIST": Form(write_qmnist),
    **{f"EMNIST, {split}": Form(partial(write_emnist, split=split)) for split in ("balanced", "digits")},
    "EMNIST, letters": Form(partial(write_emnist, split="letters", first=1)),
    "EMNIST, .mat of letters": Form(write_mat),
    "EMNIST, .mat of digits": Form(partial(write_mat, first="0")),
    "EMNIST, one in a ZIP archive": Form(write_emnist_zip),
    "parquet, Hugging Face": Form(write_parquet),
    "parquet, files beside each other": Form(partial(write_parquet, pattern="{}.parquet")),
    "parquet, a file": Form(partial(write_parquet, pattern="{}.parquet", alone=True, text=True), has_parts=False),
}


def as_pairs(images, labels):
    """Return images with their labels in an order of their own, for a form may have another."""
    return sorted((label, image.tobytes()) for image, label in zip(images, np.asarray(labels).tolist(), strict=True))


def check(form, folder, parts, **how):
    """Write a form, fetch it, and see that all came back and nothing else."""
    folder.mkdir()
    fetch = Fetch(dataset=str(form.write(folder, parts)), **how)
    found = {part: fetch.load(part) for part in parts}
    if not form.has_parts:
        found, parts = (
            {"all": [np.concatenate(pair) for pair in zip(*one.values(), strict=True)]} for one in (found, parts)
        )
    for part, (images, labels) in parts.items():
        assert found[part][0].dtype == np.uint8
        assert found[part][0].shape == (len(images), images[0].size)
        assert as_pairs(*found[part]) == as_pairs(images, labels)


@pytest.mark.parametrize("name", FORMS)
def test_images_and_labels_come_back(tmp_path, name):
    """Of 60 images without any symmetry, in ten classes."""
    rng = np.random.default_rng(7)
    images = rng.integers(0, 256, (60, 9, 9), np.uint8)
    labels = np.arange(60, dtype=np.uint8) % 10
    rng.shuffle(labels[:40])
    check(FORMS[name], tmp_path / "form", {"train": (images[:40], labels[:40]), "test": (images[40:], labels[40:])})


def in_grey(form):
    """Tell whether a form holds grey images alone."""
    return form.startswith("EMNIST") or form == "npz, X and y"


@pytest.mark.parametrize("name", [name for name in FORMS if not in_grey(name)])
def test_colours_come_back(tmp_path, name):
    """Of 60 coloured images, where colours are asked for."""
    images = np.random.default_rng(7).integers(0, 256, (60, 9, 9, 3), np.uint8)
    labels = np.arange(60, dtype=np.uint8) % 10
    parts = {"train": (images[:40], labels[:40]), "test": (images[40:], labels[40:])}
    check(FORMS[name], tmp_path / "form", parts, colour="rgb")


@pytest.mark.parametrize("name", [name for name in FORMS if in_grey(name)])
def test_grey_comes_as_colours(tmp_path, name):
    """Of forms that have no colours, images get three equal channels where colours are asked for."""
    images = np.random.default_rng(7).integers(0, 256, (60, 9, 9), np.uint8)
    labels = np.arange(60, dtype=np.uint8) % 10
    parts = {"train": (images[:40], labels[:40]), "test": (images[40:], labels[40:])}
    path = FORMS[name].write(tmp_path, parts)
    found = [Fetch(dataset=str(path), colour="rgb").load(part)[0].reshape(-1, 81, 3) for part in ("train", "test")]
    assert sorted(one.tobytes() for one in np.concatenate(found)) == sorted(
        np.repeat(one.ravel(), 3).tobytes() for one in images
    )


@pytest.fixture(scope="session")
def mnist():
    """Bring MNIST: a part to train, and all that is to test."""
    parts = {}
    for part, n_samples in {"train": 1000, "test": 10_000}.items():
        X, y = Fetch().load(part)
        parts[part] = X[:n_samples].reshape(-1, 28, 28), y[:n_samples].astype(np.uint8)
    return parts


@pytest.mark.network
@pytest.mark.parametrize("name", FORMS)
def test_mnist_comes_back(tmp_path, mnist, name):
    """All 10,000 test images."""
    check(FORMS[name], tmp_path / "form", mnist)
