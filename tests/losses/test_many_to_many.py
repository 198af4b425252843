"""Many-to-many losses of two towers against plain loops, and which of them collapse."""

import keras
import numpy as np
import oracles
import oracles_towers
import pytest
import tensorflow as tf
from contract import fix
from keras import ops
from sklearn.metrics import roc_auc_score

import zoo

RANDOM = np.random.default_rng(11)
PAIR = RANDOM.normal(size=(6, 4)), RANDOM.normal(size=(8, 4))
LABELS = np.array([0, 1, 2, 2, 5, 1]), np.array([2, 2, 1, 0, 0, 9, 1, 3])
CASES = [
    ("manytomany", dict()),
    ("manytomany", dict(similarity="half_cosine", gap_penalty=2.0, gap=0.9)),
    ("manytomany", dict(similarity="dot", gap_penalty=0.3)),
    ("manytomany", dict(similarity="sigmoid", log_scale=1.0, bias=-0.5)),
    ("manytomany", dict(negative_ratio=0.5)),
    ("manytomany_l1", dict()),
    ("manytomany_l1", dict(negative_ratio=1.0, similarity="half_cosine")),
    ("manytomany_l1", dict(similarity="dot", gap_penalty=1.0)),
    ("sigmoid", dict()),
    ("sigmoid", dict(log_scale=0.3, bias=-1.0, denominator="batch", normalize=False)),
]


@pytest.mark.parametrize("name, settings", CASES, ids=str)
def test_value_and_gradient_equal_plain_loops(name, settings):
    parts = [tf.Variable(part) for part in PAIR]
    loss = fix(zoo.losses.get(name, **settings))
    with tf.GradientTape() as tape:
        value = loss(LABELS, tuple(parts))
    options = {**zoo.registry.LOSSES[name].settings, **settings}
    options |= {"ratio": options.pop("negative_ratio")} if "negative_ratio" in options else {}

    def loop(x, y):
        return oracles_towers.ORACLES[name](LABELS, (x, y), **options)

    assert float(value) == pytest.approx(loop(*PAIR), rel=1e-6)
    slopes = [tf.convert_to_tensor(g).numpy() for g in tape.gradient(value, parts)]
    np.testing.assert_allclose(slopes[0], oracles.gradient(lambda x: loop(x, PAIR[1]), PAIR[0]), atol=1e-6)
    np.testing.assert_allclose(slopes[1], oracles.gradient(lambda y: loop(PAIR[0], y), PAIR[1]), atol=1e-6)


@pytest.mark.parametrize("name", ["manytomany", "manytomany_l1", "sigmoid"])
def test_a_half_without_pairs_is_left_out(name):
    x = np.eye(3)
    none = (np.array([0, 1, 2]), np.array([3, 4, 5]))
    settings = dict(gap_penalty=1.0) if name != "sigmoid" else {}
    for labels in (none, np.zeros(3, "int32")):
        assert np.isfinite(float(zoo.losses.get(name, **settings)(labels, (x, x))))
    if name != "sigmoid":
        assert float(zoo.losses.get(name, **settings)(none, (x, np.roll(x, 1, axis=0)))) > 0  # equal rows push apart
        assert float(zoo.losses.get(name, **settings)(none, (x, -x))) == 0


def test_drawn_rivals_are_as_many_as_the_ratio_says():
    x, labels = RANDOM.normal(size=(40, 4)), np.arange(40) // 2
    loss = zoo.losses.get("manytomany_l1", similarity="dot", negative_ratio=0.5, seed=1)
    y = x[:, ::-1]
    values = [float(loss(labels, (x, y))) for _ in range(200)]
    s, same = x @ y.T, np.equal.outer(labels, labels)
    expected = (np.abs(1 - s[same]).mean() + 0.5 * np.abs(s[~same]).mean()) / 1.5
    assert np.mean(values) == pytest.approx(expected, rel=0.05) and np.std(values) > 0


def test_a_ratio_above_one_warns_with_the_median():
    with pytest.warns(UserWarning, match="median of matchness is 0"):
        zoo.losses.get("manytomany_l1", negative_ratio=3.0)


@pytest.mark.parametrize(
    "settings, words",
    [
        (dict(form="l1"), ["form", "plain"]),
        (dict(similarity="cosine"), ["similarity", "did you mean 'relu_cosine'"]),
        (dict(bias=1.0), ["bias=1.0", "relu_cosine"]),
        (dict(negative_ratio=-1), ["negative_ratio", "-1"]),
        (dict(gap_penalty=-1), ["gap_penalty", "-1"]),
    ],
)
def test_settings_without_meaning_are_refused_by_name(settings, words):
    with pytest.raises(ValueError) as error:
        zoo.losses.get("manytomany", **settings)
    assert all(word in str(error.value) for word in words), error.value


def auc_after_training(name, steps=600, clusters=32, rows=128, **settings):
    """Two small networks that see noisy pictures of the same clusters; AUC of the cosine on new pairs, last loss, share."""
    keras.utils.set_random_seed(1)
    random = np.random.default_rng(1)
    centers = random.normal(size=(2, clusters, 16))
    nets = [keras.Sequential([keras.layers.Dense(64, "relu"), keras.layers.Dense(32)]) for _ in "xy"]
    for net in nets:
        net.build((None, 16))
    layer = zoo.layers.LossLayer(zoo.losses.get(name, **settings))
    layer.build()
    weights = [w for part in (*nets, layer) for w in part.trainable_variables]
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(weights)

    def draw():
        ids = random.integers(0, clusters, (2, rows))
        views = [centers[i][ids[i]] + 0.5 * random.normal(size=(rows, 16)) for i in (0, 1)]
        return [tf.constant(part, "float32") for part in views], [tf.constant(part, "int32") for part in ids]

    @tf.function
    def step(x, y, a, b):
        with tf.GradientTape() as tape:
            value = layer((a, b), (nets[0](x), nets[1](y)))
        slopes = tape.gradient(value, [w.value for w in weights])
        optimizer.apply([tf.zeros_like(w) if g is None else g for g, w in zip(slopes, weights, strict=True)], weights)
        return value

    values = []
    for _ in range(steps):
        views, ids = draw()
        values.append(float(step(*views, *ids)))
    views, ids = draw()
    x, y = (ops.normalize(net(view)) for net, view in zip(nets, views, strict=True))
    same = np.equal.outer(*(part.numpy() for part in ids))
    auc = roc_auc_score(same.ravel(), ops.convert_to_numpy(x @ ops.transpose(y)).ravel())
    return auc, np.mean(values[-50:]), same.mean()


def test_plain_l1_collapses_to_the_share_of_matches_and_its_successors_do_not():
    auc, last, share = auc_after_training("manytomany_l1")
    assert auc < 0.6 and last == pytest.approx(1 / 32, rel=0.15) and share == pytest.approx(1 / 32, rel=0.2)
    for name in ("manytomany", "sigmoid"):
        assert auc_after_training(name)[0] > 0.95, name
