"""Spoken digits that find images of digits, every five matching every other: a loss that fails, and its cure.

Shows   how |matchness - similarity|, the mean over all pairs, falls to the share of matches and learns nothing; whether
        balancing, negatives drawn 1:1 and a penalty on the gap cure it, and negatives at 10:1; the sigmoid of pairs, sampled
        impostors, masked margin softmax and the sum of hinges beside them, on the same batches.
        Convergence with the constant-zero level, similarities per epoch, ROC curves, AUC over epochs, Recall@1, 5, 10 in
        both directions, three seeds; a bundle that answers from WAV and from image files; both kinds in one projector.
Time    python recipes/speech_to_image.py                        synthetic speech, five losses; some minutes
        python recipes/speech_to_image.py --data spoken_digits --losses all   fsdd and MNIST, about 20 minutes of a free core
        python recipes/speech_to_image.py --data spoken_words --losses all     41 words, as many characters of Omniglot
Data    --data takes digits_synthetic (SYNTHETIC speech, no file needed), spoken_digits, spoken_words; see
        zoo.data.load_spoken_images. Batches of digits match in a tenth of their pairs, batches of words in 1 of 32.
Score   see recipes/results/speech_image_*.txt

Source: a research diary of August 2018, whose loss "does not converge"; Zhai et al. 2023 (sigmoid of pairs). The last epoch
is scored and the rate is the same for all: nothing is chosen by test.
"""

import argparse
import json
import logging
import math
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
logging.getLogger("tensorflow").setLevel("ERROR")

import keras
import numpy as np
import speech_image_post as post

import zoo

LOSSES = {
    "plain L1": ("manytomany_l1", {}),
    "plain L1, 10:1": ("manytomany_l1", {"negative_ratio": 10}),
    "plain L1, 3:1": ("manytomany_l1", {"negative_ratio": 3}),
    "plain L1, 1:1": ("manytomany_l1", {"negative_ratio": 1}),
    "plain L1, gap penalty": ("manytomany_l1", {"gap_penalty": 1.0}),
    "plain L1, gap penalty x 4": ("manytomany_l1", {"gap_penalty": 4.0}),
    "balanced L1": ("manytomany", {}),
    "sigmoid of pairs": ("sigmoid", {}),  # its bias starts at the share of matches
    "max-margin, sampled": ("maxmargin", {}),
    "margin softmax": ("mms", {}),
    "sum of hinges": ("ranking", {}),
}
SHOWN = ["plain L1", "plain L1, 10:1", "plain L1, 1:1", "balanced L1", "sigmoid of pairs"]
# Small towers: a step costs a tenth of a second of one core.
NETWORK = {"mels": 24, "embedding_dim": 32, "speech_settings": {"blocks": [[32, 5, True], [48, 3, True], [64, 3, True]]}}
SIZES = {"spoken_words": {"seconds": 1.0, "size": 20}}  # of clips and images; others:
DIGITS = {"seconds": 0.75, "size": 14}
RATE = 1e-3  # Adam
SIZE = 64  # pairs in a batch
CLASSES = {"spoken_words": (32, 2)}  # words in a batch, pairs of each; digits come as they fall
WATCHED = 100, 200  # validation clips and images that are looked at after each epoch
TESTED = 500  # test images


def main():
    options = arguments()
    data = zoo.data.load_spoken_images(options.data)
    out = pathlib.Path(options.out) / data.name
    (out / "runs").mkdir(parents=True, exist_ok=True)
    parts = ", ".join(f"{len(data.speech[s])} clips and {len(data.images[s])} images {s}" for s in data.speech)
    print(f"{data.name}: {parts}, {len(data.words)} words\n{data.note}", flush=True)
    fed = Fed(data)
    print(f"Share of matches in a batch: {fed.share:.3f}", flush=True)
    rows, started = {}, time.time()
    for i, label in enumerate(options.losses, 1):
        print(f"\n[{i}/{len(options.losses)}] {label}", flush=True)
        rows[label] = train(label, data, fed, out, options)
    print(f"\nTrained in {time.time() - started:.0f} s.\n", flush=True)
    post.table(rows, data, fed, options, out)
    post.pictures(rows, data, fed, out)
    best = max(options.losses, key=lambda label: np.mean([row["validation"] for row in rows[label]]))
    post.publish(zoo.load_model(out / "runs" / f"{slug(best, 0)}.keras"), best, rows[best][0], data, out)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="digits_synthetic", help=", ".join(zoo.data.spoken_image_sets()))
    parser.add_argument("--losses", default="shown", help="shown, all, or names separated by ';'")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--once", default="", help="losses that are seen with one seed, names separated by ';'")
    parser.add_argument("--epochs", type=int, default=10, help="after each some of validation is looked at")
    parser.add_argument("--steps", type=int, default=25, help="batches in an epoch")
    parser.add_argument("--out", default="runs/speech_to_image")
    options = parser.parse_args()
    if options.data not in zoo.data.spoken_image_sets() and os.path.isdir(options.data):  # towers here read 0.75 s
        parser.error(f"--data: sets by name; a folder of yours takes: zoo train speech2image_mms --data {options.data}")
    named = {"shown": SHOWN, "all": list(LOSSES)}.get(options.losses) or [name.strip() for name in options.losses.split(";")]
    for label in named:
        if label not in LOSSES:
            parser.error(f"--losses: unknown {label!r}; there are: {'; '.join(LOSSES)}")
    options.losses, options.once = named, [name.strip() for name in options.once.split(";") if name.strip()]
    return options


class Fed:
    """What the towers are fed: waveforms and pixels, read once, with the numbers of their words."""

    def __init__(self, data):
        self.data = data
        model, rng = build("balanced L1", 0, data), np.random.default_rng(0)
        self.parts = {}
        for split in data.speech:
            sides = zip((data.speech[split].items, data.images[split].items), data.ids(split), strict=True)
            sides = [(items, ids, rng.permutation(len(ids))) for items, ids in sides]
            if split != "train":
                most = WATCHED if split == "validation" else (None, TESTED)
                sides = [(items, ids, rows[:n]) for (items, ids, rows), n in zip(sides, most, strict=True)]
            read = model.preprocess([items[rows] for items, _, rows in sides])
            self.parts[split] = [np.asarray(x) for x in read], tuple(ids[rows] for _, ids, rows in sides)
        ids = [self.batches(0, 1).batch(step)[1] for step in range(20)]
        self.share = float(np.mean([np.mean(y[:, None] == y) for y in ids]))

    def batches(self, seed, steps):
        """Batches of matching pairs of train; the same seed gives the same ones under every loss."""
        (clips, images), ids = self.parts["train"]
        classes, per_class = CLASSES.get(self.data.name, (None, None))
        return zoo.data.pair_batches(clips, images, ids, SIZE, steps, seed, classes, per_class)


def build(label, seed, data, share=0.1):
    """The towers under a loss; the same seed gives the same start under every loss."""
    loss, settings = LOSSES[label]
    sizes = SIZES.get(data.name, DIGITS)
    settings = {**NETWORK, **settings, **sizes, "image_settings": {"channels": 1, "blocks": 3, "filters": 24}}
    if loss == "sigmoid":
        settings["bias"] = math.log(share / (1 - share))
    keras.utils.set_random_seed(seed)
    model = zoo.build(f"speech2image_{loss}", learning_rate=RATE, **settings)
    model.adapt({"image": data.images["train"].items})
    model.build(((None, round(8000 * sizes["seconds"]), 1), (None, sizes["size"], sizes["size"], 1)))
    model.optimizer.build(model.trainable_variables)
    return model


def slug(label, seed):
    return f"{''.join(c if c.isalnum() else '_' for c in label)}_{seed}"


def train(label, data, fed, out, options):
    """Rows of all seeds. They share one model, which is traced once and set back to the start of each seed."""
    model, rows = None, []
    for seed in range(1 if label in options.once else options.seeds):
        path = out / "runs" / f"{slug(label, seed)}.json"
        wanted = {"loss": label, "seed": seed, "epochs": options.epochs, "steps": options.steps}
        row = json.loads(path.read_text()) if path.exists() else {}
        if {key: row.get(key) for key in wanted} == wanted:
            print(f"  seed {seed}: AUC {row['validation']:.3f} on validation, done before", flush=True)
        else:
            fresh = build(label, seed, data, fed.share)
            model = fresh if model is None else model
            for mine, first in zip(everything(model), everything(fresh), strict=True):
                mine.assign(first)
            row = {**wanted, **run(label, seed, model, fed, path, options)}
            path.write_text(json.dumps(row))  # last: what is there is whole
        rows.append(row)
    return rows


def everything(model):
    """All that training changes."""
    return [*model.variables, *model.optimizer.variables]


class Watch(keras.callbacks.Callback):
    """Keeps the loss of every step, and what validation pairs look like before training and after each epoch."""

    def __init__(self, label, part):
        super().__init__()
        self.label, (self.items, ids) = label, part
        self.match = ids[0][:, None] == ids[1]
        self.losses, self.seen, self.sum = [], [], 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self.sum = 0.0
        if epoch == 0:
            self.look()

    def on_train_batch_end(self, batch, logs=None):
        total = logs["loss"] * (batch + 1)  # Keras gives the mean of the epoch so far
        self.losses.append(total - self.sum)
        self.sum = total

    def on_epoch_end(self, epoch, logs=None):
        self.look()

    def look(self):
        self.seen.append(similarity(self.label, self.model.predict(self.items)))


def similarity(label, vectors):
    """Similarities [N, M] as the loss compares them: cosines, of the L1 forms their positive part, or dot products."""
    product = vectors[0] @ vectors[1].T
    return np.maximum(product, 0.0) if "L1" in label else product


def run(label, seed, model, fed, path, options):
    """Train once, score once."""
    started = time.time()
    watch = Watch(label, fed.parts["validation"])
    model.fit(fed.batches(seed, options.steps), epochs=options.epochs, verbose=0, callbacks=[watch])
    auc = [zoo.metrics.roc_curve(watch.match.reshape(-1), s.reshape(-1)).auc for s in watch.seen]
    items, ids = fed.parts["test"]
    vectors = model.predict(items)
    seen = similarity(label, vectors)
    found = dict(zoo.metrics.pair_detection(seen, ids))
    raw = zoo.metrics.pair_detection(vectors[0] @ vectors[1].T, ids, resamples=20) if "L1" in label else found
    found["pair_auc_before_relu"] = raw["pair_auc"]
    found |= zoo.metrics.cross_modal(*vectors, ids, post.KS, model.distance, names=("speech", "image"))
    matches, others = zoo.metrics.pair_similarities(seen, ids)
    curve = zoo.metrics.roc_curve((ids[0][:, None] == ids[1]).reshape(-1), seen.reshape(-1))
    row = {
        "validation": auc[-1], "auc": auc, "losses": watch.losses, "means": [float(matches.mean()), float(others.mean())],
        "roc": [curve.false_rate.tolist(), curve.true_rate.tolist(), curve.auc],
        "scores": {name: list(score) for name, score in found.items()}, "seconds": time.time() - started,
    }  # fmt: skip
    if seed == 0:
        np.savez(path.with_suffix(".npz"), match=watch.match, seen=np.array(watch.seen, "float32"))
        model.save(path.with_suffix(".keras"))
    print(f"  seed {seed}: loss {np.mean(watch.losses[-20:]):.3f}, AUC {auc[-1]:.3f} on validation, Recall@1 "
          f"{row['scores']['speech_to_image_recall@1'][0]:.3f} on test, {row['seconds']:.0f} s", flush=True)  # fmt: skip
    return row


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        raise SystemExit(f"speech_to_image.py: {error}") from error
