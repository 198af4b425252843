"""Words in speech when some are rare: which weights keep a recognizer from guessing by frequency?

Shows   a multi-label recognizer under all weightings of the words loss, its bias from the frequencies or from zero, and, as
        a research diary had it, softmax cross-entropy and hinge loss weighed by 1 / frequency, and pre-training on the most
        frequent words. Exact AUC of each word (macro, weighted, micro), average precision, how many words are undefined;
        the AUC of each word against its frequency; what share of the guesses goes to the most frequent words. Three seeds;
        a bundle that answers WAV files with words and their probabilities.
Time    python recipes/word_recogniser.py                     zoo's own SYNTHETIC digits, four losses; some minutes
        python recipes/word_recogniser.py --data utterances --losses all     41 words, about 20 minutes of one free core
Data    --data takes utterances (fsdd, spoken_words and speech_commands_toy; 2 to 4 words each, drawn by a Zipf law, see
        zoo.data.load_utterances) or utterances_synthetic, which needs no file.
Score   see recipes/results/words_*.txt

Sources: a research diary of August 2018; Kamper et al. 2017 (bag of words from speech); Cui et al. 2019 (effective number of
samples). The last epoch is scored and the rate is the same for all: nothing is chosen by test.
"""

import argparse
import json
import logging
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
logging.getLogger("tensorflow").setLevel("ERROR")

import keras
import numpy as np
import word_recogniser_post as post
from keras import ops

import zoo
from zoo.losses.base import Terms
from zoo.losses.hinge import score_health

# What each run sets: of the loss; `bias`: from the frequencies, or from zero; `first`: words of a pre-training.
LOSSES = {
    "no weights": {"weighting": None},
    "1 / frequency": {"weighting": "inverse"},
    "balanced": {"weighting": "balanced"},
    "1 / square root": {"weighting": "sqrt"},
    "effective number": {"weighting": "effective"},
    "softmax, 1 / frequency": {"weighting": "inverse", "form": "softmax"},
    "hinge, 1 / frequency": {"weighting": "inverse", "form": "hinge"},
    "no weights, bias from 0": {"weighting": None, "bias": False},
    "1 / frequency, bias from 0": {"weighting": "inverse", "bias": False},
    "1 / frequency, 10 words first": {"weighting": "inverse", "first": 10},
}
ONCE = list(LOSSES)[7:]  # seen with one seed
SHOWN = ["no weights", "1 / frequency", "balanced", "softmax, 1 / frequency"]
SECONDS = 3.0
NETWORK = {"seconds": SECONDS, "mels": 24, "pooling": "max", "embedding_dim": None,
           "blocks": [[32, 5, True], [48, 5, True], [96, 5, True]]}  # fmt: skip
RATE = 2e-3  # Adam
SIZE = 32  # utterances in a batch
GUESSES = 3  # the mean number of words in an utterance


class WordsHinge(zoo.losses.WordsLoss):
    """sum_w c_w max(0, 1 - (2 y_w - 1) z_w): the hinge loss of each word, weighed as in `zoo.losses.WordsLoss`."""

    def terms(self, labels, logits):
        _, c = self.word_weights()
        cost = ops.convert_to_tensor(c, dtype=logits.dtype) * ops.relu(1.0 - (2.0 * labels - 1.0) * logits)
        values = ops.sum(cost, axis=1)
        valid = ops.ones_like(values)
        return Terms(values, valid, score_health(values) | {"valid_anchors": ops.sum(valid)})

    def output_bias(self):
        return None  # 0: no word is on either side


def main():
    options = arguments()
    data = zoo.data.load_utterances(options.data == "utterances_synthetic", counts=options.counts)
    out = pathlib.Path(options.out) / data.name
    (out / "runs").mkdir(parents=True, exist_ok=True)
    fed = Fed(data)
    print(f"{data.name}: {len(data.train)} utterances to train, {len(data.validation)} to look at, "
          f"{len(data.test)} to test; {len(data.words)} words, said {fed.frequencies.max()} to {fed.frequencies.min()} "
          f"times in train\n{data.note}", flush=True)  # fmt: skip
    rows, started = {}, time.time()
    for i, label in enumerate(options.losses, 1):
        print(f"\n[{i}/{len(options.losses)}] {label}", flush=True)
        rows[label] = train(label, fed, out, options)
    print(f"\nTrained in {time.time() - started:.0f} s.\n", flush=True)
    post.table(rows, data, fed, options, out)
    post.pictures(rows, data, fed, out)
    post.publish(rows, data, out)
    print(f"Pictures and scores are in {out}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="utterances_synthetic", choices=("utterances", "utterances_synthetic"))
    parser.add_argument("--losses", default="shown", help="shown, all, or names separated by ';'")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--once", default="; ".join(ONCE), help="losses that are seen with one seed, separated by ';'")
    parser.add_argument("--epochs", type=int, default=8, help="after each validation is looked at")
    parser.add_argument("--counts", type=int, nargs=3, default=(1000, 200, 400), help="utterances to train, look at, test")
    parser.add_argument("--out", default="runs/word_recogniser")
    options = parser.parse_args()
    named = {"shown": SHOWN, "all": list(LOSSES)}.get(options.losses) or [name.strip() for name in options.losses.split(";")]
    for label in named:
        if label not in LOSSES:
            parser.error(f"--losses: unknown {label!r}; there are: {'; '.join(LOSSES)}")
    options.losses, options.once = named, [name.strip() for name in options.once.split(";") if name.strip()]
    return options


class Fed:
    """What the model is fed: waveforms, read once, with their words."""

    def __init__(self, data):
        frontend = zoo.encoders.SpeechCNN(seconds=SECONDS).make_frontend()
        splits = {split: getattr(data, split) for split in ("train", "validation", "test")}
        self.x = {split: np.asarray(frontend(list(part.items))) for split, part in splits.items()}
        self.y = {split: part.targets for split, part in splits.items()}
        self.frequencies = self.y["train"].sum(axis=0)


def build(label, seed, fed, words=None):
    """The recognizer of the first so many words under a loss; the same seed gives the same start under every loss."""
    settings = dict(LOSSES[label])
    bias, form = settings.pop("bias", True), settings.get("form")
    settings.pop("first", None)
    counts = [int(count) for count in fed.frequencies[:words]]
    settings |= {"frequencies": counts, "items": len(fed.y["train"])}
    keras.utils.set_random_seed(seed)
    if form == "hinge":
        loss = WordsHinge(**{**settings, "form": "sigmoid"})
        encoder = zoo.encoders.SpeechCNN(**{key: value for key, value in NETWORK.items() if key != "embedding_dim"})
        layer = zoo.layers.LossLayer(loss, classes=len(counts))
        model = zoo.Embedder(encoder, layer, encoder.make_frontend(), embedding_dim=None, normalize=False)
        model.compile(keras.optimizers.Adam(RATE))
    else:
        model = zoo.build("speechcnn_words", classes=len(counts), learning_rate=RATE, normalize=False, **NETWORK, **settings)
    if not model.built:
        model.build((None, round(8000 * SECONDS), 1))
    if not bias:
        model.loss_layer.scores.bias.assign(np.zeros(len(counts)))
    model.optimizer.build(model.trainable_variables)
    return model


def slug(label, seed):
    return f"{''.join(c if c.isalnum() else '_' for c in label)}_{seed}"


def train(label, fed, out, options):
    """Rows of all seeds. They share one model, which is traced once and set back to the start of each seed."""
    model, rows, first = None, [], LOSSES[label].get("first")
    for seed in range(1 if label in options.once else options.seeds):
        path = out / "runs" / f"{slug(label, seed)}.json"
        wanted = {"loss": label, "seed": seed, "epochs": options.epochs, "counts": list(options.counts)}
        row = json.loads(path.read_text()) if path.exists() else {}
        whole = seed or not served(label) or path.with_suffix(".keras").exists()
        if whole and {key: row.get(key) for key in wanted} == wanted:
            print(f"  seed {seed}: macro AUC {row['validation'][-1]:.3f} on validation, done before", flush=True)
        else:
            fresh = build(label, seed, fed)
            if first:
                pretrain(fresh, label, seed, fed, min(first, len(fed.frequencies) - 1), options.epochs // 2)
            model = fresh if model is None else model
            for mine, start in zip(everything(model), everything(fresh), strict=True):
                mine.assign(start)
            epochs = options.epochs - (options.epochs // 2 if first else 0)
            row = {**wanted, **run(seed, model, fed, epochs, path)}
            if seed == 0 and served(label):
                model.save(path.with_suffix(".keras"))
            path.write_text(json.dumps(row))  # last: what is there is whole
        rows.append(row)
    return rows


def served(label):
    """Whether the model of a loss can be served: the hinge is this recipe's own, and its scores are no probabilities."""
    return LOSSES[label].get("form") != "hinge"


def everything(model):
    """All that training changes."""
    return [*model.variables, *model.optimizer.variables]


def pretrain(model, label, seed, fed, words, epochs):
    """Train the encoder on the most frequent words alone, and give it to the model."""
    some = build(label, seed, fed, words)
    y = fed.y["train"][:, :words]
    heard = y.any(axis=1)
    some.fit(fed.x["train"][heard], y[heard].astype("float32"), batch_size=SIZE, epochs=epochs, verbose=0)
    model.backbone.set_weights(some.backbone.get_weights())


class Watch(keras.callbacks.Callback):
    """Macro AUC on validation after each epoch."""

    def __init__(self, fed):
        super().__init__()
        self.fed, self.auc = fed, []

    def on_epoch_end(self, epoch, logs=None):
        found = zoo.metrics.word_auc(self.fed.y["validation"], self.model.class_scores(self.fed.x["validation"]))
        self.auc.append(float(np.nanmean(found)))


def run(seed, model, fed, epochs, path):
    """Train once, score once."""
    started = time.time()
    keras.utils.set_random_seed(seed + 1000)  # the order of the utterances
    watch = Watch(fed)
    y = fed.y["train"].astype("float32")
    history = model.fit(fed.x["train"], y, batch_size=SIZE, epochs=epochs, verbose=0, callbacks=[watch])
    scores = model.class_scores(fed.x["test"])
    found = zoo.metrics.multilabel_report(fed.y["test"], scores, resamples=300)
    known = zoo.metrics.multilabel_report(fed.y["train"], model.class_scores(fed.x["train"]), resamples=0)
    guessed = np.argsort(-scores, axis=1, kind="stable")[:, :GUESSES]
    guesses = np.bincount(guessed.reshape(-1), minlength=scores.shape[1])
    wrong = np.zeros(scores.shape, bool)
    np.put_along_axis(wrong, guessed, True, axis=1)
    wrong &= ~fed.y["test"]
    row = {
        "scores": {name: list(score) for name, score in found.items()}, "undefined": found.info["words_undefined"],
        "train_macro_auc": known["macro_auc"].value, "auc": zoo.metrics.word_auc(fed.y["test"], scores).tolist(),
        "average_precision": zoo.metrics.word_average_precision(fed.y["test"], scores).tolist(),
        "guesses": guesses.tolist(), "wrong": (wrong.sum(axis=0) / (~fed.y["test"]).sum(axis=0)).tolist(),
        "losses": history.history["loss"], "validation": watch.auc, "seconds": time.time() - started,
    }  # fmt: skip
    if seed == 0:
        np.savez(path.with_suffix(".npz"), scores=scores)
    print(f"  seed {seed}: loss {row['losses'][-1]:.3f}, macro AUC {watch.auc[-1]:.3f} on validation, "
          f"{found['macro_auc']} on test, {row['seconds']:.0f} s", flush=True)  # fmt: skip
    return row


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        raise SystemExit(f"word_recogniser.py: {error}") from error
