"""What is installed: metadata, dependencies declared and used, the command, and nothing that does not belong."""

import ast
import importlib
import re
import sys
import tomllib
from importlib.metadata import metadata, packages_distributions, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import pipeline

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
FROM_AN_EXTRA = {"matplotlib"}  # imported where pictures are drawn, and missed in one clear line
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
    return {re.sub(r"[-_.]+", "-", name).lower() for module in foreign for name in table[module]}


def test_all_that_is_imported_is_declared():
    """A fresh installation finds every module that it needs."""
    assert not imported() - names(PROJECT["dependencies"]) - FROM_AN_EXTRA


def test_all_that_is_declared_is_imported():
    """Nobody downloads what nobody uses."""
    assert not names(PROJECT["dependencies"]) - imported() - BEHIND_N_JOBS


def test_the_extra_of_the_workflow_has_what_pictures_need():
    """What is imported from an extra is in the extra that the error message names."""
    assert names(EXTRAS["workflow"]) >= FROM_AN_EXTRA
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
