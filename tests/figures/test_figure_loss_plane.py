"""Losses on the triplet plane: the values and slopes are the loss's own."""

import numpy as np
import pytest

import zoo


def test_values_and_slopes_of_the_hinge():
    plane = zoo.figures.loss_on_plane(zoo.losses.get("batchhard", margin=0.2), points=5, arrows=3)
    expected = np.maximum(0, plane.grid[:, None] - plane.grid[None] + 0.2)  # rows: negative, columns: positive
    np.testing.assert_allclose(plane.values, expected, atol=1e-6)
    above = plane.places[:, None] - plane.places[None] + 0.2 > 0
    np.testing.assert_allclose(plane.slopes[above], [[-1, 1]] * above.sum(), atol=1e-4)
    assert not plane.slopes[~above].any()


def test_a_jump_has_the_slope_of_the_side_that_pays():
    plane = zoo.figures.loss_on_plane(zoo.losses.get("epshn"), points=3, arrows=3)
    diagonal = plane.slopes[np.arange(3), np.arange(3)]
    assert np.abs(diagonal).max() <= 5.1  # 1 / (2 T); the jump itself would be hundreds


def test_class_scores_lie_on_the_same_plane():
    plane = zoo.figures.loss_on_plane(zoo.losses.get("softmax"), points=4, arrows=2)
    np.testing.assert_allclose(plane.values, np.logaddexp(0, plane.grid[:, None] - plane.grid[None]), atol=1e-6)


def test_the_picture_has_a_panel_a_loss_and_refuses_what_is_not_finite():
    plane = zoo.figures.loss_on_plane(zoo.losses.get("triplet", denominator="valid"), points=5, arrows=3)
    figure = zoo.figures.triplet_plane({"a": plane, "b": plane, "c": plane}, columns=2)
    assert [axes.get_title("left") for axes in figure.axes] == ["a", "b", "c"]
    assert figure.axes[2].get_xlabel() == "similarity to the positive"
    with pytest.raises(ValueError, match="NaN"):
        zoo.figures.triplet_plane({"a": plane._replace(values=plane.values * np.nan)})
