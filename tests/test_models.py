"""What every model promises, with the text encoder: one loss of each module (tests/test_contract.py has all losses)."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import registry

MODULES = {registry.entry("loss", name.partition("_")[2]).path.split(":")[0]: name for name in zoo.list_models("bilstm_*")}
MODELS = sorted({*MODULES.values(), "bilstm_epshn"})
TEXTS = np.array(
    [f"{verb}{place}" for verb in ("导航到", "去", "drive to ") for place in ("高铁东站", "安泰小区", "the lake", "bank")]
    + [f"{verb}{what}" for verb in ("播放", "听", "play ") for what in ("周杰伦", "老歌", "some jazz", "radio")],
    dtype=object,
)
LABELS = np.repeat([0, 1], 12)
ODD = ["", "x" * 10_000, b"\xff\xfeabc", "😀", "مرحبا", "\ud800", "a\x00b", " ", "\n"]


def small(name, **settings):
    if registry.parse(name)[1].needs_classes:
        settings.setdefault("classes", 2)
    model = zoo.build(name, units=8, char_dim=8, embedding_dim=6, learning_rate=1e-2, **settings)
    model.adapt(TEXTS)
    return model


def learn(model, epochs=4):
    """Fit for a few steps: on class ids, or on multi-hot labels where the loss takes them."""
    if model.loss_layer.loss.multilabel:
        return model.fit(TEXTS, np.eye(2)[LABELS], epochs=2 * epochs, batch_size=8, verbose=0).history
    batches = zoo.data.pk_batches(TEXTS, LABELS, 2, 8, steps=6, preprocess=model.preprocess)
    return model.fit(batches, epochs=epochs, verbose=0).history


@pytest.fixture(scope="module")
def trained():
    models = {}
    for name in MODELS:
        keras.utils.set_random_seed(0)
        models[name] = small(name)
        models[name].history_of_test = learn(models[name])
    return models


@pytest.mark.parametrize("name", MODELS)
def test_it_learns_and_reports_health(trained, name):
    history = trained[name].history_of_test
    assert history["loss"][-1] < history["loss"][0]
    assert {"valid_anchors", "active_fraction", "embedding_std"} <= set(history)
    assert zoo.evaluate(trained[name], (TEXTS, LABELS), k=(1,))["recall@1"].value > 0.9


@pytest.mark.parametrize("name", MODELS)
def test_raw_items_tensors_and_order_give_the_same_embeddings(trained, name):
    model = trained[name]
    expected = model.predict(TEXTS)
    assert expected.shape == (24, 6) and expected.dtype == "float32"
    np.testing.assert_allclose(model.predict(TEXTS.tolist()), expected, atol=1e-6)
    np.testing.assert_allclose(model.predict(np.asarray(model.preprocess(TEXTS))), expected, atol=1e-6)
    np.testing.assert_allclose(model(model.preprocess(tf.constant(TEXTS.tolist()))), expected, atol=1e-6)
    np.testing.assert_allclose(model.predict(TEXTS[::-1], batch_size=5)[::-1], expected, atol=1e-6)
    if model.normalize:
        np.testing.assert_allclose(np.linalg.norm(expected, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_odd_texts_have_finite_embeddings_alone_and_together(trained, name):
    together = trained[name].predict(ODD)
    assert together.shape == (len(ODD), 6) and np.isfinite(together).all()
    for i, text in enumerate(ODD):
        np.testing.assert_allclose(trained[name].predict([text])[0], together[i], atol=1e-6)
    assert trained[name].predict([]).shape == (0, 6)


def test_odd_texts_can_be_trained_on():
    model = small("bilstm_triplet")
    texts = [*ODD, *TEXTS[:3], *TEXTS[-3:]]
    model.fit(texts, np.arange(len(texts)) % 3, epochs=2, batch_size=len(texts), verbose=0)
    assert np.isfinite(model.predict(texts)).all()


def test_models_load_in_a_fresh_process_with_vocabulary_margin_and_optimizer(trained, tmp_path):
    for name, model in trained.items():
        model.save(tmp_path / f"{name}.keras")
    code = (
        "import sys, pathlib, numpy as np, zoo\n"
        "folder = pathlib.Path(sys.argv[1]); texts = np.load(folder / 'texts.npy')\n"
        "for path in sorted(folder.glob('*.keras')):\n"
        "    model = zoo.load_model(path)\n"
        "    np.save(path.with_suffix('.npy'), model.predict(texts))\n"
        "    print(path.stem, int(model.optimizer.iterations), model.loss_layer.loss.get_config().get('margin'))\n"
    )
    np.save(tmp_path / "texts.npy", TEXTS.astype(str))
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0 and "UserWarning" not in done.stderr, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == MODELS
    for name, steps, margin in lines:
        assert int(steps) == 24 and margin == str(trained[name].loss_layer.loss.get_config().get("margin"))
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), trained[name].predict(TEXTS), atol=1e-6)


@pytest.mark.parametrize("name", ["bilstm_triplet", "bilstm_hinge"])
def test_a_killed_run_goes_on_with_the_batches_it_would_have_had(name, tmp_path):
    class Kill(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise InterruptedError

    def run(folder, *callbacks):
        keras.utils.set_random_seed(0)
        model = small(name)
        batches = zoo.data.pk_batches(TEXTS, LABELS, 2, 4, steps=3, preprocess=model.preprocess)
        backup = keras.callbacks.BackupAndRestore(folder)
        try:
            model.fit(batches, epochs=4, verbose=0, callbacks=[backup, *callbacks])
        except InterruptedError:
            return None
        return model

    straight = run(tmp_path / "straight")
    assert run(tmp_path / "killed", Kill()) is None
    resumed = run(tmp_path / "killed")
    assert int(resumed.optimizer.iterations) == int(straight.optimizer.iterations) == 12
    np.testing.assert_allclose(resumed.predict(TEXTS), straight.predict(TEXTS), atol=1e-6)


def test_the_same_seed_gives_the_same_model():
    results = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        model = small("bilstm_epshn", dropout=0.2)
        batches = zoo.data.pk_batches(TEXTS, LABELS, 2, 8, steps=5, seed=1, preprocess=model.preprocess)
        model.fit(batches, verbose=0)
        results.append(model.predict(TEXTS))
    np.testing.assert_array_equal(*results)


def test_the_same_seed_gives_the_same_encoder_under_every_loss():
    weights = []
    for name in MODELS:
        keras.utils.set_random_seed(5)
        weights.append(small(name).backbone.get_weights())
    for other in weights[1:]:
        for a, b in zip(weights[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_labels_that_do_not_fit_are_refused_by_fit():
    model = small("bilstm_softmax")
    for labels, words in ((LABELS + 5, "0..1"), (LABELS - 1, "0..1"), (LABELS + 0.5, "whole numbers")):
        with pytest.raises(ValueError, match=words):
            model.fit(TEXTS, labels, verbose=0)
    with pytest.raises(ValueError, match="0..1"):
        model.fit(zoo.data.pk_batches(TEXTS, LABELS + 1, 2, 4), verbose=0)


def test_strings_are_preprocessed_in_batches_and_data_sets_too():
    model = small("bilstm_triplet")
    model.fit(zoo.data.pk_batches(TEXTS, LABELS, 2, 4, steps=2), verbose=0)
    strings = tf.data.Dataset.from_tensor_slices((TEXTS.tolist(), LABELS)).batch(12)
    model.fit(strings, validation_data=[TEXTS, LABELS.tolist()], verbose=0)
    expected = model.predict(TEXTS)
    np.testing.assert_allclose(model.predict(strings.map(lambda text, label: text)), expected, atol=1e-6)
    with pytest.raises(ValueError, match="model.preprocess"):
        model(tf.constant(["a"]))


def test_normalize_reaches_the_head_and_the_loss():
    raw = small("bilstm_semihard", normalize=False)
    assert raw.normalize is False and raw.loss_layer.loss.normalize is False
    assert small("bilstm_semihard").loss_layer.loss.normalize is True


def test_a_vocabulary_that_is_refused_changes_nothing():
    model = small("bilstm_epshn")
    before = model.predict(TEXTS)
    for texts in (["abc"], ["".join(sorted({c for t in TEXTS for c in t.lower()}))[::-1] + "a" * 99]):
        with pytest.raises(ValueError, match="new model"):
            model.adapt(texts)
    model.adapt(TEXTS)  # the same one again
    np.testing.assert_array_equal(model.predict(TEXTS), before)


def test_mixed_precision_keeps_embeddings_in_float32():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        for name in ("bilstm_triplet", "bilstm_softmax"):
            model = small(name)
            history = model.fit(TEXTS, LABELS, epochs=3, batch_size=24, verbose=0).history
            assert np.isfinite(history["loss"]).all()
            assert model.predict(TEXTS).dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")


def test_fit_takes_texts_labels_weights_and_validation_data():
    model = small("bilstm_batchhard")
    history = model.fit(
        TEXTS.tolist(), LABELS, sample_weight=np.ones(24), validation_data=(TEXTS[:8], LABELS[:8]), batch_size=12, verbose=0
    ).history
    assert np.isfinite(history["loss"]).all() and "val_loss" in history
    assert np.isfinite(model.evaluate(TEXTS, LABELS, verbose=0)).all()


def test_class_scores():
    model = small("bilstm_hinge")
    assert model.class_scores(TEXTS).shape == (24, 2)
    with pytest.raises(ValueError, match="no class scores"):
        small("bilstm_epshn").class_scores(TEXTS)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda m: m.fit(TEXTS, ["a"] * 24, verbose=0), ["zoo.data.encode"]),
        (lambda m: m.fit(TEXTS, verbose=0), ["labels are missing"]),
        (lambda m: m.predict("one text"), ["list of strings"]),
        (lambda m: m.predict(["a", None]), ["item 1", "NoneType"]),
        (lambda m: m.adapt(TEXTS[:1]), ["built for", "new model"]),
        (lambda m: zoo.build("bilstm_epshn").predict(["a"]), ["model.adapt(texts)"]),
        (lambda m: zoo.load_model("missing.keras"), ["missing.keras", "model.save"]),
        (lambda m: zoo.load_model(__file__), ["test_models.py", "no model"]),
        (lambda m: zoo.build("bilstm_epshn", units="many"), ["units", "'many'"]),
        (lambda m: zoo.build("bilstm_epshn", unknown=2.0), ["unknown", "2.0"]),
        (lambda m: zoo.build("bilstm_epshn", normalize="false"), ["normalize", "True or False"]),
        (lambda m: zoo.build("bilstm_epshn", embedding_dim=0), ["embedding_dim"]),
        (lambda m: zoo.build("bilstm_triplet", margin=float("nan")), ["margin", "nan"]),
        (lambda m: zoo.build("bilstm_triplet", margin="sof"), ["margin", "number or 'soft'", "'sof'"]),
        (lambda m: zoo.build("bilstm_hinge", margin="soft", classes=2), ["margin", "number", "'soft'"]),
        (lambda m: zoo.build("bilstm_triplet", reduction=None), ["reduction"]),
    ],
)
def test_bad_input_is_refused_by_name(call, words):
    with pytest.raises(ValueError) as error:
        call(small("bilstm_epshn"))
    assert all(word in str(error.value) for word in words), error.value


def test_the_card_has_the_settings_the_model_was_made_with():
    card = small("bilstm_triplet", margin=0.7).card()
    assert card["settings"]["margin"] == 0.7 and card["settings"]["units"] == 8
    assert card["settings"]["embedding_dim"] == 6 and card["outputs"] == "embedding: float32 [N, 6]"


def test_a_save_that_fails_leaves_the_file_that_was_there(tmp_path):
    code = (
        "import resource, sys, zoo\n"
        "model = zoo.build('bilstm_epshn', units=64); model.adapt(['abc']); model.save(sys.argv[1])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "model.save(sys.argv[1])\n"
    )
    path = tmp_path / "model.keras"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, env=os.environ)
    assert done.returncode != 0 and "Error" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["model.keras"]
    assert path.stat().st_size > 20_000 and zoo.load_model(path).predict(["abc"]).shape == (1, 128)
