"""The pair losses against golden values, plain loops in float64 and central differences."""

import backend
import keras
import numpy as np
import oracles
import pytest
from keras import ops
from oracles_pairs import ORACLES

import zoo
import zoo.losses.sides

ANGLES = np.deg2rad([0, 20, 35, 60, 80, 200, 215, 300])
LENGTHS = np.array([1, 2, 1, 1.5, 1, 1, 2, 1])
UNIT = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
RAW = UNIT * LENGTHS[:, None]
LABELS = np.array([0, 0, 1, 0, 1, 2, 1, 3])

GOLDEN = [
    ("contrastive", dict(denominator="pairs"), UNIT, 0.413826),
    ("contrastive", dict(denominator="pairs", normalize=True), RAW, 0.413826),
    ("lifted", dict(), UNIT, 5.814341),
    ("lifted", dict(normalize=True), RAW, 5.814341),
    ("npair", dict(form="pairs", l2=0.0), RAW, 0.824628),
    ("npair", dict(form="pairs", l2=1.0), RAW, 0.824628 + 1.75),
    ("nearestneighbor", dict(pos_threshold=0.5), RAW, 1.824219),
]

CASES = [
    ("contrastive", dict()),
    ("contrastive", dict(pos_margin=0.3, neg_margin=1.7, squared=False, denominator="active")),
    ("contrastive", dict(pos_margin=0.1, neg_margin=0.9, distance="cosine", denominator="active")),
    ("contrastive", dict(neg_margin=2.0, distance="squared_euclidean", denominator="pairs")),
    ("contrastive", dict(neg_margin=1.5, denominator="sum", normalize=True)),
    ("npair", dict()),
    ("npair", dict(form="pairs")),
    ("npair", dict(form="pairs", distance="cosine", temperature=0.2)),
    ("npair", dict(form="batch")),
    ("npair", dict(l2=0.1, temperature=0.3, normalize=True)),
    ("lifted", dict()),
    ("lifted", dict(margin=0.2, normalize=True, denominator="active")),
    ("lifted", dict(margin=-0.5, distance="cosine", denominator="anchors")),
    ("lifted", dict(form="generalized")),
    ("lifted", dict(form="generalized", distance="squared_euclidean", margin=0.3, denominator="active")),
    ("infonce", dict()),
    ("infonce", dict(temperature=0.5, distance="euclidean", denominator="anchors")),
    ("ntxent", dict(denominator="rows")),
    ("supcon", dict()),
    ("supcon", dict(temperature=1.0, distance="dot", denominator="rows")),
    ("softneighbor", dict()),
    ("softneighbor", dict(temperature=0.3, floor=1e-3, normalize=True, denominator="rows")),
    ("multisimilarity", dict()),
    ("multisimilarity", dict(epsilon=None, beta=40.0, base=0.2)),
    ("multisimilarity", dict(epsilon=0.5, alpha=5.0, beta=10.0, denominator="active")),
    ("multisimilarity", dict(distance="euclidean", base=-1.0, denominator="rows")),
    ("circle", dict()),
    ("circle", dict(margin=0.25, gamma=2.0, form="separate", denominator="rows")),
    ("nearestneighbor", dict()),
    ("nearestneighbor", dict(pos_threshold=0.3, neg_threshold=-0.2, temperature=0.5)),
    ("smoothap", dict(temperature=0.1)),
    ("smoothap", dict()),
    ("smoothap", dict(temperature=0.5, distance="euclidean", denominator="rows")),
    ("margin", dict()),
    ("margin", dict(margin=0.5, beta=0.9, distance="cosine", denominator="valid")),
    ("margin", dict(margin=1.0, beta=2.0, normalize=False, denominator="anchors")),
]
BATCHES = {
    "random": lambda r: (r.integers(0, 4, 13), r.normal(size=(13, 5))),
    "ties": lambda r: (r.integers(0, 3, 12), r.integers(-1, 2, (12, 2)) + np.array([3.0, 0])),
    "singletons": lambda r: (np.array([0, 1, 2, 3, 3, 3, 4]), r.normal(size=(7, 3))),
    "duplicates": lambda r: (r.integers(0, 3, 10), np.repeat(r.normal(size=(5, 4)), 2, axis=0)),
    "sample ids": lambda r: (r.integers(0, 3, (13, 2)), r.normal(size=(13, 5))),
    "samples twice": lambda r: (
        np.tile(np.stack([r.integers(0, 3, 6), np.arange(6)], axis=1), (2, 1)),
        np.tile(r.normal(size=(6, 4)), (2, 1)),
    ),
    "one sample": lambda r: (np.ones((5, 2), "int32"), r.normal(size=(5, 3))),
    "one class": lambda r: (np.ones(5, "int32"), r.normal(size=(5, 3))),
}


def value_and_gradient(loss, labels, x):
    value, (gradient,) = backend.value_and_gradient(lambda z: loss(labels, z), x)
    return value, gradient


def title(case):
    return "-".join(map(str, case.values())) if isinstance(case, dict) else case


@pytest.mark.parametrize("name, settings, x, expected", GOLDEN)
def test_golden_values(name, settings, x, expected):
    assert float(zoo.losses.get(name, **settings)(LABELS, x)) == pytest.approx(expected, abs=1.5e-6)


@pytest.mark.parametrize("name, settings", CASES, ids=title)
@pytest.mark.parametrize("batch", BATCHES)
def test_values_equal_plain_loops(name, settings, batch):
    labels, x = BATCHES[batch](np.random.default_rng(7))
    expected = ORACLES[name](labels, x, **settings)
    assert float(zoo.losses.get(name, **settings)(labels, x)) == pytest.approx(expected, rel=1e-6, abs=1e-7)


@pytest.fixture(autouse=True)
def uncompiled():
    """JAX would compile each of some hundred cases, and both branches of each."""
    with backend.uncompiled():
        yield


@pytest.mark.parametrize("name, settings", CASES, ids=title)
@pytest.mark.parametrize("batch", ["random", "singletons", "sample ids"])
def test_gradients_equal_central_differences(name, settings, batch):
    labels, x = BATCHES[batch](np.random.default_rng(3))
    fixed = dict(settings)
    if name == "circle" and settings.get("form") != "separate":
        fixed["weights"] = {}
        ORACLES[name](labels, x, **fixed)
    expected = oracles.gradient(lambda z: ORACLES[name](labels, z, **fixed), x)
    _, actual = value_and_gradient(zoo.losses.get(name, **settings), labels, x)
    np.testing.assert_allclose(actual, expected, atol=2e-6, rtol=1e-5)


CHUNKED = [(name, settings) for name, settings in CASES if name != "lifted" or settings.get("form") == "generalized"]
CHUNKED = [(name, settings) for name, settings in CHUNKED if settings.get("form") != "pairs"]
SIDED = [case for case in CASES if isinstance(zoo.losses.get(case[0]), zoo.losses.sides.SideLoss)]


@pytest.mark.parametrize("name, settings", CHUNKED, ids=title)
@pytest.mark.parametrize("batch", ["random", "sample ids"])
def test_rows_in_chunks_give_the_same(name, settings, batch):
    labels, x = BATCHES[batch](np.random.default_rng(5))
    whole = value_and_gradient(zoo.losses.get(name, **settings), labels, x)
    parts = value_and_gradient(zoo.losses.get(name, anchor_chunk=4, **settings), labels, x)
    assert parts[0] == pytest.approx(whole[0], rel=backend.within(1e-9, torch=1e-6))
    np.testing.assert_allclose(parts[1], whole[1], atol=backend.within(1e-9, torch=1e-5 * np.abs(whole[1]).max()))


@pytest.mark.parametrize("name, settings", SIDED, ids=title)
@pytest.mark.parametrize("few", [zoo.mining.FEWER, 0])
@pytest.mark.parametrize("batch", ["random", "sample ids"])
def test_positives_taken_out_of_long_rows_give_the_same(name, settings, batch, few, monkeypatch):
    labels, x = BATCHES[batch](np.random.default_rng(6))
    masked = value_and_gradient(zoo.losses.get(name, **settings), labels, x)
    monkeypatch.setattr(zoo.losses.sides, "LONG", 0)  # rows as short as these are not taken apart
    monkeypatch.setattr(zoo.mining, "FEWER", few)
    apart = value_and_gradient(zoo.losses.get(name, **settings), labels, x)
    assert apart[0] == pytest.approx(masked[0], rel=backend.within(1e-9, torch=1e-6))
    np.testing.assert_allclose(apart[1], masked[1], atol=backend.within(1e-9, torch=1e-5 * np.abs(masked[1]).max()))


@pytest.mark.parametrize("name, settings", CASES, ids=title)
def test_weights_of_samples_weigh_values_and_gradients(name, settings):
    labels, x = BATCHES["random"](np.random.default_rng(4))
    weight = np.linspace(0.5, 2.0, len(labels))
    loss, none = (zoo.losses.get(name, reduction=reduction, **settings) for reduction in ("sum", None))

    def weighted(z):
        return float((backend.to_numpy(none(labels, z)) * weight).sum())

    value, (gradient,) = backend.value_and_gradient(lambda z: loss(labels, z, sample_weight=weight), x)
    assert value == pytest.approx(weighted(x), rel=backend.within(1e-9, torch=1e-6))
    if backend.NAME == "torch":  # in float32 central differences are noise
        _, (expected,) = backend.value_and_gradient(lambda z: ops.sum(none(labels, z) * ops.convert_to_tensor(weight)), x)
        np.testing.assert_allclose(gradient, expected, atol=1e-5 * np.abs(expected).max())
    elif not (name == "circle" and loss.form == "joint"):
        np.testing.assert_allclose(gradient, oracles.gradient(weighted, x), atol=2e-5, rtol=1e-5)


@pytest.mark.skipif(backend.NAME != "tensorflow", reason="counts what TensorFlow's graph of a step holds")
def test_nothing_is_larger_than_the_matrix_of_pairs():
    import tensorflow as tf

    labels, x = np.repeat(np.arange(64), 4), tf.random.stateless_normal((256, 8), (1, 2))
    for name in ORACLES:
        loss = zoo.losses.get(name)

        @tf.function
        def step(z, loss=loss):
            with tf.GradientTape() as tape:
                tape.watch(z)
                value = loss(labels, z)
            return tape.gradient(value, z)

        operations = step.get_concrete_function(x).graph.get_operations()
        sizes = [t.shape.num_elements() for op in operations for t in op.outputs if t.shape.is_fully_defined()]
        assert max(sizes) == 256 * 256, name


def test_the_two_rows_of_a_pair_are_the_first_of_their_class():
    x = np.random.default_rng(0).normal(size=(7, 3))
    labels = np.array([2, 0, 2, 1, 0, 2, 0])
    loss = zoo.losses.get("npair", form="pairs", reduction=None)
    values = backend.to_numpy(loss(labels, x))
    assert np.flatnonzero(values).tolist() == [0, 1]
    moved = x.copy()
    moved[[3, 5, 6]] += 1.0  # a singleton and third rows
    np.testing.assert_array_equal(backend.to_numpy(loss(labels, moved)), values)


def test_several_labels_a_row():
    random = np.random.default_rng(0)
    marks, x = random.integers(0, 2, (9, 4)), random.normal(size=(9, 3))
    marks[3] = 0
    shared = marks @ marks.T
    rows = [i for i in range(9) if marks[i].any()]

    def definition(x):
        z = x @ x.T
        return np.mean([np.logaddexp.reduce(z[i]) - shared[i] @ z[i] / shared[i].sum() for i in rows])

    value, gradient = value_and_gradient(zoo.losses.MultilabelNPairLoss(), marks, x)
    assert value == pytest.approx(definition(x), rel=backend.within(1e-9, torch=1e-6))
    np.testing.assert_allclose(gradient, oracles.gradient(definition, x), atol=backend.within(1e-7, torch=1e-5))
    labels = np.array([0, 1, 0, 1, 2, 2, 0, 1, 2])
    one = zoo.losses.NPairLoss(form="batch", l2=0.0)(labels, x)
    assert float(zoo.losses.MultilabelNPairLoss()(np.eye(3, dtype=int)[labels], x)) == pytest.approx(float(one))
    for bad, words in (([[0, 2]] * 9, "0 or 1"), ([0] * 9, "(N, C)"), ([[1, 0]] * 4, "4 rows")):
        with pytest.raises(ValueError, match=words.replace("(", r"\(").replace(")", r"\)")):
            zoo.losses.MultilabelNPairLoss()(np.array(bad), x)


def test_thresholds_follow_a_schedule():
    schedule = zoo.layers.LossLayer(
        zoo.losses.get("nearestneighbor", neg_threshold=0.5),
        schedules={"pos_threshold": keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.0, 2.0])},
    )
    labels, x = BATCHES["random"](np.random.default_rng(7))
    assert float(schedule(labels, x, training=True)) > 0
    assert float(schedule(labels, x, training=True)) == 0  # no similarity reaches 2
    terms = zoo.losses.get("nearestneighbor").terms(ops.convert_to_tensor(labels), ops.convert_to_tensor(x))
    assert 0 < float(terms.health["pair_share"]) <= 1 and float(terms.health["pushed_negatives"]) > 0


def test_health_says_what_the_pairs_are():
    x = ops.convert_to_tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    terms = zoo.losses.get("supcon").terms(ops.convert_to_tensor([0, 0, 1]), x)
    health = {key: float(value) for key, value in terms.health.items()}
    pairs = {"positive_share": 1 / 3, "mean_s_ap": 1, "mean_s_an": 0}
    assert health == pytest.approx({"valid_anchors": 2, "active_fraction": 1, **pairs}, abs=1e-6)
    labels, x = BATCHES["sample ids"](np.random.default_rng(7))
    terms = zoo.losses.get("contrastive", neg_margin=100.0).checked_terms(labels, x)  # every pair costs something
    assert float(terms.health["active_fraction"]) == 1


@pytest.mark.parametrize(
    "name, settings, words",
    [
        ("contrastive", dict(distance="dot"), ["dot", "euclidean"]),
        ("contrastive", dict(denominator="anchors"), ["denominator", "valid"]),
        ("contrastive", dict(squared=1), ["squared", "1"]),
        ("npair", dict(form="pair"), ["form", "did you mean 'pairs'"]),
        ("npair", dict(distance="euclidean"), ["euclidean", "cosine"]),
        ("npair", dict(l2=-1), ["l2", "-1"]),
        ("lifted", dict(form="all"), ["form", "generalized"]),
        ("lifted", dict(anchor_chunk=8), ["anchor_chunk", "pairs"]),
        ("infonce", dict(temperature=0), ["temperature", "not 0"]),
        ("supcon", dict(anchor_chunk=0), ["anchor_chunk", "not 0"]),
        ("supcon", dict(normalize="yes"), ["normalize", "yes"]),
        ("multisimilarity", dict(epsilon="big"), ["epsilon", "big"]),
        ("circle", dict(distance="euclidean"), ["distance", "euclidean"]),
        ("nearestneighbor", dict(pos_threshold=None), ["pos_threshold", "None"]),
        ("margin", dict(distance="dot"), ["dot"]),
        ("smoothap", dict(denominator="pairs"), ["denominator", "anchors"]),
    ],
)
def test_settings_without_meaning_are_refused_by_name(name, settings, words):
    with pytest.raises(ValueError) as error:
        zoo.losses.get(name, **settings)
    assert all(word in str(error.value) for word in words), error.value
