"""``predict`` on pictures, tables and folders: what is read, what is answered, what is said instead of an answer."""

import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from typer.testing import CliRunner

from pipeline import (
    MLPClassifier,
    MLPRegressor,
    Normalize,
    Photo,
    Preprocess,
    Split,
    Train,
    load_model,
    make_ensemble,
    save_ensemble,
    save_model,
)
from pipeline.cli.app import app
from pipeline.data.idx import write_idx
from pipeline.data.images import ImageError, read_images

SIGNS = ["I", "O", "T"]


def page(*lines, paper=235, ink=25, side=60):
    """Return a picture with signs on it: strokes, rings and beams, in lines; a blank is an empty place."""
    image = Image.new("L", (40 + side * max(map(len, lines)), 40 + side * len(lines)), paper)
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(lines):
        for column, sign in enumerate(line):
            x, y = 20 + side * column, 20 + side * row
            if sign == "I":
                draw.line((x + 25, y + 10, x + 27, y + 50), ink, 7)
            if sign == "O":
                draw.ellipse((x + 10, y + 10, x + 40, y + 50), outline=ink, width=7)
            if sign == "T":
                draw.line((x + 8, y + 14, x + 44, y + 14), ink, 7)
                draw.line((x + 26, y + 14, x + 26, y + 50), ink, 7)
    return image


def training_images(n=60):
    """Return rows of pixels in the form of MNIST, 0 to 255, and the names of the signs that they show."""
    y = np.array([SIGNS[number % 3] for number in range(n)])
    one = {sign: Photo().fit_transform([np.asarray(page(sign))])[0] for sign in SIGNS}
    fade = np.random.default_rng(0).uniform(0.7, 1, (n, 1))
    return (np.stack([one[sign] for sign in y]) * fade).astype(np.uint8), y


def fitted(X, y, names=None):
    """Return a model that knows the signs."""
    network = MLPClassifier((16,), learning_rate="cosine", learning_rate_init=0.02, max_iter=30, random_state=0)
    pipeline = Pipeline([("preprocess", Normalize()), ("train", network)])
    return pipeline.fit(X, y if names is None else [names[sign] for sign in y])


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Write models: of signs as MNIST has them, with long names, on 0..1, from before, bare, and of whole pictures."""
    folder = tmp_path_factory.mktemp("models")
    X, y = training_images()
    save_model(folder / "signs.npz", fitted(X, y))
    save_model(folder / "named.npz", fitted(X, y, {"I": "stroke", "O": "ring", "T": "beam"}))
    save_model(folder / "scaled.npz", fitted(X / 255, y))
    model = fitted(X, y)
    save_model(folder / "bare.npz", model["train"])
    del model["preprocess"].ink_size_
    save_model(folder / "former.npz", model)
    whole = np.stack([255 - np.asarray(page(sign).resize((28, 28))).ravel() for sign in y])
    model = fitted(whole, y)
    assert model["preprocess"].ink_size_ is None
    save_model(folder / "black.npz", model)
    model["preprocess"].background_ = "white"
    save_model(folder / "whole.npz", model)
    colours = np.array([[230, 20, 20] * 64, [20, 20, 230] * 64] * 30, np.uint8)
    colours[np.arange(60), np.arange(60) % 192] = 128
    model = fitted(colours, ["red", "blue"] * 30)
    model["preprocess"].image_shape_ = (8, 8, 3)
    save_model(folder / "colours.npz", model)
    model = fitted(colours[:, :32], ["red", "blue"] * 30)
    model["preprocess"].image_shape_ = (4, 8)
    save_model(folder / "oblong.npz", model)
    return folder


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in an empty folder, on a wide terminal."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(models):
    """Return what calls ``predict`` with a model, and gives back exit code, output and errors."""

    def called(*words, model="signs", standard_input=None):
        done = CliRunner().invoke(
            app, ["predict", *words, "--model", str(models / f"{model}.npz")], input=standard_input
        )
        return done.exit_code, done.stdout, done.stderr

    return called


def labels(text):
    """Return the labels of the lines of answers."""
    return [line.split("  ")[-2] for line in text.splitlines() if "  " in line]


def test_an_ensemble_answers_by_its_mean(folder):
    """A folder of members reads pictures as one of them does, and warns of images unlike those of training."""
    X, y = training_images()
    networks = make_ensemble(MLPClassifier((8,), learning_rate="cosine", learning_rate_init=0.02, max_iter=30), 3)
    model = make_pipeline(Normalize(), networks).fit(X, y)
    save_ensemble(folder / "several" / "model", model)
    page("ITO").save("page.png")
    np.save("inverted.npy", 255 - X[:1].reshape(1, 28, 28))
    told = []
    for file in ("page.png", "inverted.npy"):
        done = CliRunner().invoke(app, ["predict", file, "--model", "several", "--json"])
        assert done.exit_code == 0
        told.append((json.loads(done.stdout), done.stderr))
    (signs, quiet), ([image], warned) = told
    assert [sign["label"] for sign in signs] == list("ITO")
    assert quiet == ""
    assert list(image["probabilities"].values()) == pytest.approx(model.predict_proba(255 - X[:1])[0])
    assert "unlike the images of training" in warned


def test_an_ensemble_of_regressors_tells_numbers(folder):
    """One for each image, in the units of the targets."""
    X, y = training_images()
    numbers = np.array([SIGNS.index(sign) for sign in y]) * 10.0
    network = MLPRegressor(hidden_layer_sizes=(8,), learning_rate="cosine", learning_rate_init=0.02, max_iter=5)
    member = make_pipeline(Normalize(), TransformedTargetRegressor(network, transformer=StandardScaler()))
    model = make_ensemble(member, 2).fit(X, numbers)
    save_ensemble(folder / "several", model)
    np.save("images.npy", X[:2].reshape(2, 28, 28))
    done = CliRunner().invoke(app, ["predict", "images.npy", "--model", "several"])
    assert done.stdout == "".join(f"{number}  {one:.6g}\n" for number, one in enumerate(model.predict(X[:2])))


@pytest.mark.parametrize("mode", ["PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM"])
def test_a_picture_of_any_format_is_read(call, mode):
    """Which one it is, its content says; its name says nothing."""
    page("O").save("picture.dat", mode)
    code, out, error = call("picture.dat")
    assert (code, error) == (0, "")
    assert out.startswith("0  O  ")


@pytest.mark.parametrize("polarity", ["dark", "light"])
def test_a_page_is_read_in_lines(call, polarity):
    """A line for each sign, as for each image of an array, and then what the whole page says."""
    colours = {"paper": 30, "ink": 220} if polarity == "light" else {}
    page("ITO", "OT", **colours).save("page.png")
    code, out, error = call("page.png")
    assert (code, error) == (0, "")
    assert labels(out) == list("ITOOT")
    assert out.splitlines()[-1] == "page.png: ITO / OT"
    assert [line.split("  ")[0] for line in out.splitlines()[:-1]] == ["0", "1", "2", "3", "4"]


def test_a_turn_that_the_camera_has_noted_is_made(call):
    """A page that was photographed sideways is read upright, and boxes are those of the upright picture."""
    upright = page("IT", "OT")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    upright.transpose(Image.Transpose.ROTATE_90).save("page.png", exif=exif)
    assert call("page.png")[1].splitlines()[-1] == "page.png: IT / OT"
    turned = json.loads(call("page.png", "--json")[1])
    upright.save("page.png")
    assert [one["box"] for one in turned] == [one["box"] for one in json.loads(call("page.png", "--json")[1])]


def test_names_of_several_letters_stand_apart(call):
    """A page of words can be read."""
    page("IT", "O").save("page.png")
    assert call("page.png", model="named")[1].splitlines()[-1] == "page.png: stroke beam / ring"


def test_json_says_where_and_how_surely(call):
    """File, number, line, box, label, confidence, doubt, rejection, and all probabilities."""
    page("I", " O").save("page.png")
    code, out, _ = call("page.png", "--json")
    first, second = json.loads(out)
    assert code == 0
    assert list(first) == [
        "file", "number", "line", "box", "label", "confidence", "doubt", "rejected", "probabilities"
    ]  # fmt: skip
    assert (first["file"], first["number"], first["line"], first["label"]) == ("page.png", 0, 0, "I")
    assert (second["number"], second["line"], second["label"]) == (1, 1, "O")
    top, left, bottom, right = second["box"]
    assert abs(np.array([top, left, bottom, right]) - [90, 90, 131, 121]).max() <= 2
    assert (first["doubt"], first["rejected"]) == (None, False)
    assert first["confidence"] == max(first["probabilities"].values())


@pytest.mark.parametrize("form", ["folder", "zip", "glob", "names"])
def test_images_exported_as_pictures_are_answered_as_their_array(call, form):
    """Label and probabilities are the very same: nothing is done to what has the form of the training images."""
    X, _ = training_images(12)
    np.save("images.npy", X)
    Path("exported").mkdir()
    names = [f"exported/{number}.png" for number in range(12)]
    for name, row in zip(names, X, strict=True):
        Image.fromarray(row.reshape(28, 28)).save(name)
    with zipfile.ZipFile("exported.zip", "w") as archive:
        for name in names:
            archive.write(name, name.removeprefix("exported/"))
    words = {"folder": ["exported"], "zip": ["exported.zip"], "glob": ["exported/*.png"], "names": names}[form]
    answers = json.loads(call("images.npy", "--json")[1])
    code, out, error = call(*words, "--json")
    assert (code, error) == (0, "")
    for key in ("label", "confidence", "probabilities"):
        assert [one[key] for one in json.loads(out)] == [one[key] for one in answers]
    code, out, _ = call(*words)
    place = "exported.zip" if form == "zip" else "exported"
    assert [line.split("  ")[0] for line in out.splitlines()] == [f"{place}/{number}.png" for number in range(12)]
    assert labels(out) == [one["label"] for one in answers]


def test_a_small_picture_that_is_no_training_image_is_prepared(call):
    """Ink that is dark on white in 28 by 28 pixels is turned into the form of the training images."""
    X, _ = training_images(3)
    Image.fromarray(255 - X[1].reshape(28, 28)).save("inverted.png")
    code, out, error = call("inverted.png")
    assert (code, error) == (0, "")
    assert labels(out) == ["O"]


def test_standard_input_may_be_a_picture_or_a_table(call):
    """``-`` is told by its content as a file is."""
    file = io.BytesIO()
    page("T").save(file, "PNG")
    code, out, error = call("-", standard_input=file.getvalue())
    assert (code, labels(out), error) == (0, ["T"], "")
    X, y = training_images(3)
    table = "\n".join(",".join(map(str, row)) for row in X)
    code, out, error = call("-", standard_input=table.encode())
    assert (code, labels(out), error) == (0, list(y), "")
    np.save(file := io.BytesIO(), X)
    assert labels(call("-", standard_input=file.getvalue())[1]) == list(y)


def test_a_closed_standard_input_is_said_to_be_so(models, monkeypatch, capsys):
    """A shell closes it with ``<&-``, and Python then has none."""
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(SystemExit, match=r"^1$"):
        app(["predict", "-", "--model", str(models / "signs.npz")])
    assert capsys.readouterr() == ("", "error: standard input is closed; expected images there\n")
    with pytest.raises(ImageError, match=r"^standard input is closed"):
        read_images("-", 784)


@pytest.mark.parametrize("columns", ["none", "named", "first", "last"])
def test_a_table_of_pixels_is_read_with_labels_and_without(call, columns):
    """Kaggle's test file has none; those of its training file are left aside."""
    X, y = training_images(6)
    names = [f"pixel{number}" for number in range(784)]
    table = [list(map(str, row)) for row in X]
    if columns == "first":
        names, table = ["label", *names], [["7", *row] for row in table]
    if columns == "last":
        names, table = [*names, "label"], [[*row, "7"] for row in table]
    rows = table if columns == "none" else [names, *table]
    Path("test.csv").write_text("\n".join(map(",".join, rows)), "utf-8")
    code, out, error = call("test.csv")
    assert (code, labels(out), error) == (0, list(y), "")


def test_the_one_array_of_an_archive_is_read(call):
    """Of several, which one is meant cannot be told."""
    X, y = training_images(6)
    np.savez("one.npz", images=X.reshape(6, 28, 28))
    np.savez("two.npz", a=X, b=X)
    assert labels(call("one.npz")[1]) == list(y)
    code, out, error = call("two.npz")
    assert (code, out) == (1, "")
    assert "two.npz: a .npz file, or another ZIP archive, may hold several arrays" in error


def test_what_was_trained_on_fractions_is_shown_fractions(call):
    """The pixels of a picture are brought to the scale of the training images."""
    page("TO").save("page.png")
    code, out, error = call("page.png", model="scaled")
    assert (code, error) == (0, "")
    assert labels(out) == ["T", "O"]


def test_pictures_for_a_model_of_whole_pictures_are_taken_whole(call):
    """Where images are no ink of one size in the middle, a picture is one image, read as `fetch` has read them."""
    for number, sign in enumerate(SIGNS):
        page(sign).save(f"{number}.png")
    code, out, error = call("0.png", "1.png", "2.png", model="whole")
    assert (code, labels(out), error) == (0, SIGNS, "")


def test_the_background_can_be_said(call):
    """It overrides what the model says; unlike images bring a warning as ever."""
    page("O").save("page.png")
    code, out, error = call("page.png", "--background", "white", model="black")
    assert (code, labels(out), error) == (0, ["O"], "")
    code, _, error = call("page.png", model="black")
    assert code == 0
    assert "page.png: unlike the images of training: bright border: inverted?" in error


@pytest.mark.parametrize("prepare", ["auto", "photo"])
def test_a_background_is_refused_where_it_would_do_nothing(call, prepare):
    """Ink is found on any background."""
    page("O").save("page.png")
    code, out, error = call("page.png", "--background", "white", "--prepare", prepare)
    assert (code, out) == (2, "")
    assert error.startswith("error: background is for pictures that are taken plainly, and must be left out where ink")
    assert call("page.png", "--background", "white", "--prepare", "plain")[0] == 0


def test_the_preparation_can_be_chosen(call):
    """``plain`` takes a page as one image, though the model knows of ink; ``photo`` finds ink, though it does not."""
    page("OT").save("page.png")
    assert len(labels(call("page.png", "--prepare", "plain")[1])) == 1
    assert len(labels(call("page.png", "--prepare", "photo", model="whole")[1])) == 2


def test_colours_are_seen_by_a_model_of_colours(call):
    """A picture is scaled to the size of its images, channel by channel; ink in it cannot be asked for."""
    Image.new("RGB", (40, 40), (210, 30, 30)).save("red.png")
    Image.new("RGB", (8, 8), (30, 30, 210)).save("blue.png")
    code, out, _ = call("red.png", "blue.png", "--show", "show.png", model="colours")
    assert (code, labels(out)) == (0, ["red", "blue"])
    code, out, error = call("red.png", "--prepare", "photo", model="colours")
    assert (code, out) == (1, "")
    assert error == "error: --prepare photo makes square grey images, and the model takes 8x8x3\n"


def test_a_picture_for_oblong_images_has_their_size(call):
    """There is no rule by which it would be stretched."""
    Image.new("L", (8, 4), 128).save("right.png")
    Image.new("L", (8, 8), 128).save("wrong.png")
    assert call("right.png", model="oblong")[0] == 0
    code, out, error = call("right.png", "wrong.png", model="oblong")
    assert (code, out) == (1, "")
    assert error == "error: wrong.png: expected a picture of 4x8 pixels, as the model was trained on; got 8x8\n"


@pytest.mark.parametrize("model", ["former", "bare"])
def test_a_model_that_says_nothing_of_its_images_asks(call, models, model):
    """One of an earlier version, or without a normaliser: nothing is tried out, and the choices are named."""
    page("OT").save("page.png")
    code, out, error = call("page.png", model=model)
    assert (code, out) == (1, "")
    assert "page.png: the model does not say what its images were made from; --prepare photo" in error
    assert labels(call("page.png", "--prepare", "photo", model=model)[1]) == ["O", "T"]
    X, _ = training_images(3)
    np.save("images.npy", X if model == "former" else X / np.float32(255))
    assert call("images.npy", model=model)[0] == 0
    assert load_model(models / f"{model}.npz").n_features_in_ == 784


def test_low_confidence_is_rejected_and_not_told(call):
    """In lines there is a question mark; in JSON no label, with all else as it was. Arrays know it as well."""
    X, _ = training_images(3)
    Image.fromarray((X[0].reshape(28, 28) // 2) + X[1].reshape(28, 28) // 2).save("both.png")
    page("O").save("page.png")
    np.save("images.npy", X)
    plain, certain = json.loads(call("both.png", "page.png", "--json")[1])
    bar = str((plain["confidence"] + certain["confidence"]) / 2)
    assert plain["confidence"] < certain["confidence"]
    code, out, _ = call("both.png", "page.png", "--reject-below", bar)
    assert (code, labels(out)) == (0, ["?", "O"])
    rejected, _ = json.loads(call("both.png", "page.png", "--json", "--reject-below", bar)[1])
    assert rejected == plain | {"label": None, "rejected": True}
    assert labels(call("images.npy", "--reject-below", "1")[1]) == ["?"] * 3
    told = json.loads(call("images.npy", "--json", "--reject-below", "0")[1])
    assert [(one["label"], one["rejected"]) for one in told] == [(sign, False) for sign in SIGNS]


@pytest.mark.parametrize("bar", ["-0.1", "1.5", "much"])
def test_a_bar_that_is_no_probability_is_refused(call, bar):
    """It is wrong usage, and nothing is read."""
    code, out, error = call("page.png", "--reject-below", bar)
    assert (code, out) == (2, "")
    assert "--reject-below" in error


def test_ink_that_runs_out_of_the_picture_is_not_told(call):
    """The line has a question mark, the error stream the reason; the exit code says that all went well."""
    picture = page("IOT")
    picture.crop((0, 0, picture.width - 40, picture.height)).save("cut.png")
    code, out, error = call("cut.png")
    assert code == 0
    assert labels(out) == ["I", "O", "?"]
    assert out.splitlines()[-1] == "cut.png: IO?"
    assert error == "warning: cut.png: 2 is not told: ink runs out of the picture\n"
    last = json.loads(call("cut.png", "--json")[1])[-1]
    assert (last["label"], last["rejected"], last["doubt"]) == (None, True, "ink runs out of the picture")
    assert len(last["probabilities"]) == 3


def test_a_stroke_along_the_border_is_not_left_out_in_silence(call):
    """It may be the edge of a sheet or of a desk, and it may be a digit that was cut lengthwise."""
    picture = page("IOI")
    picture.crop((48, 0, picture.width, picture.height)).save("cut.png")
    code, out, error = call("cut.png")
    assert (code, labels(out)) == (0, ["O", "I"])
    assert error.startswith("warning: cut.png: left out what lies along the border")


def test_a_page_without_ink_is_said_to_be_so(call):
    """It has a line of its own, and an object in JSON, so that no file is missing in the answers."""
    page(" ").save("blank.png")
    page("I").save("page.png")
    code, out, error = call("blank.png", "page.png")
    assert (code, error) == (0, "warning: blank.png: no ink was found\n")
    assert out.splitlines()[0] == "blank.png: -"
    assert labels(out) == ["I"]
    blank, other = json.loads(call("blank.png", "page.png", "--json")[1])
    assert (blank["file"], blank["label"], blank["doubt"], blank["rejected"]) == (
        "blank.png", None, "no ink was found", True
    )  # fmt: skip
    assert (other["file"], other["label"]) == ("page.png", "I")
    assert call("blank.png")[:2] == (0, "blank.png: -\n")


def test_a_folder_stands_for_its_pictures_in_natural_order(call):
    """What is hidden is not seen; what is no picture is left out, and said."""
    Path("notes/deep/.hidden").mkdir(parents=True)
    for name, sign in [("10", "I"), ("2", "O"), ("deep/1", "T"), (".old", "I"), ("deep/.hidden/1", "I")]:
        page(sign).save(f"notes/{name}.png")
    Path("notes/readme.txt").write_text("two words", "utf-8")
    code, out, error = call("notes")
    assert code == 0
    assert [line.split("  ")[::2][0] for line in out.splitlines()] == [
        "notes/2.png",
        "notes/10.png",
        "notes/deep/1.png",
    ]
    assert labels(out) == ["O", "I", "T"]
    assert error == "warning: notes/readme.txt is left out: it is a text file\n"


def test_a_folder_of_one_picture_names_it(call):
    """Whether there is a name does not depend on how many pictures a folder happens to have."""
    Path("notes").mkdir()
    page("T").save("notes/one.png")
    assert call("notes")[1].startswith("notes/one.png  0  T  ")


def _bomb(path):
    content = io.BytesIO()
    Image.new("1", (9000, 9000)).save(content, "PNG")
    path.write_bytes(content.getvalue())


def _wide(path):
    Image.new("L", (30_000, 30), 255).save(path, "PNG")


def _broken(path):
    page("O").save(path, "PNG")
    path.write_bytes(path.read_bytes()[:150])


def _other(content):
    return lambda path: path.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (_bomb, "it has 9000x9000 pixels, and at most 67108864 are read"),
        (_wide, "a picture may have 20,000 pixels along a side"),
        (_broken, "it is damaged"),
        (_other(b"\x89PNG"), "it is damaged: it begins as a PNG image"),
        (_other(b"a note"), "it is a text, and no CSV of images of 784 pixels: its first line has 1 column"),
        (_other(b""), "odd is empty"),
        (_other(b"\0\0\0\x18ftypheic" + bytes(60)), "odd is a HEIC image; expected a picture, a CSV"),
        (_other(b"%PDF-1.7"), "odd is a PDF document; expected a picture"),
        (_other(b"PAR1\x15\x04\x15"), "odd is a parquet file; expected a picture"),
        (_other(b"\x89HDF\r\n\x1a\n"), "odd is an HDF5 file, as Keras writes models; expected a picture"),
        (_other(b"\x80\x04\x95"), "odd is a pickle, as pickle and joblib write them; expected a picture"),
        (_other(b"<html></html>"), "odd is an HTML or XML page"),
        (_other(b"1,2,3\n4,5,6"), "its first line has 3 columns"),
        (_other((",".join(["300"] * 784)).encode()), "row 1 has the pixel 300; pixels must be integers from 0 to 255"),
        (lambda path: path.mkdir(), "odd is empty; expected a folder of pictures"),
        (_other(b"PK\x05\x06" + bytes(18)), "odd is empty; expected an archive of pictures"),
        (_other(b"PK\x03\x04 and no more"), "odd: it is no ZIP archive that can be read"),
    ],
)
def test_what_cannot_be_read_is_one_line_that_names_it(call, folder, make, told):
    """Nothing is told of the other files before, though they are good."""
    page("O").save("good.png")
    make(folder / "odd")
    code, out, error = call("good.png", "odd")
    assert (code, out) == (1, "")
    [line] = error.splitlines()
    assert line.startswith("error: odd")
    assert told in line


def test_a_broken_picture_in_a_folder_is_no_picture_to_leave_out(call, folder):
    """It was to be answered, and cannot be: that is an error, as for a file that was named."""
    Path("notes").mkdir()
    page("O").save("notes/good.png")
    _broken(folder / "notes/broken.png")
    code, out, error = call("notes")
    assert (code, out) == (1, "")
    assert error.startswith("error: notes/broken.png: it is damaged")


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("*.jpg", "error: *.jpg fits no file\n"),
        ("nothing.png", "error: nothing.png is not there\n"),
        ("notes", "error: there is no picture among 1 files: notes/labels is left out: it is an IDX file"),
    ],
)
def test_what_stands_for_no_picture_is_an_error(call, folder, argument, told):
    """A pattern without a match, a missing file, a folder of other things."""
    Path("notes").mkdir()
    write_idx(folder / "notes/labels", np.zeros(3, np.uint8))
    code, out, error = call(argument)
    assert (code, out) == (1, "")
    assert error.startswith(told)


def test_a_file_that_is_called_like_a_pattern_is_a_file(call):
    """Brackets in a name are no pattern where there is such a file."""
    page("O").save("a[1].png")
    assert labels(call("a[1].png")[1]) == ["O"]


def test_pictures_without_pillow_name_the_extra(call, monkeypatch):
    """The line says what to install."""
    page("O").save("page.png")
    monkeypatch.setitem(sys.modules, "PIL", None)
    code, out, error = call("page.png")
    assert (code, out) == (1, "")
    assert error.startswith('error: page.png: pictures are read by Pillow, which is not installed: pip install "digits')


def test_what_was_found_is_drawn(call):
    """The picture is there whole, and grows with what is found; the answers are told all the same."""
    page("ITO", "OT").save("page.png")
    page("T").save("one.png")
    np.save("images.npy", training_images(4)[0])
    assert call("page.png", "--show", "new/found.png")[1] == call("page.png")[1]
    code, _, error = call("page.png", "one.png", "images.npy", "--show", "all.png", "--json")
    assert (code, error) == (0, "")
    with Image.open("new/found.png") as page_alone, Image.open("all.png") as all_three:
        assert page_alone.format == all_three.format == "PNG"
        assert all_three.height > page_alone.height + 200
        assert all_three.width == page_alone.width == 1000
        colours = {colour for _, colour in page_alone.convert("RGB").getcolors(2**24)}
    assert (0, 114, 178) in colours  # boxes and answers


def test_the_same_picture_is_drawn_every_time(call, folder):
    """It has no time and no version in it."""
    page("IT").save("page.png")
    for name in ("one.png", "other.png"):
        call("page.png", "--show", name)
    assert (folder / "one.png").read_bytes() == (folder / "other.png").read_bytes()


def test_of_many_files_the_first_are_drawn(call, folder):
    """How many are not is said."""
    Path("notes").mkdir()
    for number in range(22):
        page("I").save(f"notes/{number}.png")
    code, out, error = call("notes", "--show", "show.png")
    assert (code, len(out.splitlines())) == (0, 22)
    assert error == "show.png shows the first 20 files; 2 more are not in it\n"
    assert (folder / "show.png").exists()


@pytest.mark.parametrize(
    ("place", "code", "told"),
    [
        ("show.jpg", 2, "it is a PNG picture, and must be called so: show.png, for one"),
        ("folder", 1, "folder is a folder; choose another name with --show"),
        ("folder.png", 1, "folder.png is a folder; choose another name with --show"),
        ("file/show.png", 1, "file/show.png cannot be written"),
        ("page.png", 1, "page.png is one of the pictures to be read; choose another name with --show"),
    ],
)
def test_a_place_that_cannot_be_drawn_to_is_told_first(call, folder, place, code, told):
    """Before anything is read: a damaged file is not even looked at, and a picture is never overwritten."""
    page("O").save("page.png")
    Path("folder.png").mkdir()
    Path("folder").mkdir()
    (folder / "file").touch()
    (folder / "damaged.npy").write_bytes(b"\x93NUMPY")
    before = (folder / "page.png").read_bytes()
    done = call("page.png", "damaged.npy", "--show", place)
    assert done[:2] == (code, "")
    assert told in done[2]
    assert (folder / "page.png").read_bytes() == before


def test_the_workflow_hands_the_photo_on(folder):
    """What `preprocess` has measured, the model file has that `train` writes."""
    X, y = training_images(60)
    for part in ("train", "t10k"):
        (folder / "raw").mkdir(exist_ok=True)
        write_idx(folder / f"raw/{part}-images-idx3-ubyte", X.reshape(60, 28, 28))
        write_idx(folder / f"raw/{part}-labels-idx1-ubyte", np.array([SIGNS.index(sign) for sign in y], np.uint8))
    for stage in (Preprocess(), Split(), Train((16,), learning_rate_init=0.02, max_iter=30, random_state=0)):
        stage.run(folder)
    page("OT", "I").save("page.png")
    done = CliRunner().invoke(app, ["predict", "page.png", "--model", "model/model.npz"])
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "page.png: 12 / 0"


def test_pictures_of_one_sign_each_go_through_a_pipeline(models):
    """`Photo` before a model is a model of pictures."""
    model = make_pipeline(Photo(), load_model(models / "signs.npz"))
    assert model.predict([np.asarray(page(sign)) for sign in SIGNS]).tolist() == SIGNS


def test_a_model_hands_over_its_photo(models):
    """What `predict` finds is what three lines of Python find."""
    model = load_model(models / "signs.npz")
    found = model["preprocess"].photo_.find(np.asarray(page("TIO")))
    assert model.predict([digit.pixels.ravel() for digit in found.digits]).tolist() == ["T", "I", "O"]


@pytest.mark.parametrize("form", ["npz", "safetensors"])
def test_a_model_behind_a_scaler_answers(tmp_path, form):
    """Arrays are told as the model tells them; of pictures it is asked how they are to be read, as it does not know."""
    X = np.random.default_rng(0).integers(0, 256, (40, 64)).astype(np.uint8)
    net = MLPClassifier((4,), learning_rate="cosine", max_iter=2, random_state=0)
    model = make_pipeline(StandardScaler(), net).fit(X, np.arange(40) % 3)
    path, images, picture = tmp_path / f"model.{form}", tmp_path / "images.npy", tmp_path / "picture.png"
    save_model(path, model)
    np.save(images, X[:3])
    Image.fromarray(X[0].reshape(8, 8)).save(picture)
    words = ["predict", "--json", "--model", str(path)]
    plain = CliRunner().invoke(app, [*words, str(images)])
    one = CliRunner().invoke(app, [*words, str(picture), "--prepare", "plain"])
    expected = model.predict_proba(X[:3]).max(axis=1).tolist()
    assert [item["confidence"] for item in json.loads(plain.stdout)] == expected
    assert [item["label"] for item in json.loads(one.stdout)] == model.predict(X[:1]).tolist()
    for refused, reason in (
        (["predict", str(picture), "--model", str(path)], "the model does not say what its images were made from"),
        (["page", str(path), "--prepare", "plain"], "got StandardScaler and MLPClassifier, which it cannot hold"),
    ):
        done = CliRunner().invoke(app, refused)
        assert done.exit_code == 1
        assert reason in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_a_regressor_tells_numbers(tmp_path):
    """One or several for each image, of a file with scaled targets as well; what is about labels is refused."""
    X = np.random.default_rng(0).integers(0, 256, (40, 64)).astype(np.uint8)
    y = X[:, :2] / 10
    net = MLPRegressor(hidden_layer_sizes=(4,), learning_rate="cosine", max_iter=2, random_state=0)
    scaled = TransformedTargetRegressor(net, transformer=StandardScaler())
    np.save(tmp_path / "images.npy", X[:3].reshape(-1, 8, 8))
    for targets in (y[:, 0], y):
        model = make_pipeline(Normalize(), scaled).fit(X, targets)
        save_model(tmp_path / "model.npz", model)
        words = ["predict", str(tmp_path / "images.npy"), "--model", str(tmp_path / "model.npz")]
        expected = model.predict(X[:3])
        done = CliRunner().invoke(app, [*words, "--json"])
        assert [item["prediction"] for item in json.loads(done.stdout)] == expected.tolist()
        lines = CliRunner().invoke(app, words).stdout.splitlines()
        values = [[float(word) for word in line.split()[1:]] for line in lines]
        np.testing.assert_allclose(values, expected.reshape(3, -1), rtol=1e-4)
        for option in (["--reject-below", "0.5"], ["--show", str(tmp_path / "shown.png")]):
            done = CliRunner().invoke(app, [*words, *option])
            assert done.exit_code != 0
            assert f"{option[0]} is for models that tell labels; this one predicts numbers" in done.output
