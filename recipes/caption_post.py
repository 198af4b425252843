"""What caption_to_image.py shows of its runs: the table, the sheets, the bundle and the projector."""

import csv
import json
import pathlib
import shlex

import numpy as np

import zoo

ALPHAS = (0.001, 0.01, 0.1, 1.0)  # of the ridge regression, chosen on validation
WAYS = (("text", "image"), ("image", "text"))
KINDS = {"equal": "equal texts are matches", "own": "only a caption's own image is a match"}
QUERIES, FOUND = 6, 6  # on a sheet
POINTS = 1000  # images in the projector


def ridge(data, network, options):
    """Ridge regression from image features to the mean tf-idf of an image's captions, measured as the losses are."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import Ridge

    def unit(x):
        return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)

    words = TfidfVectorizer(token_pattern=r"\w+").fit(data.train.captions)
    train = words.transform(data.train.captions)
    target = np.stack([np.asarray(train[data.train.of(i)].mean(axis=0))[0] for i in range(len(data.train.images))])
    target = np.tile(target, (options.cuts, 1))
    tried = []
    for alpha in ALPHAS:
        model = Ridge(alpha=alpha, solver="svd").fit(unit(network.images["train"]), target)
        found = {}
        for part in ("validation", "test"):
            split = getattr(data, part)
            vectors = words.transform(split.captions).toarray(), model.predict(unit(network.images[part]))
            for what, matches in (("equal", split.matches()), ("own", split.own)):
                report = zoo.metrics.cross_modal(*vectors, matches, folds=options.folds, names=("text", "image"))
                found[part, what] = {name: list(value) for name, value in report.items()}
        tried.append((found["validation", "equal"]["recall_sum"][0], alpha, found))
    validation, alpha, found = max(tried, key=lambda row: row[0])
    return {"validation": validation, "rate": alpha, "scores": {what: found["test", what] for what in KINDS}}


def table(rows, baseline, data, network, options, out):
    """Print the scores as mean over seeds, and write them run by run."""
    every = {**rows, **({"ridge regression": [baseline]} if baseline else {})}
    names = list(next(iter(rows.values()))[0]["scores"]["equal"])
    shown = [name for name in names if "mrr" not in name]
    lines = []
    for what, said in KINDS.items():
        lines.append(f"{data.name}, test, {said}:")
        heads = "".join(f"{_short(name):>11}" for name in shown)
        lines.append(f"{'loss':18}{'rate':>7}{heads}{'validation':>12}   sum of the seeds")
        for label, runs in every.items():
            values = [np.mean([run["scores"][what][name][0] for run in runs]) for name in shown]
            sums = ", ".join(f"{run['scores'][what]['recall_sum'][0]:.3f}" for run in runs)
            figures = "".join(f"{value:11.3f}" for value in values)
            chosen = np.mean([run["validation"] for run in runs])  # sum of recalls with equal texts, by which was chosen
            lines.append(f"{label:18}{runs[0]['rate']:7g}{figures}{chosen:12.3f}   {sums}")
        lines.append("")
    first = next(iter(rows.values()))[0]["scores"]["equal"]
    for name in shown:
        if name.endswith("recall@1"):
            _, low, high, n = first[name]
            lines.append(f"95 % interval of one run's {_short(name)}: about ±{(high - low) / 2:.3f}, {n} queries.")
    _, low, high, _ = first["recall_sum"]
    lines.append(f"95 % interval of one run's sum: about ±{(high - low) / 2:.3f}.")
    lines += _verdict(rows, baseline)
    unknown = next(iter(rows.values()))[0]["unknown"]
    settings = {key: value for key, value in network.settings.items() if key != "vectors"}
    vectors = network.settings["vectors"]
    lines.append(f"Unknown words of the test captions: {100 * unknown:.1f} %; the vocabulary is from the training captions.")
    cuts = f"{options.cuts} cuts of each training image, " * (options.cuts > 1)
    lines.append(
        f"vse, {settings}, word vectors {pathlib.Path(vectors).stem if vectors else 'drawn'}, {cuts}{options.epochs} x "
        f"{options.steps} steps, {options.seeds} seeds, rate and epoch by validation; folds {options.folds}."
    )
    lines.append(data.note)
    text = "\n".join(lines)
    print(text, flush=True)
    (out / "results.txt").write_text(text + "\n", encoding="utf-8")
    with open(out / "results.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["data", "loss", "seed", "rate", "epoch", "matches", "metric", "value", "low", "high", "n"])
        for label, runs in every.items():
            for run in runs:
                place = [pathlib.Path(data.name).name, label, run.get("seed", ""), run["rate"], run.get("epoch", "")]
                for what, scores in run["scores"].items():
                    writer.writerows([*place, what, name, *score] for name, score in scores.items())


def _short(name):
    return name.replace("text_to_image_", "t→i ").replace("image_to_text_", "i→t ").replace("recall@", "R@").replace(
        "median_rank", "median").replace("recall_sum", "sum")  # fmt: skip


def _verdict(rows, baseline):
    """Which loss is best, and by how much the ridge regression is beaten or not."""
    lines = []
    for what, said in KINDS.items():
        sums = {label: np.mean([run["scores"][what]["recall_sum"][0] for run in runs]) for label, runs in rows.items()}
        best = max(sums, key=sums.get)
        line = f"Sum of recalls, {said}: {best} is best with {sums[best]:.3f}"
        if baseline:
            other = baseline["scores"][what]["recall_sum"][0]
            way = "less" if other < sums[best] else "more"
            line += f"; ridge regression has {other:.3f}, {abs(sums[best] - other):.3f} {way}"
        lines.append(line + ".")
    found = {label: np.mean([run["validation"] for run in runs]) for label, runs in rows.items()}
    best = max(found, key=found.get)
    line = f"On validation, by which rate and epoch were chosen, {best} is best with {found[best]:.3f}"
    return [*lines, line + (f"; ridge regression has {baseline['validation']:.3f}." if baseline else ".")]


def pictures(model, rows, best, baseline, data, network, out):
    """Draw sheets of the best model's seed 0, and the scores with their intervals."""
    figures, split = zoo.figures, data.test
    text, image = model.predict((split.captions, network.images["test"]))
    matches = split.matches()
    rng = np.random.default_rng(0)
    _, once = np.unique([caption.lower() for caption in split.captions], return_index=True)
    asked = rng.permutation(once)[:QUERIES]
    note = f"{data.name}, test, {best}, seed 0; equal texts match."
    if not network.given:
        nearest, similarity = zoo.neighbors.knn(text[asked], image, min(FOUND, len(image)))
        sheet = figures.images_of_captions(
            split.captions[asked], split.images, nearest, matches[asked[:, None], nearest], split.labels, similarity, note=note
        )
        figures.save_png(sheet, out / "sentences.png")
        images = rng.permutation(len(image))[:QUERIES]
        nearest, similarity = zoo.neighbors.knn(image[images], text[once], min(FOUND, len(once)))
        nearest = once[nearest]
        labels = None if split.labels is None else split.labels[images]
        sheet = figures.captions_of_images(
            [split.images[i] for i in images], split.captions, nearest, matches[nearest, images[:, None]], labels, similarity,
            note=f"{note} Equal sentences are listed once.",
        )  # fmt: skip
        figures.save_png(sheet, out / "images.png")
    every = {**rows, **({"ridge regression": [baseline]} if baseline else {})}
    first = {label: runs[0]["scores"]["equal"] for label, runs in every.items()}
    panels = {
        f"{a} to {b}, Recall@{k}": {label: found[f"{a}_to_{b}_recall@{k}"][:3] for label, found in first.items()}
        for a, b in WAYS for k in (1, 5)
    }  # fmt: skip
    chart = figures.score_chart(panels, metric="share of queries", title="Captions and images",
                               note=f"{data.name}, test, seed 0; equal texts match. 95 % intervals.")  # fmt: skip
    figures.save_png(chart, out / "scores.png")


def publish(model, label, row, data, out):
    """Export both towers, the test images to be searched, and put both kinds into one space of the projector."""
    split, stored = data.test, model.towers["image"].frontend.kind == "features"
    labels = split.labels if split.labels is not None else [split.captions[split.of(i)[0]] for i in range(len(split.images))]
    name = f"{model.name}_{out.name}"
    captions = [str(caption) for caption in split.captions[:2]]
    bundle = zoo.export(
        model, pathlib.Path("saved_models") / name, gallery=(list(split.images), list(labels)),
        samples={"text": [*captions, "", "zebra"], "image": list(split.images[:2])},
        data=f"{data.name} ({data.licence})", scores={"test": row["scores"]["equal"]},
    )  # fmt: skip
    difference = json.loads((bundle / "card.json").read_text(encoding="utf-8"))["largest_difference"]
    print(f"\nBest on validation: {label}. Exported to {bundle}: embed_text from UTF-8, embed_image from "
          f"{'stored features' if stored else 'image files'}; it answers as model.predict does, largest difference "
          f"{difference:.1e}", flush=True)  # fmt: skip
    few = np.sort(np.random.default_rng(1).permutation(len(split.images))[:POINTS])
    said = np.concatenate([split.of(i)[:1] for i in few])  # one caption an image
    text, image = model.predict((split.captions[said], [split.images[i] for i in few]))
    blank = np.full((8, 8), 235, "uint8")
    columns = {
        "what": [*split.captions[said], *(f"image {i}" for i in few)],
        "modality": ["caption"] * len(said) + ["image"] * len(few),
        "class": [str(labels[i]) for i in few] * 2 if len(said) == len(few) else [""] * (len(said) + len(few)),
    }
    images = None if stored else [blank] * len(said) + [split.images[i] for i in few]
    folder = out / "projector" / "test"
    zoo.export.write_projector(folder, np.concatenate([text, image]), columns, overwrite=True, images=images)
    print(f"""
Look at both kinds in one space, colored by modality or by class (Projector tab):
  tensorboard --logdir {shlex.quote(str(out / "projector"))}
Ask the exported model, which finds images by a sentence:
  zoo query {shlex.quote(str(bundle.parent))} {shlex.quote(captions[0])}
Pictures and scores are in {out}""")
