"""Files that are damaged or made to harm: each is read as what it is, or refused in one line, within bounds of memory.

Everything is drawn by a seed. A file is turned over byte by byte, cut, doubled and joined with another; a document has
values put where they do not belong.
"""

import gzip
import io
import json
import struct
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from model_contents import contents, write_contents
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipeline import MLPClassifier, MLPRegressor, Normalize, load_model, save_model
from pipeline.artifacts import read_history, read_training
from pipeline.data.idx import write_idx
from pipeline.data.images import read_images
from pipeline.data.npy import NpyError, read_npy, read_rows
from pipeline.model_file import ModelFileError
from pipeline.parameters import ParameterError
from pipeline.plots import learning_curves, to_png
from pipeline.provenance import ProvenanceError, Record, read_record, write_record
from pipeline.recipes.reading import read_recipes
from pipeline.recipes.results import make_table, read_progress, read_trials, write_trials

pytestmark = [
    pytest.mark.hostile,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

MEGABYTES = 120
"""Of data that a process may have beside those of the libraries it has loaded."""
LINE = 400
"""Characters that an error may have beside the path of the file."""
rng = np.random.default_rng(0)
LABELS = rng.integers(3, size=60)
PIXELS = (rng.random((60, 9)) * 200).astype(np.uint8)
ODD = (None, True, -1, 0, 1.5, "x", "\x1b[31m", [], {}, [1], {"a": 1}, 10**400, float("nan"), float("inf"), [[[]]])


def damaged(content, draw):
    """Return bytes that differ from these in one way or another."""
    content = bytearray(content)
    match draw.randrange(6):
        case 0:
            del content[draw.randrange(len(content)) :]
        case 1:
            start = draw.randrange(len(content))
            content[start:start] = content[start : start + draw.randrange(1, 200)]
        case 2:
            start = draw.randrange(len(content))
            del content[start : start + draw.randrange(1, 20)]
        case _:
            for _ in range(draw.choice([1, 1, 2, 5, 20])):
                content[draw.randrange(min(len(content), draw.choice([16, 150, 2**30])))] = draw.choice(
                    [0, 1, 0x7F, 0xFF, draw.randrange(256), *b"'({[0Lf,-"]
                )
    return bytes(content)


def places(value, path=()):
    """Yield the places of all values of a document, a few of each list."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value[:4]) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def changed(document, draw):
    """Return a document in which something is missing, or is of another kind."""
    made = json.loads(json.dumps(document))
    *path, last = draw.choice([place for place in places(made) if place])
    parent = made
    for key in path:
        parent = parent[key]
    if draw.random() < 0.25:
        del parent[last]
    else:
        parent[last] = draw.choice(ODD)
    return made


def attempt(read, path, errors):
    """Read what may be damaged: nothing comes of it but an error of the documented kinds, in one line of its file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # zipfile wonders at names
            read()
    except errors as error:
        message = str(error)
        assert str(path) in message
        assert "\n" not in message
        assert len(message) < LINE + 3 * len(str(path))


def model():
    """Return a small model with a normaliser."""
    steps = Normalize("standard"), MLPClassifier((5,), max_iter=2, batch_norm=True, random_state=0)
    return make_pipeline(*steps).fit(PIXELS, LABELS)


def regressor():
    """Return a small model of two numbers, which were scaled for it."""
    network = MLPRegressor(hidden_layer_sizes=(5,), loss="huber", max_iter=2, random_state=0)
    scaled = TransformedTargetRegressor(network, transformer=StandardScaler())
    return make_pipeline(Normalize(), scaled).fit(PIXELS, PIXELS[:, :2])


def scaled_model():
    """Return a small model behind a scaler."""
    network = MLPClassifier((5,), max_iter=2, random_state=0)
    return make_pipeline(StandardScaler(), network).fit(PIXELS.astype(float), LABELS)


FORMS = ["npz", "safetensors"]


def write_allowed(path, header, arrays):
    """Write a header and arrays as a model file; what a form has no type for is left out there."""
    allowed = path.suffix == ".npz"
    write_contents(path, header, {name: a for name, a in arrays.items() if allowed or a.dtype.kind not in "Uc"})


@pytest.mark.parametrize("form", FORMS)
def test_model_files_that_are_damaged(tmp_path, scaled, draw, form):
    """Bytes turned over, stored and deflated: a model, or a `ModelFileError`; never weights that are no numbers."""
    path, seeds = tmp_path / f"model.{form}", []
    for resume in (False, True):
        save_model(path, model(), resume=resume)
        seeds.append(path.read_bytes())
        if form == "npz":
            with np.load(path) as file:
                np.savez_compressed(path, **file)
        else:
            write_allowed(path, *contents(path))
        seeds.append(path.read_bytes())

    def read():
        loaded = load_model(path)
        assert np.isfinite(loaded["train"].network_.params).all()

    for _ in range(scaled(60)):
        path.write_bytes(damaged(draw.choice(seeds), draw))
        attempt(read, path, ModelFileError)


@pytest.mark.parametrize("make", [model, regressor, scaled_model])
@pytest.mark.parametrize("form", FORMS)
def test_model_files_with_another_header(tmp_path, scaled, draw, form, make):
    """Every value of a header is put to the test: what is taken can predict, and be saved again."""
    path = tmp_path / f"model.{form}"
    save_model(path, make(), resume=True)
    header, arrays = contents(path)

    def read():
        loaded = load_model(path)
        loaded.predict(PIXELS)
        save_model(tmp_path / f"again.{form}", loaded, resume=True)

    for _ in range(scaled(120)):
        write_allowed(path, changed(header, draw), arrays)
        attempt(read, path, ModelFileError)


@pytest.mark.parametrize("make", [model, scaled_model])
@pytest.mark.parametrize("form", FORMS)
def test_model_files_with_other_arrays(tmp_path, scaled, draw, form, make):
    """Arrays of one name in the place of another, of another type or shape, missing or too many."""
    path = tmp_path / f"model.{form}"
    save_model(path, make(), resume=True)
    header, whole = contents(path)
    for _ in range(scaled(60)):
        arrays = dict(whole)
        name, other = draw.sample(sorted(arrays), 2)
        array = arrays[name]
        arrays[name] = draw.choice(
            [
                arrays[other],
                array[..., :-1] if array.ndim else array[None],
                array[None],
                array.astype("U8"),
                array.astype(complex),
                array * np.nan,
                array[..., :0] if array.ndim else -array,
            ]
        )
        if draw.random() < 0.2:
            del arrays[name]
        write_allowed(path, header, arrays)
        attempt(lambda: load_model(path), path, ModelFileError)


def test_headers_of_tensors_that_are_others(tmp_path, scaled, draw):
    """What a file of tensors says of each, its type, its shape and where it begins, is put to the test."""
    path = tmp_path / "model.safetensors"
    save_model(path, model(), resume=True)
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    words = header.pop("__metadata__")
    for _ in range(scaled(200)):
        text = json.dumps({"__metadata__": words, **changed(header, draw)}).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + content[end:])
        attempt(lambda: load_model(path), path, ModelFileError)


def test_arrays_that_are_damaged(tmp_path, scaled, draw):
    """A ``.npy`` file with its header turned over is an array, or an `NpyError`; also as rows and as images."""
    path, seeds = tmp_path / "a.npy", []
    for array in (np.arange(5), PIXELS.reshape(60, 3, 3), np.zeros((4, 3), np.float32), np.array(["a", "bc"])):
        np.save(path, array)
        seeds.append(path.read_bytes())
    for _ in range(scaled(100)):
        path.write_bytes(damaged(draw.choice(seeds), draw))
        attempt(lambda: read_npy(path).sum if path.stat().st_size else read_npy(path), path, NpyError)
        attempt(lambda: read_rows(path, 10), path, NpyError)
        attempt(lambda: np.asarray(read_images(path, 9)), path, ValueError)


def test_images_that_are_damaged(tmp_path, scaled, draw):
    """IDX files, raw and compressed: images, or one error."""
    path = tmp_path / "images"
    write_idx(path, PIXELS.reshape(60, 3, 3))
    seeds = [path.read_bytes(), gzip.compress(path.read_bytes(), mtime=0)]
    for _ in range(scaled(100)):
        path.write_bytes(damaged(draw.choice(seeds), draw))
        attempt(lambda: read_images(path, 9), path, ValueError)


@pytest.fixture
def artifacts(tmp_path):
    """Return a folder that `train` can read."""
    for name in ("prepared", "split"):
        (tmp_path / name).mkdir()
    normalize = Normalize("standard").fit(PIXELS)
    np.save(tmp_path / "prepared/train_X.npy", normalize.transform(PIXELS))
    np.save(tmp_path / "prepared/train_Y.npy", np.eye(3, dtype=np.float32)[LABELS])
    (tmp_path / "prepared/normalize.json").write_text(json.dumps(normalize.get_state()))
    np.save(tmp_path / "split/train.npy", np.arange(50))
    np.save(tmp_path / "split/validation.npy", np.arange(50, 60))
    return tmp_path


def test_artifacts_that_are_damaged(artifacts, scaled, draw):
    """What `train` reads fits together, or one error names a file of the folder."""
    files = sorted(path for path in artifacts.rglob("*") if path.is_file())
    seeds = {path: path.read_bytes() for path in files}
    state = json.loads(seeds[artifacts / "prepared/normalize.json"])
    for _ in range(scaled(250)):
        path = draw.choice(files)
        content = damaged(seeds[path], draw)
        if path.suffix == ".json" and draw.random() < 0.7:
            content = json.dumps(changed(state, draw)).encode()
        path.write_bytes(content)
        attempt(lambda: read_training(artifacts), artifacts, ValueError)
        path.write_bytes(seeds[path])


def test_records_that_are_damaged(tmp_path, scaled, draw):
    """A record of where a folder comes from is one, or a `ProvenanceError`."""
    write_record(tmp_path, Record("train", {"alpha": 1, "sizes": [1, 2]}, {"raw": "sha256:0", "split": "sha256:1"}))
    [path] = tmp_path.iterdir()
    seed = path.read_bytes()
    for _ in range(scaled(100)):
        content = damaged(seed, draw) if draw.random() < 0.5 else json.dumps(changed(json.loads(seed), draw)).encode()
        path.write_bytes(content)
        attempt(lambda: read_record(tmp_path), path, ProvenanceError)


def test_histories_that_are_damaged(tmp_path, scaled, draw):
    """What training has written of its epochs can be drawn, or one error names the file."""
    path = tmp_path / "model" / "history.csv"
    path.parent.mkdir()
    rows = [f"{epoch},0.{epoch}5,0.9{epoch},0.3,0.8,0.001" for epoch in range(1, 6)]
    seed = "\n".join(["epoch,loss,accuracy,validation_loss,validation_accuracy,learning_rate", *rows, ""])
    for _ in range(scaled(15)):
        cells = [row.split(",") for row in seed.split("\n")]
        draw.choice(cells[1:-1])[draw.randrange(6)] = draw.choice(["nan", "inf", "1e308", "-1e30", "", "x", "\0", '"'])
        text = "\n".join(map(",".join, cells)).encode()
        path.write_bytes(text if draw.random() < 0.5 else damaged(seed.encode(), draw))
        attempt(lambda: to_png(learning_curves(read_history(tmp_path))), path, ValueError)


RECIPES = Path(__file__).parents[2] / "recipes"


def test_results_that_are_damaged(tmp_path, scaled, draw):
    """Results and trials of recipes make a table, or a `ParameterError`; a run goes on from them, or does not begin."""
    recipes = read_recipes(RECIPES)
    paths = sorted(RECIPES.glob("*.json"))
    for _ in range(scaled(100)):
        seed = draw.choice(paths)
        name, document = seed.name.split(".")[0], json.loads(seed.read_bytes())
        kept = {
            key: value for key, value in document.items() if key != "settings"
        }  # others are those of another recipe
        content = json.dumps({**document, **changed(kept, draw)}).encode()
        path = tmp_path / seed.name
        path.write_bytes(content if draw.random() < 0.7 else damaged(seed.read_bytes(), draw))

        def read(name=name, one=recipes[name]):
            make_table(tmp_path, {name: one})
            read_progress(tmp_path, name, one)
            write_trials(tmp_path, name, one, read_trials(tmp_path, name, one), {})

        attempt(read, path, ParameterError)
        for left in tmp_path.iterdir():
            left.unlink()


BOUNDED = """
import pathlib, resource, sys
from pipeline import load_model  # with it come libraries, which take more where more of them are installed
from pipeline.cli.app import main
status = pathlib.Path("/proc/self/status").read_text().splitlines()
used = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))
resource.setrlimit(resource.RLIMIT_DATA, (used + int(sys.argv[1]) * 2**20,) * 2)
sys.argv[1:] = sys.argv[2:]
main()
"""


def bounded(*words, **options):
    """Run the command line with little memory; return exit code, output and error stream."""
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, str(MEGABYTES), *map(str, words)],
        capture_output=True,
        check=False,
        timeout=120,
        **options,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def with_header(**settings):
    """Return a file of an array that announces what it does not hold."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {settings['shape']}}}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def bomb(path, header=None, **members):
    """Put more members into a model file, or another header, so that it unfolds to thousands of times its size."""
    with np.load(path) as file:
        arrays = dict(file)
    told = json.loads(arrays["header"].tobytes())
    for place, value in (header or {}).items():
        told[place].update(value)
    arrays["header"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.save(content, array)
            archive.writestr(f"{name}.npy", content.getvalue())
        for name, n_bytes in members.items():
            more = zipfile.ZipInfo(f"{name}.npy")
            more.compress_type = zipfile.ZIP_BZIP2
            with archive.open(more, "w", force_zip64=True) as member:
                for _ in range(n_bytes // 2**24):
                    member.write(bytes(2**24))


BOMBS = {
    "one more member": {"more": 2**29},
    "layers": {"header": {"parameters": {"hidden_layer_sizes": [1] * 200_000}}},
    "one wide layer": {"header": {"parameters": {"hidden_layer_sizes": [10**8]}}},
    "weights": {"header": {"parameters": {"hidden_layer_sizes": [10**7]}}},
    "depth": {"header": {"parameters": {"alpha": "a"}, "state": {"loss_curve_": [[]] * 250_000}}},
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_model_file_that_would_unfold(tmp_path, name):
    """It is refused with little memory, in one line."""
    path = tmp_path / "model.npz"
    save_model(path, model())
    bomb(path, **BOMBS[name])
    np.save(tmp_path / "images.npy", PIXELS)
    code, out, error = bounded("predict", tmp_path / "images.npy", "--model", path)
    assert (code, out) == (1, "")
    assert error.startswith(f"error: {path}")
    assert len(error) < LINE + len(str(path))


def tensor_bomb(path, header=None, length=None, labels=None):
    """Have a file of tensors announce more than it has."""
    told, tensors = contents(path)
    for place, value in (header or {}).items():
        told[place].update(value)
    told["classes"] |= labels or {}
    write_allowed(path, told, tensors)
    content = path.read_bytes()
    if length is not None:
        path.write_bytes(length.to_bytes(8, "little") + content[8:])


TENSOR_BOMBS = {
    "layers": {"header": {"parameters": {"hidden_layer_sizes": [1] * 200_000}}},
    "one wide layer": {"header": {"parameters": {"hidden_layer_sizes": [10**8]}}},
    "depth": {"header": {"parameters": {"alpha": "a"}, "state": {"loss_curve_": [[]] * 250_000}}},
    "a header": {"length": 2**39},
    "labels": {"labels": {"dtype": f"<U{10**8}", "values": ["a", "b", "c"]}},
    "labels in lists": {"labels": {"dtype": f"<U{10**6}", "values": [["a"] * 10**4]}},
}


@pytest.mark.parametrize("name", TENSOR_BOMBS)
def test_a_file_of_tensors_that_would_unfold(tmp_path, name):
    """It is refused with little memory, in one line."""
    path = tmp_path / "model.safetensors"
    save_model(path, model())
    tensor_bomb(path, **TENSOR_BOMBS[name])
    np.save(tmp_path / "images.npy", PIXELS)
    code, out, error = bounded("predict", tmp_path / "images.npy", "--model", path)
    assert (code, out) == (1, "")
    assert error.startswith(f"error: {path}")
    assert len(error) < LINE + len(str(path))


@pytest.mark.parametrize(("name", "shape"), [("train_Y", (0, 300_000_000)), ("train_X", (300_000_000, 9))])
def test_a_prepared_array_that_announces_much(artifacts, name, shape):
    """Of 128 bytes no more is asked for than there is."""
    path = artifacts / f"prepared/{name}.npy"
    path.write_bytes(with_header(shape=shape))
    (artifacts / "params.yaml").write_text("train: {max_iter: 1}\n")
    code, out, error = bounded("train", "--artifacts", artifacts, cwd=artifacts)
    assert (code, out) == (1, "")
    assert f"{name}.npy" in error
    assert len(error) < LINE + len(str(path))


def test_many_images_are_predicted_with_little_memory(tmp_path):
    """As many as would fill all memory that there is, mapped, and compressed through a pipe, each with its line."""
    n_images = MEGABYTES * 2**20 // 10_000
    save_model(tmp_path / "model.npz", wide := model_of(100))
    assert wide.n_features_in_ == 10_000
    header = struct.pack(">BBBBIII", 0, 0, 8, 3, n_images, 100, 100)
    with gzip.open(tmp_path / "images.gz", "wb", 1) as compressed, (tmp_path / "images").open("wb") as raw:
        for file in (compressed, raw):
            file.write(header)
            for _ in range(n_images // 100):
                file.write(bytes(1_000_000))
            file.write(bytes(n_images % 100 * 10_000))
    for name in ("images", "images.gz"):
        with (tmp_path / name).open("rb") as file:
            where, options = (tmp_path / name, {}) if name == "images" else ("-", {"stdin": file})
            code, out, _ = bounded("predict", where, "--model", tmp_path / "model.npz", **options)
        assert code == 0
        assert out.count("\n") == n_images


def model_of(side):
    """Return a model of square images."""
    X = (rng.random((30, side**2)) * 255).astype(np.uint8)
    return make_pipeline(Normalize(), MLPClassifier((2,), max_iter=1, random_state=0)).fit(X, LABELS[:30])


def test_a_compressed_file_has_a_bound(tmp_path):
    """What announces two gibibytes is refused by its header."""
    save_model(tmp_path / "model.npz", model())
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(struct.pack(">BBBBIII", 0, 0, 8, 3, 2**28, 3, 3) + bytes(2**20)))
    code, out, error = bounded("predict", path, "--model", tmp_path / "model.npz")
    assert (code, out) == (1, "")
    assert "announces 2415919104 bytes of items; at most 1073741824 are read" in error
