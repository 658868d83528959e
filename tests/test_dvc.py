"""The workflow under DVC: what dvc.yaml and dvc.lock promise, and what DVC really does with them."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.stage_command import STAGES, stage_class
from pipeline.files import SUFFIX
from pipeline.parameters import read_yaml

ROOT = Path(__file__).parents[1]
WORKFLOW = read_yaml(ROOT / "dvc.yaml")
PARAMS = read_yaml(ROOT / "params.yaml")
PICTURES = ["confusion", "learning_curves", "mistakes", "weights"]

# Python runs this at its start wherever the file is found; it writes down what a command has imported.
WITNESS = """
import atexit, os, sys
from pathlib import Path

def testify():
    files = [Path(module.__file__) for module in list(sys.modules.values()) if getattr(module, "__file__", None)]
    home = Path.cwd()
    ours = sorted({file.relative_to(home).as_posix() for file in files if file.is_relative_to(home / "pipeline")})
    if ours:
        Path(os.environ["WITNESS"], sys.argv[-1]).write_text("\\n".join(ours), "utf-8")

atexit.register(testify)
"""


class Workshop:
    """A repository of its own with the files of this one, and DVC that knows nothing of this machine."""

    def __init__(self, folder):
        self.root, self.testimony = folder / "repository", folder / "testimony"
        private = {name: str(folder / name) for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR")}
        self.environment = os.environ | private | {
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(folder / "site"),
            "DVC_STUDIO_OFFLINE": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(self.testimony),
            "WITNESS": str(self.testimony),
        }  # fmt: skip
        self.testimony.mkdir()
        (self.testimony / "sitecustomize.py").write_text(WITNESS, "utf-8")
        self._copy()

    def _copy(self):
        for name in ("pipeline", "recipes"):
            shutil.copytree(ROOT / name, self.root / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in (".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", "artifacts/.gitignore", "dvc.yaml"):
            (self.root / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(ROOT / name, self.root / name)
        text = (ROOT / "params.yaml").read_text("utf-8")
        text = re.sub(r"dataset: .*", "dataset: digits", text)
        (self.root / "params.yaml").write_text(re.sub(r"max_iter: .*", "max_iter: 2", text), "utf-8")

    def run(self, *command):
        """Run a command in the repository and return what it says."""
        done = subprocess.run(command, cwd=self.root, env=self.environment, text=True, capture_output=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def commit(self):
        """Commit what has been staged."""
        self.run("git", "-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "-q", "-m", "Reproduce")

    def lock(self):
        """Return what dvc.lock says."""
        return (self.root / "dvc.lock").read_bytes()


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """Reproduce the workflow on the digits inside scikit-learn, and commit it."""
    made = Workshop(tmp_path_factory.mktemp("dvc"))
    made.run("git", "init", "-q", "-b", "main")
    made.run("git", "add", ".")
    made.run("dvc", "repro")
    made.commit()  # what dvc repro adds to the index is committed as well
    return made


@pytest.fixture(scope="module")
def experiment(workshop):
    """Run an experiment, and return what DVC says meanwhile."""
    return workshop.run("dvc", "exp", "run", "-n", "bold", "-S", "train.learning_rate_init=0.01")


def stages_run(text):
    """Return the stages that DVC says it runs."""
    return re.findall(r"Running stage '(\w+)'", text)


def test_stages_stand_in_the_order_of_the_commands():
    """dvc.yaml, params.yaml and the command line have the same stages in the same order."""
    assert list(WORKFLOW["stages"]) == list(PARAMS) == list(STAGES)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_is_its_command_its_section_and_its_folders(name):
    """A stage of DVC reads the folders that its class reads, and has one out, the folder that its class writes."""
    stage, described = stage_class(name), WORKFLOW["stages"][name]
    assert described["cmd"] == f"python -m pipeline {name}"
    assert described["params"] == [name]
    assert described["outs"] == [f"artifacts/{stage.writes}"]
    folders = [dependency for dependency in described["deps"] if not dependency.startswith("pipeline/")]
    assert folders == [f"artifacts/{folder}" for folder in stage.reads]


ENGINE = "pipeline/network/compiled"


def modules_of(dependency):
    """Return the modules that a dependency on code stands for: itself, or all in a folder."""
    path = ROOT / dependency
    return [dependency] if path.is_file() else [file.relative_to(ROOT).as_posix() for file in path.rglob("*.py")]


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_the_modules_that_it_imports(workshop, name):
    """DVC runs a stage again when a module changes that its command imports, and for no other module.

    A folder is named where all of it is imported. What trains may import the compiled loops, as ``engine`` says.
    """
    code = [dependency for dependency in WORKFLOW["stages"][name]["deps"] if dependency.startswith("pipeline/")]
    declared = {path for dependency in code for path in modules_of(dependency)}
    imported = set((workshop.testimony / name).read_text("utf-8").split())
    if "pipeline/network/training.py" in imported:
        imported |= set(modules_of(ENGINE))
    changes = [f"add    - {path}" for path in sorted(imported - declared)]
    changes += [f"delete - {path}" for path in sorted(declared - imported)]
    assert not changes, f"dvc.yaml, deps of {name}:\n" + "\n".join(changes)


@pytest.mark.parametrize("name", STAGES)
def test_a_folder_that_is_imported_whole_is_named_itself(name):
    """Where every module of a folder is a dependency, the folder stands in their place."""
    code = [dependency for dependency in WORKFLOW["stages"][name]["deps"] if dependency.startswith("pipeline/")]
    folders = {Path(dependency).parent.as_posix() for dependency in code} - {"pipeline"}
    assert not [folder for folder in folders if set(modules_of(folder)) <= set(code)]


@pytest.fixture(scope="module")
def lock():
    """Return what the committed dvc.lock says of the stages."""
    path = ROOT / "dvc.lock"
    assert path.is_file(), "dvc.lock is missing: run `dvc repro` and commit it"
    return read_yaml(path)["stages"]


def test_the_lock_has_every_stage(lock):
    """dvc.lock knows the stages of dvc.yaml and no other."""
    assert set(lock) == set(WORKFLOW["stages"])


@pytest.mark.parametrize("name", STAGES)
def test_the_lock_belongs_to_the_workflow(lock, name):
    """dvc.lock was made by the commands and with the parameters that stand here."""
    stage = WORKFLOW["stages"][name]
    assert lock[name]["cmd"] == stage["cmd"]
    assert lock[name]["params"] == {"params.yaml": {name: PARAMS[name]}}, "run `dvc repro` and commit dvc.lock"
    assert {out["path"] for out in lock[name]["outs"]} == set(stage["outs"])
    assert {dependency["path"] for dependency in lock[name]["deps"]} == set(stage["deps"])


def md5(data):
    """Return the hash that DVC knows some bytes by."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def md5_of(path):
    """Return the hash that DVC knows a file, or a folder of code, by."""
    if path.is_file():
        return md5(path.read_bytes())
    files = sorted(file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    entries = [{"md5": md5(file.read_bytes()), "relpath": file.relative_to(path).as_posix()} for file in files]
    return md5(json.dumps(entries, sort_keys=True).encode()) + ".dir"


def test_a_folders_hash_is_the_one_that_dvc_writes(workshop):
    """The lock that DVC has just made has, for a folder of code, the hash that is worked out here."""
    deps = read_yaml(workshop.root / "dvc.lock")["stages"]["train"]["deps"]
    folders = {one["path"]: one["md5"] for one in deps if one["path"] == "pipeline/network"}
    assert folders == {"pipeline/network": md5_of(workshop.root / "pipeline/network")}


@pytest.mark.parametrize("name", STAGES)
def test_the_lock_was_made_by_this_code(lock, name):
    """Whoever changes a module of a stage runs ``dvc repro`` and commits dvc.lock."""
    locked = {one["path"]: one["md5"] for one in lock[name]["deps"] if one["path"].startswith("pipeline/")}
    stale = [path for path, known in locked.items() if md5_of(ROOT / path) != known]
    assert not stale, f"changed since dvc.lock was made: {stale}; run `dvc repro` and commit dvc.lock"


def test_the_lock_hands_on_what_was_made(lock):
    """Every folder that a stage has read is, byte for byte, the one that another has written."""
    made = {out["path"]: out["md5"] for stage in lock.values() for out in stage["outs"]}
    read = {one["path"]: one["md5"] for stage in lock.values() for one in stage["deps"] if one["path"] in made}
    assert read == {path: md5 for path, md5 in made.items() if path != "artifacts/evaluation"}


def test_a_second_repro_does_nothing(workshop):
    """When nothing has changed, no stage runs and dvc.lock keeps its bytes."""
    before = workshop.lock()
    said = workshop.run("dvc", "repro")
    assert stages_run(said) == []
    assert "up to date" in said
    assert workshop.lock() == before
    assert workshop.run("git", "status", "--porcelain") == ""


def test_a_section_of_parameters_concerns_its_own_stage(workshop):
    """When a parameter of each section has changed, each stage is stale, and for its own section alone."""
    path = workshop.root / "params.yaml"
    before = path.read_bytes()
    changed = {name: {**section, "new": 1} for name, section in read_yaml(path).items()}
    path.write_text(json.dumps(changed), "utf-8")
    status = json.loads(workshop.run("dvc", "status", "--json"))
    path.write_bytes(before)
    assert status == {name: [{"changed deps": {"params.yaml": {name: "modified"}}}] for name in STAGES}


def test_files_of_ones_own_that_have_changed_are_noticed(workshop):
    """A table and a folder of pictures, once they are dependencies of the stage as the pages say."""
    known = {name: (workshop.root / name).read_bytes() for name in ("dvc.yaml", "dvc.lock")}
    table, folder = workshop.root / "own.parquet", workshop.root / "own"
    (folder / "cat").mkdir(parents=True)
    (folder / "cat" / "1.png").write_bytes(b"a picture")
    table.write_bytes(b"PAR1")
    text = known["dvc.yaml"].decode().replace("    deps:\n", "    deps:\n      - own\n      - own.parquet\n", 1)
    (workshop.root / "dvc.yaml").write_text(text, "utf-8")
    workshop.run("dvc", "commit", "--force", "fetch")
    before = json.loads(workshop.run("dvc", "status", "--json", "fetch"))
    table.write_bytes(b"PAR2")
    (folder / "cat" / "2.png").write_bytes(b"another")
    after = json.loads(workshop.run("dvc", "status", "--json", "fetch"))
    for name, content in known.items():
        (workshop.root / name).write_bytes(content)
    shutil.rmtree(folder)
    table.unlink()
    workshop.run("git", "reset", "--quiet")
    assert before == {}
    assert after == {"fetch": [{"changed deps": {"own": "modified", "own.parquet": "modified"}}]}


def test_recipes_concern_no_stage(workshop):
    """When every file of recipes and of the code that runs them has changed, and there are more, no stage is stale."""
    files = [path for name in ("pipeline/recipes", "recipes") for path in (workshop.root / name).rglob("*.*")]
    before = {path: path.read_bytes() for path in files if path.suffix != ".pyc"}
    added = [workshop.root / name for name in ("pipeline/recipes/new.py", "recipes/new.yaml")]
    for path, content in [*before.items(), *((path, b"") for path in added)]:
        path.write_bytes(content + b"\n# changed\n")
    status = json.loads(workshop.run("dvc", "status", "--json"))
    for path, content in before.items():
        path.write_bytes(content)
    for path in added:
        path.unlink()
    assert len(before) > 20
    assert status == {}


def test_an_experiment_trains_and_evaluates_alone(experiment):
    """``dvc exp run -S`` with a parameter of the network leaves the data as they are."""
    assert stages_run(experiment) == ["train", "evaluate"]


@pytest.mark.usefixtures("experiment")
def test_experiments_stand_side_by_side(workshop):
    """``dvc exp show`` has a line for the experiment, with its parameter and what it reached."""
    table = workshop.run("dvc", "exp", "show", "--csv", "--only-changed", "--drop", "artifacts|pipeline")
    header, *rows = (line.split(",") for line in table.splitlines())
    assert {"train.learning_rate_init", "validation.accuracy", "test.accuracy"} <= set(header)
    rates = {row[0] or row[1]: row[header.index("train.learning_rate_init")] for row in rows}
    assert (rates["bold"], rates["main"]) == ("0.01", str(PARAMS["train"]["learning_rate_init"]))


@pytest.mark.usefixtures("experiment")
def test_measures_are_shown_and_compared(workshop):
    """``dvc metrics show`` reads them from inside the folder, and ``diff`` finds those of the last commit."""
    [shown] = json.loads(workshop.run("dvc", "metrics", "show", "--json"))[""]["data"].values()
    figures = json.loads((workshop.root / "artifacts/evaluation/metrics.json").read_text("utf-8"))
    assert shown["data"] == figures
    [compared] = json.loads(workshop.run("dvc", "metrics", "diff", "--json")).values()
    assert compared["validation.log_loss"]["new"] == figures["validation"]["log_loss"]
    assert compared["validation.log_loss"]["diff"] != 0


@pytest.mark.usefixtures("experiment")
def test_plots_are_curves_and_pictures(workshop):
    """``dvc plots show`` has loss and accuracy by epoch, training beside validation, and every picture."""
    plots = json.loads(workshop.run("dvc", "plots", "show", "--json"))["data"]
    assert sorted(Path(name).stem for name in plots) == sorted(["accuracy", "loss", *PICTURES])
    for name in ("loss", "accuracy"):
        [curves] = plots[name]
        points = curves["content"]["data"]["values"]
        assert {point["field"] for point in points} == {name, f"validation_{name}"}
        assert {point["epoch"] for point in points} == {"1", "2"}


def test_dvc_keeps_to_itself():
    """No analytics, no look for updates; and what DVC writes for git is staged, so that it is not forgotten."""
    config = (ROOT / ".dvc/config").read_text("utf-8")
    assert {"analytics = false", "check_update = false", "autostage = true"} <= set(map(str.strip, config.splitlines()))


@pytest.mark.parametrize("name", [".gitignore", ".dvcignore"])
def test_git_and_dvc_look_away_from_what_is_unfinished(name):
    """What a killed process leaves shows in no status, until the next removes it."""
    assert f".*{SUFFIX}" in (ROOT / name).read_text("utf-8").splitlines()


def test_git_leaves_the_artifacts_to_dvc():
    """Every folder that a stage writes is ignored by git, and nothing else is in that list."""
    ignored = (ROOT / "artifacts/.gitignore").read_text("utf-8").split()
    assert ignored == [f"/{stage_class(name).writes}" for name in STAGES]
