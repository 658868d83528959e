"""The README holds: its first screen has it all, its search runs, its tree is what a run writes, and it is short."""

import re
import warnings

import pytest
from pages import PAGES, blocks, run_blocks
from typer.main import get_command

from pipeline.cli.app import app
from pipeline.cli.stage_command import STAGES, stage_class

TEXT = PAGES["README.md"]
SCREEN, WHOLE = 50, 150  # lines
CONSTRUCTORS = {name: stage_class(name) for name in STAGES}
COMMANDS = get_command(app).commands


def expand(text):
    """Return the names that a pattern with braces stands for, as a shell reads it."""
    head, brace, rest = text.partition("{")
    if not brace:
        return [text]
    choices, _, tail = rest.partition("}")
    return [head + choice + end for choice in choices.split(",") for end in expand(tail)]


def test_two_lines_are_enough():
    """The first shell block has two lines: one installs and reproduces, one installs what tests need and runs them."""
    install, check = blocks(TEXT, "sh")[0].splitlines()
    assert install.endswith("&& dvc repro")
    assert check.endswith("python -m pytest")


def test_it_is_a_tour():
    """It is short; results stand beside what made them, and explanations in the pages of ``docs``."""
    assert len(TEXT.splitlines()) <= WHOLE
    for page in ("docs/tutorial.md", "docs/howto/experiments.md", "recipes/README.md", "benchmarks/README.md"):
        assert f"]({page})" in TEXT


def test_the_first_screen_has_it_all():
    """The two lines, the commands, the tree and the search stand before the first heading, on one screen."""
    screen = TEXT.partition("\n## ")[0]
    assert len(screen.splitlines()) <= SCREEN
    for block in (blocks(TEXT, "sh")[0], blocks(TEXT, "text")[0], blocks(TEXT, "python")[0]):
        assert block in screen


def test_the_table_has_every_command():
    """The commands of the first screen are those of the command line, each told once."""
    cells = re.findall(r"^\| (`.*?) \|", TEXT.partition("\n## ")[0], re.MULTILINE)[1:]
    told = [word.split()[0] for cell in cells for word in re.findall(r"`(.*?)`", cell)]
    assert sorted(told) == sorted(COMMANDS)


def test_the_tree_is_what_a_run_writes(workplace):
    """Every file of a run stands in the tree beside the stage that makes it, and no other."""
    told = {}
    for folder, stage, files in re.findall(r"── (\w+)/ +<- (\w+) +([^├└]+)", blocks(TEXT, "text")[0]):
        assert CONSTRUCTORS[stage].writes == folder
        told[folder] = [name for pattern in re.split(r",?\s+", files.strip()) for name in expand(pattern)]
    artifacts = workplace / "artifacts"
    written = {one.name: sorted(path.name for path in one.iterdir()) for one in artifacts.iterdir()}
    assert {folder: sorted(files) for folder, files in told.items()} == written


def test_the_search_runs_as_printed(tmp_path, monkeypatch):
    """The examples need nothing but themselves, write nothing, and find a network that reads digits."""
    monkeypatch.chdir(tmp_path)
    names = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the workers of joblib outlive the search
        run_blocks(blocks(TEXT, "python"), names)
    assert names["search"].best_score_ > 0.9
    assert names["accuracy"] == pytest.approx(0.95, abs=0.05)
    assert list(tmp_path.iterdir()) == []
