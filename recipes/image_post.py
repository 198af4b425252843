"""What image_epshn.py shows of its runs: the table, the pictures, the bundle and the projector."""

import csv
import json
import pathlib
import shlex
import time

import keras
import numpy as np

import zoo

ORDERS = {"EPSHN": "epshn", "EPSHN, second order": "epshn2"}  # whose paths are compared
SHOWN = 1000  # images of train and of test in the pictures of epochs
SHEET = 6  # queries on a sheet


class Watch(keras.callbacks.Callback):
    """Keeps the embeddings of some images before training and after each epoch."""

    def __init__(self, data, folder):
        super().__init__()
        self.parts, self.folder = shown(data)[0], folder

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 0:
            self.keep(0)

    def on_epoch_end(self, epoch, logs=None):
        self.keep(epoch + 1)

    def keep(self, epoch):
        self.folder.mkdir(exist_ok=True)
        np.savez(self.folder / f"epoch_{epoch:03d}.npz", **embed(self.model, self.parts))


def embed(model, parts):
    return {key: model.predict(items) for key, items in parts.items()}


def shown(data):
    """Some classes of each part, at most SHOWN images, and what the gallery has of the same classes.

    Returns what the model is fed by part, and the images and labels by part.
    """
    parts = {}
    for key in ("train", "test"):
        split = getattr(data, key)
        names, sizes = np.unique(split.labels, return_counts=True)
        few = np.random.default_rng(0).permutation(len(names))
        few = names[few[: max(2, np.searchsorted(np.cumsum(sizes[few]), SHOWN, side="right"))]]
        parts[key] = np.isin(split.labels, few)
    if data.gallery is not None:
        parts["gallery"] = np.isin(data.gallery.labels, few)
    return {key: getattr(data, key).items[rows] for key, rows in parts.items()}, {
        key: (data.images[key].items[rows], data.images[key].labels[rows]) for key, rows in parts.items()
    }


def table(rows, data, network, options, out):
    """Print the scores as mean over seeds, and write them run by run."""
    ks = [name for name in next(iter(rows.values()))[0]["scores"] if name.startswith("recall")]
    names = [*ks, "map@r", "r_precision", "nmi"]
    lines = [f"{'loss':22}{'rate':>8}" + "".join(f"{name:>13}" for name in names) + "   Recall@1 of the seeds"]
    for label, runs in rows.items():
        values = [np.mean([run["scores"][name][0] for run in runs]) for name in names]
        rate = f"{runs[0]['rate']:g}" if "rate" in runs[0] else ""
        spread = ", ".join(f"{run['scores']['recall@1'][0]:.3f}" for run in runs)
        lines.append(f"{label:22}{rate:>8}" + "".join(f"{value:13.3f}" for value in values) + f"   {spread}")
    low, high = next(iter(rows.values()))[0]["scores"]["recall@1"][1:3]
    lines.append(f"95 % interval of one run's Recall@1: about ±{(high - low) / 2:.3f}, {len(data.test)} queries.")
    lines += [f"{name}: Recall@1 {value:.3f}" for name, value in data.baseline.items()]
    settings = {**network["settings"], "weights": network.get("weights")}
    size = settings.pop("embedding_dim", 64) or "all pooled"
    cuts = f", {options.cuts} cuts of each training image" * (options.cuts > 1)
    lines.append(
        f"{network['encoder']}, {settings}, {size} dimensions, batches of {network['classes']} x {network['per_class']}{cuts}, "
        f"{options.epochs} x {options.steps} steps, {options.seeds} seeds, rate and epoch by validation classes."
    )
    text = "\n".join(lines)
    print(text, flush=True)
    (out / "results.txt").write_text(text + "\n", encoding="utf-8")
    with open(out / "results.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["data", "loss", "seed", "rate", "epoch", "metric", "value", "low", "high", "n"])
        for label, runs in rows.items():
            for run in runs:
                place = [data.name, label, run.get("seed", ""), run.get("rate", ""), run.get("epoch", 0)]
                writer.writerows([*place, name, *score] for name, score in run["scores"].items())


def pictures(rows, best, model, data, options, out):
    """Draw what the watched runs of seed 0 kept, and sheets of the best model."""
    figures, started = zoo.figures, time.time()
    inputs, parts = shown(data)
    labels = {key: found for key, (_, found) in parts.items()}
    runs = {label: history(out, label, rows[label][0]) for label in options.watched}
    if best not in runs:  # the same seed has the same start under every loss
        start = next(iter(runs.values()))
        last = embed(model, inputs)
        runs[best] = {key: [start[key][0], last[key]] for key in parts}
    points = {label: triplets(found, labels) for label, found in runs.items()}
    for label, found in points.items():
        name = "".join(c if c.isalnum() else "_" for c in label).lower()
        note = f"{data.name}, rate {rows[label][0]['rate']:g}, {options.epochs} x {options.steps} steps, seed 0."
        arrows = zoo.losses.get(ORDERS[label]) if label in ORDERS else None
        figures.animate_triplets(found, out / f"scatter_{name}", arrows=arrows, title=label, note=note,
                                 epochs=None if label in options.watched else ["untrained", "best"])  # fmt: skip
        last = {key: value[-1] for key, value in found.items()}
        epoch = len(found["test"]) - 1 if label in options.watched else None
        picture = figures.triplet_scatter(last, epoch, arrows=arrows, title=label, note=note)
        figures.save_png(picture, out / f"scatter_{name}.png")
    ends = {"start": next(iter(points.values()))["test"][0], **{label: found["test"][-1] for label, found in points.items()}}
    figures.save_png(figures.distance_histogram(ends, note=data.name), out / "distances.png")
    images, names = parts["test"][0], [str(name).replace("/character", " ") for name in labels["test"]]
    if set(ORDERS) <= set(runs):
        chosen = np.random.default_rng(1).permutation(points["EPSHN"]["test"][-1].rows)[:8]
        paths = {label: zoo.metrics.follow_triplets(runs[label]["test"], labels["test"], chosen, runs[label].get("gallery"),
                                                    labels.get("gallery")) for label in ORDERS}  # fmt: skip
        picture = figures.triplet_paths(paths, [names[i] for i in chosen], [images[i] for i in chosen], note=data.name)
        figures.save_png(picture, out / "paths.png")
    mapped = {best: figures.fit_tsne(runs[best]["test"][-1])}
    figures.save_png(figures.tsne_map(mapped, labels["test"], note=data.name), out / "tsne.png")
    counts = {label: zoo.metrics.similarity_counts(*against(found, labels, -1)) for label, found in runs.items()}
    figures.save_png(figures.similarity_histograms(counts, note=data.name), out / "similarities.png")
    sheet_of(runs[best], parts, names, best, data, out)
    scores = {label: found[0]["scores"]["recall@1"][:3] for label, found in rows.items()}
    chart = figures.score_chart(scores, note=f"{data.name}, seed 0.", references=data.baseline.get("colors", data.baseline.get("pixels")))
    figures.save_png(chart, out / "scores.png")
    moved(ends, rows, out)
    print(f"Pictures in {time.time() - started:.0f} s", flush=True)


def against(found, labels, epoch, key="test"):
    """Embeddings and labels of an epoch and, for test images that have one, of their gallery."""
    gallery = (found["gallery"][epoch], labels["gallery"]) if key == "test" and "gallery" in labels else ()
    return found[key][epoch], labels[key], *gallery


def triplets(found, labels):
    """The points of the triplet scatter over the epochs, {"train": [...], "test": [...]}."""
    epochs = range(len(found["test"]))
    return {key: [zoo.metrics.triplet_points(*against(found, labels, e, key)) for e in epochs] for key in ("train", "test")}


def sheet_of(found, parts, names, best, data, out):
    """Draw the nearest neighbors of some test images."""
    vectors = found["test"][-1]
    queries = np.random.default_rng(2).permutation(len(vectors))[:SHEET]
    images, names = list(parts["test"][0]), list(names)
    if "gallery" in parts:  # the gallery's images follow those of the queries
        nearest, similarity = zoo.neighbors.knn(vectors[queries], found["gallery"][-1], 8)
        nearest = nearest + len(images)
        images, names = [*images, *parts["gallery"][0]], [*names, *parts["gallery"][1]]
    else:
        nearest, similarity = zoo.neighbors.knn(vectors[queries], vectors, 8, exclude=queries)  # cosine
    sheet = zoo.figures.neighbor_sheet(images, names, queries, nearest, similarity=similarity, title=best, note=data.name)
    zoo.figures.save_png(sheet, out / "neighbors.png")


def history(out, label, row):
    """Embeddings of a run over its epochs, a list for each part."""
    name = f"{''.join(c if c.isalnum() else '_' for c in label)}_{row['rate']:g}_0"
    files = [np.load(path) for path in sorted((out / "runs" / name).glob("epoch_*.npz"))]
    return {key: [file[key] for file in files] for key in files[0].files}


def moved(ends, rows, out):
    """Say whether the second order moves the dots closer to (1, 0)."""
    medians = {label: float(np.median(points.distance)) for label, points in ends.items()}
    lines = [f"Median distance to (1, 0) on test images, {label}: {value:.3f}" for label, value in medians.items()]
    if all(label in ends for label in ORDERS):
        first, second = (medians[label] for label in ORDERS)
        recalls = [np.mean([run["scores"]["recall@1"][0] for run in rows[label]]) for label in ORDERS]
        closer = "closer to" if second < first else "no closer to"
        lines.append(
            f"Second order ends {closer} (1, 0) than first order ({second:.3f}, {first:.3f}); Recall@1 {recalls[1]:.3f}, "
            f"{recalls[0]:.3f}."
        )
    print("\n".join(lines), flush=True)
    (out / "conclusions.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def publish(model, label, runs, data, options, out):
    """Export the model with all test images to search, and write one projector run an epoch with thumbnails."""
    held = data.images.get("gallery", data.images["test"])
    scores = {"test": {name: value for name, value in runs[0]["scores"].items()}}
    name = f"{model.name}_{out.name}"
    bundle = zoo.export(
        model, pathlib.Path("saved_models") / name, gallery=held, data=f"{data.name} ({data.licence})", scores=scores
    )
    difference = json.loads((bundle / "card.json").read_text(encoding="utf-8"))["largest_difference"]
    print(f"\nBest on validation: {label}. Exported to {bundle}; from image files it answers as model.predict does, largest "
          f"difference {difference:.1e}", flush=True)  # fmt: skip
    inputs, parts = shown(data)
    items, labels = parts["test"]
    columns = {"image": range(len(labels)), "label": labels}
    kept = history(out, label, runs[0])["test"] if label in options.watched else []
    steps = {f"epoch_{epoch:03d}": vectors for epoch, vectors in enumerate(kept)} or {"best": model.predict(inputs["test"])}
    for step, vectors in steps.items():
        folder = out / "projector" / step
        zoo.export.write_projector(folder, vectors, columns, overwrite=True, images=items)
    print(f"""
Look at the embeddings, with thumbnails (Projector tab, an epoch is a run):
  tensorboard --logdir {shlex.quote(str(out / "projector"))}
Ask the exported model:
  zoo query {shlex.quote(str(bundle.parent))} IMAGE.jpg
Pictures and scores are in {out}""")
