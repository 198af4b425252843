"""Models of two towers: every loss in fit, what fit takes, saving, resuming, what is refused."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from towers import IDS, IMAGES, LABELS, TEXTS, batches, small

import zoo
from zoo import registry

LOSSES = sorted(name for name, loss in registry.LOSSES.items() if loss.takes == "towers")
# Every loss, and the forms of those that have several.
CASES = [(name, {}) for name in LOSSES] + [
    ("maxranking", {"hardness": 0.5}),
    ("mms", {"normalize": True, "temperature": 0.1}),
    ("manytomany", {"similarity": "sigmoid"}),
    ("manytomany", {"similarity": "dot", "negative_ratio": 1.0, "gap_penalty": 0.5}),
]


@pytest.fixture(scope="module")
def trained():
    model = small()
    model.history_of_test = model.fit(batches(), epochs=20, verbose=0).history
    return model


def plain(name, normalize=True, **settings):
    """Two towers of one linear map each, on tensors: quick to trace."""
    towers = [zoo.Embedder(keras.layers.Dense(8), None, None, 6, normalize, name=kind) for kind in ("text", "image")]
    model = zoo.TwoTowers(*towers, zoo.layers.LossLayer(zoo.losses.get(name, **settings)))
    return eager(model)


def eager(model):
    """The model without a traced step, since tracing costs seconds."""
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
    return model


FEATURES = np.random.default_rng(0).normal(size=(12, 5)).astype("float32"), np.eye(12, 7, dtype="float32") + 0.1


@pytest.mark.parametrize("name, settings", CASES, ids=str)
def test_every_loss_fits_and_reports_health(name, settings):
    model = plain(name, **settings)
    history = model.fit(zoo.data.pair_batches(*FEATURES, (IDS, IDS), size=6), epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert {"valid_anchors", "active_fraction", "mean_s_ap", "mean_s_an", "embedding_std"} <= set(history)


@pytest.mark.parametrize("name, settings", CASES, ids=str)
def test_what_is_compared_by_the_dot_product_leaves_the_towers_with_its_length(name, settings):
    model = small(name, adapt=False, **settings)
    raw = name == "maxmargin" or (name == "mms" and not settings) or settings.get("similarity") == "dot"
    assert [tower.normalize for tower in model.towers.values()] == [not raw, not raw]
    assert model.distance == ("dot" if raw else "cosine") and raw == (not model.loss_layer.loss.normalize)


def test_it_learns_which_image_a_caption_means(trained):
    history = trained.history_of_test
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    report = zoo.evaluate(trained, ((TEXTS, IMAGES), IDS), k=(1, 3))
    assert report["text_to_image_recall@1"].value > 0.9 and report["image_to_text_recall@1"].value > 0.9
    assert list(report)[0] == "text_to_image_recall@1" and "recall_sum" in report


def test_both_sides_are_drawn_and_looked_at_while_training(tmp_path):
    data, labels = {"text": TEXTS, "image": IMAGES}, {"text": LABELS, "image": LABELS}
    watch = zoo.callbacks.Retrieval(((TEXTS, IMAGES), IDS), k=None)
    draw = zoo.callbacks.Projector(tmp_path, (data, labels))
    history = eager(small()).fit(batches(steps=1), verbose=0, callbacks=[draw, watch]).history
    assert {"val_text_to_image_recall@10", "val_recall_sum"} <= set(history)
    for epoch in ("epoch_000", "epoch_001"):
        assert len((tmp_path / epoch / "metadata.tsv").read_text().splitlines()) == 25
    with pytest.raises(ValueError, match="gallery.*one tower"):
        zoo.callbacks.Projector(tmp_path, (data, labels), gallery=(TEXTS, LABELS))


def test_evaluate_is_cross_modal_of_predict(trained):
    x, y = trained.predict((TEXTS, IMAGES))
    expected = zoo.metrics.cross_modal(x, y, IDS, names=("text", "image"))
    assert zoo.evaluate(trained, ((TEXTS, IMAGES), IDS)) == expected
    assert zoo.evaluate(trained, ((TEXTS, IMAGES), np.equal.outer(IDS, IDS))) == expected
    np.testing.assert_allclose(trained.similarity(TEXTS, IMAGES), x @ y.T, atol=1e-6)
    with pytest.raises(ValueError, match="items of text and of image"):
        zoo.evaluate(trained, (TEXTS, IDS))
    with pytest.raises(ValueError, match="gallery"):
        zoo.evaluate(trained, ((TEXTS, IMAGES), IDS), gallery=(IMAGES, IDS))


def test_raw_items_tensors_and_towers_give_the_same_embeddings(trained):
    x, y = trained.predict((TEXTS, IMAGES[:5]))
    assert x.shape == (12, 6) and y.shape == (5, 6) and x.dtype == y.dtype == "float32"
    tensors = trained.preprocess((TEXTS, IMAGES[:5]))
    called = map(keras.ops.convert_to_numpy, trained(tensors))
    for a, b in (called, trained.predict([np.asarray(t) for t in tensors])):
        np.testing.assert_allclose(a, x, atol=1e-6)
        np.testing.assert_allclose(b, y, atol=1e-6)
    assert list(trained.towers) == ["text", "image"]
    np.testing.assert_allclose(trained.towers["image"].predict(IMAGES[:5], batch_size=2), y, atol=1e-6)
    files = trained.towers["image"].frontend.as_bytes(IMAGES)
    np.testing.assert_allclose(trained.predict((TEXTS, files[:5]))[1], y, atol=1e-6)


def test_fit_takes_items_files_paths_weights_validation_data_and_data_sets(tmp_path):
    model = eager(small())
    files = model.towers["image"].frontend.as_bytes(IMAGES)
    paths = [str(tmp_path / f"{i}.png") for i in range(12)]
    for path, file in zip(paths, files, strict=True):
        with open(path, "wb") as out:
            out.write(file)
    settings = {"batch_size": 6, "verbose": 0}
    history = model.fit((TEXTS, paths), IDS, validation_data=((TEXTS, files), IDS), sample_weight=np.ones(12), **settings)
    assert np.isfinite(history.history["val_loss"]).all() and int(model.optimizer.iterations) == 2
    model.fit(tuple(map(np.asarray, model.preprocess((TEXTS, IMAGES)))), IDS, **settings)
    raw = tf.data.Dataset.from_tensor_slices(((TEXTS, IMAGES), IDS)).batch(6)
    model.fit(raw, validation_data=raw, verbose=0)
    model.fit((TEXTS, IMAGES), **settings)  # row i matches row i
    assert np.isfinite(model.evaluate((TEXTS, paths), IDS, verbose=0)).all()
    model.fit(zoo.data.pair_batches(TEXTS, paths, (IDS, IDS), size=6), verbose=0)
    model.fit(zoo.data.pair_batches(TEXTS, IMAGES, np.equal.outer(IDS, IDS), size=6), verbose=0)
    model.fit(batches(preprocess=model.preprocess), verbose=0)
    assert int(model.optimizer.iterations) == 14


def test_ids_and_a_matrix_that_say_the_same_train_the_same():
    results = []
    for matches in ((IDS, IDS), np.equal.outer(IDS, IDS)):
        keras.utils.set_random_seed(0)
        model = plain("mms")
        model.fit(zoo.data.pair_batches(*FEATURES, matches, size=6), epochs=2, verbose=0)
        results.append(model.predict(FEATURES))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_normalize_reaches_both_heads_and_the_loss():
    for settings in ({"normalize": "first"}, {"image_norm": False}):
        model = small(adapt=False, **settings)
        assert [tower.normalize for tower in model.towers.values()] == [True, False]
        assert model.loss_layer.loss.normalize == "first" and model.distance == "cosine"
    assert [tower.normalize for tower in small("maxmargin", adapt=False, normalize=True).towers.values()] == [True, True]


def test_matryoshka_trains_prefixes():
    loss = zoo.losses.get("ranking")
    layer = zoo.layers.LossLayer(loss, matryoshka=(2, 5))
    x, y = FEATURES[0], FEATURES[1][:, :5]
    expected = (float(loss(IDS, (x[:, :2], y[:, :2]))) + float(loss(IDS, (x, y)))) / 2
    assert float(layer(IDS, (x, y))) == pytest.approx(expected, rel=1e-5)
    assert float(layer(IDS, np.stack([x, y], axis=1))) == pytest.approx(expected, rel=1e-5)
    assert small(adapt=False, matryoshka=(2, 6)).loss_layer.matryoshka == (2, 6)
    with pytest.raises(ValueError, match="matryoshka"):
        towers = [zoo.Embedder(keras.layers.Dense(2), None, name=kind) for kind in ("text", "image")]
        zoo.TwoTowers(*towers, layer, matchmap="misa")


def test_models_load_in_a_fresh_process(trained, tmp_path):
    trained.save(tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", IMAGES)
    code = (
        "import sys, numpy as np, zoo\n"
        "model = zoo.load_model('model.keras')\n"
        "np.savez('found.npz', *model.predict((sys.argv[1:], np.load('images.npy'))))\n"
        "print(type(model).__name__, int(model.optimizer.iterations), model.loss_layer.loss.margin, model.distance)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    done = subprocess.run([sys.executable, "-c", code, *TEXTS], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["TwoTowers", "40", "0.2", "cosine"]
    for found, expected in zip(np.load(tmp_path / "found.npz").values(), trained.predict((TEXTS, IMAGES)), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_killed_run_goes_on_with_the_batches_and_draws_it_would_have_had(tmp_path):
    few = zoo.data.pair_batches(*FEATURES, (IDS, IDS), size=4)

    class Kill(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise InterruptedError

    def run(folder, *callbacks):
        keras.utils.set_random_seed(0)
        model = plain("maxmargin", False, seed=3)
        backup = keras.callbacks.BackupAndRestore(folder)
        try:
            model.fit(few, epochs=4, verbose=0, callbacks=[backup, *callbacks])
        except InterruptedError:
            return None
        return model

    straight = run(tmp_path / "straight")
    assert run(tmp_path / "killed", Kill()) is None
    resumed = run(tmp_path / "killed")
    assert int(resumed.optimizer.iterations) == int(straight.optimizer.iterations) == 12
    for a, b in zip(resumed.predict(FEATURES), straight.predict(FEATURES), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_stored_features_need_no_frontend():
    model = eager(zoo.build("vse_ranking", units=8, word_dim=8, features=5, embedding_dim=4))
    features = np.eye(12, 5, dtype="float32") + 0.1
    model.adapt({"text": TEXTS})
    model.fit((TEXTS, features), IDS, batch_size=6, verbose=0)
    model.fit(zoo.data.pair_batches(TEXTS, features, (IDS, IDS), size=6), verbose=0)
    x, y = model.predict((TEXTS, features[:2]))
    assert x.shape == (12, 4) and y.shape == (2, 4)


def test_mixed_precision_keeps_embeddings_in_float32():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = eager(small())
        assert np.isfinite(model.fit(batches(), verbose=0).history["loss"]).all()
        assert all(part.dtype == "float32" for part in model.predict((TEXTS, IMAGES)))
    finally:
        keras.config.set_dtype_policy("float32")


def test_the_card_has_the_settings_the_model_was_made_with():
    card = small(margin=0.7, adapt=False).card()
    assert card["settings"]["margin"] == 0.7 and card["settings"]["units"] == 8 and card["settings"]["embedding_dim"] == 6
    assert card["outputs"] == "embedding of each tower: float32 [N, 128]" and "text" in card["inputs"]


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda m: m.fit((TEXTS, IMAGES), LABELS, verbose=0), ["zoo.data.encode"]),
        (lambda m: m.fit((TEXTS, IMAGES[:3]), IDS, verbose=0), ["12 and 3", "pair_batches"]),
        (lambda m: m.fit((TEXTS, IMAGES), np.eye(12, dtype=bool), verbose=0), ["matrix", "pair_batches"]),
        (lambda m: m.predict(TEXTS), ["a pair", "text", "image"]),
        (lambda m: m(np.ones((2, 3))), ["a pair"]),
        (lambda m: m.adapt({"sound": TEXTS}), ["unknown tower 'sound'", "image, text"]),
        (lambda m: m.towers["text"].fit(TEXTS, IDS), ["text", "no loss of its own"]),
        (lambda m: zoo.build("vse_ranking", normalize="third"), ["normalize", "third"]),
        (lambda m: zoo.build("vse_epshn"), ["encoders of one tower", "ranking"]),
        (lambda m: zoo.build("vse_ranking", magin=1), ["did you mean 'margin'"]),
        (lambda m: zoo.TwoTowers(m.first, m.first, m.loss_layer), ["both called 'text'"]),
        (lambda m: zoo.TwoTowers(m.first, m.second, zoo.layers.LossLayer(zoo.losses.get("triplet"))), ["two towers"]),
        (lambda m: zoo.TwoTowers(m.first, m.second, m.loss_layer, matchmap="max"), ["unknown matchmap", "misa"]),
    ],
)
def test_bad_input_is_refused_by_name(trained, call, words):
    with pytest.raises(ValueError) as error:
        call(trained)
    assert all(word in str(error.value) for word in words), error.value


def test_towers_of_two_sizes_are_refused():
    towers = [zoo.Embedder(keras.layers.Dense(4), None, embedding_dim=size, name=kind) for kind, size in (("a", 2), ("b", 3))]
    model = zoo.TwoTowers(*towers, zoo.layers.LossLayer(zoo.losses.get("ranking")))
    with pytest.raises(ValueError, match="one size, not 2 and 3"):
        model((np.ones((1, 2)), np.ones((1, 2))))
