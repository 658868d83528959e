"""Ensembles of other recipes' networks, and the cache that they come from."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recipe_samples import (
    ALONE,
    COPIES,
    ENSEMBLE,
    FOLDER,
    HOW_TO,
    MIXED,
    OTHER,
    ROOT,
    call,
    pixels_and_labels,
    ran,
    rates,
    results,
)

from pipeline.ensemble.voting import load_ensemble
from pipeline.model_file import load_model
from pipeline.parameters import ParameterError, read_yaml
from pipeline.recipes.model_cache import cache_model, read_training_cost
from pipeline.recipes.reading import read_recipe
from pipeline.recipes.results import (
    read_results,
    read_trials,
    write_results,
)
from pipeline.recipes.running import run, run_trial
from pipeline.recipes.table import table


def test_a_member_is_what_its_own_recipe_makes_by_the_seed(mixed, folder):
    """It comes to the same as alone, and all seeds are the ensemble's."""
    [together] = run(replace(mixed, seeds=(7,)), folder / "artifacts")
    for (name, one), member in zip(mixed.kinds.items(), together["members"], strict=True):
        [alone] = run(replace(one, seeds=(7,)), folder / "alone")
        assert (member["recipe"], member["seed"]) == (name, 7)
        known = ["layers", "n_parameters", "epochs", "updates", "validation", "test"]
        assert {figure: member[figure] for figure in known} == {figure: alone[figure] for figure in known}


def test_an_ensemble_of_others_is_the_mean_of_its_members(mixed, folder):
    """Its figures are those of the files that are left, over copies where it says so; its work is that of all."""
    averaged = replace(mixed, seeds=(1,), test_time=read_yaml(COPIES)["test_time"])
    [one], [over_copies] = run(replace(mixed, seeds=(1,)), folder / "a"), run(averaged, folder / "b")
    X, y = pixels_and_labels(folder / "a")
    models = [load_model(folder / "a" / "model" / f"model-{number}.npz") for number in (1, 2)]
    guesses = np.mean([model.predict_proba(X) for model in models], axis=0).argmax(axis=1)
    assert one["wrong"] == np.flatnonzero(guesses != y).tolist()
    assert one["test"]["accuracy"] == pytest.approx(load_ensemble(folder / "a" / "model").score(X, y), abs=1e-6)
    for figure in ("n_parameters", "epochs", "updates", "seconds"):
        assert one[figure] == pytest.approx(sum(member[figure] for member in one["members"]))
    assert over_copies["without_averaging"] == {part: one[part] for part in ("validation", "test")}
    assert over_copies["test"] != one["test"]


def test_every_network_is_trained_once(mixed, folder, fits):
    """Kept when its recipe is run, it is what the ensemble takes; what the ensemble keeps, another takes."""
    code, out, error = call("run", "small", "both", "--keep", "kept")
    assert code == 0, error
    assert fits == [(4,), (4,), (6,), (6,)]
    assert "small, seed 3: trained already" in error
    assert [line.split(": test")[0] for line in out.splitlines()[2:]] == ["both, seed 3", "both, seed 1"]
    assert call("run", "both", "--keep", "kept")[0] == 0
    assert len(fits) == 4
    X, y = pixels_and_labels(folder / "kept" / "both")
    ensemble = load_ensemble(folder / "kept" / "both" / "model")
    *_, last = read_results(Path("recipes"), "both", mixed)
    assert last["test"]["accuracy"] == pytest.approx(ensemble.score(X, y), abs=1e-6)
    alone = read_results(Path("recipes"), "small", mixed.recipes["small"])[1]
    for figure in ("layers", "seconds", "test"):
        assert last["members"][1][figure] == alone[figure]


@pytest.mark.parametrize(
    ("changes", "is_another"),
    [({"train": {"alpha": 0.5}}, True), ({"split": {"validation_fraction": 0.5}}, True), ({"seeds": [3]}, False)],
)
def test_a_network_is_kept_while_its_recipe_would_make_it(mixed, folder, changes, is_another):
    """Other settings of its stages make another; other seeds do not."""
    one, model = mixed.recipes["small"], folder / "model.npz"
    model.write_bytes(b"a model")
    cost = {"layers": [64, 4, 10], "n_parameters": 310, "epochs": 2, "updates": 26, "seconds": 0.5}
    cache_model(folder, "small", one, 3, model, cost | {"test": {}})
    assert read_training_cost(folder, "small", one, 3) == cost
    assert read_training_cost(folder, "small", one, 1) is None
    assert (read_training_cost(folder, "small", one.changed(changes), 3) is None) == is_another


@pytest.mark.usefixtures("mixed")
@pytest.mark.parametrize("name", ["3.npz", "3.json"])
def test_half_of_what_is_kept_does_not_count(folder, fits, name):
    """A network without its settings, or settings without a network, are made anew."""
    (folder / "recipes" / "both.yaml").write_text(MIXED.replace("[3, 1]", "[3]"), "utf-8")
    assert call("run", "both", "--keep", "kept")[0] == 0
    path = folder / "kept" / "small" / "models" / name
    before = path.read_bytes()
    path.unlink()
    fits.clear()
    assert call("run", "both", "--keep", "kept")[0] == 0
    assert fits == [(4,)]
    assert path.suffix == ".json" or path.read_bytes() == before


def test_nothing_is_kept_of_a_network_that_could_not_be(mixed, folder):
    """A model file that is not there leaves no settings behind that speak of an older one."""
    one, cost = mixed.recipes["small"], dict.fromkeys(("layers", "n_parameters", "epochs", "updates", "seconds"), 1)
    (folder / "model.npz").write_bytes(b"a model")
    cache_model(folder, "small", one, 3, folder / "model.npz", cost)
    with pytest.raises(FileNotFoundError):
        cache_model(folder, "small", one, 3, folder / "gone.npz", cost)
    assert [path.name for path in (folder / "small" / "models").iterdir()] == ["3.npz"]
    assert read_training_cost(folder, "small", one, 3) is None


def test_results_of_an_ensemble_are_of_its_members_as_they_stand(mixed, folder):
    """Whoever changes what a member learns by has to run the ensemble again; another word or seed is no change."""
    run = ran(3, members=[{"recipe": name, "seconds": 1.0, "test": rates(0.5)} for name in ("other", "small")])
    write_results(folder, "both", mixed, [run], {})
    small = mixed.recipes["small"]
    told = replace(mixed, recipes=mixed.recipes | {"small": replace(small, note="a word", seeds=(7,))})
    assert read_results(folder, "both", told) == [run]
    changed = replace(mixed, recipes=mixed.recipes | {"small": small.changed({"train": {"alpha": 0.5}})})
    assert read_results(folder, "both", changed) == []
    assert read_results(folder, "both", replace(mixed, recipes=mixed.recipes | {"more": small})) == [run]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "of: [other, small]",
            "of: [other, smal]",
            "of: there is no recipe 'smal'; there are both, other, seven, small",
        ),
        ("of: [other, small]", "of: [other, seven]", "of: seven is an ensemble itself; its networks must be of single"),
        ("of: [other, small]", "of: [other, both]", "of: both is an ensemble itself"),
        ("of: [other, small]", "of: [other]", "of must be a list of two different recipes at least; got other"),
        ("of: [other, small]", "of: [small, small]", "of must be a list of two different recipes at least; got small"),
        ("of: [other, small]", "of: []", "of must be a list of two different recipes at least; got none"),
        ("of: [other, small]", "of: small", "of must be a list of words; got 'small'"),
        ("of:", "members: 3\nof:", "both.yaml: members cannot stand beside of: each network is as its own recipe says"),
        ("of:", "train: {max_iter: 3}\nof:", "both.yaml: train cannot stand beside of"),
        ("of:", "split: {}\nof:", "both.yaml: split cannot stand beside of"),
        ("seeds: [3, 1]", "seeds: []", "both.yaml: seeds must be a list of one integer at least; got none"),
        ("pictures: false", "picture: false", "both.yaml: evaluate: there is no parameter 'picture'"),
        ("of:", "trials: {a: {of: [small, wide]}}\nof:", "both.yaml: trials: a: of: there is no recipe 'wide'"),
        ("seeds: [3, 1]", "seeds: [3, 3]", "both.yaml: seeds must all be different; got 3, 3"),
        ("of:", "trial: {of: [small, other]}\nof:", "both.yaml: trial: of is for single trials"),
        ("of:", "trials: {a: {of: [small]}}\nof:", "trials: a: of must be a list of two different recipes at least"),
        ("of:", "trials: {a: {train: {alfa: 1}}}\nof:", "trials: a: of other: train: there is no parameter 'alfa'"),
    ],
)
@pytest.mark.usefixtures("mixed")
def test_a_wrong_ensemble_of_others_is_refused_by_name(folder, old, new, message):
    """The file and the name are told, the exit code is 2, and nothing is run."""
    (folder / "recipes" / "seven.yaml").write_text(ENSEMBLE, "utf-8")
    (folder / "recipes" / "both.yaml").write_text(MIXED.replace(old, new), "utf-8")
    code, out, error = call("run", "both")
    assert (code, out) == (2, "")
    assert message in error
    assert not [path for path in folder.rglob("*") if path.suffix not in {"", ".yaml"}]


@pytest.mark.usefixtures("mixed")
@pytest.mark.parametrize("section", ["fetch: {dataset: mnist}", "fetch: {dataset: digits}\nsplit: {stratify: false}"])
def test_members_learn_from_the_same_images(folder, section):
    """Of others, an ensemble could not be measured on rows that no member has seen."""
    text = OTHER.replace("fetch: {dataset: digits}", section)
    (folder / "recipes" / "other.yaml").write_text(text, "utf-8")
    shared = "split" if "split" in section else "fetch"
    with pytest.raises(ParameterError, match=f"both.yaml: of other and small, which must have the same {shared}"):
        read_recipe(Path("recipes/both.yaml"))


def test_members_of_other_recipes_may_see_images_otherwise(mixed, folder):
    """Each makes them alike by its own ``preprocess``, when it is trained and when it predicts."""
    (folder / "recipes" / "other.yaml").write_text(OTHER + "preprocess: {deskew: true}", "utf-8")
    deskewed = replace(read_recipe(Path("recipes/both.yaml")), seeds=(3,))
    [one] = run(deskewed, folder / "artifacts")
    made = load_ensemble(folder / "artifacts" / "model")
    assert [member[0].deskew for member in made.estimators_] == [True, False]
    other, small = one["members"]
    [alone] = run(replace(mixed.recipes["small"], seeds=(3,), gradcheck=None, numerical=None), folder / "alone")
    assert small["test"] == alone["test"]
    [alone] = run(replace(deskewed.recipes["other"], seeds=(3,)), folder / "alone")
    assert other["test"] == alone["test"]
    [before] = run(replace(mixed.recipes["other"], seeds=(3,)), folder / "alone")
    assert other["test"] != before["test"]


def test_a_trial_of_an_ensemble_of_others_may_average_over_copies(mixed, folder):
    """Copies are made of images once for all members, whose own figures are of images as they are."""
    copies = read_yaml(COPIES)
    trial = replace(mixed, seeds=(3,), trials={"copies": copies}).trial_recipes()["copies"]
    assert trial.test_time == copies["test_time"]
    [one] = run_trial(trial, folder / "artifacts")
    ensemble = load_ensemble(folder / "artifacts" / "model")
    evaluate = trial.stages(3)["evaluate"].evaluate_model
    for figures, model in ((one, trial.averaged(ensemble, 3)), (one["without_averaging"], ensemble)):
        report = evaluate(folder / "artifacts", model)["validation"]
        assert figures["validation"]["error_rate"] == pytest.approx(report.figures["error_rate"], abs=1e-6)
    assert "without_averaging" not in one["members"][0]


def test_a_recipe_of_one_network_has_no_others():
    """``of`` in one of its trials is refused."""
    (Path("recipes") / "small.yaml").write_text(ALONE + "trials: {a: {of: [small, other]}}", "utf-8")
    with pytest.raises(ParameterError, match="trials: a: of is for an ensemble of other recipes"):
        read_recipe(Path("recipes/small.yaml"))


def test_an_ensemble_of_others_has_a_row(mixed):
    """The names of its recipes, the error of each in their order, and the time of all."""
    runs = [
        results(0.5, seconds, members=[{"recipe": name, "test": {"error_rate": one}} for name, one in errors.items()])
        | {"test": {"error_rate": 0.25}}
        for seconds, errors in ((60.0, {"small": 0.5, "other": 0.25}), (80.0, {"small": 0.25, "other": 0.25}))
    ]
    made = table({"both": (replace(mixed, goal="less", test_time=read_yaml(COPIES)["test_time"]), runs)})
    assert made.splitlines()[2] == (
        "| [both](both.yaml), `recipes run both` | other + small | each as its own recipe says; mean over 3 copies "
        "| next to nothing | less | 25.000 % +- 0.000 (25.00 to 25.00, 2 seeds) | 25.00, 37.50 % | 70 s |"
    )
    assert "not run yet" in table({"both": (mixed, [])})


@pytest.fixture
def mixed_trials(mixed, folder):
    """Return an ensemble with two trials, the file of which is in the folder."""
    third = OTHER.replace("[6]", "[8]")
    (folder / "recipes" / "third.yaml").write_text(third, "utf-8")
    trials = """
trial: {seeds: [5, 2], train: {max_iter: 1}}
trials:
  as it stands: {}
  a third: {of: [small, third]}
"""
    (folder / "recipes" / "both.yaml").write_text(MIXED + trials, "utf-8")
    assert mixed.trials == {}
    return read_recipe(Path("recipes/both.yaml"))


def test_trials_of_an_ensemble_train_what_they_share_once(mixed_trials, fits):
    """Every network is trained on the trials' rows for the trials' time, and a trial takes what another has trained."""
    code, out, error = call("trials", "both")
    assert code == 0, error
    assert [line.split(": validation")[0] for line in out.splitlines()] == [
        *("both, as it stands, seed 5", "both, as it stands, seed 2", "both, a third, seed 5", "both, a third, seed 2")
    ]
    assert fits == [(6,), (4,), (6,), (4,), (8,), (8,)]
    runs = read_trials(Path("recipes"), "both", mixed_trials)
    assert [one["epochs"] for each in runs.values() for one in each] == [2] * 4
    shared = [
        one["members"][place] for place, each in ((1, runs["as it stands"]), (0, runs["a third"])) for one in each
    ]
    assert shared[:2] == shared[2:]
    assert {"small"} == {one["recipe"] for one in shared}
    assert sorted(path.suffix for path in Path("recipes").iterdir()) == [".json", *[".yaml"] * 4]


def test_a_trial_of_an_ensemble_is_measured_on_what_was_held_back(mixed_trials, folder):
    """Its error is that of the mean over its members, on rows that none of them has learned from."""
    trial = replace(mixed_trials.trial_recipes()["a third"], seeds=(2,))
    [one] = run_trial(trial, folder / "artifacts")
    stages = trial.stages(2)
    ensemble = load_ensemble(folder / "artifacts" / "model")
    report = stages["evaluate"].evaluate_model(folder / "artifacts", ensemble)["validation"]
    assert one["validation"] == pytest.approx({name: report.figures[name] for name in one["validation"]}, abs=1e-6)
    assert stages["split"].validation_fraction == 1 / 6
    assert [member["recipe"] for member in one["members"]] == ["small", "third"]
    assert "test" not in one["members"][0]
    assert not any(
        read_training_cost(folder / "artifacts" / "members", name, mixed_trials.recipes[name], 2) for name in trial.of
    )


def test_the_ensemble_of_the_how_to_is_one(tmp_path):
    """Whoever puts it beside the recipes has one of three networks."""
    [text] = re.findall(r"^```yaml\n(title:.*?)^```$", HOW_TO.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for path in FOLDER.glob("*.yaml"):
        shutil.copy(path, tmp_path)
    (tmp_path / "three.yaml").write_text(text, "utf-8")
    assert len(read_recipe(tmp_path / "three.yaml").kinds) == 3


def test_kept_networks_are_none_of_git_s():
    """The folder that the how-to keeps them in is ignored."""
    assert "/artifacts/*" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert "--keep artifacts/recipes" in HOW_TO.read_text("utf-8")
