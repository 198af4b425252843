"""The triplet plane against golden values and plain loops."""

import itertools

import backend
import numpy as np
import oracles
import oracles_triplets
import pytest
from keras import ops

import zoo
import zoo.geometry
import zoo.mining

ANGLES = np.deg2rad([0, 20, 35, 60, 80, 200, 215, 300])
LENGTHS = np.array([1, 2, 1, 1.5, 1, 1, 2, 1])
UNIT = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
LABELS = np.array([0, 0, 1, 0, 1, 2, 1, 3])

GOLDEN = [
    ("triplet", dict(distance="euclidean", denominator="sum"), 23.104576),
    ("triplet", dict(distance="euclidean", denominator="valid"), 0.385076),
    ("triplet", dict(distance="euclidean"), 0.722018),
    ("triplet", dict(distance="euclidean", margin=0.5, denominator="sum"), 33.614293),
    ("triplet", dict(distance="euclidean", margin=0.5, denominator="valid"), 0.560238),
    ("triplet", dict(distance="euclidean", margin=0.5), 0.933730),
    ("triplet", dict(distance="squared_euclidean", denominator="sum"), 43.515910),
    ("triplet", dict(distance="squared_euclidean"), 1.500549),
    ("triplet", dict(), 0.775818),
    ("triplet", dict(denominator="sum"), 24.826168),
    ("batchhard", dict(distance="euclidean"), 1.275440),
    ("batchhard", dict(distance="euclidean", margin="soft"), 1.402378),
    ("semihard", dict(distance="euclidean"), 0.061910),
    ("epshn", dict(negative="hard"), 4.133950),
    ("epshn", dict(negative="hard", objective="second_order"), 2.811984),
    ("epshn", dict(), 0.112603),
    ("epshn2", dict(), 2.200977),
    ("ephn", dict(), 4.133950),
    ("ephn", dict(objective="second_order"), 2.811984),
    ("ephn", dict(min_similarity=0.0), 1.614675),
    ("ephn", dict(min_similarity=0.0, objective="second_order"), 0.527154),
    ("epshn", dict(min_similarity=0.0), 0.130997),
    ("epshn2", dict(min_similarity=0.0), 0.079533),
    ("ep", dict(), 4.308763),
]


@pytest.mark.parametrize("name, settings, expected", GOLDEN)
@pytest.mark.parametrize("lengths", [np.ones(8), LENGTHS], ids=["unit", "raw"])
def test_golden_values(name, settings, expected, lengths):
    if name == "semihard" and lengths is LENGTHS:
        lengths = 2.0 * np.ones(8)  # 0, 60 and 300 degrees tie; other lengths would break the tie by rounding
    loss = zoo.losses.get(name, normalize=True, **settings)
    near = backend.within(1.5e-6, torch=1e-6 * max(expected, 1.5))
    assert float(loss(LABELS, UNIT * lengths[:, None])) == pytest.approx(expected, abs=near)


def test_active_triplets_are_counted_strictly():
    for distance, active in (("euclidean", 32), ("squared_euclidean", 29)):
        loss = zoo.losses.get("triplet", distance=distance)
        terms = loss.terms(ops.convert_to_tensor(LABELS), ops.convert_to_tensor(UNIT))
        assert float(terms.health["active_fraction"]) == pytest.approx(active / 60)


OBJECTIVES = ("hinge", "soft", "nca", "second_order")
POSITIVES, NEGATIVES = ("all", "hard", "easy"), ("all", "hard", "semi_hard", "easy")
PLANE = [dict(positive=p, negative=n, objective=o) for p, n, o in itertools.product(POSITIVES, NEGATIVES, OBJECTIVES)]
PLANE += [dict(positive=p, negative=n, objective="hinge") for p, n in itertools.product(POSITIVES, ("band", "violating"))]
BATCHES = {
    "random": lambda r: (r.integers(0, 4, 13), r.normal(size=(13, 5))),
    "ties": lambda r: (r.integers(0, 3, 12), r.integers(-1, 2, (12, 2)) + np.array([3, 0])),
    "singletons": lambda r: (np.array([0, 1, 2, 3, 3, 3, 4]), r.normal(size=(7, 3))),
    "duplicates": lambda r: (r.integers(0, 3, 10), np.repeat(r.normal(size=(5, 4)), 2, axis=0)),
    "sample ids": lambda r: (r.integers(0, 3, (13, 2)), r.normal(size=(13, 5))),
    "samples twice": lambda r: (
        np.tile(np.stack([r.integers(0, 3, 7), np.arange(7)], axis=1), (2, 1)),
        np.tile(r.normal(size=(7, 4)), (2, 1)),
    ),
}
FEW = int(backend.NAME == "jax")  # a gradient traces both ways there, and without a column there is nothing to trace
WAYS = {"few": {}, "sorting in chunks": {"few": FEW, "anchor_chunk": 5}}  # some class has three members or more


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    """Settings that lead to each of the ways to compute the same number."""
    settings = dict(WAYS[request.param])
    if "few" in settings:
        monkeypatch.setattr(zoo.mining, "FEW", settings.pop("few"))
    with backend.uncompiled():  # JAX would compile each of some 500 cases, and both ways at once
        yield settings


@pytest.mark.parametrize("settings", PLANE, ids=lambda s: "-".join(s.values()))
@pytest.mark.parametrize("batch", BATCHES)
def test_every_point_of_the_plane_equals_plain_loops(settings, batch, way):
    labels, x = BATCHES[batch](np.random.default_rng(7))
    rounded = batch in ("random", "singletons", "sample ids")  # elsewhere a root would break the ties
    cases = ("euclidean" if rounded else "dot", 1.0, "drop"), ("squared_euclidean", -0.25, "farthest")
    for distance, margin, fallback in cases:
        options = dict(settings, margin=margin, distance=distance, fallback=fallback, denominator="valid")
        if settings["objective"] == "second_order":
            options["distance"] = "cosine"
        expected = oracles_triplets.triplet_loss(labels, x, **options)
        actual = float(zoo.losses.TripletLoss(**options, **way)(labels, x.astype("float64")))
        assert actual == pytest.approx(expected, rel=1e-6, abs=1e-9), (options, labels)


SWAPS = [s for s in PLANE if s["negative"] not in ("band", "violating")]
SWAPS = [s for s in SWAPS if (s["negative"], s["objective"]) != ("all", "nca")]


@pytest.mark.parametrize("settings", SWAPS, ids=lambda s: "-".join(s.values()))
@pytest.mark.parametrize("batch", [batch for batch in BATCHES if batch != "ties"])  # there another negative is as good
def test_anchor_swap_equals_plain_loops(settings, batch):
    labels, x = BATCHES[batch](np.random.default_rng(5))
    distance = "cosine" if settings["objective"] == "second_order" else "dot"
    options = dict(settings, swap=True, margin=0.3, denominator="valid", distance=distance)
    expected = oracles_triplets.triplet_loss(labels, x, **options)
    actual = float(zoo.losses.TripletLoss(**options)(labels, x.astype("float64")))
    assert actual == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("minimum", [-0.5, 0.0, 0.3])
@pytest.mark.parametrize("positive, negative", [("all", "semi_hard"), ("all", "hard"), ("easy", "hard"), ("hard", "easy")])
def test_triplets_below_the_least_similarity_are_left_out(positive, negative, minimum, way):
    labels, x = BATCHES["random"](np.random.default_rng(2))
    for denominator in ("valid", "anchors"):
        options = dict(positive=positive, negative=negative, min_similarity=minimum, denominator=denominator, margin=0.5)
        expected = oracles_triplets.triplet_loss(labels, x, **options)
        assert float(zoo.losses.TripletLoss(**options, **way)(labels, x)) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", oracles_triplets.ORACLES)
@pytest.mark.parametrize("batch", BATCHES)
def test_every_name_equals_plain_loops(name, batch):
    labels, x = BATCHES[batch](np.random.default_rng(11))
    if batch in ("ties", "duplicates", "samples twice"):
        x = x + 0.01 * np.random.default_rng(0).normal(size=x.shape)  # unit rows round ties away
    expected = oracles_triplets.ORACLES[name](labels, x)
    assert float(zoo.losses.get(name)(labels, x)) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def gradient_of(loss, labels, x):
    return backend.value_and_gradient(lambda z: loss(labels, z), x)[1][0]


DISTANCES = ("cosine", "dot", "euclidean", "squared_euclidean")


SHAPES = pytest.mark.parametrize("shape", [9, (9, 2)], ids=["classes", "sample ids"])  # of labels


@SHAPES
@pytest.mark.parametrize("settings", PLANE, ids=lambda s: "-".join(s.values()))
def test_gradient_equals_central_differences(settings, shape, way):
    random = np.random.default_rng(3)
    for distance in DISTANCES if settings["objective"] == "hinge" else ("cosine",):
        labels, x = random.integers(0, 3, shape), random.normal(size=(9, 4))
        options = dict(settings, margin=0.37, denominator="valid", distance=distance)
        actual = gradient_of(zoo.losses.TripletLoss(**options, **way), labels, x)
        expected = oracles.gradient(lambda z: oracles_triplets.triplet_loss(labels, z, **options), x)
        np.testing.assert_allclose(actual, expected, atol=1e-6)


@SHAPES
@pytest.mark.parametrize("settings", SWAPS, ids=lambda s: "-".join(s.values()))
def test_gradient_with_anchor_swap_equals_central_differences(settings, shape):
    random = np.random.default_rng(3)
    labels, x = random.integers(0, 3, shape), random.normal(size=(9, 4))
    options = dict(settings, margin=0.37, denominator="valid", swap=True)
    actual = gradient_of(zoo.losses.TripletLoss(**options), labels, x)
    expected = oracles.gradient(lambda z: oracles_triplets.triplet_loss(labels, z, **options), x)
    np.testing.assert_allclose(actual, expected, atol=1e-6)


@pytest.mark.parametrize("name", ("sct", "ep", "epshn2"))
def test_gradient_of_names_equals_central_differences(name):
    random = np.random.default_rng(4)
    labels, x = random.integers(0, 3, 9), random.normal(size=(9, 4))
    expected = oracles.gradient(lambda z: oracles_triplets.ORACLES[name](labels, z), x)
    np.testing.assert_allclose(gradient_of(zoo.losses.get(name), labels, x), expected, atol=1e-6)


def test_hard_triplets_of_sct_push_the_negative_and_leave_the_positive():
    labels, x = np.array([0, 0, 1, 1]), np.deg2rad([0.0, 60.0, 20.0, 200.0])
    x = np.stack([np.cos(x), np.sin(x)], axis=1)
    loss = zoo.losses.get("sct", reduction=None)
    terms = loss.terms(ops.convert_to_tensor(labels), ops.convert_to_tensor(x))
    np.testing.assert_allclose(backend.to_numpy(terms.values), np.cos(np.deg2rad([20, 40, 20, 140])))
    assert float(terms.health["hn_ratio"]) == 1.0
    _, (gradient,) = backend.value_and_gradient(lambda z: loss(labels, z)[0], x)
    assert not gradient[[1, 3]].any()


@pytest.mark.parametrize("classes", [2, 20])
@pytest.mark.parametrize("name", sorted(oracles_triplets.ORACLES))
def test_moving_the_batch_around_changes_nothing(name, classes):
    random = np.random.default_rng(classes)
    labels, x = np.arange(80) % classes, random.normal(size=(80, 6))
    loss = zoo.losses.get(name)
    # In float32 a moved batch may tell another negative semi-hard.
    value, near = float(loss(labels, x)), backend.within(1e-9, torch=1e-3 if name == "semihard" else 1e-6)
    order, turn = random.permutation(80), np.linalg.qr(random.normal(size=(6, 6)))[0]
    assert float(loss(labels[order], x[order])) == pytest.approx(value, rel=near)
    assert float(loss(labels, x @ turn)) == pytest.approx(value, rel=near)
    again = zoo.losses.get(name, anchor_chunk=32)
    assert float(again(labels, x)) == pytest.approx(value, rel=near)
    atol = backend.within(1e-12, torch=1e-6)
    np.testing.assert_allclose(gradient_of(again, labels, x), gradient_of(loss, labels, x), atol=atol)


@pytest.mark.skipif(backend.NAME != "tensorflow", reason="counts what TensorFlow's graph of a step holds")
def test_batch_all_needs_quadratic_memory_and_no_cubic_tensor():
    import tensorflow as tf

    labels = np.repeat(np.arange(256), 4)
    x = tf.random.stateless_normal((1024, 16), (1, 2))
    loss = zoo.losses.get("triplet")
    step = tf.function(lambda z: loss(labels, z)).get_concrete_function(x).graph
    graphs, sizes = [step, *(f.graph for f in step._functions.values() if hasattr(f, "graph"))], []
    for graph in graphs:
        sizes += [t.shape.num_elements() or 0 for op in graph.get_operations() for t in op.outputs]
    assert max(sizes) == 1024 * 1024


def test_a_row_without_positive_or_negative_is_no_anchor():
    x = np.array([[0.0, 1.0], [0.1, 1.0], [1.0, 0.0]])
    values = backend.to_numpy(zoo.losses.get("batchhard", margin=2.0, reduction=None)([5, 5, 9], x))
    assert values[2] == 0 and (values[:2] > 0).all()


@pytest.mark.parametrize(
    "settings, words",
    [
        (dict(positive="near"), ["positive", "'near'", "hard"]),
        (dict(negative="semihard"), ["negative", "did you mean 'semi_hard'"]),
        (dict(negative="band", objective="nca"), ["negative='band'", "objective='nca'"]),
        (dict(negative="violating", swap=True), ["negative='violating'", "swap=True"]),
        (dict(negative="all", min_similarity=0.0), ["min_similarity", "negative='all'"]),
        (dict(negative="all", swap=True, objective="nca"), ["swap=True", "'nca'"]),
        (dict(negative="all", swap=True, anchor_chunk=8), ["anchor_chunk=None", "8"]),
        (dict(objective="second_order", distance="dot"), ["second_order", "'dot'"]),
        (dict(anchor_chunk=0), ["anchor_chunk", "0"]),
        (dict(swap="yes"), ["swap", "'yes'"]),
        (dict(min_similarity="low"), ["min_similarity", "'low'"]),
        (dict(margin="hard"), ["margin", "'hard'"]),
        (dict(margin=None), ["margin", "None"]),
        (dict(temperature=0), ["temperature", "not 0"]),
        (dict(distance="cos"), ["distance", "cosine"]),
        (dict(denominator="mean"), ["denominator", "valid"]),
    ],
)
def test_settings_without_meaning_are_refused_by_name(settings, words):
    with pytest.raises(ValueError) as error:
        zoo.losses.TripletLoss(**settings)
    assert all(word in str(error.value) for word in words), error.value


def test_copies_are_at_distance_zero_in_wide_batches():
    x = np.random.default_rng(0).normal(size=(16, 128)).astype("float32") + 3
    x[5], x[9] = x[2], x[2]
    for distance in ("euclidean", "squared_euclidean"):
        similarity = backend.to_numpy(zoo.geometry.similarity_matrix(x, distance))
        assert similarity[2, 5] == similarity[9, 5] == 0 and (np.diag(similarity) == 0).all()
