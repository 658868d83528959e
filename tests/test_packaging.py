"""What is installed: metadata, dependencies declared and used, the command, and nothing that does not belong."""

import ast
import importlib
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from contextlib import chdir
from importlib.metadata import metadata, packages_distributions, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import pipeline
from pipeline.model_file import load_model

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
FROM_AN_EXTRA = {
    "distributed",
    "optuna",
    "llvmlite",
    "matplotlib",
    "numba",
    "onnx",
    "pillow",
    "pyarrow",
    "safetensors",
}  # imported where they are needed alone
BEHIND_N_JOBS = {"joblib"}  # imported by scikit-learn, when a search is asked for ``n_jobs``


def names(requirements):
    """Return the names that requirements begin with, as registries compare them."""
    return {re.sub(r"[-_.]+", "-", Requirement(text).name).lower() for text in requirements}


def imported():
    """Return the distributions that the modules of the package import, less the standard library and itself."""
    modules = set()
    for path in ROOT.glob("pipeline/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            if isinstance(node, ast.ImportFrom):
                modules.add(node.module.split(".")[0])
    foreign = modules - set(sys.stdlib_module_names) - {"pipeline"}
    table = packages_distributions()
    return {re.sub(r"[-_.]+", "-", name).lower() for module in foreign for name in table.get(module, [module])}


def test_all_that_is_imported_is_declared():
    """A fresh installation finds every module that it needs."""
    assert not imported() - names(PROJECT["dependencies"]) - FROM_AN_EXTRA


def test_all_that_is_declared_is_imported():
    """Nobody downloads what nobody uses."""
    assert not names(PROJECT["dependencies"]) - imported() - BEHIND_N_JOBS


def test_the_extra_of_the_workflow_has_what_pictures_need():
    """What is imported from an extra is in the extra that the warning names, and DVC's has that one."""
    ours = {PROJECT["name"]}
    extras = "cluster", "fast", "images", "onnx", "parquet", "pictures", "safetensors", "search"
    assert set().union(*(names(EXTRAS[one]) for one in extras)) - ours == FROM_AN_EXTRA
    assert {"digits-pipeline[pictures]"} < set(EXTRAS["workflow"])
    assert not FROM_AN_EXTRA & names(PROJECT["dependencies"])


@pytest.mark.parametrize("text", [*PROJECT["dependencies"], *(text for extra in EXTRAS.values() for text in extra)])
def test_every_dependency_has_a_lowest_version(text):
    """A version that is too old is told by the installer, and not by a traceback."""
    requirement = Requirement(text)
    assert requirement.name == PROJECT["name"] or re.search(r">=\d+\.\d+", str(requirement.specifier))


def test_what_is_installed_is_what_stands_here():
    """Version, licence, Python and dependencies of the installation are those of pyproject.toml."""
    installed = metadata(PROJECT["name"])
    assert version(PROJECT["name"]) == PROJECT["version"] == pipeline.__version__
    assert installed["License-Expression"] == "MIT"
    assert installed["Requires-Python"] == ">=3.11"
    unconditional = [text for text in requires(PROJECT["name"]) if "extra ==" not in text]
    assert names(unconditional) == names(PROJECT["dependencies"]), "install again: pip install -e ."


def test_the_command_is_the_command_line():
    """The console script ``digits`` runs the same as ``python -m pipeline``."""
    assert PROJECT["scripts"] == {"digits": "pipeline.__main__:main"}
    assert callable(importlib.import_module("pipeline.__main__").main)


def test_the_changelog_begins_with_this_version():
    """The story's last chapter is unreleased, or of the version that stands in pyproject.toml."""
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    released = [Version(heading) for heading in headings if heading != "Unreleased"]
    assert headings[0] in {"Unreleased", PROJECT["version"]}
    assert all(one <= Version(PROJECT["version"]) for one in released)
    assert released == sorted(released, reverse=True)


# ---------------------------------------------------------------- from a wheel, without a clone


WITHOUT_MATPLOTLIB = "import sys\nsys.modules['matplotlib'] = None\n"  # Python runs it at its start


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build a wheel, and return a folder that has what it installs, in a Python without matplotlib."""
    builder = pytest.importorskip("hatchling.build", reason='pip install -e ".[test]" brings what builds a wheel')
    folder = tmp_path_factory.mktemp("wheel")
    with chdir(ROOT):
        name = builder.build_wheel(str(folder))
    with zipfile.ZipFile(folder / name) as file:
        file.extractall(folder / "installed")
    (folder / "installed" / "sitecustomize.py").write_text(WITHOUT_MATPLOTLIB, "utf-8")
    return folder / "installed"


def call(wheel, folder, *words):
    """Run a command of the wheel in a folder, and return its output and the lines of its error stream."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(wheel)},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr.splitlines()


def test_a_wheel_has_the_package_and_what_it_ships(wheel):
    """Modules, parts of pages, parameters and recipes are there, byte for byte those of the repository; no tests."""
    shipped = {"shipped/params.yaml": ROOT / "params.yaml"}
    shipped |= {f"shipped/recipes/{path.name}": path for path in ROOT.glob("recipes/*.yaml")}
    parts = (path for ending in ("py", "html", "css", "js") for path in ROOT.glob(f"pipeline/**/*.{ending}"))
    modules = {path.relative_to(ROOT / "pipeline").as_posix(): path for path in parts}
    expected = {name: path.read_bytes() for name, path in (modules | shipped).items()} | {"py.typed": b""}
    found = {path.relative_to(wheel / "pipeline").as_posix(): path for path in wheel.glob("pipeline/**/*.*")}
    assert {name: path.read_bytes() for name, path in found.items()} == expected
    assert {path.name.partition("-")[0] for path in wheel.iterdir()} == {
        "pipeline",
        "digits_pipeline",
        "sitecustomize.py",
    }


def test_a_wheel_runs_in_an_empty_folder(wheel, tmp_path):
    """It trains by the parameters that it ships, measures without matplotlib, says both, and two runs are the same."""
    small = ["--set", "fetch.dataset=digits", "--set", "train.max_iter=2"]
    (first, told), (second, _) = (call(wheel, tmp_path / name, "run", *small) for name in ("one", "other"))
    ours = (
        f"there is no params.yaml here: the parameters are those that come with digits-pipeline {PROJECT['version']}; "
    )
    assert told[0] == ours + "--params FILE names others"
    assert [line for line in told if "pictures" in line] == [
        'warning: evaluate draws no pictures, which need matplotlib: pip install "digits-pipeline[pictures]" brings it'
    ]
    assert "test" in first
    assert first == second
    made = [
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("one", "other")
    ]
    assert Path("artifacts/evaluation/metrics.json") in made[0]
    assert made[0] == made[1]
    network = load_model(tmp_path / "one" / "artifacts" / "model" / "model.npz")[-1]
    assert network.hidden_layer_sizes == (512, 512)


def test_a_wheel_lists_its_recipes(wheel, tmp_path):
    """All recipes of the repository are there, and a line says whose they are."""
    out, told = call(wheel, tmp_path, "recipes", "list")
    assert [line.split()[0] for line in out.splitlines()] == sorted(path.stem for path in ROOT.glob("recipes/*.yaml"))
    assert len(told) == 1
    assert told[0].startswith("there are no recipes/*.yaml here: the recipes are those that come with digits-pipeline")
    assert list(tmp_path.iterdir()) == []
