"""Many-to-many losses of two towers against plain loops, and which of them collapse."""

import backend
import keras
import numpy as np
import oracles
import oracles_towers
import pytest
from contract import fix, model_with_loss
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
    loss = fix(zoo.losses.get(name, **settings))
    value, slopes = backend.value_and_gradient(lambda *parts: loss(LABELS, parts), *PAIR)
    options = {**zoo.registry.LOSSES[name].settings, **settings}
    options |= {"ratio": options.pop("negative_ratio")} if "negative_ratio" in options else {}

    def loop(x, y):
        return oracles_towers.ORACLES[name](LABELS, (x, y), **options)

    assert value == pytest.approx(loop(*PAIR), rel=1e-6)
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
    views, ids = [keras.Input((16,)) for _ in nets], [keras.Input((), dtype="int32") for _ in nets]
    towers = tuple(net(view) for net, view in zip(nets, views, strict=True))
    layer = zoo.layers.LossLayer(zoo.losses.get(name, **settings))
    model = model_with_loss([*views, *ids], tuple(ids), towers, layer)
    model.compile(keras.optimizers.Adam(1e-3))

    def draw(batches):
        parts = []
        for _ in range(batches):
            ids = random.integers(0, clusters, (2, rows))
            parts.append([*(centers[i][ids[i]] + 0.5 * random.normal(size=(rows, 16)) for i in (0, 1)), *ids])
        return [np.concatenate(part) for part in zip(*parts, strict=True)]

    model.fit(draw(steps - 50), batch_size=rows, shuffle=False, verbose=0)
    last = model.fit(draw(50), batch_size=rows, shuffle=False, verbose=0).history["loss"][0]
    *views, a, b = draw(1)
    x, y = (backend.to_numpy(ops.normalize(net(view))) for net, view in zip(nets, views, strict=True))
    same = np.equal.outer(a, b)
    return roc_auc_score(same.ravel(), (x @ y.T).ravel()), last, same.mean()


def test_plain_l1_collapses_to_the_share_of_matches_and_its_successors_do_not():
    auc, last, share = auc_after_training("manytomany_l1")
    assert auc < 0.6 and last == pytest.approx(1 / 32, rel=0.15) and share == pytest.approx(1 / 32, rel=0.2)
    for name in ("manytomany", "sigmoid"):
        assert auc_after_training(name)[0] > 0.95, name
