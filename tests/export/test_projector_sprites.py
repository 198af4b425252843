"""Thumbnails of images, and the sheet of them that TensorBoard's projector shows beside the vectors."""

import io
import json
import os

import numpy as np
import pytest
from PIL import Image

from zoo.export import projector, thumbnails
from zoo.export.projector import write_projector
from zoo.export.thumbnails import sprite_sheet, thumbnail, thumbnail_size

RANDOM = np.random.default_rng(0)


def encoded(pixels, kind="PNG"):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def gray(value, height=8, width=8):
    return np.full((height, width), value, "uint8")


@pytest.fixture
def ask():
    """Function (logdir, route, ...) that asks TensorBoard's own projector plugin."""
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.plugins import base_plugin
    from tensorboard.plugins.projector.projector_plugin import ProjectorPlugin
    from werkzeug.test import Client

    def get(logdir, route, **query):
        runs = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(str(logdir))
        provider = data_provider.MultiplexerDataProvider(runs, str(logdir))
        plugin = ProjectorPlugin(base_plugin.TBContext(logdir=str(logdir), data_provider=provider))
        answer = Client(plugin.get_plugin_apps()[route]).get("/", query_string=query)
        assert answer.status_code == 200, answer.data
        return answer.data

    return get


@pytest.mark.parametrize("width", [3, 201])
def test_the_plugin_serves_each_row_with_its_own_thumbnail(tmp_path, ask, width):
    shades = np.arange(11) * 20
    images = [encoded(gray(shade)) for shade in shades]
    vectors = np.repeat(shades[:, None], width, axis=1) + RANDOM.random((11, width)) / 100
    write_projector(tmp_path / "run", vectors, {"label": shades}, images=images, image_size=4)
    infos = json.loads(ask(tmp_path, "/info", run="run"))["embeddings"]
    assert len(infos) == 1 + (width > 200)
    labels = [int(line) for line in ask(tmp_path, "/metadata", run="run", name="embedding").split()]
    tensor = np.frombuffer(ask(tmp_path, "/tensor", run="run", name="embedding"), "<f4").reshape(11, width)
    assert labels != sorted(labels) and np.round(tensor[:, 0]).astype(int).tolist() == labels
    for info in infos:
        assert info["sprite"]["singleImageDim"] == [4, 4]
        sheet = Image.open(io.BytesIO(ask(tmp_path, "/sprite_image", run="run", name=info["tensorName"])))
        assert sheet.format == "PNG" and sheet.size == (16, 16)
        # As the page does: so many columns as thumbnails are wide, row by row.
        tiles = np.asarray(sheet).reshape(4, 4, 4, 4, 3).swapaxes(1, 2).reshape(16, 4, 4, 3)
        assert tiles[:11, 1, 1, 0].tolist() == labels
        assert (tiles[:11] == tiles[:11, :1, :1]).all() and (tiles[11:] == 255).all()


def test_a_run_without_images_has_no_sheet(tmp_path, ask):
    write_projector(tmp_path / "run", np.eye(2), {"label": "ab"})
    assert "sprite" not in json.loads(ask(tmp_path, "/info", run="run"))["embeddings"][0]
    assert not (tmp_path / "run" / "sprite.png").exists()


def test_thumbnails_shrink_so_that_the_page_takes_the_sheet():
    for count in (1, 4, 28_900, 28_901, 40_000, 99_999, 100_000):
        size = thumbnail_size(count)
        side = int(np.ceil(np.sqrt(count)))
        assert side * size <= 8192 and (size == 48 or side * (size + 1) > 8192)
    assert [thumbnail_size(n) for n in (28_900, 28_901, 100_000)] == [48, 47, 25]


def test_images_too_many_for_a_sheet_are_sampled_and_said(tmp_path, monkeypatch):
    monkeypatch.setattr(projector, "SHEET", 20)
    monkeypatch.setattr(thumbnails, "SHEET", 20)
    images = [gray(shade) for shade in range(30)]
    message = "of 30 rows a sample of 16 is written: a sheet of 20 x 20 pixels holds no more images of 5 pixels"
    with pytest.warns(UserWarning, match=message):
        run = write_projector(tmp_path / "a", np.arange(30)[:, None], {"label": range(30)}, images=images, image_size=5)
    labels = [int(line) for line in (run / "metadata.tsv").read_text().split()]
    sheet = np.asarray(Image.open(run / "sprite.png"))
    assert sheet.shape == (20, 20, 3) and len(set(labels)) == 16
    assert sheet[2::5, 2::5, 0].ravel().tolist() == labels
    run = write_projector(tmp_path / "b", np.arange(30)[:, None], {"label": range(30)}, images=images)
    assert Image.open(run / "sprite.png").size == (18, 18), "thumbnails of 3 pixels, none left out"


def test_files_paths_and_pixels_give_the_same_thumbnail(tmp_path):
    pixels = np.kron(RANDOM.integers(256, size=(4, 6, 3)), np.ones((4, 4, 1))).astype("uint8")
    path = tmp_path / "名.png"
    path.write_bytes(encoded(pixels))
    expected = thumbnail(pixels, 12)
    assert expected.shape == (12, 12, 3) and expected.dtype == np.uint8
    assert (expected[:2] == 255).all() and (expected[-2:] == 255).all() and not (expected[2:-2] == 255).all()
    for image in (encoded(pixels), str(path), path, pixels.astype("float32"), pixels.tolist()):
        np.testing.assert_array_equal(thumbnail(image, 12), expected)


def test_every_kind_of_pixels_is_seen_as_it_is():
    assert (thumbnail(np.array([[True]]), 2) == 255).all() and not thumbnail(np.array([[False]]), 2).any()
    assert (thumbnail(gray(7)[..., None], 3) == 7).all()
    clear = np.zeros((4, 4, 4), "uint8")
    assert (thumbnail(clear, 4) == 255).all(), "alpha is laid over white"
    clear[..., 3] = 255
    assert not thumbnail(clear, 4).any()
    deep = np.full((4, 4), 0x8000, "uint16")
    assert (thumbnail(encoded(deep), 4) == 0x80).all(), "16 bits are scaled, not cut"
    mapped = Image.fromarray(gray(200)).convert("P")
    buffer = io.BytesIO()
    mapped.save(buffer, "GIF")
    assert (thumbnail(buffer.getvalue(), 4) == 200).all()
    assert thumbnail(gray(0, 1, 1000), 8).shape == (8, 8, 3)


def test_a_large_photograph_is_decoded_small():
    big = np.kron(RANDOM.integers(256, size=(8, 8, 3)), np.ones((250, 250, 1))).astype("uint8")
    small = np.asarray(Image.fromarray(big).resize((8, 8), Image.Resampling.BOX), int)
    assert np.abs(thumbnail(encoded(big, "JPEG"), 64)[4::8, 4::8].astype(int) - small).max() < 12


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (b"no image", r"images\[2\]: expected a file .* got 8 bytes that Pillow cannot read"),
        ("/no/such/file.png", r"images\[2\]: expected .* got '/no/such/file.png' that Pillow cannot read .*No such file"),
        (encoded(gray(9, 99, 99))[:90], r"images\[2\]: .*truncated"),
        (np.zeros(4), r"images\[2\]: expected .* got shape \(4,\)"),
        (np.zeros((3, 8, 8)), r"images\[2\]: expected .* got shape \(3, 8, 8\); put the channels last"),
        (np.zeros((0, 8)), r"images\[2\]: expected .* got shape \(0, 8\)"),
        (np.full((2, 2), -1.0), r"images\[2\]: expected pixels from 0 to 255, got -1 to -1"),
        (np.full((2, 2), np.nan), r"images\[2\]: expected pixels from 0 to 255, got nan"),
        (None, r"images\[2\]: expected a file"),
    ],
)
def test_what_is_no_image_is_named_and_nothing_written(tmp_path, image, message):
    with pytest.raises(ValueError, match=message):
        write_projector(tmp_path / "run", np.eye(3), {"label": "abc"}, images=[gray(0), gray(0), image])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"images": [gray(0)]}, "images: expected 3 images, one a row, got 1"),
        ({"image_size": 8}, "image_size: expected None where there are no images, got 8"),
        ({"images": [gray(0)] * 3, "image_size": 0}, "image_size must be a whole number of at least 1, not 0"),
        ({"images": [gray(0)] * 3, "image_size": 8193}, "image_size: expected at most 8192 pixels"),
    ],
)
def test_bad_settings_of_images_are_named(tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        write_projector(tmp_path / "run", np.eye(3), {"label": "abc"}, **settings)
    assert os.listdir(tmp_path) == []


def test_a_sheet_is_filled_in_the_order_of_its_rows():
    sheet = np.asarray(sprite_sheet([gray(v) for v in (10, 20, 30, 40, 50)], 2, [4, 0, 3]))
    assert sheet[::2, ::2, 0].tolist() == [[50, 10], [40, 255]]
