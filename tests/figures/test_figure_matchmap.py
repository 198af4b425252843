"""The picture of a matchmap: what is drawn where, and what is refused."""

import numpy as np
import pytest

from zoo.export.thumbnails import middle_square
from zoo.figures import draw_matchmap
from zoo.figures.matchmap import PIXELS


def products(frames=30):
    """A map in which frame 5 matches the upper left place and frame 20 the lower right one."""
    found = np.random.default_rng(0).normal(0, 0.01, (frames, 3, 3))
    found[4:7, 0, 0] += [0.5, 1.0, 0.5]
    found[19:22, 2, 2] += [0.4, 0.8, 0.4]
    return found


def test_the_moments_are_the_peaks_and_their_maps_are_drawn():
    found, image = products(), np.full((20, 40, 3), 200, "uint8")
    times = np.arange(30) * 0.1
    figure = draw_matchmap(found, image, times=times, words=[(0.4, 0.6, "five"), (1.9, 2.1, "导航")])
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:4] == ["image", "all frames", "1: 0.50 s", "2: 2.00 s"] and titles[4:6] == ["", ""]
    overlays = [axes.images[1].get_array() for axes in figure.axes[1:4]]
    np.testing.assert_allclose(overlays[0], found.mean(axis=0))
    np.testing.assert_allclose(overlays[1], found[5])
    np.testing.assert_allclose(overlays[2], found[20])
    curve = next(axes for axes in figure.axes if axes.get_ylabel() == "similarity" and axes.lines)
    np.testing.assert_allclose(curve.lines[0].get_xydata(), np.stack([times, found.max(axis=(1, 2))], axis=1))
    np.testing.assert_allclose(curve.lines[1].get_ydata(), found.mean(axis=(1, 2)))
    assert {"five", "导航", "1", "2"} <= {text.get_text() for text in curve.texts}
    text = figure.get_supxlabel()
    assert f"MISA {found.max(axis=(1, 2)).mean():.3f}" in text and f"SIMA {found.max(axis=0).mean():.3f}" in text


def test_the_image_is_cut_as_the_model_cuts_it():
    wide = np.zeros((10, 30, 3), "uint8")
    wide[:, 10:20] = 255  # the middle square
    assert (middle_square(wide, 10) > 250)[:, 1:-1].all()
    figure = draw_matchmap(products(), wide)
    assert figure.axes[0].images[0].get_array().shape == (PIXELS, PIXELS, 3)
    assert figure.axes[2].get_title() == "1: frame 5"


def test_one_frame_and_one_place():
    figure = draw_matchmap(np.ones((1, 1, 1)), np.zeros((4, 4), "uint8"))
    assert figure.axes[2].get_title() == "1: frame 0"


@pytest.mark.parametrize(
    "arguments, words",
    [
        ((np.ones((3, 2)), np.zeros((4, 4))), ["products", "[T, H, W]", "(3, 2)"]),
        ((np.full((3, 2, 2), np.nan), np.zeros((4, 4))), ["products", "finite"]),
        ((np.ones((3, 2, 2)), np.zeros((4, 4)), [1, 2]), ["times", "expected 3"]),
        ((np.ones((3, 2, 2)), b"no image"), ["image", "Pillow"]),
    ],
)
def test_bad_input_is_refused_by_name(arguments, words):
    with pytest.raises(ValueError) as error:
        draw_matchmap(*arguments)
    assert all(word in str(error.value) for word in words), error.value
