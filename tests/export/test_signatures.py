"""The gallery in a graph against the same search in numpy."""

import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.export import signatures
from zoo.export.saved_model import export

DISTANCES = ["cosine", "dot", "euclidean", "squared_euclidean"]


def make(distance, neighbors=7, seed=0):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(60, 5)).astype("float32")
    vectors[10] = vectors[20] = vectors[3]  # ties
    vectors[4] = 0
    labels = random.integers(0, 6, 60).astype(str)
    queries = np.concatenate([random.normal(size=(20, 5)), vectors[:6]]).astype("float32")
    ids = [f"item {i}" for i in range(60)]
    return vectors, labels, queries, signatures.Gallery(vectors, labels, ids, distance, neighbors)


@pytest.mark.parametrize("distance", DISTANCES)
def test_search_equals_exact_neighbors(distance):
    vectors, labels, queries, gallery = make(distance)
    rows, similarity = zoo.neighbors.knn(queries, vectors, 7, distance=distance)
    found = {name: value.numpy() for name, value in gallery.search(queries).items()}
    assert found["ids"].tolist() == [[f"item {i}".encode() for i in line] for line in rows]
    assert found["labels"].tolist() == [[labels[i].encode() for i in line] for line in rows]
    np.testing.assert_allclose(found["scores"], similarity, atol=1e-5)
    assert found["scores"].dtype == np.float32


@pytest.mark.parametrize("distance", DISTANCES)
def test_classify_equals_vote(distance):
    vectors, labels, queries, gallery = make(distance)
    rows, similarity = zoo.neighbors.knn(queries, vectors, 7, distance=distance)
    winner, share = zoo.neighbors.vote(labels[rows], similarity)
    found = {name: value.numpy() for name, value in gallery.classify(queries).items()}
    assert [label.decode() for label in found["label"]] == winner.tolist()
    np.testing.assert_allclose(found["votes"], share, atol=1e-6)
    assert all(value.shape == (len(queries),) for value in found.values())
    assert ((0 <= found["confidence"]) & (found["confidence"] <= 1 + 1e-6)).all()


def test_confidence_weighs_by_distance():
    gallery = signatures.Gallery([[1.0], [2.0], [4.0]], ["a", "b", "b"], "xyz", "euclidean", 3)
    answer = gallery.classify(np.zeros((1, 1), "float32"))  # distances 1, 2, 4
    assert answer["label"].numpy().tolist() == [b"b"]
    np.testing.assert_allclose(answer["votes"], [2 / 3], rtol=1e-6)
    np.testing.assert_allclose(answer["confidence"], [(1 / 2 + 1 / 4) / (1 + 1 / 2 + 1 / 4)], rtol=1e-6)
    exact = gallery.classify(np.ones((1, 1), "float32"))  # the item of label a itself
    np.testing.assert_allclose(exact["confidence"], [0.0])


def test_small_distances_far_from_the_origin_do_not_cancel():
    near = np.array([[1000.0, 0.0], [1000.0, 0.0078125], [1000.0, 0.5]], "float32")
    answer = signatures.Gallery(near, "abc", "abc", "euclidean", 3).search(near[:1])
    np.testing.assert_allclose(answer["scores"], [[0.0, -0.0078125, -0.5]], rtol=1e-5)
    assert answer["ids"].numpy().tolist() == [[b"a", b"b", b"c"]]


def test_equal_distances_keep_the_order_of_the_gallery():
    query = np.array([[179.5, 70.09375]], "float32")
    # The first two are equally far, but not by rounded products; the others put the center at the origin.
    around = np.array([[180.125, 70.4375], [178.875, 69.75], [-180.125, -70.4375], [-178.875, -69.75]], "float32")
    answer = signatures.Gallery(around, "abcd", "abcd", "euclidean", 2).search(query)
    assert answer["ids"].numpy().tolist() == [[b"a", b"b"]]
    assert answer["scores"][0, 0] == answer["scores"][0, 1]


def test_the_nearest_is_found_far_from_the_origin():
    random = np.random.default_rng(0)
    near = (1000 + random.normal(size=(12, 2)) / 50).astype("float32")
    rows, _ = zoo.neighbors.knn(near, near, 3, distance="euclidean")
    answer = signatures.Gallery(near, "x" * 12, range(12), "euclidean", 3).search(near)
    assert answer["ids"].numpy().astype(int).tolist() == rows.tolist()


def test_neighbors_are_capped_at_the_gallery():
    _, _, queries, gallery = make("cosine", neighbors=1000)
    assert gallery.search(queries)["ids"].shape == (len(queries), 60)


def test_recurrent_layers_leave_cudnn_while_a_graph_is_traced(model, tmp_path, monkeypatch):
    def settings():
        return {layer.name: layer.use_cudnn for layer in model._flatten_layers() if hasattr(layer, "use_cudnn")}

    traced = []
    run = type(model.frontend).__call__

    def watched(self, text):
        if tf.inside_function():
            traced.append(set(settings().values()))
        return run(self, text)

    monkeypatch.setattr(type(model.frontend), "__call__", watched)
    before = settings()
    assert {name.split("_lstm")[0] for name in before} >= {"forward", "backward"}  # Keras numbers the names
    export(model, tmp_path / "name")
    written = traced[traced.index({False}) :]  # `predict` comes before
    assert len(written) > 1 and all(values == {False} for values in written)
    assert settings() == before
