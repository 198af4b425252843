"""The table of scores, the pictures of the post that `intent_bilstm.py` repeats, and its conclusions held against this data.

The post says: (1) triplet-trained gates react to the key words, those of cross-entropy and hinge look alike and react
to the content; (2) triplet gathers every class, the more so the larger the margin, cross-entropy gathers one, hinge
none; (3) logits lie near y = -x because that separates best, triplet leaves some samples scattered, cross-entropy and
hinge look alike; (4) batch-hard does better than batch-all.
"""

import csv

import keras
import numpy as np

import zoo

KEY_CHARACTERS = set("导航去到怎么走路线开往带我要前")
QUERIES = [*zoo.data.SAMPLE_QUERIES, "how do i get to the train station"]
DOTS = 400  # queries in each panel of logits
GATES = ("input", "forget", "output")
ALIKE = 0.5  # correlation from which two models' gates count as alike


def log_odds(logits, names, navigation):
    """Log odds [N] of the navigation labels under the softmax of logits [N, C]."""
    inside = np.isin(names, list(navigation))
    return np.logaddexp.reduce(logits[:, inside], axis=1) - np.logaddexp.reduce(logits[:, ~inside], axis=1)


def probe(vectors, y, classes, epochs=30):
    """Train Dense(classes) and softmax on frozen encodings [N, D]; returns the layer."""
    keras.utils.set_random_seed(0)
    layer = keras.layers.Dense(classes)
    model = keras.Sequential([keras.Input(vectors.shape[1:]), layer])
    model.compile(keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.optimizer.build(model.trainable_variables)  # made in the first step, it would be traced twice
    model.fit(vectors, y, batch_size=256, epochs=epochs, verbose=0)
    return layer


def table(rows, data, out):
    """Print the scores, with the 95 % interval below each, and write them to results.csv."""
    columns = list(next(iter(rows.values())))
    print(f"{'':22}" + "".join(f"{name:>17}" for name in columns))
    for label, scores in rows.items():
        print(f"{label:22}" + "".join(f"{scores[name].value:17.3f}" for name in columns))
        intervals = [f"{scores[name].low:.3f}-{scores[name].high:.3f}" for name in columns]
        print(f"{'':22}" + "".join(f"{interval:>17}" for interval in intervals))
    known = ", ".join(f"{k.replace('_', '-')} {v:.3f}" for k, v in data.baseline.items() if k != "what")
    if known:
        print(f"For comparison, {data.baseline['what']}: {known}")
    with open(out / "results.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["data", "task", "model", "metric", "value", "low", "high", "n"])
        for label, scores in rows.items():
            for name in columns:
                value, low, high, n = scores[name]
                writer.writerow([data.name, data.task, label, name, f"{value:.4f}", f"{low:.4f}", f"{high:.4f}", n])


def pictures(trained, rows, shown, data, out, options):
    """Draw everything that the models at hand allow; prints one line a picture."""
    models = {label: found.model for label, found in trained.items()}
    three = triplet_softmax_hinge(models)
    y, names = zoo.data.encode(data.test.labels[shown])
    order = [*three.values(), *(label for label in models if label not in three.values())]
    movie = {label: trained[label].encodings for label in order[:6]}
    note = f"Test texts of {data.name}. Epoch 0 is the untrained model. Scores and the other pictures are of the epoch that "
    note += "validation texts chose."
    files = list(zoo.figures.animate_encodings(movie, y, out / "encodings", class_names=names, note=note))
    logits = {}
    if len(three) == 3:
        texts = known_queries(data, models[three["softmax"]])
        for i, (text, ids) in enumerate(zip(texts, character_ids(models[three["softmax"]], texts), strict=True)):
            counts = {label: zoo.figures.count_open(gates(models[label], ids)) for label in three.values()}
            units = 2 * models[three["softmax"]].backbone.units
            files.append(save(zoo.figures.gate_strips(counts, text, units), out / f"gates_{i + 1}.png"))
        if data.task == "navigation":
            logits = two_logits(trained, three, data, names)
            files.append(save(zoo.figures.two_logits(logits, names), out / "logits.png"))
    if options.features:
        files.append(save(plane(data, options), out / "features.png"))
    print("\nPictures: " + ", ".join(str(file) for file in files), flush=True)
    final = {label: found.vectors["test"][shown] for label, found in trained.items()}
    lines = conclusions(models, rows, three, logits, final, y, names, data)
    (out / "conclusions.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\nThe post's conclusions on this data:\n" + "\n".join(lines), flush=True)


def save(figure, path):
    zoo.figures.save_png(figure, path)
    return path


def triplet_softmax_hinge(models):
    """Names of the three models that the post compares, as far as they are there: kind to label."""
    triplets = [label for label in models if label.startswith("triplet")]
    triplets.sort(key=lambda label: label != "triplet, margin 10")
    found = {"triplet": triplets[0] if triplets else None}
    found |= {kind: next((label for label in models if label.startswith(kind)), None) for kind in ("softmax", "hinge")}
    return {kind: label for kind, label in found.items() if label}


def known_queries(data, model):
    """The post's queries where the model knows their characters, and a test text of navigation (or of any label)."""
    vocabulary = set(model.frontend.vocabulary)
    known = [text for text in QUERIES if np.mean([c in vocabulary for c in text]) > 0.6]
    positive = np.flatnonzero(np.isin(data.test.labels, ["navigation", *data.navigation]))
    return [*known, str(data.test.items[positive[0] if len(positive) else 0])[:40]][:5]


def character_ids(model, texts):
    """Ids of the characters of each text, without padding; all models of a run have one vocabulary."""
    return [ids[: len(text)] for ids, text in zip(np.asarray(model.preprocess(texts)), texts, strict=True)]


def gates(model, ids):
    """Gate values of the first recurrent layer at each character: dict of arrays (T, 2U)."""
    vectors = np.asarray(model.backbone.characters(ids[None]))[0]  # (T, D)
    return zoo.figures.bidirectional_gates(model.backbone.recurrent[0], vectors)


def two_logits(trained, three, data, names):
    """Logits of up to 400 training and 400 test queries for each model: dict of title to (logits, labels)."""
    panels = {}
    for kind, label in three.items():
        title = f"{label}, frozen + Dense(2)" if kind == "triplet" else label
        for part in ("train", "test"):
            labels = getattr(data, part).labels
            rows = balanced(labels, DOTS)
            logits = np.asarray(trained[label].head(trained[label].vectors[part][rows]))
            panels[f"{title}: {part}"] = logits, zoo.data.encode(labels[rows], names)[0]
    return panels


def balanced(labels, count):
    """Rows of up to `count` items, as many of each label as there are."""
    order = np.random.default_rng(0).permutation(len(labels))
    present = np.unique(labels)
    return np.concatenate([order[labels[order] == label][: count // len(present)] for label in present])


def plane(data, options):
    """Two-dimensional feature layers trained end to end with softmax and hinge on the largest intents of the set."""
    data = zoo.data.load(options.data, task="intent")
    labels, counts = np.unique(data.train.labels, return_counts=True)
    largest = labels[np.argsort(-counts)][:5].tolist()
    train, test = (keep(split, np.isin(split.labels, largest)) for split in (data.train, data.test))
    y, names = zoo.data.encode(train.labels)
    features, ids, weights = {}, {}, {}
    for loss in ("softmax", "hinge"):
        keras.utils.set_random_seed(1)
        model = zoo.build(f"bilstm_{loss}", embedding_dim=2, classes=len(names), learning_rate=3e-3)
        model.adapt(train.items)
        batches = zoo.data.pk_batches(train.items, y, per_class=16, steps=options.features)
        model.optimizer.build(model.trainable_variables)  # made in the first step, it would be traced twice
        model.fit(batches, verbose=0)
        drawn = {"train": keep(train, balanced(train.labels, DOTS)), "test": keep(test, balanced(test.labels, DOTS))}
        points = model.predict(np.concatenate([split.items for split in drawn.values()]))
        for part, split in drawn.items():
            title = f"{loss}: {part}"
            features[title], points = points[: len(split)], points[len(split) :]
            ids[title] = zoo.data.encode(split.labels, names)[0]
            weights[title] = np.asarray(model.loss_layer.scores.kernel)
    return zoo.figures.plane_features(features, ids, names, weights, note=f"{data.name}, its {len(names)} largest intents.")


def keep(split, rows):
    return zoo.data.Split(split.items[rows], split.labels[rows])


def conclusions(models, rows, three, logits, final, y, names, data):
    """One line a conclusion: what the post says, this data's figures, and whether they agree."""
    lines = []
    if len(three) == 3:
        lines += gate_conclusions(models, three, data)
    lines += spread_conclusions(final, three, y, names)
    if logits:
        lines += logit_conclusions(logits)
    hard, every = (rows.get(label, {}).get("Recall@1") for label in ("batch-hard, unit, 0.2", "triplet, unit, 0.2"))
    if hard and every:
        apart = "" if hard.low > every.high or every.low > hard.high else "; the intervals overlap"
        said = "batch-hard finds more than batch-all"
        lines.append(verdict(hard.value > every.value, said, f"Recall@1 {hard} against {every}{apart}"))
    else:
        lines.append("- not tried: batch-hard finds more than batch-all (--models all trains both)")
    return lines


def verdict(holds, said, figures):
    return f"- {'holds' if holds else 'does not hold'}: {said} ({figures})"


def gate_conclusions(models, three, data):
    """Key characters against the rest, and how alike two models' counts are, over Chinese navigation queries."""
    positive = np.isin(data.test.labels, ["navigation", *data.navigation])
    texts = [t for t in data.test.items[positive] if any("一" <= c <= "鿿" for c in t)][:100]
    if not texts:
        return []
    key = np.concatenate([[c in KEY_CHARACTERS for c in text] for text in texts])
    ids = character_ids(models[three["softmax"]], texts)
    units = 2 * models[three["softmax"]].backbone.units
    share = {}  # model and gate to the share of open units at each character of all texts
    for kind, label in three.items():
        counts = [zoo.figures.count_open(gates(models[label], one)) for one in ids]
        for gate in GATES:
            share[kind, gate] = np.concatenate([c[gate] for c in counts]) / units
    gap = {k: v[key].mean() - v[~key].mean() for k, v in share.items()}
    figures = "; ".join(f"{kind} " + ", ".join(f"{gate} {gap[kind, gate]:+.3f}" for gate in GATES) for kind in three)
    stronger = all(gap["triplet", g] > max(gap["softmax", g], gap["hinge", g]) for g in GATES)
    said = "in all gates the triplet model opens more units at key characters than at others, more so than the other two"
    lines = [verdict(stronger, said, "open share at key characters minus at others: " + figures)]
    return [*lines, alike_conclusion(share)]


def alike_conclusion(share):
    """Whether cross-entropy's and hinge's gates look alike; `share` maps (kind, gate) to open shares [characters].

    The largest of three correlations is some pair's even where no two models are alike, so it must also reach ALIKE.
    """
    alike = {}
    for a, b in (("softmax", "hinge"), ("softmax", "triplet"), ("hinge", "triplet")):
        alike[a, b] = np.mean([correlation(share[a, gate], share[b, gate]) for gate in GATES])
    largest = max(alike, key=alike.get) == ("softmax", "hinge")
    said = "the gates of cross-entropy and hinge look alike, those of triplet differ: of the three correlations theirs is "
    said += f"the largest, and at least {ALIKE}"
    figures = ", ".join(f"{a} and {b} {value:.2f}" for (a, b), value in alike.items())
    holds = largest and alike["softmax", "hinge"] >= ALIKE
    return verdict(holds, said, "mean correlation of open units over characters: " + figures)


def correlation(x, y):
    """Pearson's correlation; 0 where one side never changes, as gates that never open do."""
    return np.corrcoef(x, y)[0, 1] if x.std() > 0 and y.std() > 0 else 0.0


def spreads(vectors, y):
    """Root mean square distance to the own class mean, over the distance of class means, for each class."""
    means = np.stack([vectors[y == c].mean(axis=0) for c in np.unique(y)])
    between = np.sqrt(((means[:, None] - means[None]) ** 2).sum(axis=2))
    between = between[np.triu_indices(len(means), 1)].mean()
    return np.array([np.sqrt(((vectors[y == c] - m) ** 2).sum(axis=1).mean()) / between for c, m in enumerate(means)])


def spread_conclusions(final, three, y, names):
    spread = {label: spreads(vectors, y) for label, vectors in final.items()}
    text = {label: " ".join(f"{name} {v:.2f}" for name, v in list(zip(names, s, strict=True))[:2]) for label, s in spread.items()}
    lines = []
    margins = [f"triplet, margin {m}" for m in (1, 10, 100) if f"triplet, margin {m}" in spread]
    if len(margins) > 1:
        means = [spread[label].mean() for label in margins]
        said = "triplet gathers each class the more the larger the margin"
        figures = ", ".join(f"{label}: {value:.2f}" for label, value in zip(margins, means, strict=True))
        lines.append(verdict(all(np.diff(means) < 0), said, "spread within classes over distance of classes: " + figures))
    if len(three) == 3 and len(names) == 2:
        triplet, softmax, hinge = (spread[three[kind]] for kind in ("triplet", "softmax", "hinge"))
        said = "triplet gathers every class more than cross-entropy and hinge"
        figures = "; ".join(f"{label}: {text[label]}" for label in three.values())
        lines.append(verdict((triplet < softmax).all() and (triplet < hinge).all(), said, "spread by class, " + figures))
        said = "cross-entropy gathers one class: its tighter class has less than half the spread of the other"
        lines.append(verdict(softmax.min() < softmax.max() / 2, said, text[three["softmax"]]))
        said = "hinge leaves both classes more spread than cross-entropy"
        lines.append(verdict((hinge > softmax).all(), said, text[three["hinge"]] + " against " + text[three["softmax"]]))
    return lines


def logit_conclusions(logits):
    ratio, loose = {}, {}
    for title, (z, _) in logits.items():
        if title.endswith("test"):
            difference = np.abs(z[:, 1] - z[:, 0])
            ratio[title] = (z[:, 0] + z[:, 1]).std() / (z[:, 1] - z[:, 0]).std()
            loose[title] = (difference < 0.25 * np.median(difference)).mean()
    said = "logits lie near y = -x, by construction: across that line they spread less than a quarter as much as along it"
    lines = [verdict(max(ratio.values()) < 0.25, said, ", ".join(f"{k}: {v:.3f}" for k, v in ratio.items()))]
    said = "triplet leaves more test queries near the decision (under a quarter of the median distance) than the others"
    first, *others = loose.values()
    return [*lines, verdict(first > max(others), said, ", ".join(f"{k}: {v:.1%}" for k, v in loose.items()))]
