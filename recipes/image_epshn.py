"""Easy positives and hard negatives beside eight other losses, on images of classes that were never trained on.

Shows   Recall@k, MAP@R and NMI of one network under each loss, from the same start, batches and steps, over several seeds;
        how the triplet scatter moves under first and second order; nearest neighbors as sheets of images; a bundle that
        answers from image files; thumbnails in TensorBoard's projector.
Time    python recipes/image_epshn.py                                   scikit-learn's digits, about two minutes
        python recipes/image_epshn.py --data omniglot --losses all      about half an hour on two cores
        python recipes/image_epshn.py --data path/to/folder             folder/class/image.jpg
Data    --data takes digits, flowers102, caltech101, grocery81, omniglot, or a folder (see zoo.data.load_images).
Score   see recipes/results/image_*.txt

Sources: Xuan, Stylianou and Pless 2020 (easy positives, EPSHN); Xuan et al. 2020 (SCT); a post of the first author on how
embeddings differ. The rate of each loss and the epoch are chosen on validation classes; test classes are looked at once.
"""

import argparse
import dataclasses
import json
import logging
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
logging.getLogger("tensorflow").setLevel("ERROR")

import image_post as post
import keras
import numpy as np
import tensorflow as tf

import zoo

LOSSES = {
    "EP": ("ep", {}),
    "EPHN": ("ephn", {}),
    "EPSHN": ("epshn", {}),
    "EPSHN, second order": ("epshn2", {}),
    "SCT": ("sct", {}),
    "N-pair": ("npair", {}),
    "semi-hard": ("semihard", {}),
    "contrastive": ("contrastive", {}),
    "nearest neighbor": ("nearestneighbor", {}),
    "proxy anchor": ("proxyanchor", {}),
}
PHOTOS = {"encoder": "mobilenet", "weights": "pretrained/mobilenet_0.25_224.npz", "classes": 16, "per_class": 4,
          "settings": {"width": 0.25, "size": 96, "resize": 96, "freeze": "conv_pw_6_relu"}}  # fmt: skip
WIDE = {**PHOTOS, "weights": "pretrained/mobilenet_1.0_224_to_pw12_fp16.npz",
        "settings": {"size": 96, "resize": 96, "until": "conv_pw_12_relu", "freeze": "conv_pw_10_relu",
                     "embedding_dim": 512}}  # fmt: skip
CUT = {"crop": 0.4, "flip": True}  # of training images, with --cuts
DRAWINGS = {"encoder": "convnet", "settings": {"size": 28, "channels": 1}, "classes": 32, "per_class": 4}
DIGITS = {"encoder": "convnet", "settings": {"size": 16, "channels": 1, "filters": 32}, "classes": 5, "per_class": 16}
OWN = {"encoder": "convnet", "settings": {"size": 64, "crop": 0.5, "flip": True}, "classes": 16, "per_class": 4}
NETWORKS = {"digits": DIGITS, "omniglot": DRAWINGS, "flowers102": PHOTOS, "caltech101": PHOTOS, "grocery81": PHOTOS}
DIM = 64
RATES = (3e-4, 1e-3, 3e-3)  # Adam; losses are means over anchors
KS = (1, 2, 4, 8, 10, 100, 1000)
CHOICE = "val_recall@1"
DISTANCE = "cosine"  # also where a loss compares raw products (N-pair): its paper scales to unit length before it searches
START = "start"  # the network before its first step: what scores owe to pretraining and architecture alone


@dataclasses.dataclass(frozen=True, eq=False)
class Fed(zoo.data.ImageData):
    """An image set of what a model is fed, with the images it was made from by split.

    `cuts` are the training images cut and mirrored several times [cuts * N, ...], the middle squares first.
    """

    images: dict = dataclasses.field(default_factory=dict)
    cuts: object = None


def main():
    options = arguments()
    data = zoo.data.load_images(options.data)
    network = WIDE if options.wide else NETWORKS.get(data.name, OWN)
    if options.headless:
        network = {**network, "settings": {**network["settings"], "embedding_dim": None}}
    if options.cuts > 1:
        if "freeze" not in network["settings"]:
            raise ValueError("--cuts is for networks with frozen layers (--wide); others cut in each batch, where crop= says so")
        network = {**network, "settings": {**network["settings"], **CUT}}
    kind = "_wide" * options.wide + "_headless" * options.headless + "_cuts" * (options.cuts > 1)
    out = pathlib.Path(options.out) / (pathlib.Path(data.name).name + kind)
    (out / "runs").mkdir(parents=True, exist_ok=True)
    parts = ", ".join(f"{len(s)} images of {len(set(s.labels))} classes to {what}" for s, what in
                      ((data.train, "train on"), (data.validation, "choose by"), (data.test, "test")))  # fmt: skip
    print(f"{data.name}: {parts}\n{data.note}", flush=True)
    data = fed(data, network, out / "runs", options.cuts)
    rows, started = {START: [score(build("EPSHN", 0, 1e-3, data, network), data)]}, time.time()
    for i, label in enumerate(options.losses, 1):
        print(f"\n[{i}/{len(options.losses)}] {label}", flush=True)
        rate = choose(label, data, network, out, options)
        rows[label] = [run(label, seed, rate, data, network, out, options) for seed in range(options.seeds)]
    print(f"\nTrained in {time.time() - started:.0f} s.\n", flush=True)
    post.table(rows, data, network, options, out)
    best = max(options.losses, key=lambda label: np.mean([row["validation"] for row in rows[label]]))
    model = zoo.load_model(out / "runs" / f"{slug(best, 0, rows[best][0]['rate'])}.keras")
    post.pictures(rows, best, model, data, options, out)
    post.publish(model, best, rows[best], data, options, out)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="digits", help=f"{', '.join(zoo.data.image_sets())}, or a folder of class folders")
    parser.add_argument("--losses", default="demo", help="demo, all, or names separated by ';'")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=4, help="after each the validation classes are looked at")
    parser.add_argument("--steps", type=int, default=50, help="batches in an epoch")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES, help="tried with seed 0 on validation classes")
    parser.add_argument("--wide", action="store_true", help="photographs through MobileNet of full width to 512 numbers")
    parser.add_argument("--headless", action="store_true", help="what the network pools is the embedding, without a linear map")
    parser.add_argument("--cuts", type=int, default=1, help="photographs: times that each is cut and mirrored to train on")
    parser.add_argument("--out", default="runs/image_epshn")
    options = parser.parse_args()
    if options.cuts < 1:
        parser.error(f"--cuts must be 1 or more, not {options.cuts}")
    demo = ["EP", "EPSHN", "EPSHN, second order"]
    named = {"demo": demo, "all": list(LOSSES)}.get(options.losses) or [name.strip() for name in options.losses.split(";")]
    for label in named:
        if label not in LOSSES:
            parser.error(f"--losses: unknown {label!r}; there are: {'; '.join(LOSSES)}")
    options.losses = named
    few = len(named) <= 3  # more of them: only those whose paths are compared are kept epoch by epoch
    options.watched = named if few else [label for label in named if label in post.ORDERS] or named[:1]
    return options


def build(label, seed, rate, data, network, **more):
    """The network under a loss; the same seed gives the same start under every loss."""
    loss, settings = LOSSES[label]
    settings = {"embedding_dim": DIM, **network["settings"], **settings, **more}
    if loss == "proxyanchor":
        settings["classes"] = len(set(data.train.labels))
    if "weights" in network:
        settings["weights"] = str(zoo.data.data_root() / network["weights"])
    keras.utils.set_random_seed(seed)
    model = zoo.build(f"{network['encoder']}_{loss}", learning_rate=rate, **settings)
    model.adapt(getattr(data, "images", vars(data))["train"].items)
    return model


def fed(data, network, folder, cuts=1):
    """The data with what the model is fed: where layers are frozen, what they say of each image, kept in `folder`.

    The images themselves stay as `data.images`. With `cuts` above 1 training images are also cut and mirrored at random.
    """
    parts = {key: getattr(data, key) for key in ("train", "validation", "test", "gallery")}
    parts = {key: split for key, split in parts.items() if split is not None}
    if "freeze" not in network["settings"]:
        return Fed(**vars(data), images=parts)
    model, made = build("EPSHN", 0, 1e-3, data, network), {}
    for key, split in parts.items():
        seen = [frozen(model, split.items, folder / f"frozen_{key}.npy")]
        for cut in range(1, cuts if key == "train" else 1):
            seen.append(frozen(model, split.items, folder / f"frozen_{key}_{cut}.npy", cut))
        every = np.concatenate(seen)
        made |= {"cuts": every} if key == "train" else {}
        made[key] = zoo.data.Split(every[: len(split)], split.labels)
    return Fed(**{**vars(data), **made}, images=parts)


def frozen(model, items, path, cut=None):
    """What the frozen layers say of images, of their middle squares or of the random cut of a number; kept at `path`."""
    if not path.exists():
        print(f"  what the frozen layers say of {len(items)} images to {path}", flush=True)
        if cut is not None:
            tf.random.set_seed(cut)
        images = model.frontend.dataset(model.frontend.as_items(items), 256, augment=cut is not None)
        np.save(path.with_suffix(".part.npy"), model.backbone.frozen(images))
        os.replace(path.with_suffix(".part.npy"), path)
    return np.load(path)


def batches_of(data, network, seed, steps):
    """Batches of training images; two cuts of one image are neither a positive nor a negative pair."""
    labels, _ = zoo.data.encode(data.train.labels)
    sizes = {"classes": network["classes"], "per_class": network["per_class"], "steps": steps, "seed": seed}
    if data.cuts is None or len(data.cuts) == len(labels):
        return zoo.data.pk_batches(data.train.items, labels, **sizes)
    cuts = len(data.cuts) // len(labels)
    own = np.tile(np.arange(len(labels)), cuts)
    return zoo.data.pk_batches(data.cuts, np.tile(labels, cuts), sample_ids=own, **sizes)


def slug(label, seed, rate):
    return f"{''.join(c if c.isalnum() else '_' for c in label)}_{rate:g}_{seed}"


def choose(label, data, network, out, options):
    """The rate with the best validation Recall@1 under seed 0."""
    if len(options.rates) == 1:
        return options.rates[0]
    tried = {rate: run(label, 0, rate, data, network, out, options)["validation"] for rate in options.rates}
    return max(tried, key=tried.get)


def run(label, seed, rate, data, network, out, options):
    """Train once, score once. What was done before the recipe was stopped is read again."""
    path = out / "runs" / f"{slug(label, seed, rate)}.json"
    wanted = {"loss": label, "seed": seed, "rate": rate, "epochs": options.epochs, "steps": options.steps}
    wanted |= {"cuts": options.cuts} if options.cuts > 1 else {}
    if path.exists():
        row = json.loads(path.read_text())
        if {key: row.get(key) for key in wanted} == wanted:
            print(f"  rate {rate:g}, seed {seed}: validation {row['validation']:.3f}, done before", flush=True)
            return row
    started = time.time()
    model = build(label, seed, rate, data, network)
    batches = batches_of(data, network, seed, options.steps)
    best = zoo.callbacks.KeepBest(path.with_suffix(".npz"), CHOICE)
    callbacks = [zoo.callbacks.Retrieval(data.validation, distance=DISTANCE), best]
    if seed == 0 and label in options.watched:
        callbacks.insert(0, post.Watch(data, path.with_suffix("")))
    model.fit(batches, epochs=options.epochs, verbose=0, callbacks=callbacks)
    row = {**wanted, "validation": best.score, "epoch": best.epoch + 1, **score(model, data)}
    row["seconds"] = time.time() - started
    model.save(path.with_suffix(".keras"))
    path.with_suffix(".npz").unlink()
    path.write_text(json.dumps(row))  # last: what is there is whole
    place = f"in epoch {row['epoch']}, {row['seconds']:.0f} s"
    print(f"  rate {rate:g}, seed {seed}: validation {row['validation']:.3f} {place}", flush=True)
    return row


def score(model, data):
    """Scores on the test classes, by which nothing is chosen."""
    vectors = model.predict(data.test.items)
    gallery = None if data.gallery is None else (model.predict(data.gallery.items), data.gallery.labels)
    most = (len(vectors) - 1) if gallery is None else len(gallery[0])
    ks = [k for k in KS if k <= most]
    found = zoo.metrics.retrieval(vectors, data.test.labels, *(gallery or ()), k=ks, distance=DISTANCE)
    scores = {name: list(value) for name, value in found.items() if not name.endswith("_all")}
    return {"scores": {**scores, "nmi": list(zoo.metrics.nmi(vectors, data.test.labels))}}


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        raise SystemExit(f"image_epshn.py: {error}") from error
