"""Sentences that find images, and images that find sentences: three losses of two towers on one network.

Shows   Recall@1, 5, 10, median rank and the sum of recalls in both directions, under the sum of hinges, the largest hinge with
        a warm-up, and the masked margin softmax, from the same start, batches and steps, over several seeds; beside a ridge
        regression from image features to words; sheets of queries with what they found; a bundle that answers from UTF-8
        sentences and from image files; both kinds in one space in TensorBoard's projector.
Time    python recipes/caption_to_image.py                           with the data half an hour on two cores, digits two minutes
        python recipes/caption_to_image.py --data grocery81 --cuts 5 --epochs 20
        python recipes/caption_to_image.py --data path/to/flickr8k   also Flickr30k, COCO and stored features (--folds 5)
Data    --data takes digits, ucm_captions, grocery81, or a folder (see zoo.data.load_captions). Without ZOO_DATA: digits, whose
        captions are made from labels; for a first look, no evidence.
Score   see recipes/results/caption_*.txt

Sources: Kiros, Salakhutdinov and Zemel 2014 (VSE); Faghri et al. 2018 (VSE++); Ilharco et al. 2019; a post on multimodal
learning. The rate of each loss and the epoch are chosen on validation; test is looked at once.
"""

import argparse
import json
import logging
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
logging.getLogger("tensorflow").setLevel("ERROR")

import caption_post as post
import keras
import numpy as np
import tensorflow as tf

import zoo

LOSSES = {
    "sum of hinges": ("ranking", {"margin": 0.2}),
    "largest hinge": ("maxranking", {"margin": 0.2, "hardness": "warm-up"}),
    "margin softmax": ("mms", {"margin": 0.0, "temperature": 0.07, "normalize": True}),
    "sigmoid": ("sigmoid", {}),
}
SHOWN = ["sum of hinges", "largest hinge", "margin softmax"]
# Image features come from MobileNet as it was trained on ImageNet, once; then only the map behind them learns.
MOBILENET = {"image": "MobileNet", "weights": "pretrained/mobilenet_1.0_224_to_pw12_fp16.npz", "size": 128,
             "image_settings": {"width": 1.0, "until": "conv_pw_12_relu"}}  # fmt: skip
CUT = {"crop": 0.4, "flip": True}  # of training images, with --cuts
PIXELS = {"image": "convnet", "size": 16, "freeze": False, "scale": False, "image_settings": {"channels": 1, "filters": 32}}
CAPTIONS = {"units": 128, "cell": "gru", "dropout": 0.2, "vectors": "glove50"}  # word vectors are trained further
DIM = 512
RATES = (3e-3, 6e-3)  # Adam, down to zero along a cosine; gradients longer than CLIP are cut, as in VSE
CLIP = 2.0
SIZE = 64  # pairs of a batch
DATA = "ucm_captions"  # where ZOO_DATA is


def main():
    options = arguments()
    data = zoo.data.load_captions(options.data)
    network = Network(data, options)
    out = options.out / (pathlib.Path(data.name).name + "_cuts" * (options.cuts > 1))
    (out / "runs").mkdir(parents=True, exist_ok=True)
    parts = ", ".join(f"{len(s.images)} images and {len(s)} captions to {what}" for s, what in
                      ((data.train, "train on"), (data.validation, "choose by"), (data.test, "test")))  # fmt: skip
    print(f"{data.name}: {parts}\n{data.note}", flush=True)
    network.read(out, options.cuts)
    rows, started = {}, time.time()
    for i, label in enumerate(options.losses, 1):
        print(f"\n[{i}/{len(options.losses)}] {label}", flush=True)
        rate = choose(label, data, network, out, options)
        rows[label] = [run(label, seed, rate, data, network, out, options) for seed in range(options.seeds)]
    print(f"\nTrained in {time.time() - started:.0f} s.\n", flush=True)
    baseline = post.ridge(data, network, options) if network.stored else None
    post.table(rows, baseline, data, network, options, out)
    best = max(options.losses, key=lambda label: np.mean([row["validation"] for row in rows[label]]))
    model = zoo.load_model(out / "runs" / f"{slug(best, 0, rows[best][0]['rate'])}.keras")
    post.pictures(model, rows, best, baseline, data, network, out)
    post.publish(network.serving(model), best, rows[best][0], data, out)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help=f"{', '.join(zoo.data.caption_sets())}, or a folder; by default {DATA}, else digits")
    parser.add_argument("--losses", default="shown", help="shown, all, or names separated by ';'")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10, help="after each the validation part is looked at")
    parser.add_argument("--steps", type=int, default=50, help="batches in an epoch")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES, help="tried with seed 0 on validation")
    parser.add_argument("--folds", type=int, default=1, help="parts of the test images searched alone, 5 for COCO's 5,000")
    parser.add_argument("--cuts", type=int, default=1, help="times that each training image is cut and mirrored to train on")
    parser.add_argument("--out", type=pathlib.Path, default="runs/caption_to_image")
    options = parser.parse_args()
    named = {"shown": SHOWN, "all": list(LOSSES)}.get(options.losses) or [name.strip() for name in options.losses.split(";")]
    for label in named:
        if label not in LOSSES:
            parser.error(f"--losses: unknown {label!r}; there are: {'; '.join(LOSSES)}")
    options.losses = named
    if options.cuts < 1:
        parser.error(f"--cuts must be 1 or more, not {options.cuts}")
    if options.data is None:
        try:
            zoo.data.data_root()
            options.data = DATA
        except FileNotFoundError:
            options.data = "digits"
            print("Without ZOO_DATA there are only digits, whose captions are made from labels: no evidence.\n")
    return options


class Network:
    """What the losses share: the encoder's settings, and the images as it takes them, files or features."""

    def __init__(self, data, options):
        self.data, self.settings = data, dict(CAPTIONS, embedding_dim=DIM)
        self.given = not isinstance(data.train.images[0], (str, bytes))  # a folder of stored features
        self.stored = self.given or data.name != "digits"
        self.images = {part: getattr(data, part).images for part in ("train", "validation", "test")}
        if data.name == "digits":
            self.settings |= {**PIXELS, "vectors": None, "word_dim": 50}
            return
        self.settings["vectors"] = str(zoo.data.data_root() / "glove50/glove50.npz")
        if not self.given:
            self.network = {**MOBILENET, "weights": str(zoo.data.data_root() / MOBILENET["weights"])}

    def read(self, out, cuts=1):
        """Replace images by the features of the network, computed once and kept in files.

        With `cuts` above 1 training images [I] are also cut and mirrored at random [cuts * I, F], as in VSE++.
        """
        if cuts > 1 and (self.given or not self.stored):
            raise ValueError("--cuts is for photographs: stored features and digits cannot be cut")
        if not self.stored:
            return
        for part, images in self.images.items():
            if not self.given:
                seen = [self.features(images, out / f"features_{part}.npy")]
                for cut in range(1, cuts if part == "train" else 1):
                    seen.append(self.features(images, out / f"features_{part}_{cut}.npy", cut))
                self.images[part] = np.concatenate(seen)
        self.settings["features"] = self.images["train"].shape[1]

    def features(self, images, path, cut=None):
        """What the network says of images, of their middle squares or of the random cut of a number; kept at `path`."""
        if not path.exists():
            started = time.time()
            settings = {**self.network["image_settings"], **(CUT if cut is not None else {})}
            tower = zoo.encoders.VSE(**{**self.network, "image_settings": settings}, scale=False).towers["image"]
            frontend = tower.make_frontend()
            reader = zoo.Embedder(tower, None, frontend, embedding_dim=None, normalize=False, name="image")
            tf.random.set_seed(cut or 0)
            pictures = frontend.dataset(frontend.as_items(list(images)), 64, augment=cut is not None)
            with open(path.with_suffix(".part"), "wb") as file:
                np.save(file, keras.Model.predict(reader, pictures, verbose=0))
            path.with_suffix(".part").replace(path)
            print(f"Features of {len(images)} images to {path} in {time.time() - started:.0f} s", flush=True)
        return zoo.data.load_features(path)

    def build(self, label, seed, rate, steps=1, **more):
        """The network under a loss; the same seed gives the same start under every loss."""
        loss, settings = LOSSES[label]
        settings = {**self.settings, **settings, **more}
        falling = keras.optimizers.schedules.CosineDecay(rate, steps)
        if settings.get("hardness") == "warm-up":  # from the mean of all rivals to the nearest one, over half of the steps
            settings["hardness"] = keras.optimizers.schedules.PolynomialDecay(0.0, max(steps // 2, 1), 1.0)
        keras.utils.set_random_seed(seed)
        model = zoo.build(f"vse_{loss}", **settings)
        model.compile(keras.optimizers.Adam(falling, global_clipnorm=CLIP))
        model.adapt({"text": self.data.train.captions, "image": self.images["train"]})
        return model

    def serving(self, model):
        """The model that takes image files: the trained one with the network in front of its map of features.

        One that was trained on a folder of stored features goes on to take those.
        """
        if not self.stored or self.given:
            return model
        label = next(name for name, (loss, _) in LOSSES.items() if model.name == f"vse_{loss}")
        whole = self.build(label, 0, 1e-3, **self.network, features=None)
        whole.predict((["a"], list(self.data.test.images[:1])))  # builds it
        whole.towers["text"].set_weights(model.towers["text"].get_weights())
        whole.towers["image"].head[0].set_weights(model.towers["image"].head[0].get_weights())
        return whole


def slug(label, seed, rate):
    return f"{''.join(c if c.isalnum() else '_' for c in label)}_{rate:g}_{seed}"


def choose(label, data, network, out, options):
    """The rate with the best sum of recalls on validation under seed 0."""
    if len(options.rates) == 1:
        return options.rates[0]
    tried = {rate: run(label, 0, rate, data, network, out, options)["validation"] for rate in options.rates}
    return max(tried, key=tried.get)


class Recalls(keras.callbacks.Callback):
    """Puts the sum of recalls on validation into the logs after each epoch."""

    def __init__(self, split, images):
        super().__init__()
        self.split, self.images, self.matches = split, images, relation(split)

    def on_epoch_end(self, epoch, logs=None):
        vectors = self.model.predict((self.split.captions, self.images))
        logs["val_recall_sum"] = zoo.metrics.cross_modal(*vectors, self.matches)["recall_sum"].value


def relation(split, cuts=1):
    """What matches, equal texts included where a matrix holds it; else a caption's own image alone, in all of its cuts."""
    if len(split) * len(split.images) * cuts <= 2**28:
        return np.tile(split.matches(), cuts)
    first, second = split.own
    return first, np.tile(second, cuts)


def run(label, seed, rate, data, network, out, options):
    """Train once, score once. What was done before the recipe was stopped is read again."""
    path = out / "runs" / f"{slug(label, seed, rate)}.json"
    wanted = {"loss": label, "seed": seed, "rate": rate}
    wanted |= {key: getattr(options, key) for key in ("epochs", "steps", "folds")}
    wanted |= {"cuts": options.cuts} if options.cuts > 1 else {}
    if path.exists():
        row = json.loads(path.read_text())
        if {key: row.get(key) for key in wanted} == wanted:
            print(f"  rate {rate:g}, seed {seed}: validation {row['validation']:.3f}, done before", flush=True)
            return row
    started = time.time()
    model = network.build(label, seed, rate, options.epochs * options.steps)
    batches = zoo.data.pair_batches(
        data.train.captions, network.images["train"], relation(data.train, options.cuts), min(SIZE, len(data.train) // 2),
        steps=options.steps, seed=seed,
    )  # fmt: skip
    best = zoo.callbacks.KeepBest(path.with_suffix(".npz"), "val_recall_sum")
    recalls = Recalls(data.validation, network.images["validation"])
    model.fit(batches, epochs=options.epochs, verbose=0, callbacks=[recalls, best])
    row = {**wanted, "validation": best.score, "epoch": best.epoch + 1, **score(model, data, network, options)}
    row["seconds"] = time.time() - started
    model.save(path.with_suffix(".keras"))
    path.with_suffix(".npz").unlink()
    path.write_text(json.dumps(row))  # last: what is there is whole
    place = f"in epoch {row['epoch']}, {row['seconds']:.0f} s"
    print(f"  rate {rate:g}, seed {seed}: validation {row['validation']:.3f} {place}", flush=True)
    return row


def score(model, data, network, options):
    """Scores on the test part, by which nothing is chosen: equal texts as matches, and a caption's own image alone."""
    vectors = model.predict((data.test.captions, network.images["test"]))
    found = {}
    for what, matches in (("equal", relation(data.test)), ("own", data.test.own)):
        report = zoo.metrics.cross_modal(*vectors, matches, folds=options.folds, names=("text", "image"))
        found[what] = {name: list(value) for name, value in report.items()}
    return {"scores": found, "unknown": model.towers["text"].frontend.unknown_in(data.test.captions)}


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        raise SystemExit(f"caption_to_image.py: {error}") from error
