"""A model that begins with the encoder of another one."""

import keras
import numpy as np
import pytest

import zoo

TEXTS = ["navigate home", "play jazz", "turn it off", "drive to work"]


def trained(name="bilstm_semihard", **settings):
    keras.utils.set_random_seed(1)
    model = zoo.build(name, units=4, embedding_dim=6, **settings)
    model.adapt(TEXTS)
    model.fit(zoo.data.pk_batches(TEXTS, [0, 1, 1, 0], 2, 2, steps=1), verbose=0)
    return model


def test_it_answers_as_the_first_and_learns_under_its_own_loss():
    first = trained()
    second = zoo.build("bilstm_arcface", units=4, embedding_dim=6, classes=2, dropout=0.2)
    second.start_from(first)
    np.testing.assert_array_equal(second.predict([*TEXTS, "zoo"]), first.predict([*TEXTS, "zoo"]))
    assert second.frontend.vocabulary == first.frontend.vocabulary and int(second.optimizer.iterations) == 0
    second.fit(zoo.data.pk_batches(TEXTS, [0, 1, 1, 0], 2, 2, steps=1), verbose=0)
    assert not np.allclose(second.predict(TEXTS), first.predict(TEXTS))


def test_a_saved_one_starts_another_and_two_towers_do(tmp_path):
    first = trained()
    first.save(tmp_path / "first.keras")
    second = zoo.build("bilstm_batchhard", units=4, embedding_dim=6)
    second.start_from(zoo.load_model(tmp_path / "first.keras"))
    np.testing.assert_array_equal(second.predict(TEXTS), first.predict(TEXTS))

    towers = [zoo.build(f"vse_{loss}", features=3, units=4, embedding_dim=6) for loss in ("ranking", "maxranking")]
    towers[0].adapt({"text": TEXTS, "image": np.eye(4, 3, dtype="float32")})
    towers[1].start_from(towers[0])
    pairs = TEXTS, np.eye(4, 3, dtype="float32")
    for mine, theirs in zip(towers[1].predict(pairs), towers[0].predict(pairs), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("frontend", [True, False])
def test_models_that_were_fed_tensors_start_another(frontend):
    images = np.random.default_rng(0).normal(size=(4, 16, 16, 3)).astype("float32")
    first, second = (zoo.build(f"convnet_{loss}", size=16, filters=4, embedding_dim=5) for loss in ("semihard", "epshn"))
    if not frontend:
        first.frontend = second.frontend = None
    first.fit(images, np.array([0, 0, 1, 1]), verbose=0)
    second.start_from(first)
    np.testing.assert_array_equal(second.predict(images), first.predict(images))


@pytest.mark.parametrize(
    "settings, expected",
    [({"units": 8}, "units=4, not 8"), ({"embedding_dim": None}, "embedding_dim=6, not None"), ({"pooling": "last"}, "pooling=")],
)
def test_another_encoder_is_refused_by_its_settings(settings, expected):
    second = zoo.build("bilstm_batchhard", **{"units": 4, "embedding_dim": 6, **settings})
    with pytest.raises(ValueError, match=f"start_from: the encoder of bilstm_semihard has .*{expected}"):
        second.start_from(trained())
    assert not second.built


def test_what_is_no_start_is_refused():
    first, second = trained(), zoo.build("bilstm_batchhard", units=4, embedding_dim=6)
    for other in (zoo.build("bilstm_semihard"), None, "first.keras"):
        with pytest.raises(ValueError, match="start_from takes a model of one tower"):
            second.start_from(other)
    with pytest.raises(ValueError, match="a BiLSTM, not a ConvNet"):
        zoo.build("convnet_epshn", embedding_dim=6).start_from(first)
    second.adapt(["abc"])
    with pytest.raises(ValueError, match="was built for the characters of other texts"):
        second.start_from(first)
    with pytest.raises(ValueError, match="two towers, text and image"):
        zoo.build("vse_ranking", features=3).start_from(first)
