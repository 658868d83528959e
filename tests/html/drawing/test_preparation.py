"""The preparation of the page's program beside that of Python: the same drawings, the same images."""

import numpy as np
import pytest

from pipeline import Photo
from pipeline.html.document import base64_of
from pipeline.html.drawing.model import Dense, PlainModel
from pipeline.html.drawing.page import drawing_page
from pipeline.images.photo import drawn_digit

Image = pytest.importorskip("PIL.Image")
ImageDraw = pytest.importorskip("PIL.ImageDraw")

PREPARE = """sheets => sheets.map(({ height, width, bytes }) => {
    const values = Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0));
    return Array.from(digits.prepare({ height, width, values }));
})"""


def drawings(n, height, width, seed=0):
    """Return sheets with strokes, whose edges are soft: of one piece and of several, thick and thin, long and short."""
    rng = np.random.default_rng(seed)
    for number in range(n):
        sheet = Image.new("L", (4 * width, 4 * height))
        draw = ImageDraw.Draw(sheet)
        for _ in range(1 + number % 3):
            points = rng.uniform(0.1, 0.9, (2 + number % 4, 2)) * [4 * width, 4 * height]
            draw.line([tuple(point) for point in points], 255, int(rng.integers(8, 100)), joint="curve")
        yield np.asarray(sheet.resize((width, height), Image.Resampling.BOX))


def page_of(shape, photo=None, *, inverted=False):
    """Return a page whose network takes images of a shape, and says nothing."""
    layer = Dense(np.zeros((int(np.prod(shape)), 2)), np.zeros(2), "softmax")
    model = PlainModel([layer], 1 / 255, 0.0, shape, ["a", "b"], multilabel=False, deskew=False, ink_width=None)
    return drawing_page(model, photo, inverted=inverted)


def prepared(open_page, tmp_path, page, sheets):
    """Return the pixels that the page's network sees of sheets."""
    (tmp_path / "page.html").write_text(page, "utf-8")
    given = [{"height": len(one), "width": one.shape[1], "bytes": base64_of(one)} for one in sheets]
    return np.array(open_page(tmp_path / "page.html").evaluate(PREPARE, given))


@pytest.mark.parametrize(("size", "ink_size"), [(28, 20), (8, 7), (64, 45)])
def test_ink_is_brought_to_the_form_of_training(open_page, tmp_path, size, ink_size):
    """To the last grey level as ``drawn_digit``, for sheets of any size; an empty one stays empty."""
    shapes = [(280, 280), (120, 200), (90, 50)]
    sheets = [one for number, shape in enumerate(shapes) for one in drawings(6, *shape, seed=number)]
    sheets.append(np.zeros((50, 50), np.uint8))
    page = page_of((size, size), Photo(size=size, ink_size=ink_size))
    seen = prepared(open_page, tmp_path, page, sheets)
    expected = np.array([drawn_digit(sheet, size, ink_size).ravel() for sheet in sheets])
    assert (expected.max(axis=1)[:-1] == 255).all()
    assert np.array_equal(seen, expected)


@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (20, 31), (300, 300)])
def test_a_whole_sheet_is_shrunk_as_pictures_are(open_page, tmp_path, shape):
    """To the last grey level as Pillow does by Lanczos' kernel, for sheets with the sides of the images."""
    longer = max(shape)
    sheets = list(drawings(4, round(280 * shape[0] / longer), round(280 * shape[1] / longer)))
    seen = prepared(open_page, tmp_path, page_of(shape), sheets)
    expected = [Image.fromarray(one).resize(shape[::-1], Image.Resampling.LANCZOS) for one in sheets]
    assert np.array_equal(seen, [np.asarray(one).ravel() for one in expected])


def test_coloured_images_are_drawn_in_white_or_in_black(open_page, tmp_path):
    """All channels are alike; where the pictures of training were on white, so is the drawing."""
    [sheet] = drawings(1, 280, 280)
    grey = np.asarray(Image.fromarray(sheet).resize((8, 8), Image.Resampling.LANCZOS)).ravel()
    seen = prepared(open_page, tmp_path, page_of((8, 8, 3)), [sheet])
    assert np.array_equal(seen[0], np.repeat(grey, 3))
    seen = prepared(open_page, tmp_path, page_of((8, 8, 3), inverted=True), [sheet])
    assert np.array_equal(seen[0], np.repeat(255 - grey, 3))


def test_a_canvas_is_read_by_its_ink(open_page, tmp_path):
    """Bright strokes count, on black as on nothing at all: the image is that of the ink."""
    (tmp_path / "page.html").write_text(page_of((28, 28), Photo()), "utf-8")
    page = open_page(tmp_path / "page.html")
    seen = page.evaluate("""() => ["black", "transparent"].map((ground) => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 100, height: 100 });
        const context = canvas.getContext("2d");
        context.fillStyle = ground; context.fillRect(0, 0, 100, 100);
        context.fillStyle = "white"; context.fillRect(40, 20, 12, 60);
        return Array.from(digits.prepare(canvas));
    })""")
    sheet = np.zeros((100, 100), np.uint8)
    sheet[20:80, 40:52] = 255
    assert np.array_equal(seen, [drawn_digit(sheet).ravel()] * 2)
