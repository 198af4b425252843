"""The triplet scatter and its animation: every dot where its item is, in the color of its nearest neighbor."""

import functools
import io

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

import zoo
from zoo.figures import animate_triplets, loss_on_plane, triplet_scatter
from zoo.figures.triplets import BAND, RIGHT, WRONG
from zoo.metrics import retrieval, triplet_points

RANDOM = np.random.default_rng(0)
LABELS = np.append(np.arange(60) % 12, [90, 91])  # two singletons
CENTERS = RANDOM.normal(size=(92, 5))


def embeddings(noise, seed=0):
    return CENTERS[LABELS] + noise * np.random.default_rng(seed).normal(size=(62, 5))


POINTS = triplet_points(embeddings(0.8), LABELS)


def dots(axes):
    """Positions and colors of the dots."""
    (found,) = [c for c in axes.collections if len(c.get_offsets()) > 1 and not hasattr(c, "U")]
    return np.asarray(found.get_offsets()), [to_hex(c).upper() for c in found.get_facecolors()]


def test_dots_lie_where_the_items_are_in_the_color_of_their_neighbor():
    figure = triplet_scatter({"train": POINTS, "test": triplet_points(embeddings(0.1), LABELS)}, epoch=3)
    axes, other = figure.axes
    where, colors = dots(axes)
    expected = {(x, y): RIGHT if right else WRONG for x, y, right in zip(POINTS.own, POINTS.other, POINTS.right)}
    assert len(where) == 60 and dict(zip(map(tuple, where), colors)) == expected
    assert {RIGHT, WRONG} == set(colors)
    for (x, y), color in zip(where, colors):
        assert (y < x) == (color == RIGHT), "the diagonal parts right from wrong"
    recall = retrieval(embeddings(0.8), LABELS)["recall@1"]
    assert axes.get_title("left") == f"train\nRecall@1 {recall}"
    assert other.get_title("left").startswith("test\nRecall@1 1.000")
    assert figure.get_suptitle() == "Triplet scatter\nepoch 3"
    assert axes.get_xlabel() and axes.get_ylabel() and not other.get_ylabel()
    text = " ".join(figure.get_supxlabel().split())
    assert "train: 60 dots of 62 items, 2 without another one of their class." in text


def test_star_diagonal_and_arc():
    axes = triplet_scatter({"a": POINTS}).axes[0]
    (star,) = [line for line in axes.lines if line.get_marker() == "*"]
    assert star.get_xydata().tolist() == [[1, 0]]
    straight = [line.get_xydata() for line in axes.lines if len(line.get_xydata()) == 2]
    assert [(ends[:, 0] == ends[:, 1]).all() for ends in straight] == [True]
    (arc,) = [line.get_xydata() for line in axes.lines if len(line.get_xydata()) > 2]
    np.testing.assert_allclose(np.linalg.norm(arc - [1, 0], axis=1), 1)


def band(margin):
    axes = triplet_scatter({"a": POINTS}, margin=margin, low=-0.2).axes[0]
    (found,) = [c for c in axes.collections if to_hex(c.get_facecolors()[0]).upper() == BAND]
    return found.get_paths()[0]


@pytest.mark.parametrize(
    ("margin", "inside", "outside"),
    [(None, [(0.5, 0.49), (0.9, -0.15)], [(0.5, 0.51)]), (0.2, [(0.5, 0.49), (0.5, 0.31)], [(0.5, 0.51), (0.5, 0.29)])],
)
def test_the_band_holds_the_semi_hard_negatives(margin, inside, outside):
    path = band(margin)
    assert path.contains_points(inside).all() and not path.contains_points(outside).any()


def test_axes_are_fixed_and_reach_the_lowest_value():
    assert POINTS.own.min() < -0.2
    near = triplet_points(embeddings(0.1), LABELS)
    assert min(near.own.min(), near.other.min()) > -0.2
    assert triplet_scatter({"a": near}).axes[0].get_xlim() == (-0.2, 1.0)
    low = POINTS._replace(own=np.append(POINTS.own[:-1], -0.43))
    for axes in triplet_scatter({"a": near, "b": low}).axes:
        assert axes.get_xlim() == axes.get_ylim() == pytest.approx((-0.45, 1.0))
    figure = triplet_scatter({"b": low}, low=0.0)
    outside = int((np.minimum(low.own, low.other) < 0).sum())
    assert f", {outside} dots outside the axes." in " ".join(figure.get_supxlabel().split())


def test_at_most_so_many_dots_the_same_for_a_seed():
    figures = [triplet_scatter({"a": POINTS}, most=25, seed=seed) for seed in (0, 0, 1)]
    first, again, other = (dots(figure.axes[0])[0].tolist() for figure in figures)
    assert len(first) == 25 and first == again and sorted(first) != sorted(other)
    title = figures[0].axes[0].get_title("left")
    assert str(POINTS.recall) in title, "Recall@1 is that of all items"


def test_arrows_are_the_way_down_of_the_loss(monkeypatch):
    few = functools.partial(loss_on_plane, arrows=3)  # the loss is asked for each slope
    monkeypatch.setattr("zoo.figures.triplets.loss_on_plane", few)
    loss = zoo.losses.get("batchhard", margin=0.2)
    plane = few(loss, points=2, low=-0.35)
    for arrows in (loss, plane):
        figure = triplet_scatter({"a": POINTS}, arrows=arrows)
        (field,) = [c for c in figure.axes[0].collections if hasattr(c, "U")]
        np.testing.assert_allclose([field.U, field.V], -np.moveaxis(plane.slopes, 2, 0).reshape(2, -1) / 2**0.5, atol=1e-3)
        assert "way down of the loss" in [text.get_text() for text in figure.legends[0].get_texts()]
    figure = triplet_scatter({"a": POINTS})
    assert not any(hasattr(c, "U") for c in figure.axes[0].collections)


def test_nothing_is_cut_off_and_the_legend_covers_no_panel():
    figure = triplet_scatter({f"面板 {i} of a rather long name": POINTS for i in range(4)}, epoch="untrained", note="一" * 90)
    figure.canvas.draw()
    box, page = figure.get_tightbbox(), figure.get_size_inches()
    assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= page[0] and box.y1 <= page[1]
    legend = figure.legends[0].get_window_extent()
    assert not any(legend.overlaps(axes.get_tightbbox()) for axes in figure.axes)
    assert figure.get_suptitle().endswith("\nuntrained")


def history():
    noise = (1.5, 0.8, 0.1)
    names = enumerate(("train", "test"))
    return {name: [triplet_points(embeddings(n, seed), LABELS) for n in noise] for seed, name in names}


def test_the_animation_has_one_frame_an_epoch_and_holds_the_last(tmp_path):
    gif, page = animate_triplets(history(), tmp_path / "scatter.v1", epochs=["untrained", 1, 2], fps=4)
    assert (gif.name, page.name) == ("scatter.v1.gif", "scatter.v1.html")
    image, shares = Image.open(gif), []
    assert image.n_frames == 3
    for i in range(3):
        image.seek(i)
        assert image.info["duration"] == (2000 if i == 2 else 250)
        pixels = np.asarray(image.convert("RGB"), int)[130:, : 2 * image.width // 3]  # the panels, not the legend
        shares.append(int((pixels[..., 0] > pixels[..., 2] + 90).sum()))  # orange
    assert shares[0] > shares[1] > shares[2] == 0, "wrong neighbors become right"
    text = page.read_text("utf-8")
    assert '"labels": ["untrained", "epoch 1", "epoch 2"]' in text


def test_all_frames_show_the_same_items_on_the_same_axes(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("zoo.figures.triplets.figure_png", lambda figure: drawn.append(figure) or png())
    steps = history()
    steps["test"][1] = steps["test"][1]._replace(own=np.append(steps["test"][1].own[:-1], -0.72))
    animate_triplets(steps, tmp_path / "a", most=20)
    assert len(drawn) == 3
    chosen = set()
    for epoch, figure in enumerate(drawn):
        for axes, name in zip(figure.axes, ("train", "test")):
            assert axes.get_xlim() == axes.get_ylim() == (-0.75, 1.0)
            points = steps[name][epoch]
            rows = [int(np.flatnonzero((points.own == x) & (points.other == y))[0]) for x, y in dots(axes)[0]]
            chosen.add(tuple(rows))
    assert len(chosen) == 1 and len(chosen.pop()) == 20


def png():
    buffer = io.BytesIO()
    Image.new("RGB", (9, 9)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"panels": {}}, "panels: expected a dict"),
        ({"panels": {"a": np.zeros((3, 2))}}, r"panels\['a'\]: expected TripletPoints, got ndarray"),
        ({"panels": dict.fromkeys("abcde", POINTS)}, "panels: expected at most 4 entries, got 5"),
        ({"margin": -0.1}, "margin must lie between 0.0 and 2.0"),
        ({"low": 1.0}, "low must lie between -1.0 and 0.99"),
        ({"most": 0}, "most must be a whole number of at least 1"),
    ],
)
def test_bad_scatters_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        triplet_scatter(**{"panels": {"a": POINTS}, **change})


@pytest.mark.parametrize(
    ("steps", "epochs", "message"),
    [
        ({"a": [POINTS], "b": []}, None, "history: expected the same number of epochs"),
        ({"a": [POINTS]}, [1, 2], "epochs: expected 1, one a frame, got 2"),
        ({"a": [POINTS, POINTS._replace(rows=POINTS.rows[::-1])]}, None, r"history\['a'\]\[1\]: expected the items of"),
        ({"a": [POINTS, 3]}, None, r"panels\['a'\]: expected TripletPoints, got int"),
    ],
)
def test_bad_histories_are_named(steps, epochs, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        animate_triplets(steps, tmp_path / "a", epochs)
    assert list(tmp_path.iterdir()) == []
