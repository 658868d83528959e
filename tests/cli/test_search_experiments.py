"""Candidates as experiments of DVC: what it is told, and what is not run again."""

import subprocess

import pytest

from pipeline.cli import search_experiments
from pipeline.cli.search_experiments import experiment_name, keep_experiments, overrides, to_keep
from pipeline.parameters import ParameterError
from pipeline.progress import Progress
from pipeline.search.methods import Trial

CANDIDATES = [{"train.dropout": 0.2, "train.solver": "sgd"}, {"train.dropout": 0.1, "train.solver": "adam"}]


class Dvc:
    """Stands in for DVC: remembers what it was told, and the experiments that there are."""

    def __init__(self, refuses=""):
        self.told, self.known, self.refuses = [], [], refuses

    def __call__(self, words, **_):
        words = words[3:]
        self.told.append(words)
        if words[:2] == ["exp", "run"]:
            if self.refuses:
                return subprocess.CompletedProcess(words, 255, "", f"a warning\nERROR: {self.refuses}\n\nhints\n")
            self.known.append(words[words.index("--name") + 1])
        return subprocess.CompletedProcess(words, 0, "\n".join(self.known), "")


@pytest.fixture
def dvc(monkeypatch):
    """Return what stands in for DVC."""
    monkeypatch.setattr(search_experiments.subprocess, "run", stand_in := Dvc())
    return stand_in


def trial(number, state="complete", accuracy=0.9, **given):
    """Return a trial of a search."""
    return Trial(number, CANDIDATES[number % 2], result={"state": state, "accuracy": accuracy}, **given)


def test_what_was_pruned_or_failed_is_not_kept():
    """The best stands first."""
    trials = [trial(0, accuracy=0.8), trial(1, "pruned", None), trial(2, "failed", None), trial(3)]
    assert to_keep(trials) == [CANDIDATES[1], CANDIDATES[0]]


def test_of_successive_halving_candidates_keep_their_epochs():
    """As the search trained them; of samples, only those that had most are kept, for the stages take all rows."""
    epochs = [trial(0, max_iter=1), trial(1, max_iter=3, accuracy=0.8)]
    assert to_keep(epochs) == [CANDIDATES[1] | {"train.max_iter": 3}, CANDIDATES[0] | {"train.max_iter": 1}]
    assert to_keep([trial(0, n_samples=100), trial(1, n_samples=300)]) == [CANDIDATES[1]]


def test_every_candidate_is_run_once(dvc):
    """By a name of its own, in a copy; the second time there is nothing to do."""
    names = keep_experiments(CANDIDATES, ["train.max_iter=3"], Progress())
    runs = [words for words in dvc.told if words[:2] == ["exp", "run"]]
    assert [words[:5] for words in runs] == [["exp", "run", "--temp", "--name", name] for name in names]
    assert runs[0][5:] == overrides(CANDIDATES[0], ["train.max_iter=3"])
    dvc.told.clear()
    assert keep_experiments(CANDIDATES, ["train.max_iter=3"], Progress()) == names
    assert dvc.told == [["root"], ["exp", "list", "--names-only"]]


def test_other_settings_are_another_experiment():
    """A candidate's name depends on all that it was trained with, whatever the order."""
    turned = dict(reversed(CANDIDATES[0].items()))
    assert experiment_name(CANDIDATES[0], []) == experiment_name(turned, [])
    assert experiment_name(CANDIDATES[0], []) != experiment_name(CANDIDATES[0], ["train.max_iter=3"])


def test_the_section_of_the_search_is_no_setting_of_an_experiment():
    """It says what varies, and no stage reads it."""
    told = overrides({"train.dropout": 0.2}, ["++search={train.dropout: [0.2]}", "train.max_iter=3"])
    assert told[1::2] == ["++train.n_threads=1", "train.max_iter=3", "++train.dropout=0.2"]


def test_what_dvc_refuses_is_told_in_its_words(dvc):
    """One line, without its hints."""
    dvc.refuses = "no commits in this repository"
    with pytest.raises(ParameterError, match=r"^`dvc exp run`: no commits in this repository$"):
        keep_experiments(CANDIDATES, [], Progress())


def test_without_dvc_the_extra_is_named(monkeypatch):
    """Before any work is done."""
    monkeypatch.setattr(search_experiments, "find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match="needs the extra `workflow`"):
        search_experiments.check_dvc()
