"""Photographs of digits in MNIST's form: the ink's box, middle and grey, pages of several, and what cannot be told."""

import numpy as np
import pytest
from sklearn.base import clone

from benchmarks.looks import CLEAN, DISTURBED, HARD
from benchmarks.pages import draw
from pipeline import Photo
from pipeline.images.photo import MAX_SIDE, PhotoError, drawn_digit
from pipeline.parameters import ParameterError


def mnist_like():
    """Return a seven, a one and a zero (3, 784) as MNIST has them: ink 20 pixels long, its middle at pixel 14."""
    images = np.zeros((3, 28, 28), np.uint8)
    images[0, 5:8, 7:19] = images[0, 8:25, 16:19] = 255
    images[1, 4:24, 13:16] = images[1, 20:24, 11:18] = 255
    images[2, 4:24, 7:21] = 255
    images[2, 7:19, 10:17] = 0
    for image in images:
        rows, columns = np.indices((28, 28))
        down, across = ((image * at).sum() / image.sum() for at in (rows, columns))
        image[:] = np.roll(image, (14 - int(down + 0.5), 14 - int(across + 0.5)), (0, 1))
    return images.reshape(3, 784)


IMAGES = mnist_like()


def page(height=120, width=120):
    """Return white paper."""
    return np.full((height, width), 255, np.uint8)


def difference(found, image):
    """Return the root mean square difference between two images, in levels."""
    return np.sqrt(np.square(found.astype(float).ravel() - image.astype(float)).mean())


@pytest.mark.parametrize("row", range(3))
def test_an_enlarged_image_comes_back(row):
    """Ten times as large on white paper, at a place drawn at random: the image is as it was but for its grey rim."""
    found = Photo().find(draw(IMAGES, [[row]], np.random.default_rng(row), CLEAN).picture)
    [digit] = found.digits
    assert difference(digit.pixels, IMAGES[row]) < 20
    assert difference(np.roll(digit.pixels, 1, axis=1), IMAGES[row]) > 40
    assert (digit.doubt, digit.line, found.polarity, found.turn) == (None, 0, "dark", 0)


@pytest.mark.parametrize("seed", range(4))
def test_a_photograph_comes_back(seed):
    """Turned, in uneven light, with noise, as a JPEG, in either polarity: what is seen is still the digit."""
    [digit] = Photo().find(draw(IMAGES, [[2]], np.random.default_rng(seed), DISTURBED).picture).digits
    assert digit.doubt is None
    assert difference(digit.pixels, IMAGES[2]) < 60


@pytest.mark.parametrize("size", [(28, 20), (40, 30)])
def test_ink_fits_its_box_and_its_mass_lies_in_the_middle(size):
    """A bar fills the length of the box, its centre of mass lies at the middle pixel, and its ink is at full scale."""
    picture = page()
    picture[10:90, 30:50] = 0
    side, ink = size
    image = Photo(size=side, ink_size=ink).find(picture).digits[0].pixels.astype(float)
    rows, columns = np.flatnonzero(image.max(axis=1) > 128), np.flatnonzero(image.max(axis=0) > 128)
    assert np.ptp(rows) + 1 == pytest.approx(ink, abs=1)
    assert np.ptp(columns) + 1 == pytest.approx(ink / 4, abs=1)
    middles = [(image.sum(axis=1 - axis) @ np.arange(side)) / image.sum() for axis in (0, 1)]
    assert middles == pytest.approx([side // 2] * 2, abs=0.51)
    assert image.max() == 255


def test_grey_is_kept():
    """Ink that is half as dark stays so beside full ink."""
    picture = page()
    picture[20:100, 40:70] = 0
    picture[60:100, 40:70] = 128
    image = Photo().find(picture).digits[0].pixels
    assert np.median(image[image > 200]) > 240
    assert np.abs(image.astype(int) - 127).min() <= 3
    assert ((image > 110) & (image < 145)).sum() > 40


def test_light_that_differs_and_polarity_change_nothing():
    """Half of the light on one side, or ink and paper exchanged: the image stays within a few levels."""
    seen = page(200, 200) / 255
    seen[40:160, 60:90] = seen[130:160, 60:140] = 0.2
    plain, dim, light = (
        Photo().find(np.rint(picture).astype(np.uint8))
        for picture in (255 * seen, 255 * seen * np.linspace(1, 0.5, 200), 255 - 255 * seen)
    )
    assert [one.polarity for one in (plain, dim, light)] == ["dark", "dark", "light"]
    for other in (dim, light):
        assert difference(other.digits[0].pixels, plain.digits[0].pixels.ravel()) < 5


def test_colours_are_read_as_grey():
    """Blue ink on yellow paper is dark on light."""
    picture = np.full((100, 100, 3), (250, 240, 150), np.uint8)
    picture[20:80, 40:50] = (20, 30, 160)
    found = Photo().find(picture)
    assert (found.polarity, [one.box for one in found.digits]) == ("dark", [(20, 40, 80, 50)])


@pytest.mark.parametrize("look", [CLEAN, DISTURBED], ids=["clean", "disturbed"])
def test_a_page_is_read_in_order(look):
    """Lines from top to bottom, digits from left to right, none left out, on pages that are turned as well."""
    lines = [[0, 1, 2, 0], [2, 2, 1], [1, 0, 0, 2, 1]]
    for seed in range(3):
        found = Photo().find(draw(IMAGES, lines, np.random.default_rng(seed), look).picture).digits
        assert [one.line for one in found] == [0] * 4 + [1] * 3 + [2] * 5
        nearest = [int(np.argmin([difference(one.pixels, image) for image in IMAGES])) for one in found]
        assert nearest == [row for line in lines for row in line]
        assert not any(one.doubt for one in found)


SOLVED = [name for name in HARD if "desk" not in name]


@pytest.mark.parametrize("name", SOLVED)
def test_a_hard_page_is_read(name):
    """Under a lamp, in a hard shadow, on ruled lines, with a pencil, in colours: the digits of a line are all found."""
    for seed in (1, 2):
        found = Photo().find(draw(IMAGES, [[2, 0, 1, 2]], np.random.default_rng(seed), HARD[name]).picture)
        sure = [one for one in found.digits if not one.doubt]
        nearest = [int(np.argmin([difference(one.pixels, image) for image in IMAGES])) for one in sure]
        assert (nearest, found.polarity) == ([2, 0, 1, 2], "dark")


@pytest.mark.parametrize("length", [1, 2, 3])
def test_what_lies_along_the_border_is_no_digit(length):
    """A strip of a desk is left out beside a digit, and counted; a digit that is cut is still found in doubt."""
    picture = page(150, 150)
    picture[50:100, 70:76] = 0
    picture[: 4 * length, 20:130] = 0
    found = Photo().find(picture)
    assert ([one.box for one in found.digits], found.edges) == ([(50, 70, 100, 76)], 1)
    picture[110:, 30:36] = 0
    assert [one.doubt for one in Photo().find(picture).digits] == [None, "ink runs out of the picture"]


def test_transform_returns_a_row_for_each_picture():
    """Pictures of different sizes become rows of pixels, the same that are found; none become none."""
    pages = [draw(IMAGES, [[row]], np.random.default_rng(row)).picture for row in range(3)]
    rows = Photo().fit_transform(pages)
    assert (rows.shape, rows.dtype) == ((3, 784), np.uint8)
    for picture, row in zip(pages, rows, strict=True):
        np.testing.assert_array_equal(Photo().find(picture).digits[0].pixels.ravel(), row)
    assert Photo().transform([]).shape == (0, 784)
    assert clone(Photo("dark", size=40)).get_params() == {"polarity": "dark", "size": 40, "ink_size": 20}


def test_empty_paper_has_no_digit():
    """Neither white paper, nor one in dim and noisy light, nor a picture of one pixel shows ink."""
    rng = np.random.default_rng(0)
    dim = rng.normal(np.linspace(200, 90, 150), 8, (150, 150)).clip(0, 255).astype(np.uint8)
    for picture in (page(), dim, page(1, 1)):
        assert Photo().find(picture).digits == []
    with pytest.raises(PhotoError, match=r"picture 0 shows no ink; expected one digit"):
        Photo().transform([dim])


def test_noise_and_a_gradient_have_no_digit():
    """Neither does noise of any strength make digits, nor colours that run into each other."""
    rng = np.random.default_rng(0)
    down, across = np.indices((150, 200)) * 255 / 200
    for picture in (
        rng.integers(0, 256, (200, 300), dtype=np.uint8),
        rng.normal(128, 30, (300, 300)).clip(0, 255).astype(np.uint8),
        np.stack([down, across, (down + across) / 2], axis=-1).astype(np.uint8),
    ):
        assert Photo().find(picture).digits == []


def test_a_large_picture_is_read_at_a_lower_resolution(monkeypatch):
    """Where a picture has more pixels than are looked at, boxes are still its own, and the image is nearly the same."""
    picture = draw(IMAGES, [[0, 2]], np.random.default_rng(5)).picture
    exact = Photo().find(picture).digits
    monkeypatch.setattr("pipeline.images.photo.MOST", picture.size // 3)
    reduced = Photo().find(picture).digits
    for one, other in zip(exact, reduced, strict=True):
        np.testing.assert_allclose(other.box, one.box, atol=2)
        assert difference(other.pixels, one.pixels.ravel()) < 10


def test_what_cannot_be_told_is_said():
    """Ink that runs out of the picture and strokes that may be two digits are found in doubt, and not transformed."""
    cut, wide = page(), page(120, 260)
    cut[60:, 50:60] = 0
    wide[50:80, 30:200] = 0
    two = np.hstack([page(), page()])
    two[20:90, 50:60] = two[20:90, 170:180] = 0
    for picture, doubt in ((cut, "ink runs out of the picture"), (wide, "may be two digits that touch")):
        assert [one.doubt for one in Photo().find(picture).digits] == [doubt]
        with pytest.raises(PhotoError, match=f"picture 0: {doubt}"):
            Photo().transform([picture])
    with pytest.raises(PhotoError, match=r"picture 0 shows 2 digits; expected one digit"):
        Photo().transform([two])


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((5, 5)), "must be an array of uint8; got float64"),
        ("page.png", "must be an array of uint8; got str"),
        (np.zeros(5, np.uint8), r"must have the shape .* got \(5,\)"),
        (np.zeros((5, 5, 4), np.uint8), r"must have the shape .* got \(5, 5, 4\)"),
        (np.zeros((0, 5), np.uint8), r"must have the shape .* got \(0, 5\)"),
        (np.zeros((1, MAX_SIDE + 1), np.uint8), "may have 20,000 pixels along a side"),
    ],
)
def test_what_is_no_picture_is_refused(picture, message):
    """The message says what was given and what is allowed, and transform which picture it is."""
    with pytest.raises(PhotoError, match=message):
        Photo().find(picture)
    with pytest.raises(PhotoError, match=f"picture 0: .*{message}"):
        Photo().transform([picture])


def test_parameters_are_checked():
    """A polarity that is none and ink that is as large as the image are named."""
    with pytest.raises(ParameterError, match="polarity"):
        Photo("bright").fit()
    with pytest.raises(ParameterError, match="ink_size must be less than size, 28; got 28"):
        Photo(ink_size=28).fit()


@pytest.mark.parametrize("row", range(3))
def test_a_drawing_becomes_what_a_picture_of_it_becomes(row):
    """Of a digit in one piece, all ink of a sheet gives the image that is found on it, within a level or two."""
    sheet = draw(IMAGES, [[row]], np.random.default_rng(row), CLEAN).picture
    ink = np.where(sheet < 250, 255 - sheet, 0).astype(np.uint8)
    [digit] = Photo(polarity="light").find(ink).digits
    drawn = drawn_digit(ink)
    assert abs(drawn.astype(int) - digit.pixels).max() <= 2
    assert drawn.max() == 255


def test_a_sheet_without_ink_is_an_image_without_ink():
    """Whatever its size, and of every size that is asked for; a dot is an image as well."""
    assert not drawn_digit(np.zeros((30, 50), np.uint8), 12, 9).any()
    dot = np.zeros((30, 50), np.uint8)
    dot[0, 49] = 1
    assert drawn_digit(dot, 12, 9).shape == (12, 12)
    assert drawn_digit(dot, 12, 9).max() == 255


def test_the_middle_of_a_symmetric_stroke_is_always_the_same():
    """Its centre of mass lies on the border of two pixels: wherever it is drawn, the image is the same."""
    images = []
    for at in range(20, 60):
        sheet = np.zeros((100, 120), np.uint8)
        sheet[at : at + 8, at : at + 56] = 255
        images.append(drawn_digit(sheet))
    assert all(np.array_equal(image, images[0]) for image in images)
