"""The options of a stage's command, as they are made from parameters."""

from typing import Annotated

import pytest

from pipeline.cli.stage_command import GROUPS, STAGES, TOLD_BY_A_FLAG, StageCommand, make_options, stage_class
from pipeline.parameters import Parameter, parameters_of


def option(annotation=int, default=0, sentence="What it is."):
    """Make the option of one parameter."""
    (made,) = make_options({"batch_size": Parameter("batch_size", annotation, default, sentence)}, "Parameters")
    return made


def test_an_option_bears_its_parameter_s_name():
    """Underscores become dashes; the value is handed on under the parameter's own name."""
    assert option().opts == ["--batch-size"]
    assert option().name == "batch_size"


def test_an_option_is_a_text_that_may_be_left_out():
    """No default of its own, so that what was not given is known from what was."""
    assert option(default=5).default is None
    assert not option().required


@pytest.mark.parametrize(
    ("default", "words"),
    [(100, "100"), ((64, 32), r"\[64, 32]"), ("auto", "auto"), (None, "null"), (True, "true"), (1e-05, "1e-05")],
)
def test_help_shows_a_default_as_params_yaml_would(default, words):
    """What stands in the help can be typed."""
    assert option(default=default).help.endswith(f"; default {words}.")


def test_help_says_what_is_allowed():
    """Sentence, range and default stand in one line, free of markup."""
    made = option(Annotated[int, ">= 1"], 5, "Rows in a ``batch``, [new] or old.")
    assert made.help == r"Rows in a batch, \[new] or old. Takes an integer >= 1; default 5."


def test_a_default_that_yaml_cannot_hold_is_shown_as_python_does():
    """An object for a default is still readable."""
    assert option(default=range(3)).help.endswith('default "range(0, 3)".')


def test_every_parameter_of_train_stands_in_one_group():
    """The help of train is told by kinds; none is left over, and none is told twice."""
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted([*grouped, *TOLD_BY_A_FLAG]) == sorted(parameters_of(stage_class("train")))


def test_the_help_of_train_has_groups_in_their_order():
    """An option stands in the panel of its group, and what is told by a flag is no option."""
    options = StageCommand("train").options
    panels = {one.name: one.rich_help_panel for one in options}
    assert list(dict.fromkeys(panels.values())) == list(GROUPS)
    assert panels["dropout"] == "Regularization"
    assert panels["tol"] == "Stopping"
    assert "verbose" not in panels


def test_a_parameter_that_no_group_knows_has_an_option_all_the_same(monkeypatch):
    """A new parameter is offered under the stage's own name until it has a group."""
    monkeypatch.setitem(GROUPS, "Stopping", ())
    panels = {one.name: one.rich_help_panel for one in StageCommand("train").options}
    assert panels["tol"] == "Parameters of train"


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_is_where_the_table_says(name):
    """The table of commands finds the class of each stage, and has a line for the help."""
    assert stage_class(name).__name__ == name.capitalize()
    assert STAGES[name][1].endswith(".")
