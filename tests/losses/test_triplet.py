"""The triplet plane against golden values and plain loops."""

import itertools

import numpy as np
import oracles
import pytest
import tensorflow as tf

import zoo
import zoo.geometry

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
    ("epshn", dict(objective="second_order"), 2.200977),
]


@pytest.mark.parametrize("name, settings, expected", GOLDEN)
@pytest.mark.parametrize("lengths", [np.ones(8), LENGTHS], ids=["unit", "raw"])
def test_golden_values(name, settings, expected, lengths):
    if name == "semihard" and lengths is LENGTHS:
        lengths = 2.0 * np.ones(8)  # 0, 60 and 300 degrees tie; other lengths would break the tie by rounding
    loss = zoo.losses.get(name, normalize=True, **settings)
    assert float(loss(LABELS, UNIT * lengths[:, None])) == pytest.approx(expected, abs=1.5e-6)


def test_active_triplets_are_counted_strictly():
    terms = zoo.losses.get("triplet", distance="euclidean").terms(tf.constant(LABELS), tf.constant(UNIT))
    assert float(terms.health["active_fraction"]) == pytest.approx(32 / 60)
    terms = zoo.losses.get("triplet", distance="squared_euclidean").terms(tf.constant(LABELS), tf.constant(UNIT))
    assert float(terms.health["active_fraction"]) == pytest.approx(29 / 60)


PLANE = [
    dict(positive=p, negative=n, objective=o)
    for p, n, o in itertools.product(
        ("all", "hard", "easy"), ("hard", "semi_hard", "easy"), ("hinge", "soft", "nca", "second_order")
    )
] + [dict(positive="all", negative="all", objective="hinge")]
BATCHES = {
    "random": lambda r: (r.integers(0, 4, 13), r.normal(size=(13, 5))),
    "ties": lambda r: (r.integers(0, 3, 12), r.integers(-1, 2, (12, 2)) + np.array([3, 0])),
    "singletons": lambda r: (np.array([0, 1, 2, 3, 3, 3, 4]), r.normal(size=(7, 3))),
    "duplicates": lambda r: (r.integers(0, 3, 10), np.repeat(r.normal(size=(5, 4)), 2, axis=0)),
}


@pytest.mark.parametrize("settings", PLANE, ids=lambda s: "-".join(s.values()))
@pytest.mark.parametrize("batch", BATCHES)
def test_every_point_of_the_plane_equals_plain_loops(settings, batch):
    random = np.random.default_rng(7)
    for distance, margin in (("cosine", 0.3), ("euclidean", 1.0), ("squared_euclidean", -0.25), ("dot", 0.2)):
        if settings["objective"] == "second_order" and distance != "cosine":
            continue
        labels, x = BATCHES[batch](random)
        fallback = "drop" if distance == "euclidean" else "farthest"
        options = dict(settings, margin=margin, distance=distance, fallback=fallback, denominator="valid")
        expected = oracles.triplet_loss(labels, x, **options)
        actual = float(zoo.losses.TripletLoss(**options)(labels, x.astype("float64")))
        assert actual == pytest.approx(expected, rel=1e-6, abs=1e-9), (options, labels)


@pytest.mark.parametrize("settings", [s for s in PLANE if s["objective"] in ("hinge", "nca")], ids=lambda s: "-".join(s.values()))
def test_gradient_equals_central_differences(settings):
    random = np.random.default_rng(3)
    labels, x = random.integers(0, 3, 9), random.normal(size=(9, 4))
    options = dict(settings, margin=0.37, denominator="valid")
    loss = zoo.losses.TripletLoss(**options)
    variable = tf.Variable(x)
    with tf.GradientTape() as tape:
        value = loss(labels, variable)
    expected = oracles.gradient(lambda z: oracles.triplet_loss(labels, z, **options), x)
    np.testing.assert_allclose(tf.convert_to_tensor(tape.gradient(value, variable)), expected, atol=1e-6)


def test_batch_all_needs_quadratic_memory_and_no_cubic_tensor():
    labels = np.repeat(np.arange(256), 4)
    x = tf.random.stateless_normal((1024, 16), (1, 2))
    loss = zoo.losses.get("triplet")
    graph = tf.function(lambda z: loss(labels, z)).get_concrete_function(x).graph
    sizes = [t.shape.num_elements() for op in graph.get_operations() for t in op.outputs if t.shape.is_fully_defined()]
    assert max(sizes) == 1024 * 1024


def test_a_row_without_positive_or_negative_is_no_anchor():
    x = np.array([[0.0, 1.0], [0.1, 1.0], [1.0, 0.0]])
    values = zoo.losses.get("batchhard", margin=2.0, reduction=None)([5, 5, 9], x).numpy()
    assert values[2] == 0 and (values[:2] > 0).all()


@pytest.mark.parametrize(
    "settings, words",
    [
        (dict(positive="near"), ["positive", "'near'", "hard"]),
        (dict(negative="semihard"), ["negative", "did you mean 'semi_hard'"]),
        (dict(positive="easy", negative="all"), ["negative='all'", "positive='easy'"]),
        (dict(objective="nca", negative="all"), ["objective='nca'"]),
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
        similarity = zoo.geometry.similarity_matrix(x, distance).numpy()
        assert similarity[2, 5] == similarity[9, 5] == 0 and (np.diag(similarity) == 0).all()
