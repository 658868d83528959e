"""The README holds: its commands can be typed, its examples run, its tree is what a run writes."""

import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import warnings
from contextlib import chdir
from pathlib import Path
from statistics import fmean

import pytest
from typer.main import get_command

from pipeline.cli import app
from pipeline.data.catalogue import CATALOGUE
from pipeline.parameters import read_yaml
from pipeline.settings import check_document, override, read_document
from pipeline.stage_command import STAGES, stage_class

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text("utf-8")
SCREEN = 50  # lines
CONSTRUCTORS = {name: stage_class(name) for name in STAGES}
COMMANDS = get_command(app).commands


def blocks(language):
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def commands():
    """Return the commands of all shell blocks as lists of words, less the variables that are set for them."""
    parts = [part for block in blocks("sh") for line in block.splitlines() for part in line.split("&&")]
    words = [shlex.split(part) for part in parts]
    return [list(itertools.dropwhile(lambda word: re.match(r"[A-Z_]+=", word), one)) for one in words]


def commands_of(*start):
    """Return what follows the first words of those commands that begin with them."""
    return [words[len(start) :] for words in commands() if words[: len(start)] == list(start)]


def expand(text):
    """Return the names that a pattern with braces stands for, as a shell reads it."""
    head, brace, rest = text.partition("{")
    if not brace:
        return [text]
    choices, _, tail = rest.partition("}")
    return [head + choice + end for choice in choices.split(",") for end in expand(tail)]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """Return a folder in which the workflow has run, on the digits inside scikit-learn."""
    folder = tmp_path_factory.mktemp("readme")
    settings = ["--set", "fetch.dataset=digits", "--set", "train.max_iter=2"]
    subprocess.run(
        [sys.executable, "-m", "pipeline", "run", "--params", str(ROOT / "params.yaml"), *settings],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )
    return folder


def test_two_lines_are_enough():
    """The first shell block has two lines: one installs and reproduces, one installs what tests need and runs them."""
    install, check = blocks("sh")[0].splitlines()
    assert install.endswith("&& dvc repro")
    assert check.endswith("python -m pytest")


def test_the_first_screen_has_it_all():
    """The two lines, the commands, the tree and the search stand before the first heading, on one screen."""
    screen = TEXT.partition("\n## ")[0]
    assert len(screen.splitlines()) <= SCREEN
    for block in (blocks("sh")[0], blocks("text")[0], blocks("python")[0]):
        assert block in screen


def test_the_table_has_every_command():
    """The commands of the first screen are those of the command line, each told once."""
    cells = re.findall(r"^\| (`.*?) \|", TEXT.partition("\n## ")[0], re.MULTILINE)[1:]
    told = [word.split()[0] for cell in cells for word in re.findall(r"`(.*?)`", cell)]
    assert sorted(told) == sorted(COMMANDS)


def test_the_tree_is_what_a_run_writes(workplace):
    """Every file of a run stands in the tree beside the stage that makes it, and no other."""
    told = {}
    for folder, stage, files in re.findall(r"── (\w+)/ +<- (\w+) +([^├└]+)", blocks("text")[0]):
        assert CONSTRUCTORS[stage].writes == folder
        told[folder] = [name for pattern in re.split(r",?\s+", files.strip()) for name in expand(pattern)]
    artifacts = workplace / "artifacts"
    written = {one.name: sorted(path.name for path in one.iterdir()) for one in artifacts.iterdir()}
    assert {folder: sorted(files) for folder, files in told.items()} == written


def test_the_search_runs_as_printed(tmp_path, monkeypatch):
    """The first example needs nothing but itself, and finds a network that reads digits."""
    monkeypatch.chdir(tmp_path)
    names = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the workers of joblib outlive the search
        exec(blocks("python")[0], names)  # noqa: S102 - it is our own
    assert names["search"].best_score_ > 0.9
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def examples(workplace, tmp_path_factory):
    """Type the examples one after another, in a copy of the folder in which the workflow has run; return the names."""
    folder = tmp_path_factory.mktemp("examples") / "folder"
    shutil.copytree(workplace, folder)
    first, *others = blocks("python")
    names = {"folder": folder, "before": contents(folder)}
    with chdir(folder):
        exec(first.partition("search =")[0], names)  # noqa: S102 - it is our own, and the search has its own test
        for block in others:
            exec(block, names)  # noqa: S102 - the same
    return names


def contents(folder):
    """Return the bytes of all files below a folder."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_examples_do_what_the_text_says(examples):
    """Whoever types the examples from the first to the last has a network that reads, and a model of the workflow."""
    assert examples["model"].n_features_in_ == 64
    assert examples["accuracy"] > 0.95


def test_the_search_over_deformations_deforms(examples):
    """It chooses to turn images, and on test digits that beats the same network without, as the text says."""
    X_test, y_test = examples["normalize"].transform(examples["X_test"]), examples["y_test"]
    assert examples["search"].best_params_["augmentation__rotation"] > 0
    deformed, plain = (examples[name].score(X_test, y_test) for name in ("search", "plain"))
    assert deformed >= plain + 0.01


def test_the_committee_is_better_than_its_members(examples):
    """Its vote is right more often than its members on average, and than the network that stands alone."""
    assert examples["voted"] > fmean(examples["members"])
    assert examples["voted"] > 0.97


def test_the_examples_leave_nothing_that_git_would_show(examples):
    """They change no file of the workflow, and write into ``artifacts``, where git ignores every folder."""
    after = contents(examples["folder"])
    assert {path: after[path] for path in examples["before"]} == examples["before"]
    made = set(after) - set(examples["before"])
    assert made
    assert {path.parts[:2] for path in made} == {("artifacts", "committee")}
    assert "/artifacts/*/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


WRITERS = {*STAGES, "run"}


@pytest.mark.parametrize("words", commands_of("python", "-m", "pipeline"), ids=" ".join)
def test_commands_leave_the_reader_s_model_alone(words):
    """What runs stages says where to write to, and that is not the folder of ``dvc repro``."""
    if words[0] in WRITERS and "--help" not in words:
        given = words[words.index("--artifacts") + 1]
        assert re.fullmatch(r"artifacts/\w+", given)
        assert given.partition("/")[2] not in {stage.writes for stage in CONSTRUCTORS.values()}


def test_parameters_of_parameters_can_be_searched():
    """The example of a schedule's parameter is one."""
    from pipeline import MLPClassifier
    from pipeline.network import Cosine

    assert "train__learning_rate__warmup" in TEXT
    assert "learning_rate__warmup" in MLPClassifier(learning_rate=Cosine()).get_params()


def test_only_known_programs_are_called():
    """Every command of the shell blocks belongs to a program whose words are checked below."""
    programs = {words[0] for words in commands()}
    assert programs == {"python3", ".", "pip", "dvc", "python", "bash", "pre-commit"}


@pytest.mark.parametrize("words", commands_of("python", "-m", "pipeline"), ids=" ".join)
def test_commands_are_understood(words):
    """Every command of the workflow in the README has options that exist, and values that are allowed."""
    name, *rest = words
    if "--help" in rest:
        assert name in COMMANDS
        return
    context = COMMANDS[name].make_context(name, list(rest))
    given = {key: value for key, value in context.params.items() if value is not None}
    if name in STAGES:
        for parameter in COMMANDS[name].parameters.values():
            if parameter.name in given:
                parameter.read(read_yaml(given[parameter.name]))
    document = read_document(ROOT / "params.yaml")
    for text in given.get("settings", []):
        document = override(document, text)
    check_document(document, CONSTRUCTORS)


@pytest.mark.parametrize("words", commands_of("dvc"), ids=" ".join)
def test_commands_of_dvc_are_understood(words):
    """DVC knows the command and its options, and the parameters that it sets are allowed."""
    from dvc.cli.parser import get_main_parser

    arguments = get_main_parser().parse_args(words)
    document = read_document(ROOT / "params.yaml")
    for text in getattr(arguments, "set_param", None) or []:
        document = override(document, text)
    check_document(document, CONSTRUCTORS)


@pytest.mark.parametrize("words", commands_of("pip"), ids=" ".join)
def test_extras_exist(words):
    """What the README installs is this project, with an extra that it has."""
    *options, target = words
    assert options == ["install", "-e"]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert re.fullmatch(r"\.\[(\w+)\]", target)[1] in extras


def test_files_that_are_named_are_there():
    """Every link to a file of the repository, and every script that is called, leads somewhere."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXT)
    scripts = [words[0] for words in commands_of("bash")]
    modules = [f"pipeline/network/{name}" for name in re.findall(r"`(\w+\.py)`", TEXT)]
    assert links
    assert scripts
    assert not [name for name in [*links, *scripts, *modules] if not (ROOT / name).exists()]


@pytest.mark.parametrize("dataset", CATALOGUE.values(), ids=CATALOGUE)
def test_data_sets_stand_with_their_licence(dataset):
    """The table of data sets has every name of the catalogue, with its licence and number of classes."""
    [row] = re.findall(rf"^\| `{dataset.name}` \|.*$", TEXT, re.MULTILINE)
    assert row.endswith(f"| {dataset.n_classes} | {dataset.licence} |")


def test_sources_that_can_be_named_exist():
    """The README names as ``source`` what ``Fetch`` takes."""
    sentence = re.search(r"One carrier can be named instead, (.*?)\.", TEXT, re.DOTALL)[1]
    for source in re.findall(r"`(\w+)`", sentence):
        check_document({"fetch": {"source": source}}, CONSTRUCTORS)


def test_lines_are_short_enough_to_read():
    """No line of prose is longer than the code's."""
    long = [line for line in TEXT.splitlines() if len(line) > 120 and not line.startswith("|")]
    assert not long
