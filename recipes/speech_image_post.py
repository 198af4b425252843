"""What speech_to_image.py shows of its runs: the table, the conclusions, the pictures, the bundle and the projector."""

import csv
import json
import pathlib
import shlex

import numpy as np
import speech_to_image as recipe

import zoo

# What to expect: AUC of a small experiment with 32 words in batches of 128, 600 steps, whose share of matches was 0.031.
EXPECTED = {"plain L1": 0.51, "plain L1, 10:1": 0.55, "plain L1, 3:1": 0.65, "plain L1, 1:1": 0.996,
            "plain L1, gap penalty": 0.92, "plain L1, gap penalty x 4": 0.92, "balanced L1": 0.997,
            "sigmoid of pairs": 0.998}  # fmt: skip
KS = (1, 5, 10)
CURED = 0.75  # AUC between those that collapsed there and those that did not
ROWS = ("plain L1", "plain L1, 10:1", "plain L1, 1:1", "balanced L1", "sigmoid of pairs", "max-margin, sampled")
EPOCHS = (0, 1, 2, 4, 10)  # of the histograms; the last one is always drawn
RECALLS = [f"{way}_recall@{k}" for way in ("speech_to_image", "image_to_speech") for k in KS]


def level(label, share):
    """The loss of a model to which all similarities are zero, of the L1 forms; its mean over batches."""
    loss, settings = recipe.LOSSES[label]
    if loss == "manytomany":
        return 0.5
    if loss != "manytomany_l1":
        return None
    drawn = min(settings.get("negative_ratio", np.inf), (1 - share) / share)  # others for each match
    return 1 / (1 + drawn) + settings.get("gap_penalty", 0.0) * 0.5


def said(data):
    return f"{data.name}{' (SYNTHETIC speech)' if data.synthetic else ''}"


def table(rows, data, fed, options, out):
    """Print the scores as means over seeds, and write them run by run."""
    short = [name.replace("speech_to_image_recall", "s→i R").replace("image_to_speech_recall", "i→s R") for name in RECALLS]
    lines = [f"{said(data)}, test: means over {options.seeds} seeds. S: similarity as the loss compares it."]
    heads = ("loss at end", "zero level", "S match", "S other", "AUC of S", *short)
    lines.append(f"{'loss':24}" + "".join(f"{head:>12}" for head in heads) + "   AUC of the seeds")
    for label, runs in rows.items():
        names = ["pair_auc", *RECALLS]
        scores = [np.mean([run["scores"][name][0] for run in runs]) for name in names]
        end, zero = np.mean([run["losses"][-20:] for run in runs]), level(label, fed.share)
        cells = [f"{end:.3f}", "" if zero is None else f"{zero:.3f}"]
        cells += [f"{x:.3f}" for x in (*np.mean([run["means"] for run in runs], axis=0), *scores)]
        seeds = ", ".join(f"{run['scores']['pair_auc'][0]:.3f}" for run in runs)
        lines.append(f"{label:24}" + "".join(f"{cell:>12}" for cell in cells) + f"   {seeds}")
    lines.append("")
    lines += notes(rows, data, fed, options)
    conclusions = verdict(rows, data, fed)
    print("\n".join([*lines, *conclusions]), flush=True)
    (out / "results.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (out / "conclusions.txt").write_text("\n".join(conclusions) + "\n", encoding="utf-8")
    with open(out / "results.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["data", "recipe", "loss", "seed", "metric", "value", "low", "high", "n"])
        for label, runs in rows.items():
            for run in runs:
                place = [data.name, "speech_to_image", label, run["seed"]]
                writer.writerows([*place, name, *score] for name, score in run["scores"].items())
                zero = level(label, fed.share)
                plain = {"loss_at_end": np.mean(run["losses"][-20:]), "zero_level": "" if zero is None else zero,
                         "similarity_of_matches": run["means"][0], "similarity_of_others": run["means"][1]}  # fmt: skip
                writer.writerows([*place, name, value, "", "", ""] for name, value in plain.items())


def notes(rows, data, fed, options):
    """What a reader of the table must know: chance, intervals, settings."""
    _, (clips, images) = fed.parts["test"]
    chance = []
    for mine, others in ((clips, images), (images, clips)):
        share = np.array([np.mean(others == i) for i in mine])
        chance.append("/".join(f"{np.mean(1 - (1 - share) ** k):.2f}" for k in KS))
    widths = {}
    for name in ("pair_auc", RECALLS[0], RECALLS[3]):
        known = [run["scores"][name] for runs in rows.values() for run in runs]
        widths[name] = max((score[2] - score[1]) / 2 for score in known)
    return [
        f"Share of matches in a batch {fed.share:.3f}; chance: AUC 0.5, Recall@1/5/10 {chance[0]} speech to image, "
        f"{chance[1]} back.",
        f"Widest 95 % interval of one run: AUC ±{widths['pair_auc']:.3f}, Recall@1 ±{widths[RECALLS[0]]:.3f} and "
        f"±{widths[RECALLS[3]]:.3f}; {len(clips)} clips, {len(images)} images.",
        f"{recipe.NETWORK}, {recipe.SIZES.get(data.name, recipe.DIGITS)}, Adam {recipe.RATE:g}, {recipe.SIZE} pairs, "
        f"{options.epochs} x {options.steps} steps, {options.seeds} seeds{once(rows, options)}; the last epoch is scored.",
        data.note,
    ]  # fmt: skip


def once(rows, options):
    """Which losses are seen with one seed, in words."""
    few = [label for label in rows if label in options.once]
    return f" (one of {'; '.join(few)})" * bool(few)


def verdict(rows, data, fed):
    """What came out beside what was expected, a line a loss."""
    lines = []
    for label, runs in rows.items():
        auc = [run["scores"]["pair_auc"][0] for run in runs]
        before = np.mean([run["scores"]["pair_auc_before_relu"][0] for run in runs])
        line = f"{label}: AUC {np.mean(auc):.3f} ({min(auc):.3f} to {max(auc):.3f})"
        if level(label, fed.share) is not None:
            end = np.mean([run["losses"][-20:] for run in runs])
            line += f", loss {end:.3f} where answering 0 to all costs {level(label, fed.share):.3f}"
            if abs(before - np.mean(auc)) > 0.01:
                line += f"; before the similarity is cut at 0 its AUC is {before:.3f}"
        if label in EXPECTED:
            same = (EXPECTED[label] > CURED) == (np.mean(auc) > CURED)
            line += f". Expected {EXPECTED[label]:.3f} (at a share of 0.031): {'as' if same else 'NOT as'} expected"
        lines.append(line + ".")
    drawn = (1 - fed.share) / fed.share
    if drawn < 10 and "plain L1, 10:1" in rows:
        lines.append(f"At a share of {fed.share:.3f} there are only {drawn:.1f} others for a match: 10:1 leaves none of "
                     "them out and is the plain loss again.")  # fmt: skip
    dead = {label: sum(run["means"] == [0.0, 0.0] for run in runs) for label, runs in rows.items() if "L1" in label}
    dead = {label: f"{count} of {len(rows[label])}" for label, count in dead.items() if count}
    if dead:
        lines.append("Where no cosine is above 0 the similarity max(0, cos) has no gradient, and a run that came there "
                     "stays. Seeds that ended so: "
                     f"{'; '.join(f'{label} {count}' for label, count in dead.items())}.")  # fmt: skip
    recalls = {label: np.mean([run["scores"][RECALLS[0]][0] for run in runs]) for label, runs in rows.items()}
    best = max(recalls, key=recalls.get)
    lines.append(f"Best Recall@1 from speech to image: {best}, {recalls[best]:.3f}.")
    return lines


def pictures(rows, data, fed, out):
    """Draw convergence, similarities per epoch, ROC curves and AUC over epochs."""
    figures = zoo.figures
    note = f"{said(data)}, {recipe.SIZE} pairs a batch, share of matches {fed.share:.3f}."
    levels = {label: level(label, fed.share) for label in rows}
    picture = figures.convergence_curves(
        {label: [run["losses"] for run in runs] for label, runs in rows.items()},
        {label: value for label, value in levels.items() if value is not None}, note=note,
    )  # fmt: skip
    figures.save_png(picture, out / "convergence.png")
    histograms = {}
    for label in ([label for label in ROWS if label in rows] or list(rows))[:5]:
        with np.load(out / "runs" / f"{recipe.slug(label, 0)}.npz") as file:
            seen, match = file["seen"], file["match"]
        shown = sorted({epoch for epoch in EPOCHS if epoch < len(seen)} | {len(seen) - 1})
        histograms[label] = {f"epoch {epoch}": (seen[epoch][match], seen[epoch][~match]) for epoch in shown}
    limits = {label: (0.0, 1.0) for label in histograms if "L1" in label}
    picture = figures.match_histograms(histograms, limits, note=f"{note} Validation, seed 0; as the loss compares it.")
    figures.save_png(picture, out / "similarities.png")
    forms = {label: runs for label, runs in rows.items() if "L1" in label}
    others = {label: runs for label, runs in rows.items() if "L1" not in label or label == "balanced L1"}
    for name, part, what in (("l1", forms, "L1 forms"), ("others", others, "other losses")):
        if not part:
            continue
        curves = {label: tuple(runs[0]["roc"]) for label, runs in part.items()}
        picture = figures.roc_curves(curves, f"ROC curves, {what}", note=f"{note} Test, seed 0.")
        figures.save_png(picture, out / f"roc_{name}.png")
        bands = {label: [run["auc"] for run in runs] for label, runs in part.items()}
        picture = figures.epoch_bands(bands, level=0.5, title=f"AUC of pairs, {what}", note=f"{note} Validation.")
        figures.save_png(picture, out / f"auc_{name}.png")


def publish(model, label, row, data, out):
    """Export both towers with test images to search, and put both kinds into one space of the projector."""
    speech, images = data.speech["test"], data.images["test"]
    rng = np.random.default_rng(1)
    few = [np.sort(rng.permutation(len(part))[:recipe.TESTED]) for part in (speech, images)]
    name = f"{model.name}_{out.name}"
    bundle = zoo.export(
        model, pathlib.Path("saved_models") / name, gallery=(images.items[few[1]], images.labels[few[1]]),
        samples={"speech": list(speech.items[:3]), "image": images.items[:3]},
        data=f"{said(data)} ({data.licence})", scores={"test": row["scores"]},
    )  # fmt: skip
    difference = json.loads((bundle / "card.json").read_text(encoding="utf-8"))["largest_difference"]
    print(f"\nBest on validation: {label}. Exported to {bundle}: embed_speech from WAV, embed_image from image files; it "
          f"answers as model.predict does, largest difference {difference:.1e}", flush=True)  # fmt: skip
    vectors = model.predict((speech.items[few[0]], images.items[few[1]]))
    unit = [part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-9) for part in vectors]
    columns = {
        "word": [*speech.labels[few[0]], *images.labels[few[1]]],
        "modality": ["speech"] * len(few[0]) + ["image"] * len(few[1]),
        "speaker": [*speech.speakers[few[0]], *[""] * len(few[1])],
    }
    blank = np.full(images.items.shape[1:], 90, "uint8")  # speech has no picture
    thumbnails = [blank] * len(few[0]) + list(images.items[few[1]])
    zoo.export.write_projector(out / "projector" / "test", np.concatenate(unit), columns, overwrite=True, images=thumbnails)
    clip = out / "query.wav"
    clip.write_bytes(speech.items[0])
    print(f"""
Look at both kinds in one space, colored by modality or by word (Projector tab):
  tensorboard --logdir {shlex.quote(str(out / "projector"))}
Ask the exported model, which finds images by what is said ({speech.labels[0]}):
  zoo query {shlex.quote(str(bundle.parent))} {shlex.quote(str(clip))}
Pictures and scores are in {out}""")
