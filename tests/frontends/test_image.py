"""Image files of every format, odd sizes and broken ones, beside Pillow."""

import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo.frontends import ImageFrontend

PIXELS = np.asarray(Image.fromarray(np.random.default_rng(0).integers(0, 255, (5, 7, 3), "uint8")).resize((140, 100)))


def encode(mode="RGB", format="PNG", pixels=PIXELS, **settings):
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, format, **settings)
    return file.getvalue()


def header(width, height):
    """A PNG that promises more than it holds."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    chunks = [struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    "mode, format, far",
    [("RGB", "PNG", 0), ("P", "PNG", 2), ("RGBA", "PNG", 0), ("RGB", "BMP", 0), ("RGB", "JPEG", 3), ("CMYK", "JPEG", 3)]
    + [("RGB", "GIF", 8), ("RGB", "WEBP", 4)],
)
def test_formats_hold_the_same_picture(mode, format, far):
    pixels, ok = ImageFrontend(size=32).pixels([encode(mode, format, **({"quality": 95} if format == "JPEG" else {}))])
    expected = ImageFrontend(size=32).pixels(PIXELS[None])[0]
    assert pixels.shape == (1, 32, 32, 3) and bool(ok[0])
    assert float(np.abs(pixels - expected).mean()) <= far  # JPEG, GIF and WebP lose a little


@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_grey_files_have_equal_channels(mode):
    pixels = ImageFrontend(size=32).pixels([encode(mode)])[0][0].numpy()
    assert (pixels == pixels[..., :1]).all() and pixels.std() > 1
    assert ImageFrontend(size=32, channels=1)([encode("RGB")]).shape == (1, 32, 32, 1)


def test_deep_files_keep_their_range():
    file = io.BytesIO()
    Image.fromarray(np.full((9, 9), 65535, "uint16")).save(file, "PNG")
    np.testing.assert_allclose(ImageFrontend(size=4).pixels([file.getvalue()])[0], 255, atol=1e-3)


@pytest.mark.parametrize("colors", [2, 4, 16, 200])
def test_palettes_of_few_bits_keep_their_colors(colors):
    image = Image.fromarray(PIXELS).quantize(colors)
    file = io.BytesIO()
    image.save(file, "PNG", bits=max(1, (colors - 1).bit_length()))
    expected = ImageFrontend(size=16).pixels(np.asarray(image.convert("RGB"))[None])[0]
    np.testing.assert_allclose(ImageFrontend(size=16).pixels([file.getvalue()])[0], expected, atol=1e-3)


def test_alpha_lies_over_white():
    pixels = np.zeros((4, 4, 4), "uint8")
    pixels[:, 2:, 3] = 255  # black and opaque on the right
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    for given in ([file.getvalue()], pixels[None]):
        seen = ImageFrontend(size=4).pixels(given)[0][0, 0, :, 0].numpy()
        assert seen.tolist() == [255, 255, 0, 0]


def test_jpeg_is_decoded_as_pillow_does():
    data = encode(format="JPEG", pixels=PIXELS[:100, 20:120])
    expected = np.asarray(Image.open(io.BytesIO(data)), "float32")
    assert np.abs(ImageFrontend(size=100).pixels([data])[0][0] - expected).max() == 0


def test_the_middle_square_is_cut_out_after_scaling_the_shorter_side():
    image = np.zeros((1, 40, 80), "uint8")
    image[:, 10:30, 30:50] = 255  # what is left of the middle at half of the shorter side
    pixels = ImageFrontend(size=20, resize=40, channels=1).pixels(image)[0]
    assert (pixels.numpy() == 255).all()
    assert ImageFrontend(size=20, channels=1).pixels(image)[0].numpy().min() == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (3, 2)])
def test_tiny_and_long_images_are_scaled(shape):
    x = ImageFrontend(size=16)(np.full((2, *shape), 255, "uint8"))
    np.testing.assert_allclose(x, np.ones((2, 16, 16, 3)), atol=1e-6)  # (255 - 127.5) / 127.5


def test_what_is_no_image_is_told_apart_and_the_rest_answered():
    good = encode()
    files = [b"", b"\x00", b"hello world", b"%PDF-1.4", b"\xff\xd8", header(20_000, 20_000)]
    files += [good, b"RIFFxxxxWAVE", encode("L")]
    x, ok = ImageFrontend(size=8).checked(files)
    assert ok.numpy().tolist() == [False] * 6 + [True, False, True]
    assert (x.numpy()[~ok.numpy()] == 0).all()
    np.testing.assert_array_equal(x[6], ImageFrontend(size=8)([good])[0])


@pytest.mark.parametrize("data", [encode(format="JPEG")[:600], encode()[:-200], header(100, 100)])
def test_a_file_that_breaks_off_is_refused(data):
    with pytest.raises(tf.errors.InvalidArgumentError):
        ImageFrontend(size=8)([data])
    with pytest.raises(ValueError, match=r"items \[1\] are no JPEG"):
        ImageFrontend(size=8)([encode(), b"text", encode()])


def test_statistics_come_from_the_training_images_and_are_saved(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (50, 12, 12, 3), "uint8")
    frontend = ImageFrontend(size=12)
    frontend.adapt(images)
    np.testing.assert_allclose(frontend.mean, images.mean((0, 1, 2)), rtol=1e-6)
    x = ImageFrontend.from_config(frontend.get_config())(images).numpy()
    np.testing.assert_allclose(x.mean((0, 1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(x.std((0, 1, 2)), 1, atol=1e-4)
    with pytest.raises(ValueError, match="none to take statistics from"):
        ImageFrontend().adapt([])


def test_training_images_are_cut_and_mirrored_by_their_seed():
    ramp = np.broadcast_to(np.arange(0, 240, 4, "uint8"), (300, 60, 60))  # brighter to the right
    frontend = ImageFrontend(size=20, channels=1, crop=0.25, flip=True)
    x = frontend.augmented(ramp, [1, 2]).numpy()[..., 0]
    np.testing.assert_array_equal(x, frontend.augmented(ramp, [1, 2]).numpy()[..., 0])
    assert np.abs(x - frontend.augmented(ramp, [1, 3]).numpy()[..., 0]).max() > 0.1
    mirrored = x[:, 0, 0] > x[:, 0, -1]
    assert 0.4 < mirrored.mean() < 0.6
    share = np.abs(x[:, 0, -1] - x[:, 0, 0]) * 127.5 / 236  # of the width that a cut keeps
    assert share.min() > 0.35 and share.max() <= 1 and share.std() > 0.05  # sqrt(0.25 * 3 / 4) = 0.43, less half a pixel
    np.testing.assert_array_equal(ImageFrontend(size=20).augmented(ramp, [1, 2]), ImageFrontend(size=20)(ramp))


def test_files_paths_pixels_pipeline_and_graph_give_the_same(tmp_path):
    files = [encode(), encode("L"), encode(format="JPEG")]
    paths = [str(tmp_path / f"{i}") for i in range(3)]
    for path, data in zip(paths, files, strict=True):
        with open(path, "wb") as file:
            file.write(data)
    frontend = ImageFrontend(size=24, resize=30, mean=[1, 2, 3], std=[50, 60, 70], bgr=True)
    expected = frontend(files).numpy()
    graph = tf.function(frontend.checked, input_signature=[frontend.raw_spec])
    np.testing.assert_allclose(graph(tf.constant(files))[0], expected, atol=1e-5)  # the compiler fuses
    np.testing.assert_array_equal(frontend(paths), expected)
    for items in (files, paths):
        np.testing.assert_allclose(np.concatenate(list(frontend.dataset(items, 2))), expected, atol=1e-5)
    np.testing.assert_allclose(frontend(PIXELS[None])[0], expected[0], atol=1e-5)
    assert graph(tf.zeros([0], tf.string))[0].shape == (0, 24, 24, 3)


@pytest.mark.parametrize(
    "settings, words",
    [
        (dict(size=0), ["size", "0"]),
        (dict(size=32, resize=16), ["resize", "32"]),
        (dict(channels=2), ["channels", "1 or 3"]),
        (dict(mean=1.0), ["mean and std"]),
        (dict(crop=0.0), ["crop", "0.01"]),
        (dict(flip="yes"), ["flip"]),
        (dict(mean=[1, 2], std=1.0), ["mean", "3 channels"]),
        (dict(mean=1.0, std=0.0), ["std", "above 0"]),
    ],
)
def test_bad_settings_are_named(settings, words):
    with pytest.raises(ValueError) as error:
        ImageFrontend(**settings)
    assert all(word in str(error.value) for word in words)


@pytest.mark.parametrize("items", [np.zeros((4, 4), "uint8"), np.zeros((2, 4, 4, 5), "uint8"), [b"x", 3]])
def test_what_is_neither_files_nor_pixels_is_refused(items):
    with pytest.raises(ValueError, match="images must"):
        ImageFrontend(size=8)(items)
