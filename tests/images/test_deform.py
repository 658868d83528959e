"""The whole warp beside a plain one of SciPy's, each deformation alone, and what a parameter object promises."""

import math

import numpy as np
import pytest
from scipy import ndimage

import pipeline.images.deform
from pipeline.images.deform import Deform, Deformer
from pipeline.images.warp import PIECE, Warp
from pipeline.parameters import ParameterError, parameters_of, read_parameters

EVERYTHING = {
    "rotation": 12,
    "scale": 0.15,
    "shear": 8,
    "translation": 1.5,
    "flip": True,
    "elastic": 34,
    "smoothness": 4.5,
}
ALONE = {
    "rotation": {"rotation": 15},
    "scale": {"scale": 0.2},
    "shear": {"shear": 10},
    "translation": {"translation": 2},
    "whole pixels": {"translation": 2, "whole_pixels": True},
    "flip": {"flip": True},
    "elastic": {"elastic": 34},
    "group": {"elastic": 34, "group": 5},
    "everything": EVERYTHING,
}


def images(n=9, shape=(28, 28), dtype=np.float32):
    """Return images of smooth blobs that reach the border, on 0..1."""
    noise = np.random.default_rng(1).random((n, *shape))
    return ndimage.uniform_filter(noise, (0, 3, 3)).reshape(n, -1).astype(dtype)


def drawn(n, seed=0, shape=(28, 28), **parameters):
    """Return the matrices (n, 2, 2), the shifts (n, 2) and the elastic fields (n, 2, height, width) that are drawn."""
    deformer = Deform(shape=shape, **parameters).prepare(math.prod(shape), np.float64)
    coefficients = deformer.draw(n, np.random.default_rng(seed))
    fields = np.tensordot(coefficients[:, :, 3:], deformer.basis[3:], axes=1).reshape(2, n, *shape)
    t = coefficients[:, :, 0].T - (np.array(shape) - 1) / 2
    return coefficients[:, :, 1:3].transpose(1, 0, 2), t, fields.transpose(1, 0, 2, 3)


def plainly(image, A, t, field, background=0.0):
    """Return u = c + A (x - c) + t + d(x) read by SciPy, on a page of background around the image."""
    c = (np.array(image.shape) - 1) / 2
    x = np.indices(image.shape)
    u = np.einsum("ab,bij->aij", A, x - c[:, None, None]) + (c + t)[:, None, None] + field
    return ndimage.map_coordinates(image, u, order=1, mode="grid-constant", cval=background)


@pytest.mark.parametrize("background", [0.0, -0.4])
@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (9, 14), (1, 5)])
@pytest.mark.parametrize("name", ALONE)
def test_the_warp_is_scipys(name, shape, background):
    """Every deformation, alone and with the others, is what SciPy reads at the same places, at the border as well."""
    X = images(9, shape, np.float64)
    parameters = ALONE[name] | {"shape": shape, "background": background}
    ours = Deform(**parameters).apply(X, np.random.default_rng(0))
    each = zip(X.reshape(-1, *shape), *drawn(9, **ALONE[name], shape=shape), strict=True)
    plain = [plainly(*one, background) for one in each]
    assert np.allclose(ours, np.reshape(plain, X.shape), rtol=0, atol=1e-12)
    assert not np.array_equal(ours, X) or shape == (1, 5)


def test_fields_are_as_strong_as_blurred_uniform_noise():
    """Drawn fields and uniform noise that SciPy blurs have, pixel by pixel, the same mean square and no mean."""
    _, _, fields = drawn(4000, elastic=34, smoothness=4.5)
    noise = np.random.default_rng(5).uniform(-1, 1, (4000, 28, 28))
    plain = 34 * ndimage.gaussian_filter(noise, (0, 4.5, 4.5), mode="constant")
    assert np.abs(fields.mean(axis=0)).max() < 0.1
    ours, theirs = np.mean(fields**2, axis=(0, 1)), np.mean(plain**2, axis=0)
    assert np.allclose(ours, theirs, rtol=0.15)
    assert ours.mean() == pytest.approx(theirs.mean(), rel=0.03)
    across = np.mean(fields[:, 0] * fields[:, 1], axis=0) / ours  # rows and columns know nothing of each other
    assert np.abs(across).max() < 0.1


@pytest.mark.parametrize(("elastic", "smoothness", "shape"), [(34, 4.5, (28, 28)), (10, 2, (28, 28)), (8, 3, (8, 12))])
def test_the_displacement_is_what_is_measured(elastic, smoothness, shape):
    """The length that is told beforehand is the root of the mean square of those that are drawn."""
    _, _, fields = drawn(2000, elastic=elastic, smoothness=smoothness, shape=shape)
    told = Deform(elastic=elastic, smoothness=smoothness).rms_displacement(shape)
    assert told == pytest.approx(math.sqrt(np.mean(np.sum(fields**2, axis=1))), rel=0.02)
    assert Deform(elastic=2 * elastic, smoothness=smoothness).rms_displacement(shape) == pytest.approx(2 * told)
    assert Deform().rms_displacement(shape) == 0


def test_the_displacement_has_an_old_name_for_a_release():
    """``pixels_moved`` says its new name; another name is an error as ever."""
    with pytest.warns(FutureWarning, match="pixels_moved is called rms_displacement now"):
        assert Deform(elastic=34).pixels_moved() == Deform(elastic=34).rms_displacement()
    with pytest.raises(AttributeError, match="'Deform' object has no attribute 'bent'"):
        Deform().bent  # noqa: B018 - that it cannot be read


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("shape", [(28, 28), (9, 14)])
def test_nothing_switched_on_changes_nothing(dtype, shape):
    """Without any deformation images come back bit by bit, in a new array."""
    X = np.random.default_rng(0).integers(256, size=(7, math.prod(shape))).astype(dtype)
    X = X if dtype == np.uint8 else X / dtype(255)
    Y = Deform(shape=shape).apply(X, np.random.default_rng(0))
    assert Y.dtype == (np.float32 if dtype == np.uint8 else dtype)
    assert np.array_equal(Y, X)
    assert not np.shares_memory(X, Y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reach", [1, 2])
def test_whole_pixels_are_moved_untouched(dtype, reach):
    """A shift by whole pixels moves bits, and every shift within reach comes up, each about as often."""
    n = 2000
    X = np.random.default_rng(0).random((n, 64)).astype(dtype)
    deform = Deform(translation=reach, whole_pixels=True)
    Y = deform.apply(X, np.random.default_rng(4)).reshape(n, 8, 8)
    _, t, _ = drawn(n, seed=4, translation=reach, whole_pixels=True, shape=(8, 8))
    framed = np.pad(X.reshape(n, 8, 8), ((0, 0), (reach, reach), (reach, reach)))
    for image, page, (down, right) in zip(Y, framed, t.astype(int) + reach, strict=True):
        assert np.array_equal(image, page[down : down + 8, right : right + 8])
    _, counts = np.unique(t, axis=0, return_counts=True)
    assert len(counts) == (2 * reach + 1) ** 2
    assert counts.min() > 0.6 * n / len(counts)


def test_flip_mirrors_half_of_the_images_bit_by_bit():
    """About every second image is left-right mirrored, the others are not touched."""
    X = images(400)
    Y = Deform(flip=True).apply(X, np.random.default_rng(0)).reshape(-1, 28, 28)
    mirrored = np.array([not np.array_equal(y, x) for x, y in zip(X.reshape(-1, 28, 28), Y, strict=True)])
    assert np.array_equal(Y[mirrored], X.reshape(-1, 28, 28)[mirrored, :, ::-1])
    assert 150 < mirrored.sum() < 250


def angles(A):
    """Return the degrees of rotations."""
    return np.degrees(np.arctan2(A[:, 1, 0], A[:, 0, 0]))


MEASURES = {
    "rotation": (lambda A, _: angles(A), {"rotation": 15}, -15, 15),
    "scale down": (lambda A, _: 1 / A[:, 0, 0], {"scale": 0.2}, 0.8, 1.2),
    "scale across": (lambda A, _: 1 / A[:, 1, 1], {"scale": 0.2}, 0.8, 1.2),
    "shear": (lambda A, _: np.degrees(np.arctan(A[:, 1, 0])), {"shear": 10}, -10, 10),
    "shift down": (lambda _, t: t[:, 0], {"translation": 1.5}, -1.5, 1.5),
    "shift across": (lambda _, t: t[:, 1], {"translation": 1.5}, -1.5, 1.5),
}


@pytest.mark.parametrize("name", MEASURES)
def test_each_parameter_alone_fills_its_bounds(name):
    """What is drawn is uniform between the bounds that were given, and everything else stays as it is."""
    measure, parameters, low, high = MEASURES[name]
    A, t, fields = drawn(3000, **parameters)
    within = (measure(A, t) - low) / (high - low)
    assert 0 <= within.min() < 0.01
    assert 0.99 < within.max() <= 1
    assert np.allclose(np.quantile(within, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.04)
    others = {name: (one, low, high) for name, (one, given, low, high) in MEASURES.items() if given != parameters}
    assert not fields.any()
    for other, (one, least, most) in others.items():
        still = one(A, t)
        expected = (least + most) / 2
        if not (name in {"rotation", "shear"} or other in {"rotation", "shear"}):  # these two share entries of A
            assert np.allclose(still, expected), other


@pytest.mark.parametrize("name", ALONE)
def test_same_seed_same_bytes(name):
    """The generator's state and the parameters decide every byte, whatever was deformed before; other seeds differ."""
    X = images(300)
    deformer = Deform(**ALONE[name]).prepare(784)
    first = deformer.apply(X, np.random.default_rng(7))
    other = deformer.apply(X, np.random.default_rng(8))
    again = deformer.apply(X, np.random.default_rng(7))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() == Deform(**ALONE[name]).apply(X, np.random.default_rng(7)).tobytes()
    assert first.tobytes() != other.tobytes()


def test_what_is_drawn_does_not_depend_on_the_images():
    """A generator stands where it stood after as many other images, of another type."""
    one, two = np.random.default_rng(0), np.random.default_rng(0)
    Deform(**EVERYTHING).apply(images(5), one)
    Deform(**EVERYTHING).apply(np.zeros((5, 784)), two)
    assert one.random() == two.random()


def test_switching_one_on_leaves_the_others_as_they_were():
    """Shifts are the same with and without rotation, so that two settings can be compared image by image."""
    _, alone, _ = drawn(50, translation=2)
    _, among, _ = drawn(50, **EVERYTHING | {"translation": 2})
    assert np.array_equal(alone, among)


@pytest.mark.parametrize("group", [1, 4, 100])
def test_a_group_shares_a_field_and_nothing_else(group):
    """Images of a group are bent alike, those of the next differently; affine maps stay one for each image."""
    A, _, fields = drawn(10, elastic=20, group=group, rotation=10)
    for i in range(1, 10):
        assert np.array_equal(fields[i], fields[i - 1]) == (i % group != 0)
        assert not np.array_equal(A[i], A[i - 1])


def test_shards_of_a_batch_are_the_batch(monkeypatch):
    """A batch in one piece, in many pieces, and in shards that took their part of what was drawn, is the same."""
    X, deform = images(50), Deform(**EVERYTHING)
    whole = deform.prepare(784)
    coefficients = whole.draw(50, np.random.default_rng(0))
    Y = whole.warp(X, coefficients)
    monkeypatch.setattr(pipeline.images.deform, "PIECE", 7 * 784)
    pieces = deform.prepare(784)
    assert np.allclose(pieces.warp(X, coefficients), Y, rtol=0, atol=1e-5)
    shards = [pieces.warp(X[rows], coefficients[:, rows]) for rows in (slice(13), slice(13, 50))]
    assert np.allclose(np.concatenate(shards), Y, rtol=0, atol=1e-5)


@pytest.mark.parametrize("shape", [(28, 28), (9, 14, 3)])
def test_images_are_read_by_a_loop_of_ones_own(shape):
    """It gets images, coordinates, shape and background, piece by piece, and what it leaves is the result."""
    n_pixels = math.prod(shape)
    X = np.random.default_rng(0).random((PIECE // math.prod(shape[:2]) + 5, n_pixels))
    deform = Deform(**EVERYTHING, shape=shape, background=0.3)
    deformer, sizes = deform.prepare(n_pixels, np.float64), []

    def loop(X, rows, columns, height, width, background, out):
        sizes.append(len(X))
        u = np.stack([rows, columns])
        Warp((height, width, *shape[2:]), len(X), np.float64, background)(X, u, out)

    deformer.read_by(loop)
    plain = deform.apply(X, np.random.default_rng(2))
    assert deformer.apply(X, np.random.default_rng(2)).tobytes() == plain.tobytes()
    assert sizes == [len(X) - 5, 5]


def test_types_agree():
    """uint8 pixels give float32 on their own scale, as floats of the same values do; float64 differs by rounding."""
    X = np.random.default_rng(0).integers(256, size=(20, 784), dtype=np.uint8)
    ours = {
        dtype: Deform(**EVERYTHING).apply(X.astype(dtype), np.random.default_rng(0)) for dtype in ("u1", "f4", "f8")
    }
    assert ours["u1"].dtype == ours["f4"].dtype == np.float32
    assert ours["f8"].dtype == np.float64
    assert np.array_equal(ours["u1"], ours["f4"])
    assert np.allclose(ours["f4"], ours["f8"], rtol=0, atol=0.05)


def test_images_can_be_written_over():
    """`out` may be the images themselves, or rows and columns of something larger; it is what is returned."""
    X = images(200)
    Y = Deform(**EVERYTHING).apply(X, np.random.default_rng(0))
    larger = np.zeros((200, 800), np.float32)
    out = larger[:, 3:787]
    assert Deform(**EVERYTHING).apply(X, np.random.default_rng(0), out) is out
    assert np.array_equal(out, Y)
    assert not larger[:, :3].any()
    assert not larger[:, 787:].any()
    Deform(**EVERYTHING).apply(X, np.random.default_rng(0), X)
    assert np.array_equal(X, Y)


def test_no_images_are_no_trouble():
    """A batch of none gives none."""
    assert Deform(**EVERYTHING).apply(np.empty((0, 784)), np.random.default_rng(0)).shape == (0, 784)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"rotation": -1}, "rotation must be a number >= 0 and <= 180; got -1"),
        ({"scale": 1}, "scale must be a number >= 0 and < 1; got 1"),
        ({"shear": 90}, "shear must be"),
        ({"translation": math.inf}, "translation must be"),
        ({"elastic": math.nan}, "elastic must be"),
        ({"elastic": 3, "smoothness": 0}, "smoothness must be a number > 0"),
        ({"group": 0}, "group must be an integer >= 1"),
        ({"flip": 1}, "flip must be true or false; got 1"),
        ({"shape": 28}, "shape must be"),
        ({"translation": 1.5, "whole_pixels": True}, "translation must be whole where whole_pixels is true; got 1.5"),
    ],
)
def test_what_is_not_allowed_is_refused_when_it_is_used(parameters, message):
    """The constructor takes anything; using it names the parameter, what is allowed and what was given."""
    deform = Deform(**parameters)
    with pytest.raises(ParameterError, match=message):
        deform.apply(images(1), np.random.default_rng(0))
    with pytest.raises(ParameterError, match=message):
        deform.prepare(784)


@pytest.mark.parametrize("shape", [(28, 27), (784,), (28, 28, 1), (28, 28, 3), ()])
def test_a_shape_must_suit_the_pixels(shape):
    """A shape with another number of pixels, or that is no height and width, is refused."""
    with pytest.raises(ValueError, match=r"of images of 784 pixels, or .* they are not shape"):
        Deform(shape=shape).prepare(784)


def test_images_that_are_no_square_need_a_shape():
    """Without a shape, pixels must make a square."""
    with pytest.raises(ValueError, match=r"images of 10 pixels, or .* they are not a square, grey or coloured"):
        Deform().apply(np.zeros((1, 10)), np.random.default_rng(0))
    assert Deform(shape=(3, 4)).apply(np.zeros((1, 12)), np.random.default_rng(0)).shape == (1, 12)


@pytest.mark.parametrize("X", [np.zeros(784), np.zeros((2, 28, 28)), np.zeros((2, 784), int), np.zeros((2, 784), "f2")])
def test_images_of_another_kind_are_refused(X):
    """Images are rows of a table, of float32, float64 or uint8."""
    with pytest.raises(ValueError, match="a table of float32, float64 or uint8; got"):
        Deform().apply(X, np.random.default_rng(0))


def test_arrays_that_do_not_match_are_refused():
    """Coefficients for other images, or a result of another size, are refused before anything is written."""
    deformer, rng = Deform(rotation=3).prepare(784), np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"must be of shape \(4, 784\); got \(3, 784\)"):
        deformer.warp(images(3), deformer.draw(4, rng))
    with pytest.raises(ValueError, match=r"got \(3, 784\) and \(4, 784\)"):
        deformer.apply(images(3), rng, np.empty((4, 784), np.float32))
    with pytest.raises(TypeError, match="Cannot cast"):
        deformer.apply(images(3), rng, np.empty((3, 784), np.uint8))


def test_its_text_is_the_call_that_makes_it():
    """Every parameter is named, and the text can be read back."""
    deform = Deform(**EVERYTHING)
    assert eval(repr(deform)) == deform  # noqa: S307 - our own text
    assert deform != Deform()


def test_every_parameter_has_a_type_and_a_sentence():
    """The check and the help are made from the signature and the docstring; `params.yaml` can say all of it."""
    for parameter in parameters_of(Deform).values():
        assert parameter.help.endswith("."), parameter.name
        assert parameter.allowed != "anything", parameter.name
        parameter.check(parameter.default)

    class Learner:
        def __init__(self, augmentation: Deform | None = None) -> None: ...

    read = read_parameters(Learner, {"augmentation": {"name": "deform", "rotation": 12, "shape": [28, 28]}}, "here")
    assert read["augmentation"] == Deform(rotation=12, shape=(28, 28))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("name", ALONE)
def test_channels_are_deformed_alike(name, dtype):
    """A coloured image is deformed as each of its channels would be with the same draw, whatever is switched on."""
    X = np.random.default_rng(0).integers(256, size=(9, 8, 11, 3)).astype(dtype)
    parameters = ALONE[name] | {"background": 40}
    coloured = Deform(**parameters, shape=(8, 11, 3)).apply(X.reshape(9, -1), np.random.default_rng(5))
    grey = Deform(**parameters, shape=(8, 11))
    channels = [grey.apply(X[..., one].reshape(9, -1), np.random.default_rng(5)) for one in range(3)]
    assert np.array_equal(coloured.reshape(9, -1, 3), np.stack(channels, axis=-1))
    assert not np.array_equal(coloured, X.reshape(9, -1))


def test_colours_without_a_shape():
    """Three numbers a pixel that make a square are a coloured one; in place they come to the same, piece by piece."""
    X = np.random.default_rng(0).random((PIECE // 64 + 3, 192))
    deformed = Deform(**EVERYTHING, shape=(8, 8, 3)).apply(X, np.random.default_rng(1))
    assert np.array_equal(Deform(**EVERYTHING).apply(X, np.random.default_rng(1), out=X), deformed)
    assert np.array_equal(X, deformed)


def test_a_background_of_colours_is_one_for_all():
    """It is the median of the outermost numbers, whatever the channel."""
    X = np.zeros((1, 4, 4, 3))
    X[...] = [0.1, 0.5, 0.9]
    X[:, 1:3, 1:3] = 7
    assert Deform(rotation=9).with_background_of(X.reshape(1, -1)).background == 0.5


def test_images_are_deformed_as_what_they_are():
    """Where grey images that are no squares would pass for coloured ones, the shape must be said."""
    with pytest.raises(ParameterError, match=r"augmentation.shape must be \[3, 4\], .* got None, .* images of 2x2x3"):
        Deform(rotation=9).check_shape((3, 4))
    Deform(rotation=9, shape=[3, 4]).check_shape((3, 4))
    Deform(rotation=9).check_shape((8, 8, 3))


def test_a_deformer_serves_one_shape():
    """What is prepared knows its shape, and the basis of its coordinates: three without an elastic field."""
    deformer = Deform(rotation=3).prepare(64)
    assert isinstance(deformer, Deformer)
    assert deformer.shape == (8, 8)
    assert deformer.basis.shape == (3, 64)
    assert deformer.basis.dtype == np.float32
