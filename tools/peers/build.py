"""Build the environments of the libraries that ours is compared with, in build/peers (git ignores it).

    python tools/peers/build.py                 # both; a second call installs nothing
    python tools/peers/build.py torch

`tensorflow` (tensorflow-addons, tensorflow-similarity) needs Python 3.9 to 3.11: run this file with one of them.
"""

import argparse
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PLACE = HERE.parents[1] / "build/peers"
NAMES = {"tensorflow": "tensorflow_addons, tensorflow_similarity", "torch": "pytorch_metric_learning"}


def python(name):
    """Path of an environment's Python; it need not exist."""
    return PLACE / name / "bin/python"


def built(name):
    """Whether the environment stands whole, with the requirements of today."""
    stamp = PLACE / name / "installed.txt"
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == requirements(name).read_text(encoding="utf-8")


def requirements(name):
    return HERE / f"{name}.txt"


def build(name):
    """Make the environment unless it stands; the stamp comes last, so that a broken build is repeated."""
    if built(name):
        print(f"{name}: stands already")
        return
    if name == "tensorflow" and not (3, 9) <= sys.version_info[:2] <= (3, 11):
        sys.exit(f"{name}: TensorFlow 2.15 needs Python 3.9 to 3.11, this is {sys.version.split()[0]}")
    print(f"{name}: building in {PLACE.relative_to(HERE.parents[1])}/{name}, some minutes", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", PLACE / name], check=True)
    subprocess.run([python(name), "-m", "pip", "install", "--quiet", "-r", requirements(name)], check=True)
    subprocess.run([python(name), "-c", f"import {NAMES[name]}"], check=True, capture_output=True)
    (PLACE / name / "installed.txt").write_text(requirements(name).read_text(encoding="utf-8"), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[[], *NAMES], default=[], help="tensorflow, torch; both by default")
    for name in parser.parse_args().names or NAMES:
        build(name)


if __name__ == "__main__":
    main()
