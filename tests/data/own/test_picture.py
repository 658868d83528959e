"""One picture as grey values: every kind of pixel by its stated rule, and what is no picture by its reason."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from pipeline.data.own.picture import CONTRAST, MAX_PIXELS, PictureError, Rules, read_picture

RNG = np.random.default_rng(0)
GREY = RNG.integers(256, size=(6, 5), dtype=np.uint8)


def encoded(image, kind="PNG", **options):
    """Return the bytes of a picture's file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("GIF", {}), ("BMP", {}), ("TIFF", {}), ("PPM", {})])
def test_grey_comes_back_to_the_byte(kind, options):
    """Every format without loss gives what was put in."""
    assert read_picture(encoded(Image.fromarray(GREY), kind, **options), Rules()).tolist() == GREY.tolist()


def test_grey_in_colours_comes_back_to_the_byte():
    """So does grey that is stored as colour, opaque or in a palette."""
    image = Image.fromarray(GREY)
    for mode in ("RGB", "RGBA", "LA", "P"):
        assert read_picture(encoded(image.convert(mode)), Rules()).tolist() == GREY.tolist()


def test_colours_are_weighted():
    """Red, green and blue count 0.299, 0.587 and 0.114, as ITU-R 601-2 has it."""
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    assert read_picture(encoded(Image.fromarray(colours)), Rules()).tolist() == [[76, 150, 29]]


def test_one_bit_is_black_and_white():
    """A picture of one bit has the two ends of the range."""
    assert read_picture(encoded(Image.fromarray(GREY > 99)), Rules()).tolist() == (255 * (GREY > 99)).tolist()


def test_16_bits_are_rounded_to_8():
    """They are divided by 257, not cut off at 255."""
    values = np.array([[0, 128, 129, 300, 65535]], np.uint16)
    assert read_picture(encoded(Image.fromarray(values)), Rules()).tolist() == [[0, 0, 1, 1, 255]]


@pytest.mark.parametrize(("background", "expected"), [("black", [[100, 0, 50]]), ("white", [[155, 0, 78]])])
def test_what_is_transparent_is_the_background(background, expected):
    """The background shows through, and a white one and its ink are inverted together."""
    pixels = np.array([[[100, 255], [200, 0], [100, 128]]], np.uint8)
    found = read_picture(encoded(_la(pixels)), Rules(background=background))
    assert np.abs(found.astype(int) - expected).max() <= 1


def _la(pixels):
    """Return a picture of grey and opacity."""
    grey, opacity = (Image.fromarray(np.ascontiguousarray(pixels[..., channel])) for channel in (0, 1))
    return Image.merge("LA", (grey, opacity))


def test_a_transparent_colour_of_a_palette_is_the_background():
    """So is a colour that the file names as transparent."""
    image = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    image.putpalette([200, 200, 200, 90, 90, 90])
    content = encoded(image, transparency=0)
    assert read_picture(content, Rules()).tolist() == [[0, 90]]
    assert read_picture(content, Rules(background="white")).tolist() == [[0, 165]]


def test_the_turn_that_a_camera_notes_is_made():
    """A picture that was taken with the camera on its side stands upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    found = read_picture(encoded(Image.fromarray(GREY), exif=exif), Rules())
    assert found.tolist() == np.rot90(GREY, -1).tolist()


@pytest.mark.parametrize("kind", ["GIF", "TIFF"])
def test_the_first_frame_counts(kind):
    """Of an animation, or of several pages, the first picture is taken."""
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert read_picture(content, Rules()).tolist() == GREY.tolist()


@pytest.mark.parametrize("side", [(8, 8), (1, 1), (40, 40)])
def test_a_picture_of_the_size_stays_and_any_other_is_scaled(side):
    """One that has the size already is not touched; others are scaled as wholes."""
    pixels = RNG.integers(256, size=side, dtype=np.uint8)
    found = read_picture(encoded(Image.fromarray(pixels)), Rules(size=8))
    assert found.shape == (8, 8)
    assert abs(found.mean() - pixels.mean()) < 3
    if side == (8, 8):
        assert found.tolist() == pixels.tolist()


@pytest.mark.parametrize(("background", "around"), [("black", 0), ("white", 0)])
def test_proportions_are_kept(background, around):
    """A tall picture stands in the middle of its background, which is 0 at last."""
    pixels = np.full((8, 4), 100, np.uint8)
    found = read_picture(encoded(Image.fromarray(pixels)), Rules(4, background))
    ink = 100 if background == "black" else 155
    assert found.tolist() == [[around, ink, ink, around]] * 4


def test_a_line_of_30_000_pixels_is_scaled():
    """A side may be as long as it likes, if the whole is not too large; one pixel across is left at least."""
    found = read_picture(encoded(Image.new("L", (30_000, 2), 255)), Rules(size=28))
    assert found.shape == (28, 28)
    assert np.count_nonzero(found.any(axis=1)) == 1


def png_of(width, height):
    """Return the beginning of a PNG file that announces a size."""
    header = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    return png_from([(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")])


def png_from(chunks):
    """Return a PNG file of chunks."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


@pytest.mark.parametrize("size", [(30_000, 30_000), (8193, 8192), (12_000, 12_000)])
def test_a_bomb_is_refused_before_it_unfolds(size):
    """The bytes are few, and what they announce is not asked for."""
    with pytest.raises(PictureError, match=f"{MAX_PIXELS} (are read|pixels)"):
        read_picture(png_of(*size), Rules())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"label,pixel0\n", "it is a text file"),
        (b"%PDF-1.4", "it is a PDF document"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "it is a text file"),
        (encoded(Image.fromarray(GREY))[:40], "it is damaged"),
        (encoded(Image.fromarray(GREY))[:10], "it is damaged: it begins as a PNG image"),
        (encoded(Image.fromarray(GREY), "JPEG")[:-40], "it is damaged"),
        (png_of(10, 10_000), "it is damaged"),
        (encoded(Image.fromarray(GREY.astype(np.float32)), "TIFF"), "its pixels are fractions"),
        (encoded(Image.fromarray(GREY.astype(np.int32) + 70_000), "TIFF"), "its pixels have more than 16 bits"),
    ],
)
def test_what_is_no_picture_is_refused(content, words):
    """Each with its reason; a program that draws, as a PostScript file is one, is never run."""
    with pytest.raises(PictureError, match=words):
        read_picture(content, Rules())


RGB = Rules(colour="rgb")
COLOURS = RNG.integers(256, size=(6, 5, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_colours_come_back_to_the_byte(kind):
    """Every format without loss gives the red, green and blue that were put in."""
    assert read_picture(encoded(Image.fromarray(COLOURS), kind), RGB).tolist() == COLOURS.tolist()


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "I;16"])
def test_grey_has_three_equal_channels(mode):
    """Whatever grey is stored as, its colours are what its grey is."""
    pixels = GREY.astype(np.uint16) * 257 if mode == "I;16" else GREY
    image = Image.fromarray(pixels) if mode == "I;16" else Image.fromarray(pixels).convert(mode)
    found = read_picture(encoded(image), RGB)
    assert found.shape == (6, 5, 3)
    assert (found == read_picture(encoded(image), Rules())[..., np.newaxis]).all()


def test_colours_of_a_palette_and_of_inks():
    """A palette gives its colours, and cyan, magenta, yellow and black theirs."""
    image = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    image.putpalette([250, 10, 20, 0, 200, 100])
    assert read_picture(encoded(image), RGB).tolist() == [[[250, 10, 20], [0, 200, 100]]]
    inks = Image.merge("CMYK", [Image.new("L", (1, 1), value) for value in (255, 0, 0, 0)])
    assert read_picture(encoded(inks, "TIFF"), RGB).tolist() == [[[0, 255, 255]]]


@pytest.mark.parametrize(("background", "through"), [("black", 0), ("white", 255)])
def test_colours_lie_on_the_background_and_are_not_inverted(background, through):
    """What is transparent becomes the background, and so does what is added; what is opaque stays as it is."""
    pixels = np.array([[[10, 200, 30, 255]], [[10, 200, 30, 0]]], np.uint8)
    rules = Rules(background=background, colour="rgb")
    assert read_picture(encoded(Image.fromarray(pixels)), rules).tolist() == [[[10, 200, 30]], [[through] * 3]]
    square = read_picture(encoded(Image.fromarray(pixels)), Rules(2, background, "rgb"))
    assert square.shape == (2, 2, 3)
    assert {tuple(pixel) for pixel in square.reshape(-1, 3).tolist()} == {(10, 200, 30), (through,) * 3}


def test_16_bits_of_colour_are_8():
    """Of a PNG with 16 bits a channel, the upper 8 count."""
    row = np.array([[0x12FF, 0x3400, 0x5680]], ">u2").tobytes()
    header = struct.pack(">2I5B", 1, 1, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b"")]
    assert read_picture(png_from(chunks), RGB).tolist() == [[[0x12, 0x34, 0x56]]]


def test_a_coloured_picture_is_turned_and_scaled():
    """What a camera notes holds for colours, and each channel is scaled alike."""
    exif = Image.Exif()
    exif[0x0112] = 6
    assert read_picture(encoded(Image.fromarray(COLOURS), exif=exif), RGB).tolist() == np.rot90(COLOURS, -1).tolist()
    found = read_picture(encoded(Image.fromarray(COLOURS)), Rules(size=3, colour="rgb"))
    channels = [read_picture(encoded(Image.fromarray(COLOURS[..., one].copy())), Rules(size=3)) for one in range(3)]
    assert found.tolist() == np.stack(channels, axis=-1).tolist()


@pytest.mark.parametrize(
    ("ink", "alpha", "expected"),
    [
        (0, (255, 0), [[0, 255]]),
        (255, (255, 0), [[255, 0]]),
        (90, (255, 0), [[90, 255]]),
        (250, (255, 255, 255, 0), [[250, 250, 250, 255]]),
        (20, (255, 255, 255, 0), [[20, 20, 20, 0]]),
        (0, (0, 0), [[0, 0]]),
    ],
)
def test_strokes_on_nothing_stand_out(ink, alpha, expected):
    """Dark strokes get white behind them and light ones black; a page that lacks a corner gets one of its own kind."""
    pixels = np.array([[(ink, ink, ink, one) for one in alpha]], np.uint8)
    if alpha.count(255) == 1:  # strokes are the lesser part of a picture
        pixels = np.concatenate([pixels, *[pixels[:, 1:]] * 3], axis=1)
        expected = [[*expected[0], *[expected[0][1]] * 3]]
    assert read_picture(encoded(Image.fromarray(pixels)), Rules(background=CONTRAST)).tolist() == expected


def test_a_page_without_transparency_stays_as_it_is():
    """Neither is it inverted, whatever its background."""
    pixels = np.array([[200, 30], [210, 220]], np.uint8)
    assert read_picture(encoded(Image.fromarray(pixels)), Rules(background=CONTRAST)).tolist() == pixels.tolist()
