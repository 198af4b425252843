"""Projections, limits, logits and features: what is drawn is what was given, and bad input is named."""

import numpy as np
import pytest

from zoo.figures import encoding_frame, fit_projection, fixed_limits, plane_features, two_logits
from zoo.figures.classes import MOST_CLASSES, class_styles

RANDOM = np.random.default_rng(0)
BOX = ((-3.0, 3.0), (-3.0, 3.0))


def drawn_points(axes):
    lines = [line for line in axes.lines if line.get_marker() not in ("None", "", None)]
    return np.concatenate([line.get_xydata() for line in lines])


def test_projection_is_the_pca_of_what_it_was_fitted_on():
    x = RANDOM.normal(size=(50, 6)) * [5, 3, 1, 1, 1, 1]
    projection = fit_projection(x)
    centered = x - x.mean(axis=0)
    values = np.linalg.svd(centered, compute_uv=False) ** 2
    np.testing.assert_allclose(projection.explained, (values / values.sum())[:2])
    np.testing.assert_allclose((projection.transform(x) ** 2).sum(axis=0), values[:2])


def test_collapsed_encodings_are_drawn():
    projection = fit_projection(np.full((5, 3), 2.0))
    assert projection.explained == (0.0, 0.0)
    assert np.isfinite(projection.transform(np.ones((4, 3)))).all()
    (low, high), _ = fixed_limits([np.zeros((4, 2))])
    assert low < 0 < high


def test_limits_are_quantiles_over_all_epochs_plus_a_tenth():
    epochs = [np.stack([np.linspace(0, 1, 1001)] * 2, axis=1), np.stack([np.linspace(0, 1, 1001)] * 2, axis=1)]
    (low, high), _ = fixed_limits(epochs)
    np.testing.assert_allclose([low, high], [0.01 - 0.098, 0.99 + 0.098], atol=1e-3)


def test_frame_has_fixed_limits_epoch_and_variance():
    points = {"triplet": RANDOM.normal(size=(40, 2)), "hinge": RANDOM.normal(size=(40, 2))}
    labels = ["other", "navigation"] * 20
    figure = encoding_frame(
        points,
        labels,
        ["navigation", "other"],
        7,
        dict.fromkeys(points, BOX),
        {"triplet": (0.6, 0.001), "hinge": (1, 0)},
    )
    assert figure.get_suptitle().endswith("epoch 7")
    for axes, (name, expected) in zip(figure.axes, points.items()):
        assert axes.get_title("left") == name
        assert (axes.get_xlim(), axes.get_ylim()) == BOX
        assert sorted(map(tuple, drawn_points(axes))) == sorted(map(tuple, expected))
    assert figure.axes[0].get_xlabel() == "component 1 (60 %)"
    assert figure.axes[0].get_ylabel() == "component 2 (<1 %)"
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["navigation", "other"]


def test_many_classes_share_one_gray_entry():
    labels = np.repeat(np.arange(30), np.arange(30, 0, -1))
    styles = class_styles(labels, [f"class {i}" for i in range(30)])
    assert len(styles) == MOST_CLASSES + 1
    assert styles[0].name == "10 other classes" and set(styles[0].ids) == set(range(20, 30))
    assert len({(s.color, s.marker) for s in styles}) == len(styles)


def test_six_panels_and_many_classes_stay_on_the_page():
    labels = np.arange(60) % 30
    panels = {f"model {i} with a rather long name for its panel": RANDOM.normal(size=(60, 2)) for i in range(6)}
    figure = encoding_frame(
        panels, labels, [f"intent {'x' * 40} {i}" for i in range(30)], 0, dict.fromkeys(panels, BOX)
    )
    box, page = figure.get_tightbbox(), figure.get_size_inches()
    assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= page[0] and box.y1 <= page[1]
    legend = figure.legends[0].get_window_extent()
    texts = [figure._suptitle, *(axes.title for axes in figure.axes), *(axes._left_title for axes in figure.axes)]
    assert not any(legend.overlaps(t.get_window_extent()) for t in texts if t.get_text())


@pytest.mark.parametrize(
    "change, message",
    [
        ({"panels": {}}, "panels: expected a dict"),
        (
            {"panels": {"a": np.full((3, 2), np.nan)}},
            r"panels\['a'\]: expected finite numbers, got NaN or infinity in 3 of 3 rows",
        ),
        ({"panels": {"a": np.zeros((3, 3))}}, r"panels\['a'\]: expected a \(M, 2\) array"),
        ({"panels": {str(i): np.zeros((3, 2)) for i in range(7)}}, "panels: expected at most 6 entries, got 7"),
        ({"labels": [0, 1]}, r"labels: expected shape \(3,\), got \(2,\)"),
        ({"labels": [0, 1, 2]}, "labels: expected ids 0 to 1 for 2 class_names, got 0 to 2"),
        ({"labels": [0.0, 1.0, 0.5]}, "labels: expected integers or strings, got float64"),
        ({"labels": ["x", "y", "xx"]}, "labels: unknown class 'xx'; did you mean 'x'"),
        ({"limits": {}}, "limits: expected an entry for each of panels, got none for 'a'"),
    ],
)
def test_bad_frames_are_named(change, message):
    good = {
        "panels": {"a": np.zeros((3, 2))},
        "labels": [0, 1, 1],
        "class_names": ["x", "y"],
        "epoch": 0,
        "limits": {"a": BOX},
    }
    with pytest.raises(ValueError, match=message):
        encoding_frame(**{**good, **change})


@pytest.mark.parametrize(
    "bad", [np.zeros((1, 4)), np.zeros((4, 1)), np.array([[1.0, np.inf], [0, 0]]), "text", np.zeros(3)]
)
def test_bad_encodings_are_named(bad):
    with pytest.raises(ValueError, match="encodings: expected"):
        fit_projection(bad)


def test_logits_have_both_lines_and_their_accuracy():
    logits = np.array([[2.0, -2.0], [-1.0, 1.0], [3.0, -3.0], [-2.0, 2.0]])
    panels = {"triplet, train": (logits, [0, 1, 0, 0]), "triplet, test": (logits, [0, 1, 0, 1])}
    figure = two_logits(panels, ["other", "navigation"])
    assert [axes.get_title("left").split("\n")[-1] for axes in figure.axes] == ["accuracy 0.750", "accuracy 1.000"]
    axes = figure.axes[0]
    lines = [line.get_xydata() for line in axes.lines if line.get_marker() == "None"]
    assert any((line[:, 0] == -line[:, 1]).all() for line in lines) and any(
        (line[:, 0] == line[:, 1]).all() for line in lines
    )
    assert sorted(map(tuple, drawn_points(axes))) == sorted(map(tuple, logits))
    assert axes.get_xlabel() == "x, logit of other" and axes.get_ylabel() == "y, logit of navigation"
    assert [t.get_text() for t in figure.legends[0].get_texts()][-2:] == ["y = −x", "y = x, decision"]
    about = " ".join(figure.get_supxlabel().split())
    assert "sums to zero" in about and "no sign of separability" in about


def test_the_caption_of_the_logits_tells_the_truth():
    """Gradient descent on cross-entropy leaves the sum of the two columns of the kernel where it was."""
    x, labels = RANDOM.normal(size=(64, 5)), RANDOM.integers(2, size=64)
    kernel = start = RANDOM.normal(size=(5, 2))
    for _ in range(200):
        logits = x @ kernel
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        kernel = kernel - 0.1 * x.T @ (shares - np.eye(2)[labels]) / 64
    np.testing.assert_allclose(kernel.sum(axis=1), start.sum(axis=1), atol=1e-12)
    assert np.abs(kernel - start).max() > 0.05


@pytest.mark.parametrize(
    "panels, names, message",
    [
        ({"a": (np.zeros((2, 3)), [0, 1])}, ["x", "y"], r"panels\['a'\] logits: expected a \(M, 2\) array"),
        ({"a": (np.array([[0, np.nan]]), [0])}, ["x", "y"], r"panels\['a'\] logits: .*NaN"),
        ({"a": (np.zeros((2, 2)), [0])}, ["x", "y"], r"panels\['a'\] labels: expected shape"),
        ({"a": np.zeros((3, 2))}, ["x", "y"], r"panels\['a'\]: expected \(logits, labels\)"),
        ({"a": (np.zeros((2, 2)), [0, 1])}, ["x", "y", "z"], "class_names: expected 2 names, got 3"),
    ],
)
def test_bad_logits_are_named(panels, names, message):
    with pytest.raises(ValueError, match=message):
        two_logits(panels, names)


def test_features_with_rays_in_the_direction_of_the_weights():
    features, labels = RANDOM.normal(size=(30, 2)), np.arange(30) % 3
    weights = np.array([[1.0, 0.0, -3.0], [0.0, 2.0, -4.0]])
    axes = plane_features(features, labels, ["a", "b", "c"], weights).axes[0]
    assert sorted(map(tuple, drawn_points(axes))) == sorted(map(tuple, features))
    rays = [
        line.get_xydata()[1] for line in axes.lines if line.get_xydata().shape == (2, 2) and line.get_linewidth() == 2.2
    ]
    np.testing.assert_allclose([ray / np.linalg.norm(ray) for ray in rays], [[1, 0], [0, 1], [-0.6, -0.8]])


def test_several_feature_panels_and_a_zero_weight():
    features = {"softmax": RANDOM.normal(size=(9, 2)), "L-Softmax": np.zeros((9, 2))}
    figure = plane_features(
        features, dict.fromkeys(features, np.arange(9) % 3), list("abc"), dict.fromkeys(features, np.zeros((2, 3)))
    )
    assert [axes.get_title("left") for axes in figure.axes] == ["softmax", "L-Softmax"]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"features": np.full((3, 2), np.nan)}, "features: .*NaN"),
        ({"features": np.zeros((3, 4))}, r"features: expected a \(M, 2\) array"),
        ({"labels": [0, 1, 5]}, "labels: expected ids 0 to 2"),
        ({"weights": np.zeros((3, 2))}, r"weights: expected shape \(2, 3\)"),
        ({"features": {"a": np.zeros((3, 2))}}, "labels: expected a dict with the keys of features"),
    ],
)
def test_bad_features_are_named(change, message):
    good = {"features": np.zeros((3, 2)), "labels": [0, 1, 2], "class_names": list("abc")}
    with pytest.raises(ValueError, match=message):
        plane_features(**{**good, **change})
