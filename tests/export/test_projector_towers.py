"""Both sides of a model of two towers as TensorBoard's own projector plugin serves them."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from test_projector_sprites import ask  # noqa: F401, a fixture
from towers import COLORS, IMAGES, LABELS, TEXTS, small

import zoo
from zoo.export.modalities import GROUNDS, label_tile


@pytest.fixture(scope="module")
def model():
    return small()


def test_the_plugin_serves_both_sides_with_modality_label_and_pictures(model, tmp_path, ask):  # noqa: F811
    sides = {"text": TEXTS, "image": IMAGES}
    assert zoo.export.project_towers(tmp_path / "run", model, sides, {kind: LABELS for kind in sides}) == tmp_path / "run"
    (info,) = json.loads(ask(tmp_path, "/info", run="run"))["embeddings"]
    header, *rows = ask(tmp_path, "/metadata", run="run", name="embedding").decode().splitlines()
    assert header.split("\t") == ["item", "modality", "label"]
    rows = [row.split("\t") for row in rows]
    tensor = np.frombuffer(ask(tmp_path, "/tensor", run="run", name="embedding"), "<f4").reshape(24, 6)
    (size, _) = info["sprite"]["singleImageDim"]
    sheet = Image.open(io.BytesIO(ask(tmp_path, "/sprite_image", run="run", name="embedding")))
    vectors = dict(zip(sides, model.predict((TEXTS, IMAGES)), strict=True))
    seen = {"text": set(), "image": set()}
    for place, (item, modality, label) in enumerate(rows):
        row = TEXTS.index(item) if modality == "text" else int(item)
        seen[modality].add(row)
        assert label == LABELS[row]
        np.testing.assert_allclose(tensor[place], vectors[modality][row], atol=1e-5)
        down, right = divmod(place, sheet.width // size)
        corner = np.asarray(sheet)[down * size + 1, right * size + 1].astype(int)
        ground = tuple(int(GROUNDS[0][i : i + 2], 16) for i in (1, 3, 5))
        assert np.abs(corner - (ground if modality == "text" else COLORS[label])).max() < 25
    assert seen == {"text": set(range(12)), "image": set(range(12))}


def test_tiles_hold_labels_of_any_length_and_script():
    for label in ("", "five", "a very long label of a class", "导航"):
        tile = label_tile(label)
        assert tile.shape == (48, 48, 3) and (label == "") == (len(np.unique(tile.reshape(-1, 3), axis=0)) == 1)


@pytest.mark.parametrize(
    "items, labels, words",
    [
        ({"text": TEXTS, "sound": TEXTS}, {"text": LABELS, "sound": LABELS}, ["text and image", "sound"]),
        ({"text": TEXTS}, {"image": LABELS}, ["text and image"]),
        ({"text": TEXTS}, {"text": LABELS[:3]}, ["labels['text']", "expected 12", "got 3"]),
        ({}, {}, ["text and image"]),
    ],
)
def test_bad_input_is_refused_by_name(model, tmp_path, items, labels, words):
    with pytest.raises(ValueError) as error:
        zoo.export.project_towers(tmp_path / "run", model, items, labels)
    assert all(word in str(error.value) for word in words), error.value
    assert not (tmp_path / "run").exists()
