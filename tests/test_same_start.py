"""One seed, one start: the same initial weights of both towers under every loss, and the same draws of a loss."""

import keras
import numpy as np
import pytest
from towers import IDS, TEXTS, small

import zoo
from zoo import registry

LOSSES = sorted(name for name, loss in registry.LOSSES.items() if loss.takes == "towers")
CASES = [(name, {}) for name in LOSSES] + [
    ("maxranking", {"hardness": 0.5}),
    ("manytomany", {"similarity": "sigmoid"}),
    ("manytomany", {"negative_ratio": 1.0}),
    ("ranking", {"matryoshka": (2, 6)}),
    ("maxmargin", {"seed": 7}),
]
FEATURES = np.random.default_rng(0).normal(size=(12, 7)).astype("float32")


def stored(loss, **settings):
    """The image tower has no statistics and is built last, by its first batch."""
    keras.utils.set_random_seed(0)
    model = zoo.build(f"vse_{loss}", units=8, word_dim=8, features=7, embedding_dim=6, **settings)
    model.adapt({"text": TEXTS})
    model.predict((TEXTS, FEATURES))
    return model


def speech(loss, **settings):
    keras.utils.set_random_seed(0)
    more = {"speech_settings": {"blocks": [(4, 3, True)]}, "image_settings": {"blocks": 1, "filters": 4}}
    model = zoo.build(f"speech2image_{loss}", seconds=0.4, size=8, mels=12, embedding_dim=6, **more, **settings)
    model.build(((None, 3200, 1), (None, 8, 8, 3)))
    return model


def weights(model):
    return [weight for tower in model.towers.values() for weight in tower.get_weights()]


@pytest.fixture(scope="module")
def first():
    return {make: weights(make("ranking")) for make in (small, stored, speech)}


@pytest.mark.parametrize("make", [small, stored, speech])
@pytest.mark.parametrize("name, settings", CASES, ids=str)
def test_every_loss_starts_from_the_same_encoder(name, settings, make, first):
    found = weights(make(name, **settings))
    assert len(found) == len(first[make]) > 4
    assert all(np.array_equal(a, b) for a, b in zip(found, first[make], strict=True))


def drawn(model):
    loss = model.loss_layer.loss
    return (loss.seed, keras.ops.convert_to_numpy(loss.draws((3,)))) if loss.draws is not None else None


@pytest.mark.parametrize("name, settings", [("maxmargin", {}), ("manytomany", {"negative_ratio": 1.0})])
def test_the_same_seed_gives_the_same_draws_and_another_seed_others(name, settings):
    (seed, a), (again, b) = (drawn(speech(name, **settings)) for _ in range(2))
    assert seed == again and np.array_equal(a, b)
    assert drawn(speech(name, seed=7, **settings))[0] == 7
    keras.utils.set_random_seed(1)
    assert zoo.losses.get(name, **settings).seed != seed


def test_one_after_another_two_losses_draw_differently_once_weights_were_made_between():
    keras.utils.set_random_seed(0)
    seeds = []
    for _ in range(2):
        model = zoo.build("vse_maxmargin", units=4, word_dim=4, features=3, embedding_dim=2)
        seeds.append(model.loss_layer.loss.seed)
    assert seeds[0] != seeds[1]


@pytest.mark.parametrize("name, settings", [case for case in CASES if "matryoshka" not in case[1]], ids=str)
def test_a_run_of_the_same_seed_is_the_same_run(name, settings):
    starts, ends = [], []
    for _ in range(2):
        keras.utils.set_random_seed(0)
        towers = [zoo.Embedder(keras.layers.Dense(8), None, None, 6, name=kind) for kind in ("text", "image")]
        model = zoo.TwoTowers(*towers, zoo.layers.LossLayer(zoo.losses.get(name, **settings)))
        model.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
        starts.append([keras.ops.convert_to_numpy(part) for part in model((FEATURES, FEATURES))])
        model.fit((FEATURES, FEATURES), IDS, batch_size=6, epochs=2, verbose=0)
        ends.append([keras.ops.convert_to_numpy(part) for part in model((FEATURES, FEATURES))])
    assert all(np.array_equal(a, b) for a, b in zip(*ends, strict=True))
    assert not np.array_equal(starts[0], ends[0])
