import itertools
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from markup import Markup, requests_of

from pipeline import metrics
from pipeline.data.class_names import write_class_names
from pipeline.data.idx import write_idx
from pipeline.html import confusion
from pipeline.html.charts import Axis, Curve, chart, ticks
from pipeline.html.confusion import chosen, matrix
from pipeline.html.images import image_tag, on_paper, smaller, weights_picture
from pipeline.html.report import Model, Origin, PartOutcome, report
from pipeline.mlp.classifier import MLPClassifier
from pipeline.provenance import digest_files

HOSTILE = "<script>alert('x')</script>\"&"


def outcome(n=60, n_classes=3, shape=(4, 5), names=None, seed=0):
    """Return what became of the images of a part: each label and answer by chance, most of them right."""
    rng = np.random.default_rng(seed)
    classes = list(range(n_classes)) if names is None else names
    y = rng.integers(0, n_classes, n)
    P = rng.dirichlet(np.full(n_classes, 0.3), n)
    P[np.arange(n), y] += 0.3
    P /= P.sum(axis=1, keepdims=True)
    labels = [classes[place] for place in y]
    return PartOutcome(
        rng.integers(0, 256, (n, *shape), np.uint8),
        np.arange(n),
        metrics.all_labels(labels, classes),
        metrics.measure(labels, P, classes),
        metrics.by_class(labels, P, classes),
        metrics.confusion(labels, P, classes),
        metrics.outcomes(labels, P, classes),
    )


def page(part, shape=(4, 5), *, validation=None, history=None, dataset="mnist", n_images=5, parameters=None):
    """Return a report on a part of images."""
    n_features = int(np.prod(shape))
    W = np.random.default_rng(1).standard_normal((n_features, 7))
    parts = ({"validation": validation} if validation else {}) | {"test": part}
    model = Model(part.labels, shape, [n_features, 7, len(part.labels)], 100, W, 50, history)
    parameters = {"train": {"alpha": 0.5, "tol": None}} if parameters is None else parameters
    origin = Origin(dataset, "a licence", "a citation", parameters, {"raw": "sha256:1"}, {})
    return report(parts, model, origin, n_images=n_images, n_bins=10)


HISTORY = {
    "epoch": np.array([1.0, 2.0, 3.0]),
    "loss": np.array([1.5, np.inf, 0.5]),
    "accuracy": np.array([0.5, 0.6, 0.7]),
    "validation_loss": np.full(3, np.nan),
    "validation_accuracy": np.full(3, np.nan),
}


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        ({}, (4, 5)),
        ({"n_classes": 2}, (4, 5)),
        ({"n_classes": 1}, (4, 5)),
        ({"shape": (6, 6, 3)}, (6, 6, 3)),
        ({"shape": (200, 90)}, (200, 90)),
        ({"names": ["a " * 200, HOSTILE, "\u202eright"]}, (4, 5)),
        ({"n": 400, "n_classes": 47, "names": [*"ABCDEFGHIJKLMNOPQRSTUVWXYZ", *map(str, range(21))]}, (4, 5)),
        ({"n": 400, "n_classes": 100}, (4, 5)),
    ],
    ids=["plain", "two", "one", "colour", "large", "names", "letters", "hundred"],
)
@pytest.mark.parametrize("whole", [True, False], ids=["validation", "test alone"])
def test_a_report_is_whole_for_every_kind_of_data(arguments, shape, whole):
    """Its tags are balanced, ids are single, links lead somewhere, nothing is asked for, images have words."""
    text = page(
        outcome(**arguments),
        shape,
        validation=outcome(seed=1, **arguments) if whole else None,
        history=HISTORY if whole else None,
    )
    markup = Markup(text)
    assert markup.wrong == requests_of(text) == []
    ids = {one["id"] for _, one in markup.tags if "id" in one}
    assert {one["href"][1:] for one in markup.named("a")} <= ids
    assert all(one["alt"] and int(one["width"]) and int(one["height"]) for one in markup.named("img"))
    assert all(one["scope"] in ("row", "col") for one in markup.named("th"))
    assert len(markup.named("script")) == 1
    levels = [int(tag[1]) for tag, _ in markup.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert "nan" not in markup.text.lower().split()
    assert len(text) < 1_500_000


def test_names_of_classes_are_text():
    """A class that is called like a tag is shown so, in tables, captions and words for images, and opens none."""
    text = page(outcome(names=[HOSTILE, "b", "c"]))
    assert "<script>alert" not in text
    assert HOSTILE in Markup(text).text
    assert any(HOSTILE in one["alt"] for one in Markup(text).named("img"))
    assert "<img" not in Markup(page(outcome(), dataset="<img src=x>")).text.replace("<img src=x>", "")


def test_the_same_figures_make_the_same_bytes():
    """Neither time nor chance is in it."""
    assert page(outcome(), history=HISTORY) == page(outcome(), history=HISTORY)


def test_every_figure_stands_in_all_its_digits():
    """A measure is there as Python writes the number; one without a value says so."""
    part = outcome()
    part.figures["log_loss"] = float("nan")
    markup = Markup(page(part))
    values = [one["value"] for one in markup.named("data")]
    assert values == [repr(value) for name, value in part.figures.items() if name != "log_loss"]
    assert "no value" in markup.text


def test_without_history_and_validation_it_says_so():
    """What is not known is told in words."""
    text = Markup(page(outcome())).text
    assert "There is no history of the training." in text
    assert "No images were held out for validation" in text


def test_cells_open_their_images():
    """Every cell of mistakes links to its images, the surest first, and the words say how many can be seen."""
    part = outcome(n=300)
    true, predicted, confidence = part.outcomes
    places = chosen(true, predicted, confidence)
    for (one, other), samples in places.items():
        assert (true[samples] == one).all()
        assert (predicted[samples] == other).all()
        assert (np.diff(confidence[samples]) <= 0).all()
        assert len(samples) == min(confusion.MOST_OF_CELL, part.counts[one, other])
    text = page(part)
    assert {f"#test-{one}-{other}" for one, other in places} <= {one["href"] for one in Markup(text).named("a")}
    n_shown = sum(map(len, places.values()))
    assert f"{n_shown} of {int((true != predicted).sum())} mistakes can be seen" in Markup(text).text


def test_a_part_shows_a_bounded_number_of_images():
    """However many mistakes there are, no more than the bound are chosen, those of the fullest cells first."""
    n = 5000
    true, predicted = np.arange(n) % 50, (np.arange(n) * 7 + 1) % 50
    places = chosen(true, predicted, np.linspace(0, 1, n))
    assert sum(map(len, places.values())) == confusion.MOST_OF_PART
    assert max(map(len, places.values())) <= confusion.MOST_OF_CELL


def test_a_long_training_is_told_in_few_lines():
    """Of thousands of epochs the table and the curves have some, from the first to the last."""
    n = 20_000
    history = {name: np.linspace(1, 0, n) for name in HISTORY} | {"epoch": np.arange(1.0, n + 1)}
    text = page(outcome(), history=history)
    assert "500 of 20,000 epochs" in text
    assert len(text) < 300_000


def axis_labels(text, title):
    """Return the words of the chart of a title: the numbers of its axes, and their names."""
    drawn = text[text.index(f'<svg viewBox="0 0 420 270" role="img" aria-label="{title}"') :]
    return re.findall(r"<text[^>]*>([^<]*)</text>", drawn[: drawn.index("</svg>")])


@pytest.mark.parametrize(("accuracy", "lowest"), [(1.0, 90.0), (0.95, 90.0), (0.5, 50.0)])
def test_an_axis_of_accuracy_ends_at_one(accuracy, lowest):
    """No number at it is above 100 %, also where the network is right on all from the first epoch on."""
    history = HISTORY | {"accuracy": np.array([accuracy, 1.0, 1.0]), "loss": np.zeros(3)}
    text = page(outcome(), history=history)
    numbers = [float(one[:-2]) for one in axis_labels(text, "Accuracy by epoch") if one.endswith("%")]
    assert (min(numbers), max(numbers)) == (lowest, 100.0)
    losses = axis_labels(text, "Loss by epoch")
    assert {"0", "1"} <= set(losses)


def test_the_axis_of_rejection_is_of_what_is_drawn():
    """An error of those few answers that are left beyond the end of the other axis does not flatten the curve."""
    n = 100
    confidence = np.concatenate([np.full(10, 0.5), np.linspace(0.9991, 0.9999, n - 10)])
    true = np.zeros(n, np.intp)
    surest_is_wrong = (np.arange(n) == n - 1).astype(np.intp)  # the error of it alone, where 99 % are rejected, is 1
    part = replace(outcome(n), outcomes=metrics.Outcomes(true, surest_is_wrong, confidence))
    numbers = [one for one in axis_labels(page(part), "Error against the share rejected") if one.endswith("%")]
    assert "10 %" in numbers
    assert "1 %" in numbers
    assert max(float(one[:-2]) for one in numbers) == 10  # that of the share, which is drawn up to P = 0.999


@pytest.mark.parametrize("n_images", [0, 5])
def test_images_that_were_not_asked_for_are_not_denied(n_images):
    """Of 0 mistakes to be shown it is told that none are shown, and not that there are none."""
    text = Markup(page(outcome(), n_images=n_images)).text
    assert "There are none." not in text
    assert text.count("None are shown, as n_mistakes is 0.") == (0 if n_images else 2)
    part = outcome(n_classes=1)
    assert part.correct.all()
    assert Markup(page(part, n_images=n_images)).text.count("There are none.") == 1


AGAIN = "These values, and the data below, make the same model again."


@pytest.mark.parametrize(
    ("parameters", "doubt"),
    [
        ({"split": {"random_state": 42}, "train": {"random_state": 0, "tol": None}}, None),
        ({"train": {"random_state": None}}, "random_state of train is no number"),
        ({"split": {"random_state": "Generator(PCG64)"}, "train": {"random_state": 0}}, "random_state of split is no"),
        ({"preprocess": {}, "train": {"random_state": 0}}, "nothing of preprocess is recorded"),
    ],
    ids=["whole", "no seed", "generator", "no record"],
)
def test_only_what_can_be_repeated_is_said_to_be(parameters, doubt):
    """The same model is promised where every stage is recorded and has a seed; otherwise it is said why not."""
    text = Markup(page(outcome(), parameters=parameters)).text
    assert (AGAIN in text) == (doubt is None)
    assert doubt is None or doubt in text


def test_what_scrolls_can_be_reached_by_keys():
    """Every table that may be wider than the screen can be focused and has a name, that of many classes as well."""
    markup = Markup(page(outcome(n=400, n_classes=100)))
    wide = [one for one in markup.named("div") if one.get("class") == "wide"]
    assert any(one.get("aria-label", "").startswith("Most frequent confusions") for one in wide)
    assert all(one.get("tabindex") == "0" and one.get("role") == "region" and one.get("aria-label") for one in wide)


def test_a_matrix_has_all_its_counts():
    """Every count stands in its cell, zeros are left empty, and only what can be opened is a link."""
    text = matrix("test", np.array([[5, 2], [0, 3]]), ["a", "b"], {(0, 1)})
    assert Markup(f"<p>{text}</p>").text.split()[-5:] == ["a", "5", "2", "b", "3"]
    assert [one["href"] for one in Markup(text).named("a")] == ["#test-0-1"]


def test_images_are_bounded_and_look_like_ink():
    """Large ones are means of blocks, grey ones are turned so that 0 is paper, coloured ones stay."""
    assert smaller(np.full((300, 100), 7, np.uint8)).shape == (50, 17)
    assert (smaller(np.full((300, 100, 3), 7, np.uint8)) == 7).all()
    assert on_paper(np.zeros((1, 1), np.uint8)).tolist() == [[255]]
    assert on_paper(np.full((1, 1, 3), 9, np.uint8)).tolist() == [[[9, 9, 9]]]
    assert 'alt="a &quot;b&quot;"' in image_tag(np.zeros((2, 2), np.uint8), 'a "b"')
    assert 'alt="Weights of 1 of 1 units' in weights_picture(np.zeros((4, 1)), (2, 2))


def test_a_chart_has_no_number_that_is_none():
    """Curves are interrupted where there is no number, and a point stands alone."""
    drawn = chart("a < b", [Curve("one", [0, 1, 2], [1.0, float("nan"), 2.0])], Axis("x", 0, 2), Axis("y", 0, 2))
    assert "nan" not in drawn
    assert drawn.count("<circle") == 2
    assert not Markup(drawn).wrong
    assert "a &lt; b" in drawn


@pytest.mark.parametrize(("low", "high"), [(0, 1e-9), (0.97, 0.98), (1, 3000), (0, 1e30)])
def test_ticks_are_few_and_inside(low, high):
    """Whatever the range, two to seven ticks lie in it."""
    found = ticks(low, high)
    assert 2 <= len(found) <= 7
    assert low - 1e-12 <= found[0] < found[-1] <= high * (1 + 1e-9)


@pytest.fixture(scope="module")
def evaluated(workplace):
    """Return the folder of an evaluation on the digits inside scikit-learn."""
    return workplace / "artifacts"


@pytest.mark.parametrize(("low", "high"), [(0, 1), (1, 2), (1, 3), (1, 12), (1, 500)])
def test_epochs_are_whole(low, high):
    """However few they are, no tick lies between two."""
    marks = ticks(low, high, whole=True)
    assert marks
    assert all(low <= mark <= high and mark == int(mark) for mark in marks)


def test_the_stage_writes_it(evaluated):
    """Its figures are those of metrics.json, its hashes those of the files, its facts those of the stages."""
    text = (evaluated / "evaluation/report.html").read_text("utf-8")
    markup = Markup(text)
    assert markup.wrong == requests_of(text) == []
    figures = json.loads((evaluated / "evaluation/metrics.json").read_text("utf-8"))
    values = [json.loads(one["value"]) for one in markup.named("data")]
    assert values == [part[name] for name in metrics.MEASURES for part in figures.values()]
    assert all(digest in markup.text for digest in digest_files(evaluated / "raw").values())
    for words in ("Report on digits", "CC BY 4.0", "64-512-512-10 units", "max_iter 2", "By 216 validation images"):
        assert words in markup.text
    assert str(evaluated) not in text


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # two epochs are enough here
def test_the_stage_writes_names_and_colours(tmp_path):
    """Coloured images of classes with names of tags are reported as any other, and twice the same."""
    from pipeline.model_file import save_model
    from pipeline.stages.evaluate import Evaluate

    rng = np.random.default_rng(0)
    for folder in ("raw", "split", "model"):
        (tmp_path / folder).mkdir()
    for stem in ("train", "t10k"):
        write_idx(tmp_path / "raw" / f"{stem}-images-idx4-ubyte", rng.integers(0, 256, (20, 4, 4, 3), np.uint8))
        write_idx(tmp_path / "raw" / f"{stem}-labels-idx1-ubyte", (np.arange(20) % 2).astype(np.uint8))
    write_class_names(tmp_path / "raw", [HOSTILE, "<b>"])
    np.save(tmp_path / "split/validation.npy", np.arange(0))
    names = np.array([HOSTILE, "<b>"])[np.arange(20) % 2]
    X = rng.integers(0, 256, (20, 48), np.uint8)
    save_model(tmp_path / "model/model.npz", MLPClassifier((3,), max_iter=2, random_state=0).fit(X, names))
    texts = []
    for _ in range(2):
        Evaluate(pictures=False).run(tmp_path)
        texts.append((tmp_path / "evaluation/report.html").read_bytes())
    assert texts[0] == texts[1]
    assert b"<b>" not in texts[0]
    assert HOSTILE in Markup(texts[0].decode()).text


@pytest.mark.parametrize(("viewport", "dark"), [((1280, 900), False), ((390, 844), True)], ids=["wide", "narrow, dark"])
def test_a_browser_opens_it(open_page, evaluated, viewport, dark):
    """Nothing is asked for, nothing is wider than the screen, and a number in the matrix opens its images."""
    seen = open_page(evaluated / "evaluation/report.html", viewport=viewport, dark=dark)
    assert seen.evaluate("document.documentElement.scrollWidth <= innerWidth")
    link = seen.locator(".matrix a").first
    mark = link.get_attribute("href")[1:]
    cell = f"document.getElementById('{mark}')"
    assert not seen.evaluate(f"{cell}.checkVisibility({{contentVisibilityAuto: true}})")
    link.focus()
    seen.keyboard.press("Enter")
    seen.wait_for_function(f"document.activeElement === {cell}")
    assert seen.evaluate(f"{cell}.parentElement.open && {cell}.parentElement.querySelector('img').naturalWidth") == 8


def test_a_browser_prints_its_tables(open_page, evaluated):
    """On paper it is light, without the list of contents, and tables that were closed are open."""
    seen = open_page(evaluated / "evaluation/report.html", dark=True)
    seen.emulate_media(media="print", color_scheme="dark")
    seen.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert not seen.locator("nav").is_visible()
    assert seen.evaluate("[...document.querySelectorAll('details.print')].every(one => one.open)")
    assert seen.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
