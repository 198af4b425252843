"""Run zoo.addons and tensorflow-addons on the same random batches and say where they differ.

    python tools/tfa_oracle/compare.py                   # some 4,900 batches, about ten minutes on two cores
    python tools/tfa_oracle/compare.py --scale 0.05      # a quick look

The first run builds an environment with tensorflow-addons under build/tfa_oracle (about a minute). Exit status 1 means
a difference that nothing explains. The last full result is kept in last_result.txt beside this file.
"""

import argparse
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build" / "tfa_oracle"
LIBRARIES = ("zoo.addons", "definitions", "tensorflow_addons")


def oracle_python():
    """The interpreter of the environment with tensorflow-addons, built on first use."""
    python = BUILD / "env" / "bin" / "python"
    if not (BUILD / "env" / "installed").exists():
        shutil.rmtree(BUILD / "env", ignore_errors=True)
        requirements = str(HERE / "requirements.txt")
        if subprocess.run([sys.executable, "-m", "uv", "--version"], capture_output=True).returncode == 0:
            subprocess.run([sys.executable, "-m", "uv", "venv", "-q", "-p", "3.11", str(BUILD / "env")], check=True)
            command = [sys.executable, "-m", "uv", "pip", "install", "-q", "-p", str(python), "-r", requirements]
        else:
            old = next((name for name in ("python3.11", "python3.10", "python3.9") if shutil.which(name)), None)
            if old is None:
                sys.exit("tensorflow-addons needs Python 3.9, 3.10 or 3.11; none is on the path, and uv is not installed")
            subprocess.run([old, "-m", "venv", str(BUILD / "env")], check=True)
            command = [str(python), "-m", "pip", "install", "-q", "-r", requirements]
        subprocess.run(command, check=True)
        (BUILD / "env" / "installed").touch()
    return str(python)


def answers(library, cases, reuse):
    """Run answer.py for one library in its own environment; return its answers by case number."""
    target = BUILD / f"{library}.npz"
    if reuse and target.exists():
        with np.load(target) as found:
            return dict(found)
    python = oracle_python() if library == "tensorflow_addons" else sys.executable
    command = [python, str(HERE / "answer.py"), library, str(cases), str(target)]
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{library} failed:\n{done.stderr[-3000:]}")
    with np.load(target) as found:
        return dict(found)


def one(found, i):
    """Answer of case i: (value, gradient), or the text of its exception."""
    return str(found[f"{i}/error"]) if f"{i}/error" in found else (found[f"{i}/value"], found[f"{i}/gradient"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the batches")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reuse", action="store_true", help="keep the answers of all but zoo.addons")
    parser.add_argument("--save", action="store_true", help="write last_result.txt")
    options = parser.parse_args()
    import batches
    import judge

    BUILD.mkdir(parents=True, exist_ok=True)
    source = BUILD / "cases.npz"
    records = batches.write(source, options.seed, options.scale)
    found = {library: answers(library, source, options.reuse and library != "zoo.addons") for library in LIBRARIES}
    counts, reasons, odd = collections.defaultdict(collections.Counter), collections.Counter(), []
    with np.load(source) as stored:
        cases = dict(stored)
    for i, record in enumerate(records):
        x, y = cases[f"{i}/x"], cases.get(f"{i}/y")
        ours, definition, peer = (one(found[library], i) for library in LIBRARIES)
        verdict, reason = judge.verdict(record, x, y, ours, peer, definition)
        counts[record["call"]][verdict] += 1
        reasons[record["call"], verdict, reason] += bool(reason)
        if verdict == judge.DISAGREE:
            said = (str(said if isinstance(said, str) else said[0])[:80] for said in (ours, definition, peer))
            said = "; ".join(f"{library} {value}" for library, value in zip(LIBRARIES, said, strict=True))
            odd.append(f"case {i} {record} {x.dtype} {x.shape}: {reason}; {said}")
    text = report(counts, reasons, odd, records, judge.VERDICTS, f"--seed {options.seed} --scale {options.scale:g}")
    print(text)
    if options.save:
        (HERE / "last_result.txt").write_text(text + "\n", encoding="utf-8")
    return bool(odd)


def report(counts, reasons, odd, records, verdicts, arguments):
    lines = [f"python tools/tfa_oracle/compare.py {arguments}", ""]
    lines += [f"{'function':28}" + "".join(f"{head:>21}" for head in ("batches", *verdicts))]
    total = sum(counts.values(), collections.Counter())
    for call, row in (*counts.items(), ("all", total)):
        lines += [f"{call:28}{sum(row.values()):>21}" + "".join(f"{row[verdict]:>21}" for verdict in verdicts)]
    lines += ["", "Reasons:"]
    for (call, verdict, reason), count in sorted(reasons.items()):
        if count and verdict != "disagree":
            lines += [f"{count:6}  {call}: {verdict}: {reason}"]
    return "\n".join([*lines, "", f"Unexplained: {len(odd)} of {len(records)}", *odd])


if __name__ == "__main__":
    sys.exit(main())
