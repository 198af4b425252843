"""Measure retrieval evaluation at the size of Stanford Online Products beside the bare product, faiss and a peer.

    python tools/peers/build.py torch                 once: pytorch-metric-learning and faiss
    python tools/bench_evaluation.py                  12,000 rows in three rounds, 60,502 rows in two; about ten minutes
    python tools/bench_evaluation.py --sizes 12000

Unit rows of 512 numbers, classes of 2 to 12, a fiftieth of the rows duplicated. Each method runs in a process of its own
with all processors, in turn, in a new order every round; ratios are taken within a round. Peak memory is what the process
takes above the embeddings and what is loaded, after the memory that the warm-up freed is given back: it would hide as much.
`product` multiplies by blocks and throws the result away. Linux only.
pytorch-metric-learning has no Recall@k: `pml` gives MAP@R and Recall@1 with as many neighbors as the largest class has, as
is its default; `pml, k = 1000` counts the recalls in a subclass, as its users must. Ours gives Recall@1, 10, 100, 1000,
MAP@R and R-precision.
Writes tools/results/evaluation.csv.
"""

import argparse
import csv
import ctypes
import json
import pathlib
import random
import statistics
import subprocess
import sys
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve()
RESULTS = HERE.parent / "results/evaluation.csv"
METHODS = ("product", "zoo", "faiss", "pml", "pml, k = 1000")
FIGURES = ("recall@1", "recall@10", "recall@100", "recall@1000", "map@r")
DIMS = 512


def rows(n):
    """Unit rows float32 [n, 512] and labels [n] of which a row's nearest is of its class three times out of four."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(2, 13, n)
    labels = np.repeat(np.arange(n), sizes)[:n]
    x = rng.standard_normal((n, DIMS), "float32")
    centers = rng.standard_normal((labels.max() + 1, DIMS), "float32")
    for start in range(0, n, 4096):
        part = slice(start, start + 4096)
        x[part] += 0.55 * centers[labels[part]]
        x[part] /= np.linalg.norm(x[part], axis=1, keepdims=True)
    copies = rng.choice(n, n // 50, replace=False)
    x[copies[: n // 100]] = x[copies[n // 100 : n // 100 * 2]]  # rows that are equal and of other classes
    return x, labels


def product(x, labels, step=1024):
    for start in range(0, len(x), step):
        x[start : start + step] @ x.T
    return {}


def ours(x, labels):
    from zoo.metrics import retrieval

    report = retrieval(x, labels, k=(1, 10, 100, 1000))
    return {name: score.value for name, score in report.items()}


def faiss(x, labels):
    import faiss

    index = faiss.IndexFlatIP(DIMS)
    index.add(x)
    found = index.search(x, 1001)[1]
    own = found == np.arange(len(x))[:, None]
    hit = (labels[found] == labels[:, None]) & ~own
    place = hit.argmax(axis=1) - (own.argmax(axis=1) < hit.argmax(axis=1))
    counted = np.bincount(labels)[labels] > 1
    return {f"recall@{k}": float((hit.any(axis=1) & (place < k))[counted].mean()) for k in (1, 10, 100, 1000)}


def pml(x, labels):
    import torch
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator

    wanted = ("precision_at_1", "mean_average_precision_at_r", "r_precision")
    found = AccuracyCalculator(include=wanted, k="max_bin_count", device=torch.device("cpu")).get_accuracy(
        torch.from_numpy(x), torch.from_numpy(labels)
    )
    return dict(zip(("recall@1", "map@r", "r_precision"), (found[name] for name in wanted), strict=True))


def pml_recalls(x, labels):
    import torch
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator

    class WithRecalls(AccuracyCalculator):
        def calculate_recall_at_ks(self, knn_labels, query_labels, not_lone_query_mask, **kwargs):
            hit = (knn_labels == query_labels[:, None])[not_lone_query_mask]
            return [hit[:, :k].any(dim=1).float().mean().item() for k in (1, 10, 100, 1000)]

        def requires_knn(self):
            return super().requires_knn() + ["recall_at_ks"]

    wanted = ("mean_average_precision_at_r", "recall_at_ks")
    calculator = WithRecalls(include=wanted, k=1000, device=torch.device("cpu"))
    found = calculator.get_accuracy(torch.from_numpy(x), torch.from_numpy(labels))
    return {**dict(zip(FIGURES, found["recall_at_ks"])), "map@r": found["mean_average_precision_at_r"]}


def worker(method, n):
    """Run one method in this process and print what it took as JSON."""
    x, labels = rows(n)
    call = {"product": product, "zoo": ours, "faiss": faiss, "pml": pml, "pml, k = 1000": pml_recalls}[method]
    call(x[:2000] * 1.0, np.arange(2000) // 2)  # imports and threads
    ctypes.CDLL(None).malloc_trim(0)
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = peak_mib()
    start = time.perf_counter()
    values = call(x, labels)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "mib": peak_mib() - before, "values": values}))


def peak_mib():
    """The most memory that this process has held, in MiB."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def ask(method, n):
    """Run one method in a process of its own."""
    python = HERE.parents[1] / "build/peers/torch/bin/python" if method not in ("product", "zoo") else sys.executable
    done = subprocess.run([python, str(HERE), "--worker", method, str(n)], capture_output=True, text=True)
    if done.returncode:
        return {"seconds": None, "mib": None, "values": {}, "note": done.stderr.strip().splitlines()[-1][:100]}
    return json.loads(done.stdout.splitlines()[-1])


def summary(n, method, rounds):
    """One row of the file: medians over rounds, the peak, and the figures that the method gave."""
    found = [one for one in rounds if one[method]["seconds"]]
    row = {"n": n, "method": method}
    if not found:
        return row
    row["seconds"] = f"{statistics.median(one[method]['seconds'] for one in found):.3g}"
    for other in ("product", "pml", "pml, k = 1000"):
        ratios = [one[method]["seconds"] / one[other]["seconds"] for one in found if other in one and one[other]["seconds"]]
        row[f"of {other}"] = f"{statistics.median(ratios):.3g}" if ratios else ""
    row["mib"] = f"{max(one[method]['mib'] for one in found):.0f}"
    return row | {key: f"{value:.5f}" for key, value in found[0][method]["values"].items() if key in FIGURES}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[12_000, 60_502])
    parser.add_argument("--rounds", type=int, help="three; two above 20,000 rows")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=pathlib.Path, default=RESULTS)
    options = parser.parse_args()
    if options.worker:
        sys.path.insert(0, str(HERE.parents[1]))
        return worker(options.worker[0], int(options.worker[1]))
    table = []
    for n in options.sizes:
        rounds = []
        for number in range(options.rounds or (3 if n <= 20_000 else 2)):
            order = random.Random(number).sample(options.methods, len(options.methods))
            rounds.append({method: ask(method, n) for method in order})
            shown = (f"{m} {v['seconds']:.1f} s" if v["seconds"] else f"{m}: {v['note']}" for m, v in rounds[-1].items())
            print(f"N={n}, round {number + 1}: {', '.join(shown)}", flush=True)
        table += [summary(n, method, rounds) for method in options.methods]
    names = ["n", "method", "seconds", "of product", "of pml", "of pml, k = 1000", "mib", *FIGURES]
    options.out.parent.mkdir(exist_ok=True)
    with open(options.out, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)


if __name__ == "__main__":
    main()
