"""t-SNE maps and sheets of neighbors."""

import io
import warnings

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from PIL import Image

from zoo.figures import fit_tsne, neighbor_sheet, tsne_map
from zoo.figures.sheet import RIGHT, WRONG
from zoo.figures.style import broken
from zoo.figures.tsne import TsneMap
from zoo.neighbors import knn

RANDOM = np.random.default_rng(0)
LABELS = np.arange(90) % 3
CLUSTERS = RANDOM.normal(size=(3, 60))[LABELS] + 0.2 * RANDOM.normal(size=(90, 60))


def test_a_map_keeps_neighbors_together_and_is_the_same_again():
    found = fit_tsne(CLUSTERS)
    nearest, _ = knn(found.points, found.points, 1, distance="euclidean", exclude=np.arange(90))
    assert (LABELS[nearest[:, 0]] == LABELS).mean() > 0.95
    assert found.rows.tolist() == list(range(90)) and found.perplexity == pytest.approx(89 / 3)
    np.testing.assert_array_equal(found.points, fit_tsne(CLUSTERS).points)
    # vectors are taken at length 1
    np.testing.assert_allclose(found.points, fit_tsne(CLUSTERS * 2.0 ** RANDOM.integers(-3, 4, (90, 1))).points)


def test_items_are_sampled_and_named():
    found = fit_tsne(CLUSTERS, most=12, seed=5)
    assert len(set(found.rows)) == 12 and found.points.shape == (12, 2) and found.perplexity == pytest.approx(11 / 3)
    assert (np.diff(found.rows) > 0).all() and not np.array_equal(found.rows, fit_tsne(CLUSTERS, most=12).rows)


def test_a_common_start_aligns_two_maps():
    first = fit_tsne(CLUSTERS)
    turned = fit_tsne(CLUSTERS + 0.05 * RANDOM.normal(size=CLUSTERS.shape), start=first.points)
    for axis in range(2):
        assert np.corrcoef(first.points[:, axis], turned.points[:, axis])[0, 1] > 0.9
    with pytest.raises(ValueError, match="start: expected 90 positions, one an embedding that is laid out, got 3"):
        fit_tsne(CLUSTERS, start=np.zeros((3, 2)))


def test_collapsed_embeddings_are_a_single_dot():
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # scikit-learn divides by zero there
        assert not fit_tsne(np.ones((9, 4))).points.any()
        assert not fit_tsne(np.zeros((4, 2))).points.any()


@pytest.mark.parametrize("bad", [np.zeros((3, 2)), np.zeros((5, 1)), np.full((5, 2), np.nan), "text"])
def test_bad_embeddings_are_named(bad):
    with pytest.raises(ValueError, match="embeddings: expected"):
        fit_tsne(bad)


def test_each_item_is_drawn_in_the_color_of_its_class():
    rows = np.array([1, 4, 6, 8])
    found = TsneMap(RANDOM.normal(size=(4, 2)), rows, 1.0)
    figure = tsne_map({"before": found, "after": found}, LABELS, ["rose", "lily", "iris"], note="Flowers.")
    handles = figure.legends[0].legend_handles
    colors = {text.get_text(): handle.get_color() for text, handle in zip(figure.legends[0].get_texts(), handles)}
    assert set(colors) == {"rose", "lily", "iris"}
    for axes in figure.axes:
        drawn = {tuple(xy): line.get_color() for line in axes.lines for xy in line.get_xydata()}
        names = [["rose", "lily", "iris"][LABELS[row]] for row in rows]
        assert drawn == {tuple(xy): colors[name] for xy, name in zip(found.points, names)}
    text = " ".join(figure.get_supxlabel().split())
    assert "The distance between two clusters, their size and their density mean nothing" in text
    assert "before: 4 items, perplexity 1" in text


def test_labels_may_be_names_or_differ_by_panel():
    first, second = TsneMap(np.eye(2), np.array([0, 1]), 1.0), TsneMap(np.eye(2), np.array([1, 2]), 1.0)
    figure = tsne_map({"a": first, "b": second}, {"a": ["x", "y"], "b": ["x", "z", "y"]})
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["x", "y", "z"]
    for change, message in (
        (({"a": np.eye(2)}, [0, 1]), r"panels\['a'\]: expected a TsneMap, got ndarray"),
        (({"a": first}, {"b": [0, 1]}), "labels: expected a dict with the keys of panels, got none for 'a'"),
        (({"b": second}, [0, 1]), "labels: expected one a row of the embeddings, got 2 for 'b'"),
        (({"b": second}, [0, 1, 7], ["x", "y"]), "labels: expected ids 0 to 1"),
    ):
        with pytest.raises(ValueError, match=message):
            tsne_map(*change)


def shaded(count=6):
    return np.stack([np.full((8, 8), 40 * i, "uint8") for i in range(count)])


def tile(axes):
    """Shade, frame color, whether dashed, and texts of one tile."""
    (frame,) = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    texts = [text.get_text() for text in axes.texts]
    return int(axes.images[0].get_array()[5, 5, 0]), to_hex(frame.get_edgecolor()).upper(), frame.get_linestyle(), texts


CLASSES = np.array(["rose", "lily", "rose", "lily", "iris", "rose"])


def test_queries_stand_left_and_neighbors_are_framed_by_their_class():
    figure = neighbor_sheet(shaded(), CLASSES, [0, 3], [[2, 1], [4, 1]], similarity=[[0.9, 0.81], [0.7, 0.6]])
    tiles = [tile(axes) for axes in figure.axes]
    assert [t[0] for t in tiles] == [0, 80, 40, 120, 160, 40]
    assert [t[3] for t in tiles] == [
        ["rose"], ["✓", "rose\n0.900"], ["✗", "lily\n0.810"], ["lily"], ["✗", "iris\n0.700"], ["✓", "lily\n0.600"],
    ]  # fmt: skip
    for _, color, line, texts in tiles:
        if len(texts) == 2:
            good = texts[0] == "✓"
            assert color == (RIGHT if good else WRONG)["edgecolor"]
            assert (line in ("-", "solid")) == good, "told apart without color too"
    assert [axes.get_title() for axes in figure.axes[:3]] == ["query", "1", "2"]


def test_neighbors_come_from_a_gallery_of_paths_or_files(tmp_path):
    gallery = []
    for i, pixels in enumerate(shaded(3)):
        buffer = io.BytesIO()
        Image.fromarray(255 - pixels).save(buffer, "PNG")
        (tmp_path / f"{i}.png").write_bytes(buffer.getvalue())
        gallery.append(buffer.getvalue() if i else str(tmp_path / "0.png"))
    figure = neighbor_sheet(shaded(), CLASSES, [1], [[0, 2]], gallery, ["lily", "rose", "rose"])
    assert [tile(axes)[0] for axes in figure.axes] == [40, 255, 175]
    assert [tile(axes)[3] for axes in figure.axes] == [["lily"], ["✓", "lily"], ["✗", "rose"]]


def test_names_are_broken_to_the_width_of_a_tile():
    assert broken("passion flower") == ["passion flower"]
    assert broken("bird of paradise flower") == ["bird of paradise", "flower"]
    assert broken("x" * 40) == ["x" * 18, "x" * 17 + "…"]
    assert broken("导" * 12) == ["导" * 9, "导" * 3]
    assert broken("导" * 30) == ["导" * 9, "导" * 8 + "…"]
    assert broken("") == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ["a"]}, "labels: expected 6, one of each of images, got 1"),
        ({"queries": [6]}, "queries: expected rows 0 to 5, got 6 to 6"),
        ({"queries": [0.0]}, r"queries: expected integers \[Q\], got float64"),
        ({"queries": [0, 1]}, "nearest: expected 2 rows, one a query, got 1"),
        ({"nearest": [[-1]]}, "nearest: expected rows 0 to 5, got -1 to -1"),
        ({"nearest": [1]}, r"nearest: expected integers \[Q, k\]"),
        ({"nearest": [[1] * 13]}, "nearest: expected at most 20 queries and 12 neighbors"),
        ({"similarity": [[0.1, 0.2]]}, r"similarity: expected shape \(1, 1\)"),
        ({"gallery": shaded(1)}, "gallery and gallery_labels belong together"),
        ({"gallery": shaded(1), "gallery_labels": [0]}, "nearest: expected rows 0 to 0, got 1 to 1"),
        ({"images": [b"no"] * 6}, r"images\[0\]: expected a file"),
    ],
)
def test_bad_sheets_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        neighbor_sheet(**{"images": shaded(), "labels": CLASSES, "queries": [0], "nearest": [[1]], **change})
