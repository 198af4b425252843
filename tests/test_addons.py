"""zoo.addons answers as tensorflow-addons 0.23.0 did; the goldens here are its answers, in numbers."""

import inspect
import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo import addons

ROOT = pathlib.Path(__file__).resolve().parents[1]
BATCH_LOSSES = [addons.TripletSemiHardLoss, addons.TripletHardLoss, addons.LiftedStructLoss]

X = np.array(
    [[1, 0, 0.5], [0.9, 0.2, 0.5], [-0.3, 1, 0], [0, 0.8, 0.1], [0.4, 0.4, -1], [0, -1, 0.3], [-0.6, 0.1, 0.7]], "float32"
)
Y = np.array([0, 0, 1, 1, 1, 2, 3])
MANY = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [0, 1, 0], [1, 1, 1], [1, 0, 0]])
DISTANCES, SAME = np.array([0.1, 0.8, 1.7, 0, 0.4], "float32"), np.array([1, 0, 0, 1, 0])
SHARES, TARGETS = np.array([[0.9, 0.2], [0.5, 0.7], [0.01, 0.99]], "float32"), np.array([[1, 0], [0, 1], [1, 0]], "float32")
LOGITS = (SHARES - 0.5) * 8

# Call, settings, labels, input; then the answer of tensorflow-addons and the norm of its gradient.
GOLDEN = [
    ("TripletSemiHardLoss", {"margin": 0.5, "distance_metric": "L2"}, Y, X, [0.142326], 0.644331),
    ("TripletHardLoss", {"margin": 0.5, "distance_metric": "L2"}, Y, X, [0.226358], 0.643527),
    ("TripletHardLoss", {"soft": True, "distance_metric": "L2"}, Y, X, [0.467937], 0.39668),
    ("TripletSemiHardLoss", {"margin": 0.5, "distance_metric": "squared-L2"}, Y, X, [0.03125], 1.001873),
    ("TripletHardLoss", {"margin": 0.5, "distance_metric": "squared-L2"}, Y, X, [0.254286], 1.266201),
    ("TripletHardLoss", {"soft": True, "distance_metric": "squared-L2"}, Y, X, [0.43593], 0.939957),
    ("TripletSemiHardLoss", {"margin": 0.5, "distance_metric": "angular"}, Y, X, [0.136904], 0.757089),
    ("TripletHardLoss", {"margin": 0.5, "distance_metric": "angular"}, Y, X, [0.183341], 0.654339),
    ("TripletHardLoss", {"soft": True, "distance_metric": "angular"}, Y, X, [0.496912], 0.412287),
    ("TripletSemiHardLoss", {}, Y, X, [0.459788], 0.98328),
    ("TripletHardLoss", {}, Y, X, [0.450694], 0.75138),
    ("LiftedStructLoss", {}, Y, X, [2.959831], 2.33331),
    ("LiftedStructLoss", {"margin": 0.2}, Y, X, [1.356974], 1.567914),
    ("NpairsLoss", {}, Y, X @ X.T, [1.355488], 0.180067),
    ("NpairsMultilabelLoss", {}, MANY, X @ X.T, [1.983663], 0.117557),
    ("ContrastiveLoss", {"reduction": "none"}, SAME, DISTANCES, [0.01, 0.04, 0.0, 0.0, 0.36], 1.280625),
    ("ContrastiveLoss", {"reduction": "sum"}, SAME, DISTANCES, [0.41], 1.280625),
    ("ContrastiveLoss", {"reduction": "auto"}, SAME, DISTANCES, [0.082], 0.256125),
    ("ContrastiveLoss", {"margin": 2.0}, SAME, DISTANCES, [0.82], 0.809938),
    ("SigmoidFocalCrossEntropy", {}, TARGETS, SHARES, [0.006958, 0.13799, 4.513518], 84.696419),
    ("SigmoidFocalCrossEntropy", {"alpha": 0.5, "gamma": 1.0, "reduction": "sum"}, TARGETS, SHARES, [4.813479], 73.265656),
    ("SigmoidFocalCrossEntropy", {"from_logits": True, "reduction": "auto"}, TARGETS, LOGITS, [1.306525], 0.296803),
    # Batches with no negative, or no positive, where it is finite.
    ("TripletSemiHardLoss", {}, Y * 0, X, [2.41235], 0.554879),
    ("TripletHardLoss", {}, Y * 0, X, [1.0], 0.0),
    ("TripletHardLoss", {}, np.arange(7), X, [0.400636], 0.571429),
]
SIGNATURES = {
    "TripletSemiHardLoss": "(margin=1.0, distance_metric='L2', name=None, **kwargs)",
    "TripletHardLoss": "(margin=1.0, soft=False, distance_metric='L2', name=None, **kwargs)",
    "LiftedStructLoss": "(margin=1.0, name=None, **kwargs)",
    "NpairsLoss": "(name='npairs_loss')",
    "NpairsMultilabelLoss": "(name='npairs_multilabel_loss')",
    "ContrastiveLoss": "(margin=1.0, reduction='sum_over_batch_size', name='contrastive_loss')",
    "SigmoidFocalCrossEntropy": "(from_logits=False, alpha=0.25, gamma=2.0, reduction='none', "
    "name='sigmoid_focal_crossentropy')",
    "triplet_semihard_loss": "(y_true, y_pred, margin=1.0, distance_metric='L2')",
    "triplet_hard_loss": "(y_true, y_pred, margin=1.0, soft=False, distance_metric='L2')",
    "lifted_struct_loss": "(labels, embeddings, margin=1.0)",
    "npairs_loss": "(y_true, y_pred)",
    "npairs_multilabel_loss": "(y_true, y_pred)",
    "contrastive_loss": "(y_true, y_pred, margin=1.0)",
    "sigmoid_focal_crossentropy": "(y_true, y_pred, alpha=0.25, gamma=2.0, from_logits=False)",
    "pairwise_distance": "(feature, squared=False)",
    "angular_distance": "(feature)",
}
ONE_OF_EACH = {
    "TripletSemiHardLoss": ({"margin": 0.3, "distance_metric": "angular"}, Y, X),
    "TripletHardLoss": ({"margin": 0.3, "soft": True, "distance_metric": "squared-L2"}, Y, X),
    "LiftedStructLoss": ({"margin": 0.3}, Y, X),
    "NpairsLoss": ({}, Y, X @ X.T),
    "NpairsMultilabelLoss": ({}, MANY, X @ X.T),
    "ContrastiveLoss": ({"margin": 0.3, "reduction": "sum"}, SAME, DISTANCES),
    "SigmoidFocalCrossEntropy": ({"from_logits": True, "alpha": None, "gamma": 1.0}, TARGETS, SHARES),
}


def value_and_gradient(loss, labels, x, dtype=None):
    variable = tf.Variable(x if dtype is None else tf.cast(x, dtype))
    with tf.GradientTape() as tape:
        value = loss(labels, tf.convert_to_tensor(variable))
    gradient = tape.gradient(value, variable, unconnected_gradients="zero")
    return np.asarray(value, "float64"), np.asarray(tf.cast(gradient, "float64"))


@pytest.mark.parametrize("name, settings, labels, x, value, norm", GOLDEN, ids=[f"{row[0]}-{row[1]}" for row in GOLDEN])
def test_answers_of_tensorflow_addons(name, settings, labels, x, value, norm):
    ours, gradient = value_and_gradient(getattr(addons, name)(**settings), labels, x)
    assert np.ravel(ours) == pytest.approx(value, abs=2e-6)
    assert np.linalg.norm(gradient) == pytest.approx(norm, rel=1e-4, abs=2e-6)


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name):
    assert str(inspect.signature(getattr(addons, name))) == SIGNATURES[name]
    assert getattr(addons.losses, name, None) or getattr(addons.losses.metric_learning, name)


def test_import_zoo_stays_light():
    code = "import sys, zoo; assert 'keras' not in sys.modules; print(zoo.addons.TripletSemiHardLoss().margin)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "1.0", done.stderr


DEGENERATE = {
    "no positives": (np.arange(4), np.eye(4)),
    "one class": (np.zeros(4, "int32"), np.eye(4)),
    "one sample": (np.zeros(1, "int32"), np.eye(4)[:1]),
    "copies": (np.array([0, 0, 1, 1]), np.repeat(np.eye(4)[:2], 2, axis=0)),
    "zero rows": (np.array([0, 0, 1, 1]), np.zeros((4, 4))),
    "all equal": (np.array([0, 0, 1, 1]), np.ones((4, 4))),
    "float16 overflow": (np.array([0, 0, 1, 1]), np.random.default_rng(0).normal(size=(4, 4)) * 1e4),
}


@pytest.mark.parametrize("case", DEGENERATE)
@pytest.mark.parametrize("metric", ["L2", "squared-L2", "angular"])
@pytest.mark.parametrize("loss", BATCH_LOSSES)
def test_degenerate_batches_are_finite(loss, metric, case):
    labels, x = DEGENERATE[case]
    settings = {} if loss is addons.LiftedStructLoss else {"distance_metric": metric}
    for margin in (0.0, 1.0):
        dtype = "float16" if case == "float16 overflow" else "float32"
        value, gradient = value_and_gradient(loss(margin=margin, **settings), labels, x, dtype)
        assert np.isfinite(value) and np.isfinite(gradient).all()
        empty = case in ("no positives", "one sample") and loss is not addons.TripletHardLoss
        if empty or (case == "one class" and loss is addons.LiftedStructLoss):
            assert value == 0 and not gradient.any()


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("from_logits", [False, True])
def test_focal_is_finite_where_the_prediction_is_perfect(gamma, from_logits):
    predictions = (TARGETS - 0.5) * 400 if from_logits else TARGETS
    value, gradient = value_and_gradient(addons.SigmoidFocalCrossEntropy(from_logits, gamma=gamma), TARGETS, predictions)
    assert not value.any() and np.isfinite(gradient).all()


def test_a_row_without_a_label_counts_zero():
    some = MANY * (np.arange(7) > 1)[:, None]
    value, gradient = value_and_gradient(addons.NpairsMultilabelLoss(), some, X @ X.T)
    logits = (X @ X.T).astype("float64")
    log_softmax = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    shared = some @ some.T
    rows = [-(shared[i] / shared[i].sum()) @ log_softmax[i] if shared[i].any() else 0.0 for i in range(7)]
    assert value == pytest.approx(np.mean(rows), rel=1e-6)
    assert not gradient[:2].any() and gradient[2:].any()


def test_sparse_labels():
    dense = float(addons.npairs_multilabel_loss(MANY, X @ X.T))
    for sparse in (tf.sparse.from_dense(MANY), [tf.sparse.from_dense(row) for row in MANY], MANY.tolist()):
        assert float(addons.NpairsMultilabelLoss()(sparse, X @ X.T)) == dense
    assert float(addons.npairs_multilabel_loss([tf.sparse.from_dense(row[None]) for row in MANY], X @ X.T)) == dense


@pytest.mark.parametrize("base", [2**24, 2**31, 2**53, -(2**40)])
@pytest.mark.parametrize("name", ["TripletSemiHardLoss", "TripletHardLoss", "LiftedStructLoss", "NpairsLoss"])
def test_labels_stay_integers(name, base):
    settings, labels, x = ONE_OF_EACH[name]
    loss = getattr(addons, name)(**settings)
    expected = float(loss(labels, x))
    assert float(loss(labels + base, x)) == expected
    assert float(loss(tf.constant(labels + base)[:, None], x)) == expected


def test_pairs_as_a_column_mean_the_same():
    expected = float(addons.ContrastiveLoss()(SAME, DISTANCES))
    column = DISTANCES[:, None]
    for labels, distances in ((SAME[:, None], DISTANCES), (SAME, column), (SAME[:, None] > 0, column)):
        assert float(addons.ContrastiveLoss()(labels, distances)) == pytest.approx(expected)


def test_sample_weights():
    for loss in (addons.TripletSemiHardLoss(), addons.NpairsLoss()):
        x = X if isinstance(loss, addons.TripletSemiHardLoss) else X @ X.T
        value = float(loss(Y, x))
        assert float(loss(Y, x, sample_weight=2.0)) == pytest.approx(2 * value)
        assert loss(Y, x, sample_weight=np.arange(7.0)[:, None]).numpy() == pytest.approx(value * np.arange(7.0)[:, None])
    weights = np.arange(5.0)
    per_pair = addons.contrastive_loss(SAME, DISTANCES).numpy()
    for given in (weights, weights[:, None]):
        assert float(addons.ContrastiveLoss()(SAME, DISTANCES, given)) == pytest.approx((per_pair * weights).mean())
    matrix = addons.ContrastiveLoss(reduction="none")(np.eye(3), np.full((3, 3), 0.5), np.arange(3.0)).numpy()
    assert matrix == pytest.approx(0.25 * np.arange(3.0)[:, None] * np.ones((3, 3)))
    mean = addons.TripletSemiHardLoss(reduction="sum_over_batch_size")(Y, X, np.arange(7.0))
    assert float(mean) == pytest.approx(3 * 0.459788, rel=1e-5)


@keras.saving.register_keras_serializable(package="tests")
def manhattan(x):
    return keras.ops.sum(keras.ops.abs(x[:, None] - x[None]), axis=-1)


def test_a_distance_of_ones_own():
    loss = addons.TripletSemiHardLoss(distance_metric=manhattan)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.distance_metric is manhattan
    assert float(again(Y, X)) == float(loss(Y, X)) != float(addons.TripletSemiHardLoss()(Y, X))
    squares = addons.TripletHardLoss(distance_metric=lambda x: addons.pairwise_distance(x, squared=True))
    assert float(squares(Y, X)) == pytest.approx(float(addons.TripletHardLoss(distance_metric="squared-L2")(Y, X)))


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_config_round_trip(name):
    settings, labels, x = ONE_OF_EACH[name]
    loss = getattr(addons, name)(**settings)
    config = keras.losses.serialize(loss)
    again = keras.losses.deserialize(json.loads(json.dumps(config)))
    assert again.get_config() == loss.get_config() and type(again) is type(loss)
    assert np.array_equal(again(labels, x), loss(labels, x))


def small_model(loss, outputs=3, **settings):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(outputs)])
    model.compile("sgd", loss, **settings)
    return model


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("loss", BATCH_LOSSES)
def test_fit_and_jit(loss, jit):
    model = small_model(loss(), jit_compile=jit)
    expected = float(loss()(Y, model(X)))
    history = model.fit(X, Y, batch_size=7, epochs=4, verbose=0).history["loss"]
    assert history[0] == pytest.approx(expected, rel=1e-4) and history[-1] < history[0]


def test_mixed_precision_is_computed_in_float32():
    big = (X * 200).astype("float16")  # squares overflow float16
    for loss in BATCH_LOSSES:
        value = loss()(Y, big)
        assert value.dtype == tf.float32 and float(value) == pytest.approx(float(loss()(Y, big.astype("float32"))), rel=1e-6)


def test_saving_in_a_fresh_process(tmp_path):
    path = tmp_path / "model.keras"
    model = small_model(addons.TripletSemiHardLoss(0.3, "angular"))
    model.fit(X, Y, verbose=0)
    model.save(path)
    code = (
        "import sys, zoo, keras; zoo.register(); loss = keras.models.load_model(sys.argv[1]).loss;"
        "print(type(loss).__name__, loss.margin, loss.distance_metric)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split() == ["TripletSemiHardLoss", "0.3", "angular"], done.stderr


@pytest.mark.parametrize("loss", BATCH_LOSSES)
def test_no_cubic_tensor(loss):
    rows = 24

    @tf.function
    def step(labels, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss()(labels, x)
        return value, tape.gradient(value, x)

    graph = step.get_concrete_function(tf.TensorSpec([rows], "int32"), tf.TensorSpec([rows, 4])).graph
    sizes = [t.shape.num_elements() or 0 for op in graph.get_operations() for t in op.outputs if t.shape.rank is not None]
    assert rows**2 <= max(sizes) <= 2 * rows**2


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: addons.TripletSemiHardLoss(margin="soft"), "margin must be a number"),
        (lambda: addons.TripletHardLoss(distance_metric="l2"), "unknown distance_metric 'l2'; did you mean 'L2'"),
        (lambda: addons.TripletHardLoss(soft=1), "soft must be True or False"),
        (lambda: addons.ContrastiveLoss(reduction="mean"), "unknown reduction 'mean'"),
        (lambda: addons.SigmoidFocalCrossEntropy(gamma=-1.0), "gamma must be at least 0"),
        (lambda: addons.npairs_loss(Y, X), "square matrix"),
        (lambda: addons.npairs_multilabel_loss(Y, X @ X.T), r"y_true must have shape \(N, C\)"),
        (lambda: addons.npairs_multilabel_loss(MANY[:3], X @ X.T), "labels have 3 rows"),
        (lambda: addons.contrastive_loss(SAME, X), "same shape"),
        (lambda: addons.triplet_hard_loss(Y, X, distance_metric=lambda x: x), "must return a matrix"),
        (lambda: addons.triplet_hard_loss(Y[:3], X), "labels have 3 rows"),
    ],
)
def test_errors_name_the_argument(call, words):
    with pytest.raises(ValueError, match=words):
        call()
