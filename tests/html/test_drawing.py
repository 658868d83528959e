"""The page to draw on, in a browser: hands are read, networks of all kinds answer as in Python, nothing breaks."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from chromium import wait_until
from scipy import ndimage
from sklearn.datasets import load_digits
from sklearn.pipeline import Pipeline
from typer.testing import CliRunner

from pipeline import Deform, Fetch, MLPClassifier, Normalize, load_model, make_ensemble, save_ensemble, save_model
from pipeline.cli.app import app
from pipeline.images.photo import drawn_digit
from pipeline.network import ACTIVATIONS

STROKES = json.loads((Path(__file__).parent / "strokes.json").read_text("utf-8"))
STYLES = ("round", "quick")
HOSTILE = [
    "<img src=x onerror=console.error(1)>",
    "</script><script>console.error(2)</script>",
    "a\"'&amp;,;",
    "\u202e12",
]


def page_of(model, folder, *words):
    """Write a model and its page as the command line does, and return the page's file."""
    save_model(folder / "model.npz", model)
    done = call(folder, *words)
    assert done.exit_code == 0, done.output
    return folder / "page.html"


def call(folder, *words):
    """Call ``page`` on the model of a folder."""
    return CliRunner().invoke(app, ["page", str(folder / "model.npz"), "-o", str(folder / "page.html"), *words])


@pytest.fixture(scope="session")
def written():
    """Return scikit-learn's digits in the form of MNIST's, and their labels; no drawing is among them."""
    digits = load_digits()
    large = np.clip(ndimage.zoom(digits.images, (1, 4, 4), order=1) * 16, 0, 255).astype(np.uint8)
    return np.stack([drawn_digit(np.pad(image, 4)).ravel() for image in large]), digits.target


@pytest.fixture(scope="session")
def reader(written, tmp_path_factory):
    """Return a page whose network has learned those digits, and the model."""
    network = MLPClassifier(
        (64,),
        learning_rate="cosine",
        learning_rate_init=0.003,
        max_iter=30,
        random_state=0,
        augmentation=Deform(rotation=10, shear=10),
    )
    model = Pipeline([("preprocess", Normalize()), ("train", network)]).fit(*written)
    return page_of(model, tmp_path_factory.mktemp("reader")), model


@pytest.fixture(scope="session")
def small():
    """Return scikit-learn's digits as they are, 8 by 8 pixels on 0..255, and their labels."""
    digits = load_digits()
    return np.rint(digits.data * 255 / 16).astype(np.uint8), digits.target


def fitted(X, y, **parameters):
    """Return a model after a few epochs, as `train` makes it."""
    settings = {
        "hidden_layer_sizes": (24, 16),
        "max_iter": 3,
        "learning_rate": "cosine",
        "random_state": 0,
    } | parameters
    return Pipeline([("preprocess", Normalize()), ("train", MLPClassifier(**settings))]).fit(X, y)


# ---------------------------------------------------------------- hands


def places(page, stroke):
    """Return the points of a stroke on the screen."""
    box = page.locator("#drawing").bounding_box()
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]


def draw(page, strokes):
    """Draw with a mouse, and return what the page answers."""
    page.locator("#drawing").scroll_into_view_if_needed()
    for stroke in strokes:
        first, *others = places(page, stroke)
        page.mouse.move(*first)
        page.mouse.down()
        for place in others:
            page.mouse.move(*place)
        page.mouse.up()
    return state(page)


def touch(page, strokes):
    """Draw with a finger."""
    page.locator("#drawing").scroll_into_view_if_needed()
    fingers = page.context.new_cdp_session(page)

    def tell(kind, *points):
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    for stroke in strokes:
        first, *others = places(page, stroke)
        tell("touchStart", first)
        for place in others:
            tell("touchMove", place)
        tell("touchEnd")
    return state(page)


def pen(page, strokes, force):
    """Draw with a pen that presses with a force of 0 to 1."""
    hand = page.context.new_cdp_session(page)
    for stroke in strokes:
        at = places(page, stroke)
        kinds = ["mousePressed", *["mouseMoved"] * (len(at) - 1), "mouseReleased"]
        for kind, (x, y) in zip(kinds, [*at, at[-1]], strict=True):
            held = {"button": "left", "buttons": 1, "clickCount": 1, "pointerType": "pen", "force": force}
            hand.send("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y} | held)
    return state(page)


def state(page):
    """Return what the page shows, once it has answered."""
    wait_until(page, "!digits.state.waiting")
    return page.evaluate("({...digits.state, pixels: Array.from(digits.state.pixels), image: null, hidden: null})")


def predicted(page, X):
    """Return the page's probabilities of rows of pixels, put in by script."""
    return np.array(page.evaluate("rows => rows.map((row) => digits.predict(Uint8Array.from(row)))", X.tolist()))


def agree(ours, theirs):
    """Tell whether probabilities are the same within 1e-3, and the answers where the margin is above it."""
    first, second = np.sort(theirs, axis=1)[:, [-1, -2]].T if theirs.shape[1] > 1 else (theirs[:, 0], 0)
    clear = first - second > 1e-3
    same = ours.argmax(axis=1) == theirs.argmax(axis=1)
    return ours.shape == theirs.shape and abs(ours - theirs).max() < 1e-3 and bool(same[clear].all())


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize("style", STYLES)
def test_what_a_mouse_draws_is_read(open_page, reader, style):
    """Nine of ten digits are read right, by a network that has seen none of this hand."""
    page = open_page(reader[0])
    right = 0
    for drawing in (one for one in STROKES if one["style"] == style):
        right += draw(page, drawing["strokes"])["label"] == str(drawing["label"])
        page.click("#clear")
    assert right >= 9


def test_a_finger_draws_as_a_mouse_does(open_page, reader):
    """On a narrow touch screen the same strokes are read, and the page does not scroll meanwhile."""
    page = open_page(reader[0], viewport=(390, 844), touch=True, scale=3)
    before, right = page.evaluate("scrollY"), 0
    for drawing in STROKES[:10]:
        found = touch(page, drawing["strokes"])
        assert len(found["strokes"]) == len(drawing["strokes"])
        right += found["label"] == str(drawing["label"])
        page.evaluate("document.getElementById('clear').click()")
    assert right >= 9
    assert page.evaluate("scrollY") == before
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("force", [0, 0.5, 1])
def test_a_pen_draws_however_lightly(open_page, reader, force):
    """A pen whose pressure is not known, and so 0, draws as others do."""
    page = open_page(reader[0])
    found = pen(page, STROKES[3]["strokes"], force)
    page.click("#clear")
    by_mouse = draw(page, STROKES[3]["strokes"])
    assert found["label"] == by_mouse["label"] == "3"
    assert abs(np.subtract(found["pixels"], by_mouse["pixels"])).max() <= 64


def test_what_the_network_sees_is_what_python_makes(open_page, reader):
    """The image of a drawing is that of `drawn_digit`, and the answer that of the model."""
    page, model = open_page(reader[0]), reader[1]
    ink_size = model["preprocess"].photo_.ink_size
    for drawing in STROKES[::3]:
        ink = page.evaluate(
            """strokes => {
                const canvas = document.createElement("canvas"), context = canvas.getContext("2d");
                canvas.width = canvas.height = 200;
                context.lineWidth = 17; context.lineCap = context.lineJoin = "round"; context.strokeStyle = "#fff";
                for (const stroke of strokes) {
                    context.beginPath();
                    stroke.forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"](200 * x, 200 * y));
                    context.stroke();
                }
                const { data } = context.getImageData(0, 0, 200, 200);
                return [Array.from(data.filter((_, i) => i % 4 === 3)), Array.from(digits.prepare(canvas))];
            }""",
            drawing["strokes"],
        )
        sheet, pixels = (np.array(one, np.uint8) for one in ink)
        expected = drawn_digit(sheet.reshape(200, 200), 28, ink_size).ravel()
        assert abs(pixels.astype(int) - expected).max() <= 1
        assert agree(predicted(page, pixels[None]), model.predict_proba(pixels[None]))


def test_nothing_drawn_is_no_answer(open_page, reader):
    """An empty sheet shows no class, a dot is an answer, and after clear there is none again."""
    page = open_page(reader[0])
    assert state(page)["label"] is None
    assert draw(page, [[(0.5, 0.5)]])["label"] in set("0123456789")
    page.click("#clear")
    assert state(page)["label"] is None
    assert page.inner_text("#told") == "\u2013"


# ---------------------------------------------------------------- networks


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("parameters", [{"batch_norm": True}, {"bias": False}])
def test_networks_answer_as_in_python(open_page, small, tmp_path, activation, parameters):
    """Probabilities of every activation are within 1e-3 of Python's, with batch normalization, without biases."""
    model = fitted(*small, activation=activation, **parameters)
    page = open_page(page_of(model, tmp_path))
    assert agree(predicted(page, small[0][:500]), model.predict_proba(small[0][:500]))
    assert state(page)["label"] is None
    assert draw(page, STROKES[0]["strokes"])["label"] is not None


@pytest.mark.parametrize(
    "parameters",
    [
        {"hidden_layer_sizes": ()},
        {"hidden_layer_sizes": (5,)},
        {"hidden_layer_sizes": (40, 30, 20, 10), "activation": ("relu", "tanh", "gelu", "elu")},
        {"dropout": 0.2, "noise": 0.1, "max_norm": 1.0, "label_smoothing": 0.1},
        {"batch_norm": True, "dropout": 0.2, "weight_init": 1e-6},
    ],
)
def test_depths_and_scales_answer_as_in_python(open_page, small, tmp_path, parameters):
    """No hidden layer or four, large weights or small: float16 with a scale for each unit suffices."""
    model = fitted(*small, **parameters)
    page = open_page(page_of(model, tmp_path))
    assert agree(predicted(page, small[0][:500]), model.predict_proba(small[0][:500]))
    assert len(page.evaluate("digits.state.hidden")) == len(model["train"].coefs_) - 1


@pytest.mark.parametrize("names", [(0, 1), ("no", "yes")])
def test_two_classes_answer_as_in_python(open_page, small, tmp_path, names):
    """One logistic output is two bars."""
    X, y = small[0], np.array(names)[(small[1] > 4).astype(int)]
    model = fitted(X, y)
    page = open_page(page_of(model, tmp_path))
    assert agree(predicted(page, X[:500]), model.predict_proba(X[:500]))
    draw(page, STROKES[0]["strokes"])
    assert page.locator("#bars .name").all_inner_texts() == [str(name) for name in names]


def test_one_class_is_certain(open_page, small, tmp_path):
    """A network that knows one class tells it."""
    model = fitted(small[0][:50], np.zeros(50, int))
    page = open_page(page_of(model, tmp_path))
    assert agree(predicted(page, small[0][:50]), model.predict_proba(small[0][:50]))
    assert draw(page, STROKES[0]["strokes"])["label"] == "0"


def test_several_labels_at_once_are_told(open_page, small, tmp_path):
    """A multilabel network has a probability for each label, and tells those above a half."""
    Y = np.stack([small[1] % 2, small[1] > 4, small[1] == 0], axis=1).astype(int)
    model = fitted(small[0], Y)
    page = open_page(page_of(model, tmp_path))
    ours, theirs = predicted(page, small[0][:500]), model.predict_proba(small[0][:500])
    assert abs(ours - theirs).max() < 1e-3
    found = draw(page, STROKES[0]["strokes"])
    assert (
        found["label"].split(",") == [str(k) for k in range(3) if found["probabilities"][k] > 0.5] or not found["label"]
    )


def test_many_classes_show_the_likeliest(open_page, small, tmp_path):
    """Of forty classes twelve bars are shown, the likeliest first; all can be chosen as a label."""
    y = np.array([f"class {k}" for k in (small[1] * 4 + np.arange(len(small[1])) % 4)])
    model = fitted(small[0], y)
    page = open_page(page_of(model, tmp_path))
    assert agree(predicted(page, small[0][:300]), model.predict_proba(small[0][:300]))
    found = draw(page, STROKES[2]["strokes"])
    order = np.argsort(found["probabilities"])[::-1][:12]
    assert page.locator("#bars .name").all_inner_texts()[0] == model.classes_[order[0]] == found["label"]
    assert page.locator("#labels option").count() == 40


def test_the_default_network_is_small_and_exact(open_page, written, tmp_path):
    """784-512-512-10 takes less than 2.5 MB, and answers 1,000 images as Python does, to 1e-3."""
    X, y = written
    model = fitted(X, y, hidden_layer_sizes=(512, 512), max_iter=2)
    path = page_of(model, tmp_path)
    assert path.stat().st_size < 2_500_000
    assert agree(predicted(open_page(path), X[:1000]), model.predict_proba(X[:1000]))


@pytest.mark.network
def test_mnist_answers_as_in_python(open_page, tmp_path):
    """A network that has learned MNIST reads 1,000 test images as in Python, and both hands at least 9 times in 10."""
    X, y = Fetch().load("train")
    model = fitted(X, y, hidden_layer_sizes=(512, 512), max_iter=2)
    path = page_of(model, tmp_path)
    page = open_page(path)
    images, _ = Fetch().load("test")
    assert path.stat().st_size < 2_500_000
    assert agree(predicted(page, images[:1000]), model.predict_proba(images[:1000]))
    right = 0
    for drawing in STROKES:
        right += draw(page, drawing["strokes"])["label"] == str(drawing["label"])
        page.click("#clear")
    assert right >= 18


def test_what_would_have_to_change_is_the_gradient(open_page, reader):
    """The overlay is the gradient of a class's log-odds by each pixel, as differences of probabilities tell it."""
    page = open_page(reader[0])
    found = draw(page, STROKES[4]["strokes"])
    page.check("#change")
    page.select_option("#change-to", "9")
    change = np.array(page.evaluate("Array.from(digits.state.change)"))
    pixels = np.array(found["pixels"])
    asked = [int(k) for k in np.flatnonzero((pixels > 20) & (pixels < 230))[:12]]
    plus, minus = np.repeat(pixels[None], len(asked), 0), np.repeat(pixels[None], len(asked), 0)
    plus[range(len(asked)), asked] += 2
    minus[range(len(asked)), asked] -= 2
    high, low = (predicted(page, one)[:, 9] for one in (plus, minus))
    numeric = (np.log(high / (1 - high)) - np.log(low / (1 - low))) / 4
    assert change.shape == (784,)
    np.testing.assert_allclose(change[asked], numeric, rtol=0.1, atol=0.1 * abs(numeric).max())


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize("parameter", [{"deskew": True}, {"ink_width": 5}], ids=lambda one: next(iter(one)))
def test_a_preparation_that_a_page_has_not_is_refused_by_name(small, tmp_path, parameter):
    """One clear line names the parameter and its value, and no page is written."""
    model = Pipeline([("preprocess", Normalize(**parameter)), ("train", small_network())]).fit(*small)
    save_model(tmp_path / "model.npz", model)
    done = call(tmp_path)
    assert done.exit_code != 0
    assert "{}={!r}".format(*next(iter(parameter.items()))) in done.output
    assert not (tmp_path / "page.html").exists()


def test_an_ensemble_is_refused_by_name(small, tmp_path):
    """A folder of networks is no page; the error names it."""
    model = make_ensemble(small_network(), 2).fit(small[0] / 255, small[1])
    save_ensemble(tmp_path / "model.npz", model)
    done = call(tmp_path)
    assert done.exit_code != 0
    assert "ensemble" in done.output
    assert not (tmp_path / "page.html").exists()


def small_network():
    """Return a network that learns nothing much."""
    return MLPClassifier((4,), max_iter=1, learning_rate="cosine", random_state=0)


def test_a_network_that_is_too_large_is_refused(small, tmp_path, monkeypatch):
    """The error tells how many weights there are, and how many a page holds."""
    monkeypatch.setattr("pipeline.html.drawing.model.MOST_WEIGHTS", 100)
    save_model(tmp_path / "model.npz", fitted(*small))
    done = call(tmp_path)
    assert done.exit_code != 0
    assert "100" in done.output
    assert not (tmp_path / "page.html").exists()


# ---------------------------------------------------------------- names, and drawings that are kept


def test_names_of_classes_are_text(open_page, small, tmp_path):
    """Names with HTML in them are shown as they are, run nothing, and come back out of the saved file."""
    names = np.array(HOSTILE)
    model = fitted(small[0], names[small[1] % 4])
    page = open_page(page_of(model, tmp_path))
    shown = page.locator("#bars .name").all_inner_texts()
    assert page.locator("#bars img, #labels img, #kept img").count() == 0
    assert sorted(shown) == sorted(name.replace("\u202e", "\\u202e") for name in HOSTILE)
    for k in range(4):
        draw(page, STROKES[k]["strokes"])
        page.locator("#labels button").nth(k).click()
    rows = list(csv.reader(io.StringIO(page.evaluate("digits.table()"))))
    assert [row[0] for row in rows[1:]] == shown


@pytest.mark.parametrize("names", [["cat", "dog"], ["Ankle boot", "T-shirt/top"]])
def test_short_names_are_shown_whole(open_page, small, tmp_path, names):
    """In bold as well, as the likeliest class is: none ends in dots."""
    X, y = small
    page = open_page(page_of(fitted(X, np.array(names)[y % 2]), tmp_path))
    for k in range(2):
        page.evaluate(
            f"document.querySelectorAll('#bars li').forEach((li, i) => li.classList.toggle('chosen', i === {k}))"
        )
        cut = "[...document.querySelectorAll('#bars .name')].filter((one) => one.scrollWidth > one.clientWidth).length"
        assert page.evaluate(cut) == 0


def test_drawings_are_read_by_fetch(open_page, reader, tmp_path):
    """Two hundred drawings are saved as a file, whose pixels and labels `Fetch` hands over to the byte."""
    page = open_page(reader[0])
    for number in range(200):
        drawing = STROKES[number % len(STROKES)]
        strokes = [{"points": stroke} for stroke in drawing["strokes"]]
        page.evaluate("strokes => digits.draw(strokes)", strokes)
        page.evaluate(f"document.querySelectorAll('#labels button')[{drawing['label']}].click()")
    kept = page.evaluate("digits.state.kept")
    assert len(kept) == 200
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(tmp_path / "drawings.csv")
    parts = [Fetch(dataset=str(tmp_path / "drawings.csv")).load(part) for part in ("train", "test")]
    X, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    expected = sorted((int(one["label"]), one["pixels"]) for one in kept)
    assert sorted(zip(y.tolist(), X.tolist(), strict=True)) == expected


def test_a_kept_drawing_can_be_removed(open_page, reader):
    """A click keeps, the sheet is empty for the next one, and another click removes."""
    page = open_page(reader[0])
    for k in (1, 2):
        draw(page, STROKES[k]["strokes"])
        page.locator("#labels button").nth(k).click()
    assert state(page)["strokes"] == []
    page.locator("#kept button").first.click()
    assert [one["label"] for one in state(page)["kept"]] == ["2"]
    assert page.locator("#kept li").count() == 1


# ---------------------------------------------------------------- tools and keys


def test_undo_clear_and_thickness(open_page, reader):
    """Undo takes back a stroke, clear all of them, and a thick pen makes more ink."""
    page = open_page(reader[0])
    assert page.is_disabled("#undo")
    one = draw(page, STROKES[4]["strokes"][:1])
    two = draw(page, STROKES[4]["strokes"][1:])
    assert len(two["strokes"]) == 2
    page.click("#undo")
    assert state(page)["pixels"] == one["pixels"]
    page.click("#clear")
    assert state(page)["strokes"] == []
    page.locator("#thickness").fill(page.get_attribute("#thickness", "max"))
    assert sum(draw(page, STROKES[4]["strokes"][:1])["pixels"]) > 1.2 * sum(one["pixels"])


def test_all_can_be_done_by_keys(open_page, reader):
    """Arrows and the space bar draw, a digit keeps the drawing, backspace takes back, escape clears; ctrl+z as well."""
    page = open_page(reader[0])
    page.focus("#drawing")
    for key in ["ArrowUp"] * 6 + [" "] + ["ArrowDown"] * 12 + [" "]:
        page.keyboard.press(key)
    found = state(page)
    assert found["label"] in {"1", "7", "4"}
    page.keyboard.press("1")
    assert [one["label"] for one in state(page)["kept"]] == ["1"]
    for ending in ("Backspace", "Escape", "Control+z"):
        for key in (" ", "ArrowLeft", "ArrowLeft", "ArrowLeft", " "):
            page.keyboard.press(key)
        assert len(state(page)["strokes"]) == 1
        page.keyboard.press(ending)
        assert state(page)["strokes"] == []


@pytest.mark.parametrize("key", ["Backspace", "Control+z", "Escape", "1"])
def test_a_stroke_ends_that_is_taken_away_while_it_is_drawn(open_page, reader, key):
    """After undo, clear or keep the held pointer draws no more, and the next stroke begins anew."""
    page = open_page(reader[0])
    first, second = [(0.3, 0.3), (0.4, 0.4)], [(0.7, 0.3), (0.7, 0.5), (0.7, 0.8)]
    draw(page, [first])
    places_of_second = places(page, second)
    page.focus("#drawing")
    page.mouse.move(*places_of_second[0])
    page.mouse.down()
    page.mouse.move(*places_of_second[1])
    page.keyboard.press(key)
    page.mouse.move(*places_of_second[2])
    page.mouse.up()
    left = [2] if key in {"Backspace", "Control+z"} else []
    assert [len(stroke["points"]) for stroke in state(page)["strokes"]] == left
    assert [len(stroke["points"]) for stroke in draw(page, [second])["strokes"]] == [*left, 3]


def test_keys_draw_nothing_into_a_pointer_s_stroke(open_page, reader):
    """The space bar and arrows are of no effect while a pointer draws."""
    page = open_page(reader[0])
    line = places(page, [(0.3, 0.3), (0.4, 0.4), (0.5, 0.5)])
    page.focus("#drawing")
    page.mouse.move(*line[0])
    page.mouse.down()
    page.mouse.move(*line[1])
    for key in (" ", "ArrowLeft"):
        page.keyboard.press(key)
    page.mouse.move(*line[2])
    page.mouse.up()
    found = state(page)["strokes"]
    assert [len(stroke["points"]) for stroke in found] == [3]
    assert found[0]["points"] == pytest.approx(np.array([[0.3, 0.3], [0.4, 0.4], [0.5, 0.5]]), abs=0.01)


def test_what_is_kept_is_what_is_drawn(open_page, reader):
    """A label that follows a stroke before the next frame keeps all of it, and pressed twice keeps it once."""
    page = open_page(reader[0])
    whole = draw(page, [[(0.3, 0.5), (0.5, 0.5)], [(0.5, 0.2), (0.5, 0.8)]])
    page.click("#undo")
    assert state(page)["pixels"] != whole["pixels"]
    kept = page.evaluate(
        """() => {
            const sheet = document.getElementById("drawing"), box = sheet.getBoundingClientRect();
            const told = (kind, x, y) => sheet.dispatchEvent(new PointerEvent(kind, {
                pointerId: 1, isPrimary: true, button: 0,
                clientX: box.left + x * box.width, clientY: box.top + y * box.width }));
            told("pointerdown", 0.5, 0.2); told("pointermove", 0.5, 0.8); told("pointerup", 0.5, 0.8);
            for (let n = 0; n < 2; n += 1) sheet.dispatchEvent(new KeyboardEvent("keydown", { key: "1" }));
            return digits.state.kept;
        }"""
    )
    assert len(kept) == 1
    assert abs(np.subtract(kept[0]["pixels"], whole["pixels"])).max() <= 1


def test_tools_of_layers_have_names_of_their_own(open_page, small, tmp_path):
    """Who hears the page can tell the field and the button of one hidden layer from those of another."""
    page = open_page(page_of(fitted(*small), tmp_path))
    for number in (1, 2):
        assert page.get_by_role("spinbutton", name=f"Unit of layer {number}", exact=True).count() == 1
        assert page.get_by_role("button", name=f"Most active unit of layer {number}", exact=True).count() == 1
    assert page.locator("#units input, #units button").count() == 4


def test_focus_goes_everywhere_and_is_seen(open_page, reader):
    """The tab key reaches every enabled control, in the order of the page, and each shows that it has the focus."""
    page = open_page(reader[0])
    draw(page, STROKES[2]["strokes"])
    controls = page.evaluate(
        "Array.from(document.querySelectorAll('button, input, select, summary, [tabindex]'))"
        ".filter((one) => !one.disabled && one.tabIndex >= 0).map((one) => one.id || one.textContent)"
    )
    page.focus("#drawing")
    reached = [controls[0]]
    for _ in controls[1:]:
        page.keyboard.press("Tab")
        name, outline = page.evaluate(
            "[document.activeElement.id || document.activeElement.textContent,"
            "getComputedStyle(document.activeElement).outlineStyle]"
        )
        assert outline != "none", name
        reached.append(name)
    assert reached == controls


def test_everything_has_a_name(open_page, reader):
    """What can be pressed or looked at has a name for those who hear the page; ids are there once."""
    page = open_page(reader[0])
    draw(page, STROKES[2]["strokes"])
    page.locator("#labels button").nth(2).click()
    nameless = page.evaluate(
        """Array.from(document.querySelectorAll("button, input, select, canvas, summary, figure img, [role=img]"))
            .filter((one) => !(one.getAttribute("aria-label") || "").trim() && !(one.labels && one.labels.length)
                && !one.textContent.trim())
            .map((one) => one.outerHTML)"""
    )
    ids = page.evaluate("Array.from(document.querySelectorAll('[id]')).map((one) => one.id)")
    pointed = page.evaluate(
        """Array.from(document.querySelectorAll("[for], [aria-labelledby], [aria-describedby]"))
            .flatMap((one) => ["for", "aria-labelledby", "aria-describedby"].map((name) => one.getAttribute(name)))
            .filter(Boolean)"""
    )
    assert nameless == []
    assert len(ids) == len(set(ids))
    assert set(pointed) <= set(ids)
    assert page.evaluate("document.documentElement.lang") == "en"


CONTRASTS = """() => {
    const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const over = ([r, g, b, a = 1], under) => [r, g, b].map((value, i) => a * value + (1 - a) * under[i]);
    const bright = (colour) => {
        const [r, g, b] = colour.map((value) => value / 255)
            .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ratio = (one, other) => {
        const [low, high] = [bright(one), bright(other)].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
    };
    const ground = (element) => {
        if (!element) return [255, 255, 255];
        return over(numbers(getComputedStyle(element).backgroundColor), ground(element.parentElement));
    };
    const found = [];
    for (const element of document.querySelectorAll("body *")) {
        const box = element.getBoundingClientRect();
        if (!box.width || element.disabled || element.closest(".hidden, script, style, noscript")) continue;
        const style = getComputedStyle(element), name = `${element.tagName} ${element.id} ${element.className}`;
        const has = Array.from(element.childNodes).some((node) => node.nodeType === 3 && node.data.trim());
        if (has) {
            const size = parseFloat(style.fontSize);
            const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
            found.push([name, ratio(over(numbers(style.color), ground(element)), ground(element)), large ? 3 : 4.5]);
        }
        if (element.matches("button, select, input[type=number], #drawing")) {
            const edge = over(numbers(style.borderTopColor), ground(element));
            found.push([`${name} edge`, ratio(edge, ground(element.parentElement)), 3]);
        }
    }
    return found;
}"""
"""The contrast of every text with its ground, and of every control's edge, with what WCAG 2.2 asks for at AA."""


@pytest.mark.parametrize("dark", [False, True])
def test_contrast_is_enough(open_page, reader, dark):
    """In light and dark colours, text has a contrast of 4.5 or, where it is large, 3; edges of controls have 3."""
    page = open_page(reader[0], dark=dark)
    draw(page, STROKES[2]["strokes"])
    page.check("#change")
    page.locator("#keys").evaluate("(one) => { one.closest('details').open = true; }")
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 40
    assert [(name, ratio) for name, ratio, least in contrasts if ratio < least] == []
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, paper.removeprefix("rgb(").removesuffix(")").split(","))) < 200) == dark


# ---------------------------------------------------------------- what breaks pages


def test_ink_is_seen_in_dark_colours(open_page, reader):
    """A page that was opened in the dark, or turns dark while one draws, shows ink, and sees the same."""
    pages = [open_page(reader[0], dark=dark) for dark in (False, True)]
    light, dark = (draw(page, STROKES[5]["strokes"]) for page in pages)
    assert light["pixels"] == dark["pixels"]
    pages[0].emulate_media(color_scheme="dark")
    for page in pages:
        wait_until(page, "matchMedia('(prefers-color-scheme: dark)').matches")
        page.wait_for_timeout(50)
        ink = page.evaluate(
            """() => { const canvas = document.getElementById("drawing");
                const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                let least = 255;
                for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) least = Math.min(least, data[i]);
                return least; }"""
        )
        assert ink > 200


def test_a_page_that_is_resized_keeps_the_drawing(open_page, reader):
    """A phone that is turned between strokes or within one changes neither what was drawn nor what is seen."""
    page = open_page(reader[0], viewport=(390, 844))
    strokes = STROKES[4]["strokes"]
    whole = draw(page, strokes)
    page.click("#clear")
    draw(page, strokes[:1])
    page.set_viewport_size({"width": 844, "height": 390})
    turned = draw(page, strokes[1:])
    assert abs(np.subtract(turned["pixels"], whole["pixels"])).max() <= 40
    page.set_viewport_size({"width": 1280, "height": 900})
    assert state(page)["pixels"] == turned["pixels"]
    shown = page.evaluate("[drawing.width, drawing.getBoundingClientRect().width * devicePixelRatio]")
    assert abs(shown[0] - shown[1]) <= 1


def test_a_second_finger_draws_nothing(open_page, reader):
    """While one finger draws, another one neither draws nor ends the stroke."""
    page = open_page(reader[0], viewport=(390, 844), touch=True)
    fingers = page.context.new_cdp_session(page)
    page.locator("#drawing").scroll_into_view_if_needed()

    def tell(kind, *points):
        touched = [{"x": x, "y": y, "id": number} for number, (x, y) in points]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touched})

    line = places(page, [(0.5, y / 20) for y in range(4, 17)])
    other = places(page, [(0.2, 0.2), (0.9, 0.9)])
    tell("touchStart", (0, line[0]))
    for number, place in enumerate(line[1:]):
        if number == 4:
            tell("touchStart", (0, place), (1, other[0]))
        elif number == 5:
            tell("touchMove", (0, place), (1, other[1]))
        else:
            tell("touchMove", (0, place))
    tell("touchEnd")
    found = state(page)
    assert len(found["strokes"]) == 1
    assert {round(x, 1) for x, _ in found["strokes"][0]["points"]} == {0.5}
    assert found["strokes"][0]["points"][-1][1] > 0.7


def test_a_stroke_off_the_sheet_goes_on(open_page, reader):
    """A stroke that leaves the sheet ends where the button is let go, and the next one begins anew."""
    page = open_page(reader[0])
    found = draw(page, [[(0.3, 0.5), (0.6, 0.5), (1.3, 0.5), (1.3, 0.9), (0.6, 0.9)], [(0.2, 0.2), (0.3, 0.3)]])
    assert [len(stroke["points"]) for stroke in found["strokes"]] == [5, 2]
    assert found["label"] is not None
    page.mouse.move(*places(page, [(0.8, 0.8)])[0])
    assert len(state(page)["strokes"]) == 2
    away = draw(page, [[(0.99, 0.5), (5, 5), (-5, 5), (-5, -5)]])
    assert np.isfinite(away["probabilities"]).all()


def test_a_stroke_wholly_off_the_sheet_is_no_ink(open_page, reader):
    """Ink that is not on the sheet is not seen, and does not break what is."""
    page = open_page(reader[0])
    page.evaluate("digits.draw([{points: [[3, 3], [4, 4]]}])")
    assert state(page)["isEmpty"]
    page.evaluate("digits.draw([{points: [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]}])")
    assert np.isfinite(state(page)["probabilities"]).all()


def test_a_fast_stroke_is_one_line(open_page, reader):
    """Two points far apart are joined, without a gap."""
    page = open_page(reader[0])
    found = draw(page, [[(0.5, 0.1), (0.5, 0.9)]])
    rows = np.reshape(found["pixels"], (28, 28)).max(axis=1)
    inked = np.flatnonzero(rows)
    assert (rows[inked[0] + 1 : inked[-1]] > 128).all()
    assert inked[-1] - inked[0] >= 18
    assert found["label"] == "1"


def test_a_right_click_draws_nothing(open_page, reader):
    """Only the first button draws."""
    page = open_page(reader[0])
    page.mouse.move(*places(page, [(0.4, 0.4)])[0])
    page.mouse.down(button="right")
    page.mouse.move(*places(page, [(0.6, 0.6)])[0])
    page.mouse.up(button="right")
    assert state(page)["strokes"] == []


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False), (320, True)])
def test_nothing_lies_beyond_the_edge(open_page, reader, width, dark):
    """Wide or narrow, nothing has to be scrolled sideways."""
    page = open_page(reader[0], viewport=(width, 800), dark=dark)
    draw(page, STROKES[8]["strokes"])
    page.locator("#labels button").nth(8).click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_same_model_makes_the_same_bytes(reader, tmp_path):
    """A page has no time, no path and no chance in it."""
    save_model(tmp_path / "model.npz", load_model(reader[0].with_name("model.npz")))
    assert call(tmp_path).exit_code == 0
    assert (tmp_path / "page.html").read_bytes() == reader[0].read_bytes()
