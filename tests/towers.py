"""A small model of two towers, captions and images of four colors, for the tests of models, bundles and metrics."""

import keras
import numpy as np

import zoo

COLORS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (40, 60, 220), "white": (240, 240, 240)}
TEXTS = [f"{verb} {color} square" for color in COLORS for verb in ("a", "one", "see the")]
_RANDOM = np.random.default_rng(0)
IMAGES = np.stack(
    [np.full((18, 18, 3), color) + _RANDOM.integers(-10, 10, (18, 18, 3)) for color in COLORS.values() for _ in range(3)]
).astype("uint8")
IDS = np.repeat(np.arange(4), 3)
LABELS = [list(COLORS)[i] for i in IDS]


def small(loss="ranking", adapt=True, **settings):
    """`vse` with a network of its own, adapted to the captions and images above."""
    keras.utils.set_random_seed(0)
    settings = {"units": 8, "word_dim": 8, "embedding_dim": 6, "learning_rate": 2e-2, **settings}
    image = {"image": "convnet", "size": 12, "freeze": False, "image_settings": {"blocks": 1, "filters": 8}}
    model = zoo.build(f"vse_{loss}", **image, **settings)
    if adapt:
        model.adapt({"text": TEXTS, "image": IMAGES})
    return model


def batches(**settings):
    return zoo.data.pair_batches(TEXTS, IMAGES, (IDS, IDS), **{"size": 6, **settings})
