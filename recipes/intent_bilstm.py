"""Navigation against everything else: one character BiLSTM under nine losses, on Chinese and English queries.

Shows   retrieval and classification scores of the same encoder under each loss, from the same seed and batches; what its
        gates react to, how its encodings move over the epochs, and its logits; a bundle to serve; data for TensorBoard.
Time    python recipes/intent_bilstm.py                            the demo on the embedded set
        python recipes/intent_bilstm.py --data nav_zh --models all
Data    --data takes a set's name (zoo.data.names()) or a TSV file of your own: label<TAB>text.

Source of the experiment: a Chinese post on the triplet loss and its visualization; recipes/intent_post.py checks its
conclusions. The epoch and the exported model are chosen on validation texts; no choice is made on test texts.
"""

import argparse
import dataclasses
import hashlib
import json
import logging
import os
import pathlib
import shlex
import shutil
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
logging.getLogger("tensorflow").setLevel("ERROR")

import intent_post as post
import keras
import numpy as np

import zoo

SEED = 7
BATCH = 128  # 2 classes x 64 for navigation, 16 x 8 for intents
RATE = 2e-3  # Adam
ENCODER = {"units": 128, "char_dim": 64, "embedding_dim": None}  # the encoding is the BiLSTM's own output, as in the post
RAW = {"distance": "euclidean", "normalize": False}
MODELS = {
    "triplet, margin 1": ("triplet", {"margin": 1.0, **RAW}),
    "triplet, margin 10": ("triplet", {"margin": 10.0, **RAW}),
    "triplet, margin 100": ("triplet", {"margin": 100.0, **RAW}),
    "triplet, unit, 0.2": ("triplet", {"margin": 0.2}),
    "batch-hard, unit, 0.2": ("batchhard", {"margin": 0.2}),
    "semi-hard, unit, 0.2": ("semihard", {"margin": 0.2}),
    "EPSHN, unit": ("epshn", {}),
    "softmax": ("softmax", {}),
    "hinge, margin 1": ("hinge", {"margin": 1.0}),
}
DEMO = ["triplet, margin 10", "semi-hard, unit, 0.2", "softmax", "hinge, margin 1"]
UNTRAINED = "untrained"  # the same encoder before its first step: what scores owe to the architecture alone
SHOWN = 2000  # texts of each class in the pictures
CHOICE = "val_knn_macro_f1"  # on validation texts, of the nearest of --gallery training texts; chooses epoch and model


def main():
    options = arguments()
    data = zoo.data.load(options.data, task=options.task)
    y, names = zoo.data.encode(data.train.labels)
    name = f"{pathlib.Path(data.name).stem.replace(' ', '_')}_{data.task}"
    out = pathlib.Path(options.out) / name
    out.mkdir(parents=True, exist_ok=True)
    print(f"{data.name}, {data.task}: {len(data.train)} training, {len(data.validation)} validation and {len(data.test)} "
          f"test texts, {len(names)} labels\n{data.note}", flush=True)
    shown = shown_rows(data.test)
    trained = {}
    started = time.time()
    for i, label in enumerate(options.models, 1):
        print(f"\n[{i}/{len(options.models)}] {label}", flush=True)
        trained[label] = train(label, data, y, names, shown, out, options)
    print(f"\nTrained in {time.time() - started:.0f} s. Scores on test texts:\n", flush=True)
    untrained = embedded(build(UNTRAINED, data, names), data, y, names)
    rows = {label: measure(found, data, names) for label, found in {UNTRAINED: untrained, **trained}.items()}
    post.table(rows, data, out)
    post.pictures(trained, rows, shown, data, out, options)
    best = max(trained, key=lambda label: trained[label].chosen)
    bundle = publish(best, trained[best], rows[best], shown, data, out, f"bilstm_{name}")
    shutil.rmtree(out / "unfinished")  # all is written: the next call trains anew
    next_commands(bundle, out)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="embedded", help=f"{', '.join(zoo.data.names())}, or a TSV file")
    parser.add_argument("--task", choices=("navigation", "intent"), help="default: what the set is for")
    parser.add_argument("--models", default="demo", help="demo, all, or names separated by ';'")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--steps", type=int, help="batches in an epoch; default: as many as see each text once")
    parser.add_argument("--gallery", type=int, default=3000, help="training texts among which validation texts look")
    parser.add_argument("--features", type=int, default=60, help="steps for the two-dimensional feature picture; 0: none")
    parser.add_argument("--out", default="runs/intent_bilstm")
    options = parser.parse_args()
    named = {"demo": DEMO, "all": list(MODELS)}.get(options.models) or [m.strip() for m in options.models.split(";")]
    for label in named:
        if label not in MODELS:
            parser.error(f"--models: unknown {label!r}; there are: {'; '.join(MODELS)}")
    options.models = named
    return options


@dataclasses.dataclass
class Trained:
    """A model and what is asked of it more than once: it embeds each text a single time."""

    model: zoo.Embedder
    vectors: dict  # train, validation, test: encodings [N, D]
    head: object  # function from encodings to logits
    encodings: list = ()  # of the shown test texts, before training and after each epoch
    chosen: float = None  # CHOICE in the best epoch


def shown_rows(split):
    """Rows of at most SHOWN texts of each label, for the pictures and the projector."""
    return np.concatenate([np.flatnonzero(split.labels == label)[:SHOWN] for label in np.unique(split.labels)])


class Watch(keras.callbacks.Callback):
    """Looks at the model before training and after each epoch, with one `predict` for all that is looked at.

    Scores of validation texts among some training texts go into the logs; the encodings of the shown texts go to disk, so
    that a resumed run has them all.
    """

    def __init__(self, data, y, names, shown, folder, gallery):
        super().__init__()
        some = np.random.default_rng(SEED).permutation(len(data.train))[:gallery]
        self.items = shown, data.validation.items, data.train.items[some]
        self.truth, self.held = zoo.data.encode(data.validation.labels, names, missing=-1)[0], y[some]
        self.folder = folder

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 0:
            self.keep(0, self.model.predict(self.items[0]))

    def on_epoch_end(self, epoch, logs=None):
        shown, queries, rows = embed(self.model, *self.items)
        self.keep(epoch + 1, shown)
        answers = by_neighbors(queries, self.truth, rows, self.held, self.model.distance)
        logs["val_knn_accuracy"], logs[CHOICE] = answers["accuracy"].value, answers["macro_f1"].value

    def keep(self, epoch, vectors):
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f".epoch_{epoch:03d}.npy"
        np.save(beside, vectors)
        beside.rename(self.folder / beside.name[1:])


def embed(model, *parts):
    """Encodings [N, D] of several parts, in one call: short texts of all of them share a batch."""
    return np.split(model.predict(np.concatenate(parts)), np.cumsum([len(part) for part in parts])[:-1])


def by_neighbors(queries, truth, rows, held, distance):
    """Scores of the labels that the 5 nearest rows vote for, as zoo.evaluate has them, without its ranking of all rows."""
    nearest, closeness = zoo.neighbors.knn(queries, rows, min(5, len(rows)), distance)
    return zoo.metrics.classification(truth, zoo.neighbors.vote(held[nearest], closeness)[0])


def build(label, data, names):
    loss, settings = MODELS.get(label, ("triplet", {}))
    classes = {"classes": len(names)} if loss in ("softmax", "hinge") else {}
    keras.utils.set_random_seed(SEED)
    model = zoo.build(f"bilstm_{loss}", learning_rate=RATE, **ENCODER, **settings, **classes)
    model.adapt(data.train.items)
    model.optimizer.build(model.trainable_variables)  # made in the first step, it would be traced twice
    return model


def embedded(model, data, y, names, **more):
    """A model with its encodings of all texts and its logits: its own, or of a layer trained on frozen encodings."""
    train, validation, test = embed(model, data.train.items, data.validation.items, data.test.items)
    head = model.loss_layer.scores or post.probe(train, y, len(names))
    return Trained(model, {"train": train, "validation": validation, "test": test}, head, **more)


def train(label, data, y, names, shown, out, options):
    """Train one model, and embed all texts with it.

    Killed, the recipe goes on where it was: models that were done are read again, the one at work from its last epoch.
    """
    folder, done, best, backup = places(label, data, out, options)
    if done.exists():
        print(f"  was trained before the recipe was stopped: {done}", flush=True)
        model = zoo.load_model(done)
    else:
        model = build(label, data, names)
        fit(model, data, y, names, shown, folder, best, backup, options)
        model.save(done)
    encodings = [np.load(folder / f"epoch_{epoch:03d}.npy") for epoch in range(options.epochs + 1)]
    with np.load(best) as kept:
        return embedded(model, data, y, names, encodings=encodings, chosen=float(kept["score"]))


def places(label, data, out, options):
    """Places of the encodings, the finished model, the best weights and the backup: other settings have other places."""
    settings = [MODELS[label], ENCODER, RATE, BATCH, SEED, options.epochs, options.steps, options.gallery]
    settings += map(str, data.train.items)
    key = hashlib.sha256(json.dumps(settings).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    short = "".join(c if c.isalnum() else "_" for c in label) + "-" + key
    work = out / "unfinished"
    work.mkdir(exist_ok=True)
    return work / short / "encodings", work / f"{short}.keras", work / short / "best.npz", work / short / "backup"


def fit(model, data, y, names, shown, folder, best, backup, options):
    """Train a model on batches of as many classes and samples as BATCH allows, the same for every loss."""
    per_batch = max(2, min(16, int((np.bincount(y) > 1).sum())))
    batches = zoo.data.pk_batches(
        data.train.items, y, classes=per_batch, per_class=BATCH // per_batch, steps=options.steps or max(1, len(y) // BATCH),
        seed=SEED,
    )
    model.fit(
        batches,
        epochs=options.epochs,
        verbose=0,
        callbacks=[
            Watch(data, y, names, data.test.items[shown], folder, options.gallery),
            keras.callbacks.LambdaCallback(on_epoch_end=report),
            zoo.callbacks.KeepBest(best, CHOICE),
            zoo.callbacks.Backup(backup),  # last: what an epoch leaves is there before it counts as done
        ],
    )


def report(epoch, logs):
    print(f"  epoch {epoch + 1}: loss {logs['loss']:.4f}, {logs['active_fraction']:.0%} active, validation kNN accuracy "
          f"{logs['val_knn_accuracy']:.3f}, macro-F1 {logs[CHOICE]:.3f}", flush=True)


def measure(trained, data, names):
    """Scores on the test texts, by which nothing was chosen."""
    vectors, distance = trained.vectors, trained.model.distance
    scores = {}
    found = zoo.metrics.retrieval(vectors["test"], data.test.labels, k=(1,), distance=distance)
    scores["Recall@1"], scores["MAP@R"] = found["recall@1"], found["map@r"]
    y, truth = (zoo.data.encode(split.labels, names, missing=-1)[0] for split in (data.train, data.test))
    scores["kNN accuracy"] = by_neighbors(vectors["test"], truth, vectors["train"], y, distance)["accuracy"]
    logits = {key: np.asarray(trained.head(x)) for key, x in vectors.items()}
    predicted = np.array(names, object)[logits["test"].argmax(axis=1)]
    if data.task == "navigation":  # batches hold as many of both kinds, queries do not: the threshold is validation's
        odds = {key: post.log_odds(value, names, {"navigation"}) for key, value in logits.items()}
        threshold = zoo.metrics.best_threshold(data.validation.labels == "navigation", odds["validation"])
        predicted = np.where(odds["test"] >= threshold, "navigation", "other").astype(object)
    answers = zoo.metrics.classification(data.test.labels, predicted)
    scores["softmax accuracy"], scores["macro-F1"] = answers["accuracy"], answers["macro_f1"]
    navigation = {"navigation"} if data.task == "navigation" else set(data.navigation)
    if navigation & set(names):
        positive = np.isin(data.test.labels, list(navigation))
        found = zoo.metrics.detection(positive, post.log_odds(logits["test"], names, navigation))
        scores["navigation AP"], scores["navigation AUC"] = found["average_precision"], found["roc_auc"]
    return scores


def publish(label, trained, scores, shown, data, out, name):
    """Export the model and write one projector run an epoch; returns the bundle's version folder."""
    model, texts, labels = trained.model, data.test.items[shown], data.test.labels[shown]
    model.save(out / "model.keras")
    bundle = zoo.export(
        model,
        pathlib.Path("saved_models") / name,
        gallery=data.train,
        data=f"{data.name} ({data.licence})",
        scores={name: list(score) for name, score in scores.items()},
    )
    difference = json.loads((bundle / "card.json").read_text(encoding="utf-8"))["largest_difference"]
    print(f"\nBest on validation: {label}. Exported to {bundle}; from raw text it answers as model.predict does, "
          f"largest difference {difference:.1e}", flush=True)
    codes, names = zoo.data.encode(labels)
    for epoch, vectors in enumerate(trained.encodings):
        rows = np.arange(len(vectors))
        nearest, closeness = zoo.neighbors.knn(vectors, vectors, min(5, len(rows) - 1), model.distance, exclude=rows)
        predicted = np.array(names, object)[zoo.neighbors.vote(codes[nearest], closeness)[0]]
        columns = {"text": texts, "label": labels, "predicted": predicted}
        zoo.export.write_projector(out / "projector" / f"epoch_{epoch:03d}", vectors, columns, overwrite=True)
    return bundle


def next_commands(bundle, out):
    """Print what to type next."""
    bundle, scripts = bundle.parent, pathlib.Path(".venv/bin")
    zoo_command, tensorboard = (scripts / c if (scripts / c).exists() else c for c in ("zoo", "tensorboard"))
    query = zoo.data.SAMPLE_QUERIES[0]
    body = f'{{"signature_name": "classify", "instances": ["{query}"]}}'
    print(f"""
Look at the embeddings (open the Projector tab, choose an epoch as run):
  {tensorboard} --logdir {shlex.quote(str(out / "projector"))}
Ask the exported model:
  {zoo_command} query {shlex.quote(str(bundle))} {query}
Serve it with TensorFlow Serving, and ask it over HTTP:
  docker run --rm -p 8501:8501 -v "$PWD/{bundle}:/models/{bundle.name}" -e MODEL_NAME={bundle.name} tensorflow/serving
  curl http://localhost:8501/v1/models/{bundle.name}:predict -d '{body}'
Pictures and scores are in {out}""")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        raise SystemExit(f"intent_bilstm.py: {error}") from error
