"""Sheets of sentences and images: what is right is marked so, and what does not fit is refused by name."""

import matplotlib.colors as colors
import numpy as np
import pytest

from zoo.figures import captions_of_images, images_of_captions
from zoo.figures.sheet import RIGHT, WRONG

IMAGES = np.arange(3 * 64, dtype="uint8").reshape(3, 8, 8)
CAPTIONS = ["a plane", "导航到高铁东站", "$x$ " * 60, "a ship"]


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_images_are_framed_by_whether_they_match_in_the_order_given():
    figure = images_of_captions(
        CAPTIONS[:2], IMAGES, [[2, 0], [1, 1]], [[True, False], [False, True]], labels=["x", "y", "z"],
        similarity=[[0.5, 0.25], [0, 1]],
    )  # fmt: skip
    first, found, other = figure.axes[0], figure.axes[1], figure.axes[2]
    assert texts(first) == ["a plane"] and texts(found) == ["✓", "z\n0.500"] and texts(other) == ["✗", "x\n0.250"]
    np.testing.assert_allclose(found.images[0].get_array()[0, 0].astype(int), IMAGES[2, 0, 0], atol=3)
    frames = [axes.patches[0].get_edgecolor() for axes in (found, other)]
    assert frames == [colors.to_rgba(RIGHT["edgecolor"]), colors.to_rgba(WRONG["edgecolor"])]
    assert texts(figure.axes[3]) == ["导航到高铁东站"]


def test_sentences_are_listed_with_their_mark_and_cut_to_one_line():
    figure = captions_of_images(IMAGES[:1], CAPTIONS, [[3, 2]], [[True, False]], labels=["sea"], similarity=[[0.9, 0.1]])
    image, found = figure.axes
    assert texts(image) == ["sea"]
    assert texts(found)[:3] == ["✓", "0.900  a ship", "✗"] and texts(found)[3].endswith("…")
    assert "\n" not in texts(found)[3] and len(found.texts) == 4


def test_nothing_leaves_the_picture():
    long = ["one very long sentence about a plane on a runway beside a field of grass and some houses with red roofs"] * 2
    for figure in (
        images_of_captions(long, IMAGES, [[0, 1, 2]] * 2, np.ones((2, 3), bool), note="A note. " * 30),
        captions_of_images(IMAGES[:2], long * 3, [[0, 1, 2, 3, 4, 5]] * 2, np.ones((2, 6), bool), note="A note. " * 30),
    ):
        figure.draw_without_rendering()
        box = figure.bbox.padded(1)
        for axes in figure.axes:
            for text in axes.texts:
                extent = text.get_window_extent()
                assert box.x0 <= extent.x0 and extent.x1 <= box.x1 and box.y0 <= extent.y0 and extent.y1 <= box.y1, text


@pytest.mark.parametrize(
    "change, words",
    [
        ({"nearest": [[0, 3]]}, ["rows 0 to 2 of images", "3"]),
        ({"nearest": [[0.0, 1.0]]}, ["integers [Q, k]"]),
        ({"nearest": [[0, 1], [1, 2]]}, ["1 rows", "captions", "2"]),
        ({"right": [[1, 0]]}, ["booleans", "(1, 2)"]),
        ({"similarity": [0.5]}, ["similarity", "(1, 2)"]),
        ({"nearest": [[0] * 13], "right": [[True] * 13]}, ["at most 20", "12"]),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change, words):
    settings = {"nearest": [[0, 1]], "right": [[True, False]]} | change
    with pytest.raises(ValueError) as error:
        images_of_captions(CAPTIONS[:1], IMAGES, **settings)
    assert all(word in str(error.value) for word in words), error.value
