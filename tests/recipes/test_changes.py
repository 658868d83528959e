"""Trials: what they change of a recipe, and what comes of them."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recipe_samples import (
    ALONE,
    COPIES,
    ENSEMBLE,
    HOW_TO,
    MIXED,
    RECIPES,
    TRIALS,
    call,
    fail_the_second_time,
    said,
    tried,
)

from pipeline.data.idx import read_part
from pipeline.model_file import load_model
from pipeline.parameters import read_yaml
from pipeline.recipes.changes import lay_over
from pipeline.recipes.model_cache import read_training_cost
from pipeline.recipes.reading import read_recipe
from pipeline.recipes.recipe import STAGES
from pipeline.recipes.results import (
    read_trials,
    write_trials,
)
from pipeline.recipes.running import run_trial
from pipeline.recipes.table import table


def kept_trials():
    """Return what the file of the trials holds."""
    return json.loads(Path("recipes/small.trials.json").read_text("utf-8"))["trials"]


def test_a_trial_is_one_network_with_changes_laid_over_the_recipe_s(trials):
    """Its own changes over those of all trials, a sixth held back by default, without members, copies and checks."""
    made = trials.trial_recipes()
    assert {name: one.seeds for name, one in made.items()} == {
        "as it stands": (5, 2),
        "longer": (5,),
        "rotated": (5, 2),
    }
    assert [one.train["max_iter"] for one in made.values()] == [1, 3, 1]
    assert [one.split["validation_fraction"] for one in made.values()] == [1 / 6, 1 / 6, 0.25]
    for one in made.values():
        assert {"members", "test_time"}.isdisjoint(one.settings())
        assert (one.gradcheck, one.numerical, one.trials) == (None, None, {})
        assert one.fetch == trials.fetch
    own = {name: value for name, value in made["as it stands"].train.items() if name != "max_iter"}
    assert own == {name: value for name, value in trials.train.items() if name != "max_iter"}


def test_the_trials_of_the_how_to_are_some():
    """Whoever types them into the recipe that they are meant for has three trials."""
    [text] = re.findall(r"^```yaml\n(trial:.*?)^```$", HOW_TO.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    made = replace(RECIPES["basic"], **read_yaml(text)).trial_recipes()
    assert [one.stages(0)["train"].max_iter for one in made.values()] == [50] * 3
    assert made["narrower"].train["hidden_layer_sizes"] != made["as it stands"].train["hidden_layer_sizes"]


def test_one_parameter_of_an_object_can_be_changed():
    """By scikit-learn's path to it, however deep; the object it was laid over stays as it was."""
    section = {"a": {"name": "x", "b": {"c": 1, "d": 2}}, "e": 3}
    assert lay_over(section, {"a__b__c": 5, "e": 4}, "") == {"a": {"name": "x", "b": {"c": 5, "d": 2}}, "e": 4}
    assert section == {"a": {"name": "x", "b": {"c": 1, "d": 2}}, "e": 3}


def test_the_command_runs_trials_and_keeps_them(trials):
    """Every seed of every trial, with settings and figures; a recipe's own results are none of it."""
    code, out, error = call("trials", "small")
    assert code == 0, error
    assert said(out) == [
        *("as it stands, seed 5", "as it stands, seed 2", "longer, seed 5", "rotated, seed 5", "rotated, seed 2")
    ]
    assert sorted(path.name for path in Path("recipes").iterdir()) == ["small.trials.json", "small.yaml"]
    kept = kept_trials()
    assert {name: [run["seed"] for run in one["runs"]] for name, one in kept.items()} == {
        name: list(one.seeds) for name, one in trials.trial_recipes().items()
    }
    assert kept["longer"]["settings"]["train"]["max_iter"] == 3
    assert [run["epochs"] for run in kept["longer"]["runs"]] == [3]
    assert set(kept["rotated"]["runs"][0]["validation"]) == {"error_rate", "log_loss"}
    assert "test" not in kept["rotated"]["runs"][0]


def test_a_trial_never_looks_at_test_images(trials, folder, monkeypatch):
    """It runs as well where there are none, and nothing is evaluated."""
    prepare = STAGES["preprocess"].run

    def prepare_without_test(*arguments):
        done = prepare(*arguments)
        for path in (*folder.rglob("t10k-*"), *folder.rglob("test_*.npy"), *folder.rglob("prepared/provenance.json")):
            path.unlink()
        return done

    monkeypatch.setattr(STAGES["preprocess"], "run", prepare_without_test)
    monkeypatch.setattr(STAGES["evaluate"], "_run", lambda *_: 1 / 0)
    monkeypatch.setattr(STAGES["evaluate"], "evaluate_model", lambda *_: 1 / 0)
    assert [one["seed"] for one in run_trial(trials.trial_recipes()["as it stands"], folder / "artifacts")] == [5, 2]
    assert not [path for path in (folder / "artifacts").rglob("*") if path.name.startswith(("t10k", "test"))]


def test_a_trial_is_measured_on_the_rows_that_were_held_back(trials, folder):
    """Its figures are those of the network that the stages make of the same settings and seed."""
    trial = trials.trial_recipes()["longer"]
    (one,) = run_trial(trial, folder / "artifacts")
    stages = trial.stages(5)
    stages["train"].run(folder / "artifacts")
    model = load_model(folder / "artifacts" / "model" / "model.npz")
    report = stages["evaluate"].evaluate_model(folder / "artifacts", model)["validation"]
    assert one["validation"] == pytest.approx({name: report.figures[name] for name in one["validation"]}, abs=1e-6)
    assert one["validation"]["error_rate"] < 0.9


def test_a_trial_averages_over_copies_where_it_says_so(trials, folder):
    """It counts what the mean over them comes to, beside images as they are; another trial of the network has it."""
    copies = read_yaml(COPIES)
    averaging = replace(trials, trials={"plain": {}, "copies": copies, "more": {"test_time": {"n_copies": 20}}})
    plain, averaged, more = averaging.trial_recipes().values()
    assert (plain.test_time, averaged.test_time, more.test_time) == ({}, *copies.values(), {"n_copies": 20})
    assert plain.learning() == averaged.learning()
    (one,) = run_trial(averaged, folder / "artifacts", without=[5])
    images, labels = read_part(folder / "artifacts" / "raw", "train")
    rows = np.load(folder / "artifacts" / "split" / "validation.npy")
    (network,) = (folder / "artifacts" / "members").glob("*/trial/models/2.npz")
    model = averaged.averaged(load_model(network), 2)
    errors = [1 - each.score(images[rows].reshape(len(rows), -1), labels[rows]) for each in (model, model.estimator)]
    assert errors == pytest.approx(
        [figures["validation"]["error_rate"] for figures in (one, one["without_averaging"])], abs=1e-6
    )
    assert one["validation"]["log_loss"] != one["without_averaging"]["validation"]["log_loss"]
    write_trials(folder, "small", averaging, {"copies": [one]}, {})
    assert read_trials(folder, "small", averaging) == {"plain": [], "copies": [one], "more": []}
    percent = [f"{100 * error:.3f}" for error in errors]
    made = table({"small": (averaging, [])}, trials={"small": {"copies": [one]}})
    assert "| copies (chosen) | {} ({} of images as they are) | 1 |".format(*percent) in made


def test_the_trial_that_was_chosen_has_the_recipe_s_copies(trials):
    """Or none, where no trial has them; one that changes anything else is another."""
    copies = read_yaml(COPIES)
    more = trials.trials | {"copies": copies | {"seeds": [1]}, "many": {"test_time": {"n_copies": 99}}}
    assert trials.chosen_trial() == "as it stands"
    assert replace(trials, trials=more).chosen_trial() == "copies"
    assert replace(trials, trials=more, test_time={}).chosen_trial() == "as it stands"
    assert replace(trials, trials={"longer": more["longer"] | copies}).chosen_trial() is None
    assert replace(trials, trials={}).chosen_trial() is None
    whole = {"whole": copies | {"train": {"max_iter": 2}}}
    assert replace(trials, trials=trials.trials | whole).chosen_trial() == "whole"


def test_a_trial_takes_nothing_from_those_that_a_file_has_beside_it(trials, folder):
    """Another process may have run one that was added since, or one of settings that are gone now, to come back."""
    added = replace(trials, trials=trials.trials | {"added": {"train": {"max_iter": 9}}})
    write_trials(folder, "small", added, {"added": [tried(5)], "as it stands": [tried(2)]}, {})
    write_trials(folder, "small", trials, {"as it stands": [tried(5)], "longer": [tried(5)]}, {})
    runs = read_trials(folder, "small", added)
    assert runs.pop("as it stands") == [tried(5), tried(2)]
    assert runs == {"longer": [tried(5)], "rotated": [], "added": [tried(5)]}
    renamed = replace(trials, trials={"plain": {}})
    write_trials(folder, "small", renamed, {"plain": [tried(7)]}, {})
    kept = json.loads((folder / "small.trials.json").read_text("utf-8"))["trials"]
    assert list(kept) == ["added", "longer", "plain"]
    assert kept["plain"]["runs"] == [tried(seed) for seed in (5, 2, 7)]  # those of the recipe first
    others = replace(trials, train=trials.train | {"alpha": 0.5})
    for value in (1, 2):
        write_trials(folder, "small", replace(others, trial={"seeds": [value]}), {"longer": [tried(value)]}, {})
    assert [one["seed"] for one in read_trials(folder, "small", others)["longer"]] == []
    again = replace(others, trial={"seeds": [1]}, trials={"longer": {"train": {"max_iter": 3}}})
    assert read_trials(folder, "small", again)["longer"] == [tried(1)]
    assert read_trials(folder, "small", trials)["longer"] == [tried(5)]


@pytest.mark.usefixtures("mixed")
def test_networks_of_trials_keep_out_of_each_other_s_way(fits, folder):
    """Another trial between two of the same settings costs no training, for one network and for an ensemble."""
    trials = """
trial: {seeds: [5]}
trials:
  plain: {}
  other: {train: {max_iter: 1}}
  copies: {test_time: {n_copies: 2, augmentation: {name: deform, rotation: 5}}}
"""
    for name, text in (("small", ALONE), ("both", MIXED)):
        (folder / "recipes" / f"{name}.yaml").write_text(text + trials, "utf-8")
    code, out, error = call("trials", "small", "both")
    assert (code, len(out.splitlines())) == (0, 6), error
    assert fits == [(4,), (4,), (6,), (6,)]
    assert error.count("trained already") == 1 + 1 + 1 + 2


def test_trials_of_one_network_train_it_once(trials, fits):
    """Where nothing but the copies differs; of another seed, or with other settings, it is trained anew."""
    text = ENSEMBLE + TRIALS + "  averaged: {test_time: {n_copies: 2, augmentation: {name: deform, shear: 5}}}\n"
    Path("recipes/small.yaml").write_text(text, "utf-8")
    assert trials.seeds == (3, 1)
    assert call("trials", "small", "--only", "as it stands", "--only", "averaged")[0] == 0
    assert len(fits) == 2
    runs = kept_trials()
    assert [run["without_averaging"]["validation"] for run in runs["averaged"]["runs"]] == [
        run["validation"] for run in runs["as it stands"]["runs"]
    ]


@pytest.mark.usefixtures("trials")
def test_trials_go_on_where_they_were_interrupted(monkeypatch):
    """Each seed is kept as it is done; only what is left is run, and nothing of a trial that is done."""
    fail_the_second_time(monkeypatch, STAGES["train"], "fit")
    assert call("trials", "small")[0] == 1
    assert {name: len(one["runs"]) for name, one in kept_trials().items()} == {"as it stands": 1}
    code, out, error = call("trials", "small", "--only", "longer", "--only", "as it stands")
    assert (code, said(out)) == (0, ["longer, seed 5", "as it stands, seed 2"])
    assert "small, as it stands: 1 of 2 seeds are done already" in error
    assert said(call("trials", "small")[1]) == ["rotated, seed 5", "rotated, seed 2"]
    before = kept_trials()
    assert call("trials", "small")[1] == ""
    assert kept_trials() == before


def test_a_trial_counts_as_run_while_its_settings_stay(trials, folder):
    """Another name or another word is no change; other settings are, of the recipe as well as of the trial."""
    runs = {"as it stands": [tried(5)], "longer": [tried(5)], "rotated": [tried(2)]}
    write_trials(folder, "small", trials, runs, {})
    assert read_trials(folder, "small", trials) == runs
    renamed = replace(trials, note="a word", members=None, trials={"plain": {}, "more": {"train": {"max_iter": 2}}})
    assert read_trials(folder, "small", renamed) == {"plain": [tried(5)], "more": []}
    assert not any(read_trials(folder, "small", replace(trials, train=trials.train | {"alpha": 0.5})).values())
    more = replace(trials, trial=trials.trial | {"seeds": [1, 5, 2]})
    assert read_trials(folder, "small", more)["rotated"] == [tried(2)]


@pytest.mark.usefixtures("trials")
def test_a_trial_that_is_not_there_is_told_with_those_that_are():
    """Nothing is run, and the exit code is 2."""
    message = "small: there is no trial 'wider'; there are as it stands, longer, rotated"
    assert call("trials", "small", "--only", "wider") == (2, "", f"error: {message}\n")
    assert not Path("recipes/small.trials.json").exists()


@pytest.mark.usefixtures("trials")
def test_networks_of_trials_are_kept_where_one_asks(fits, folder):
    """Run again, they are trained no more; a run of the recipe itself does not take them for its own."""
    for times in (1, 2):
        assert call("trials", "small", "--only", "longer", "--keep", "kept")[0] == 0
        assert (len(fits), (folder / "recipes" / "small.trials.json").exists()) == (1, True), times
        (folder / "recipes" / "small.trials.json").unlink()
    assert [path.name for path in (folder / "kept").iterdir()] == ["trials"]
    assert read_training_cost(folder / "kept", "small", read_recipe(Path("recipes/small.yaml")), 5) is None
