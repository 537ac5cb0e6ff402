"""dataset.digit_image: from awkward pictures back to MNIST's pixels, and clear words where that cannot be."""
import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from digits import enlarged, real_digits, trained_network
from pictures import PICTURES, several
from PIL import Image, ImageOps

from dataset.digit_image import bounding_box, center_digit, find_ink, read_picture


def prepared(path):
    return center_digit(find_ink(read_picture(path)))


def likeness(a, b):
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


def gradient(rng, shape, dark, light):
    """Light from one side, from `dark` to `light`."""
    angle = rng.uniform(0, 2 * np.pi)
    down, across = (np.linspace(0, 1, length, dtype=np.float32) for length in shape)
    slope = np.add.outer(np.cos(angle) * down, np.sin(angle) * across)
    return dark + (light - dark) * (slope - slope.min()) / np.ptp(slope)


def save_awkwardly(rng, digit, path):
    """Save the digit as a reader's picture may be: large, in a corner, unevenly lit, noisy, dark or light."""
    side = int(rng.integers(150, 501))
    shape = [int(side * rng.uniform(1, 1.4)) for _ in "hw"]
    corner = [int(rng.integers(2)) * (length - side) for length in shape]
    ink = enlarged(digit, side, shape, *corner)
    paper = gradient(rng, shape, rng.uniform(0.5, 0.8), 1)
    picture = paper * (1 - rng.uniform(0.5, 1) * ink)
    if rng.random() < 0.5:
        picture = 1 - picture
    if rng.random() < 0.7:
        picture += rng.uniform(0.02, 0.12) * rng.standard_normal(shape, np.float32)
    save(picture, path, rng)


def save(picture, path, rng=None):
    image = Image.fromarray(np.uint8(np.clip(picture, 0, 1) * 255))
    options = {"quality": int(rng.integers(20, 90))} if rng and path.suffix == ".jpg" else {}
    image.save(path, compress_level=1, **options)
    return path


def reads(digit, label):
    """Does the project's net read this digit, (28, 28), as the label?"""
    return trained_network().predict(digit[np.newaxis, np.newaxis]).argmax() == label


def test_awkward_pictures_become_what_mnist_made_of_them_and_are_read(tmp_path, rng):
    x, t = real_digits()
    right, alike = [], []
    for number, i in enumerate(rng.choice(len(x), 16, replace=False)):
        path = tmp_path / f"digit.{'jpg' if number % 2 else 'png'}"
        save_awkwardly(rng, x[i], path)
        digit = prepared(path)
        right.append(reads(digit, t[i]))
        alike.append(likeness(digit, x[i]))
    assert sum(right) >= 15
    assert np.median(alike) > 0.94 and min(alike) > 0.7     # thin ones become thicker


def test_pictures_of_every_kind_are_read(rng):
    x, t = real_digits()
    wrong = []
    for kind in 2 * list(PICTURES):
        i = rng.integers(len(x))
        try:
            right = reads(center_digit(find_ink(PICTURES[kind](rng, x[i]))), t[i])
        except ValueError:                      # too faint, or not one digit
            right = False
        if not right:
            wrong.append(kind)
    assert len(wrong) == len(set(wrong)) <= 4   # of 36, and no kind twice


@pytest.mark.parametrize("count", [2, 3])
def test_several_digits_are_not_read_as_one(count, rng):
    x, _ = real_digits()
    for _ in range(3):
        with pytest.raises(ValueError, match="expected one digit, got several"):
            find_ink(several(rng, x[rng.choice(len(x), count, replace=False)]))


def test_one_digit_above_another_is_two(rng):
    one = enlarged(real_digits()[0][0], 120, (300, 400), 20, 100)
    with pytest.raises(ValueError, match="got several"):
        find_ink(np.repeat(1 - np.maximum(one, np.roll(one, 130, axis=0))[:, :, np.newaxis], 3, axis=2))


def test_a_five_whose_bar_does_not_touch_it_is_one_digit():
    y, x = np.indices((300, 400))
    body = (np.abs(np.hypot(y - 180, x - 200) - 50) < 8) & ((x > 170) | (y > 200))
    five = body | ((np.abs(x - 165) < 8) & (y > 90) & (y < 165)) | ((np.abs(y - 80) < 8) & (x > 182) & (x < 260))
    ink = find_ink(np.repeat(1.0 - five[:, :, np.newaxis], 3, axis=2))
    assert ink[80, 220] == ink[120, 165] == ink[180, 250] == 1


def test_mnists_own_pictures_stay_as_they_are(tmp_path):
    digits = real_digits()[0][:10]
    for again in (center_digit, lambda digit: prepared(save(digit, tmp_path / "plain.png"))):
        alike = [likeness(again(digit), digit) for digit in digits]
        assert np.median(alike) > 0.94 and min(alike) > 0.8


@pytest.fixture
def ink():
    return enlarged(real_digits()[0][0], 240, (300, 400), 30, 150)


def test_shadows_table_edges_ruled_lines_and_specks_are_no_ink(ink, rng):
    expected = center_digit(ink)
    paper = np.ones((300, 400, 1)) * [0.9, 0.9, 0.8]
    pen = 1 - 0.7 * ink[:, :, np.newaxis]
    shadow = np.where(np.add.outer(np.arange(300), np.arange(400)) > 300, 1, 0.55)[:, :, np.newaxis]
    table = np.where(np.arange(400) < 60, 0.4, 1)[np.newaxis, :, np.newaxis]
    ruled = np.where(np.arange(300) % 25 < 2, 0.8, 1)[:, np.newaxis, np.newaxis]
    specks = np.ones((300, 400, 1))
    specks[40:46, 30:36] = specks[250:254, 60:64] = specks[280:284, 20:26] = 0
    for disturbance in (shadow, table, ruled, specks):
        noise = 0.01 * rng.standard_normal((300, 400, 1))
        picture = np.clip(paper * pen * disturbance + noise, 0, 1)
        assert likeness(center_digit(find_ink(picture)), expected) > 0.9
        assert likeness(center_digit(find_ink(1 - picture)), expected) > 0.9


@pytest.mark.parametrize("pen, paper", [
    ((1, 0.95, 0.2), (1, 1, 1)), ((0.2, 0.3, 0.9), (1, 1, 1)),
    ((0.2, 0.404, 0.2), (0.6, 0.2, 0.2)),           # as light as its ground, but of another colour
])
def test_coloured_ink(pen, paper, ink):
    picture = np.add(paper, ink[:, :, np.newaxis] * np.subtract(pen, paper))
    assert likeness(center_digit(find_ink(picture)), center_digit(ink)) > 0.95


def test_every_kind_of_png_and_jpeg(tmp_path, ink):
    expected = center_digit(ink)
    dark = np.uint8(255 * (1 - ink))
    gray = Image.fromarray(dark)
    black, white = Image.new("L", gray.size), Image.new("L", gray.size, 255)
    clear = Image.fromarray(255 - dark)
    images = {
        "gray.png": gray, "gray.jpg": gray, "bilevel.png": gray.convert("1", dither=Image.Dither.NONE),
        "rgb.png": gray.convert("RGB"), "rgb.jpg": gray.convert("RGB"), "cmyk.jpg": gray.convert("CMYK"),
        "palette.png": gray.convert("P"), "gray_alpha.png": Image.merge("LA", (gray, white)),
        "black_on_nothing.png": Image.merge("RGBA", (black, black, black, clear)),
        "white_on_nothing.png": Image.merge("RGBA", (white, white, white, clear)),
        "16_bit.png": Image.fromarray(np.uint16(dark) * 257),
        "16_bit_dim.png": Image.fromarray(np.uint16(dark) * 100 + 9000),
    }
    for name, image in images.items():
        image.save(tmp_path / name)
        assert likeness(prepared(tmp_path / name), expected) > 0.95, name
    gray.convert("P").save(tmp_path / "clear_palette.png", transparency=255)
    assert likeness(prepared(tmp_path / "clear_palette.png"), expected) > 0.95


def test_a_photo_cut_out_in_a_circle_keeps_its_ground(tmp_path, ink):
    y, x = np.indices(ink.shape)
    circle = np.uint8(255 * (np.hypot(y - 150, x - 270) < 149))
    photo = Image.fromarray(np.uint8(255 * (0.9 - 0.8 * ink))).convert("RGB")
    photo.putalpha(Image.fromarray(circle))
    photo.crop((121, 0, 400, 300)).save(tmp_path / "photo.png")
    assert likeness(prepared(tmp_path / "photo.png"), center_digit(ink)) > 0.95


def test_a_photo_is_turned_as_the_camera_noted(tmp_path, ink):
    upright = Image.fromarray(np.uint8(255 * (1 - ink)))
    exif = Image.Exif()
    exif[0x0112] = 6                # to be shown turned clockwise
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.jpg", exif=exif)
    picture = read_picture(tmp_path / "turned.jpg")
    assert picture.shape == (300, 400, 3)
    assert likeness(center_digit(find_ink(picture)), center_digit(ink)) > 0.95


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (3, 2), (400, 7), (400, 300)])
def test_blank_pictures_are_said_to_be_blank(shape):
    for value in (0, 0.5, 1):
        with pytest.raises(ValueError, match="nothing is drawn"):
            find_ink(np.full((*shape, 3), value, np.float32))


@pytest.mark.parametrize("noise", [0, 0.01, 0.1])
def test_noise_and_uneven_light_alone_are_blank(noise, rng):
    paper = gradient(rng, (300, 400), 0.4, 1) + noise * rng.standard_normal((300, 400))
    with pytest.raises(ValueError, match="nothing is drawn"):
        find_ink(np.repeat(np.clip(paper, 0, 1)[:, :, np.newaxis], 3, axis=2))


def test_files_that_are_no_whole_picture(tmp_path, ink):
    for name in ("picture.png", "picture.jpg"):
        file = BytesIO()
        Image.fromarray(np.uint8(255 * ink)).save(file, {"png": "PNG", "jpg": "JPEG"}[name[-3:]])
        whole = file.getvalue()
        for data, words in ((whole[:len(whole) // 2], "truncated"), (whole[:30], "PNG or JPEG"),
                            (b"", "cannot identify"), (b"A text, not a picture.\n" * 99, "cannot identify")):
            (tmp_path / name).write_bytes(data)
            with pytest.raises(ValueError, match=words) as error:
                read_picture(tmp_path / name)
            assert str(tmp_path / name) in str(error.value)
    Image.fromarray(np.uint8(255 * ink)).save(tmp_path / "digit.bmp")
    with pytest.raises(ValueError, match="PNG or JPEG"):
        read_picture(tmp_path / "digit.bmp")
    with pytest.raises(FileNotFoundError):
        read_picture(tmp_path / "missing.png")


@pytest.mark.parametrize("side", [14_000, 60_000])
def test_pictures_that_would_fill_the_memory_are_refused(side, tmp_path):
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks))
    with pytest.raises(ValueError, match=r"bomb.png: .* not too large \(Image size \([0-9]+ pixels\) exceeds limit"):
        read_picture(tmp_path / "bomb.png")


def test_digits_are_20_pixels_long_with_the_centre_of_mass_at_pixel_14():
    for angle in (0, 90):
        line = np.zeros((500, 400))
        line[50:450, 100:140] = 1
        line[400:450, 100:200] = 1              # an L: its mass lies low
        line = ImageOps.scale(Image.fromarray(np.float32(line)).rotate(angle, expand=True), 0.7)
        digit = center_digit(np.clip(line, 0, 1))
        top, bottom, left, right = bounding_box(digit)
        assert digit.shape == (28, 28) and digit.dtype == np.float32 and 0 <= digit.min() < digit.max() <= 1
        assert max(bottom - top, right - left) in (20, 21, 22)
        centre = [np.average(np.arange(28), weights=digit.sum(axis=axis)) for axis in (1, 0)]
        assert centre == pytest.approx([14, 14], abs=0.2)


def test_thin_lines_become_as_thick_as_mnists():
    y, x = np.indices((400, 400))
    for width in (1, 4, 10):
        ring = np.abs(np.hypot(y - 200, x - 200) - 150) < width / 2
        digit = center_digit(ring)
        assert digit.max() > 0.9
        assert 1.4 < digit[14, :14].sum() < 3       # one crossing of the ring


def test_no_part_of_a_digit_is_cut_off():
    heavy_foot = np.zeros((200, 200))
    heavy_foot[:, 98:102] = 1
    heavy_foot[180:] = 1                        # its centre of mass lies so low that the top would stand out
    digit = center_digit(heavy_foot)
    top, bottom, _, _ = bounding_box(digit)
    assert bottom - top in (20, 21, 22)


def test_no_ink_has_no_centre():
    with pytest.raises(ValueError, match="there is no ink"):
        center_digit(np.zeros((50, 50)))


@pytest.mark.parametrize("picture, words", [
    (np.zeros((28, 28)), r"expected a picture \(H, W, 3\) of values from 0.0 to 1.0, got shape \(28, 28\)"),
    (np.zeros((28, 28, 4)), r"got shape \(28, 28, 4\)"),
    (np.zeros((0, 28, 3)), r"got shape \(0, 28, 3\)"),
    (np.full((28, 28, 3), 255, np.uint8), "values from 0.0 to 1.0"),
    (np.full((28, 28, 3), np.nan), "values from 0.0 to 1.0"),
])
def test_what_is_no_picture_is_named(picture, words):
    with pytest.raises(ValueError, match=words):
        find_ink(picture)
