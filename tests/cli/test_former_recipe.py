"""``recipe``, the former name of ``recipes``: each of its options does what it did, and says what to type now."""

import json

import pytest
from typer.testing import CliRunner

from pipeline.cli.app import app
from pipeline.cli.former_recipe import translate
from pipeline.recipes.table import BEGIN, END

SMALL = """
title: a small net
reported: next to nothing
source: an author
seeds: [3]
fetch: {dataset: digits}
train: {hidden_layer_sizes: [4], max_iter: 1}
evaluate: {pictures: false}
trials: {as it stands: {seeds: [5]}}
"""
ADVICE = "warning: `python -m pipeline recipe` goes with the next release; what it does here is"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in an empty folder that has a folder of one recipe, ``small``."""
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "small.yaml").write_text(SMALL, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*words):
    """Run a command, and return its exit code, output and error stream."""
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("names", "given", "expected"),
    [
        ([], {}, [["list"]]),
        ([], {"--json": True, "--recipes": "mine"}, [["list", "--recipes", "mine", "--json"]]),
        (["a", "b"], {"--keep": "kept", "--wait": True}, [["run", "a", "b", "--keep", "kept", "--wait"]]),
        ([], {"--all": True, "--replace": True}, [["run", "--all", "--replace"]]),
        (["a"], {"--trials": True, "--keep": "kept"}, [["trials", "a", "--keep", "kept"]]),
        (["a"], {"--only": ["x", "y z"]}, [["trials", "a", "--only", "x", "--only", "y z"]]),
        (["a", "b"], {"--compare": True, "--json": True}, [["compare", "a", "b", "--json"]]),
        ([], {"--table": True}, [["table"]]),
        ([], {"--write-readme": "README.md"}, [["table", "--write", "README.md"]]),
        (["a"], {"--table": True, "--write-readme": "f"}, [["run", "a"], ["table"], ["table", "--write", "f"]]),
    ],
)
def test_former_options_are_commands_now(names, given, expected):
    """What was one command with options is one or several of the group."""
    assert translate(names, given) == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--trials"], "names of recipes, or --all, must be given; got none"),
        (["--only", "wider"], "names of recipes, or --all, must be given; got none"),
        (["--keep", "kept"], "names of recipes, or --all, must be given; got none"),
        (["--replace"], "names of recipes, or --all, must be given; got none"),
        (["small", "--replace", "--trials"], "--replace is for results of recipes, and cannot stand beside --trials"),
        (["--compare", "--all"], "--compare takes the names of two recipes, and no other option but --recipes"),
        (["small", "--compare", "--table"], "--compare takes the names of two recipes, and no other option"),
        (["small", "--table", "--json"], "--table prints Markdown, and --json JSON: take one of them"),
        (["small", "--write-readme", "no.md"], "there is no no.md"),
        (["smal"], "there is no recipe 'smal' in recipes; there are small; did you mean small?"),
    ],
)
def test_options_that_want_something_else_are_refused_before_any_work(folder, words, message):
    """The exit code is that of wrong usage, and nothing is run."""
    code, out, error = call("recipe", *words)
    assert (code, out) == (2, "")
    assert message in error
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["small.yaml"]


def test_the_former_command_lists_as_the_group_does():
    """The output is the same, and the error stream has one line that can be typed."""
    code, out, error = call("recipe")
    assert (code, out) == call("recipes", "list")[:2] == (0, "small  a small net\n")
    assert error == f"{ADVICE} `python -m pipeline recipes list` now\n"


def test_the_former_command_runs_a_recipe_and_writes_the_table(folder):
    """The commands that take its place run one after the other."""
    (folder / "README.md").write_text(f"{BEGIN}\n{END}\n", "utf-8")
    code, out, error = call("recipe", "small", "--json", "--write-readme", "README.md")
    assert code == 0, error
    assert [run["seed"] for run in json.loads(out)["small"]] == [3]
    told = "`python -m pipeline recipes run small --json`, then `python -m pipeline recipes table --write README.md`"
    assert error.startswith(f"{ADVICE} {told} now\n")
    assert "a small net" in (folder / "README.md").read_text("utf-8")
    code, out, error = call("recipe", "small", "--trials")
    assert (code, out.splitlines()[0][:35]) == (0, "small, as it stands, seed 5: valida")


def test_no_help_and_no_guess_has_the_former_command():
    """Whoever looks for a command finds the present one."""
    words = call("--help")[1].split()
    assert ("recipes" in words, "recipe" in words) == (True, False)
    assert call("recip")[2].endswith("Did you mean 'recipes'?\n")
