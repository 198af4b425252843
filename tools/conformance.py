"""Hold our losses against the answers of three libraries on 58 batches, and write CONFORMANCE.md.

    python tools/conformance.py           compares every case and writes the page; some minutes
    python tools/conformance.py --quick   every 40th case; writes nothing (a test does the same)

Reads the golden values from ZOO_CONFORMANCE, by default ../shared/conformance. What each of our losses claims to be
stands in tools/claims/*.py. Fails on a difference that no claim explains.
"""

import argparse
import collections
import importlib
import json
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

import zoo
import zoo.geometry

ROOT = pathlib.Path(__file__).parents[1]
FOLDER = pathlib.Path(os.environ.get("ZOO_CONFORMANCE", ROOT.parent / "shared" / "conformance"))
TOLERANCE = {"float16": 2e-2, "float32": 2e-5, "float64": 1e-9}
OUT_OF_RANGE = ("scale_1e20", "scale_1e-20")  # squares leave float32: an answer is welcome, a failure is not counted
SHOWN_APART = ("margin", "distance", "normalize", "neg_margin", "pos_margin", "temperature", "scale")  # vary over the cases
PEERS = {"tfa": "TensorFlow Addons", "tfsim": "TensorFlow Similarity", "pml": "pytorch-metric-learning"}


class Case:
    """One row of the index: a peer's loss with its settings on a batch, and what it answered."""

    def __init__(self, golden, row, number):
        fields = dict(zip(golden.index["columns"], row, strict=True))
        config, batch = golden.index["configs"][fields["config"]], golden.index["batches"][fields["batch"]]
        self.number, self.peer, self.loss, self.params = number, config["peer"], config["loss"], config["params"]
        self.batch, self.status = batch, fields["status"]
        self.value, self.definition = fields["value"], fields["definition"]
        self.x, self.y = (golden.batches[f"{key}/{batch['name']}"] for key in "xy")
        self.proxies = golden.batches.get(f"proxies/{batch['d']}")
        self.gradient = None
        if fields["grad_array"] is not None:
            start = fields["grad_start"]
            self.gradient = golden.gradients[self.peer][fields["grad_array"]][start : start + fields["grad_count"]]
        same = np.equal.outer(self.y.reshape(-1), self.y.reshape(-1))
        positives, negatives = same.sum(axis=1, dtype=int) - 1, (~same).sum(axis=1)
        self.complete = bool(len(self.y) and (positives > 0).all() and (negatives > 0).all())
        self.any_positive, self.any_negative = bool((positives > 0).any()), bool((negatives > 0).any())
        self.any_triplet = bool(((positives > 0) & (negatives > 0)).any())


class Golden:
    def __init__(self, folder=FOLDER):
        self.index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        self.batches = dict(np.load(folder / "batches.npz"))
        self.gradients = {peer: dict(np.load(folder / f"grads_{peer}.npz")) for peer in PEERS}

    def cases(self, every=1):
        return [Case(self, row, i) for i, row in enumerate(self.index["rows"]) if i % every == 0]


def claims():
    """(peer, loss) to a function of its settings: our name or class (None: we have none), settings, where we differ."""
    sys.path.insert(0, str(ROOT / "tools" / "claims"))
    found = {}
    for path in sorted((ROOT / "tools" / "claims").glob("*.py")):
        found |= importlib.import_module(path.stem).CLAIMS
    return found


def make(claim):
    """Our loss, how it is written, and a function of a case that says where we differ on purpose, or None."""
    name, settings, why = (*claim, None)[:3]
    if name is None:
        return None, "no such loss", why

    def reason(case):
        unit = getattr(loss, "distance", "cosine") == "cosine" or getattr(loss, "normalize", False)
        if unit and case.batch["name"] == "scale_1e-6":
            return "rows shorter than 1e-4 are not stretched to unit length, so that their gradient stays bounded"
        return why(case) if why else None

    if callable(name):
        loss, name = name(**settings), name.__name__
    else:
        loss = getattr(zoo.losses, name)(**settings) if name[0].isupper() else zoo.losses.get(name, **settings)
    words = ", ".join(f"{key}={value!r}" for key, value in settings.items() if key not in SHOWN_APART)
    return loss, f"{name}({words})" if words else name, reason


def answer(loss, case, dtype=None):
    """Our value and gradient [N, D] with respect to the rows of the batch."""
    x = tf.Variable(case.x if dtype is None else case.x.astype(dtype))
    with tf.GradientTape() as tape:
        z = tf.convert_to_tensor(x)
        if loss.takes_scores:
            unit = zoo.geometry.normalize(z)
            z = tf.matmul(unit, tf.cast(zoo.geometry.normalize(case.proxies), unit.dtype), transpose_b=True)
        value = loss(case.y, z)
    gradient = tape.gradient(value, x, unconnected_gradients="zero")
    return float(value), tf.convert_to_tensor(gradient).numpy().astype("float64")


def judge(loss, reason, case):
    """None where we agree; else "differs: why" on purpose, or "WRONG: what"."""
    found = compare_one(loss, case)
    return f"differs: {reason}" if reason and found and found.startswith("WRONG") else found


def compare_one(loss, case):
    try:
        value, gradient = answer(loss, case)
    except (ValueError, tf.errors.InvalidArgumentError) as error:
        return None if case.batch["bad"] else f"WRONG: refused a sane batch: {error}"
    finite = np.isfinite(value) and np.isfinite(gradient).all()
    name = case.batch["name"]
    if case.batch["bad"]:
        return None if not np.isfinite(value) or len(case.y) else "WRONG: a number from a bad batch"
    if name in OUT_OF_RANGE:
        return None
    if not finite:
        return f"WRONG: value {value}, gradient finite: {np.isfinite(gradient).all()}"
    if not case.any_triplet and value == 0 and not gradient.any():
        return None  # nothing to learn from: 0 is right for every loss
    if case.status != "ok" and case.definition is None:
        return None  # the peer failed; a finite answer is what is asked for
    want, tolerance = case.definition, TOLERANCE[case.batch["dtype"]]
    if want is None:
        want, tolerance = case.value, max(tolerance, 2e-4)
    if want is None:
        return None
    loose = case.batch["tie"] or name == "d1"  # the chosen pair, and strict comparisons, hang on the last bit
    if distance(value, want) > tolerance:
        if loose:
            return None
        exact = answer(loss, case, "float64")[0] if case.batch["dtype"] == "float32" else value
        if distance(exact, want) <= 1e-6:
            return "differs: rows nearer than float32 products resolve; the same rows in float64 agree"
        return f"WRONG: value {value:.8g}, expected {want:.8g}"
    peer_agrees = case.value is not None and distance(case.value, want) <= tolerance
    if case.gradient is None or not peer_agrees or loose or case.batch["dtype"] != "float32":
        return None
    stored = case.gradient.astype("float64").reshape(gradient.shape)
    if near(gradient, stored):
        return None
    exact = answer(loss, case, "float64")[1]
    if near(gradient, exact):
        return "differs: the gradient there is off by rounding; ours in float32 and float64 agree"
    if near(exact, stored):
        return "differs: rows nearer than float32 products resolve; the same rows in float64 agree"
    ours, theirs = np.linalg.norm(gradient - exact), np.linalg.norm(stored - exact)
    if ours <= theirs:
        return "differs: both gradients are off by rounding, ours by no more than theirs"
    if ours <= 2.0 * moved_by_rounding(loss, case, exact):
        return "differs: rows nearer than float32 products resolve: moving them by that much moves the exact gradient as much"
    return f"WRONG: gradient off by {ours:.3g} of {np.linalg.norm(exact):.3g} in float64, theirs by {theirs:.3g}"


def moved_by_rounding(loss, case, exact, draws=8):
    """How far the gradient in float64 moves when rows move by no more than products in float32 tell apart.

    A squared distance d^2 taken from products is known to about 2^-23 |x|^2, so d to half of that over d.
    """
    x, random, moves = case.x.astype("float64"), np.random.default_rng(0), []
    apart = np.linalg.norm(x[:, None] - x[None], axis=-1) + np.where(np.eye(len(x)), np.inf, 0.0)
    size = np.linalg.norm(x, axis=1)
    step = 2.0**-23 * size**2 / np.maximum(apart.min(axis=1), 2.0**-11.5 * size)
    for _ in range(draws):
        direction = random.normal(size=x.shape)
        case.x = x + direction * (step / np.linalg.norm(direction, axis=1))[:, None]
        moves.append(np.linalg.norm(answer(loss, case, "float64")[1] - exact))
    case.x = x.astype("float32")
    return max(moves)


def distance(value, want):
    return abs(value - want) / max(1.0, abs(want))


def near(gradient, stored):
    return np.linalg.norm(gradient - stored) <= 1e-3 * np.linalg.norm(stored) + 1e-6


def compare(cases, progress=False):
    """Return a dict from (peer, loss) to the claim's words, counts, differences and mistakes."""
    known, made, results = claims(), {}, {}
    for i, case in enumerate(cases):
        key = case.peer, case.loss
        if key not in known:
            results.setdefault(key, {"claim": None, "cases": 0})["cases"] += 1
            continue
        setting = (*key, json.dumps(case.params, sort_keys=True))
        if setting not in made:
            made[setting] = make(known[key](case.params))
        loss, words, why = made[setting]
        row = results.setdefault(key, {"claim": words, "cases": 0, "agree": 0, "differs": collections.Counter(), "wrong": []})
        row["cases"] += 1
        if loss is None:
            row["differs"][why(case)] += 1
            continue
        found = judge(loss, why(case) if why else None, case)
        if found is None:
            row["agree"] += 1
        elif found.startswith("differs"):
            row["differs"][found[9:]] += 1
        else:
            row["wrong"].append(f"{case.number} {case.batch['name']} {case.params}: {found}")
        if progress and i % 500 == 0:
            print(f"{i} of {len(cases)} cases", flush=True)
    return results


def page(results, peers, every=1):
    """The page as text."""
    lines = [
        "# Conformance",
        "",
        "Our losses beside the answers of three libraries, and the written definitions in exact arithmetic, on 58 batches:",
        "balanced and unbalanced, singletons, one class, duplicates, zero rows, large ids, float16 and float64, and others.",
        f"Written by `python tools/conformance.py{f' --every {every}' if every > 1 else ''}`.",
        "A case is one setting of a loss on one batch. It agrees when the value is within 2e-5 of the definition (1e-9 in",
        "float64, 2e-2 in float16; where none is stated, within 2e-4 of the peer) and the gradient within 1e-3 of the peer's,",
        "or when the peer fails and ours is finite. On ties only finite answers are asked for. Batches that hold no triplet give",
        "exactly 0. \"Nearer than float32 products resolve\": a squared distance d^2 taken from products of rows x is known to",
        "about 2^-23 |x|^2; the same rows in float64 agree, or moving them by so little moves the exact gradient as far.",
    ]
    for peer, title in PEERS.items():
        lines += ["", f"## {title} {peers[peer] if isinstance(peers[peer], str) else ''}".rstrip(), ""]
        lines += ["| loss there | ours | cases | agree | differs on purpose |", "|---|---|---|---|---|"]
        for (owner, loss), row in sorted(results.items()):
            if owner != peer:
                continue
            if row["claim"] is None:
                lines.append(f"| `{loss}` | not claimed | {row['cases']} | | |")
                continue
            differs = "; ".join(f"{count}: {why}" for why, count in row["differs"].most_common())
            lines.append(f"| `{loss}` | `{row['claim']}` | {row['cases']} | {row['agree']} | {differs} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="every 40th case, writes nothing")
    parser.add_argument("--every", type=int, default=1, help="compare every so many cases only; the page says so")
    parser.add_argument("--batch", help="batches whose name contains this; writes nothing")
    parser.add_argument("--only", help="losses whose name contains this; writes nothing")
    options = parser.parse_args()
    golden = Golden()
    cases = golden.cases(40 if options.quick else options.every)
    if options.only:
        cases = [case for case in cases if options.only in f"{case.peer} {case.loss}"]
    if options.batch:
        cases = [case for case in cases if options.batch in case.batch["name"]]
    results = compare(cases, progress=True)
    wrong = [f"{peer} {loss}: {line}" for (peer, loss), row in results.items() for line in row.get("wrong", ())]
    text = page(results, golden.index["peers"], options.every)
    if options.quick or options.only or options.batch:
        print(text)
    else:
        (ROOT / "CONFORMANCE.md").write_text(text, encoding="utf-8")
    print("\n".join(wrong[:60]))
    sys.exit(f"{len(wrong)} differences that nothing explains" if wrong else 0)


if __name__ == "__main__":
    main()
