"""Draw every loss of the catalogue on the triplet plane, from the loss itself: recipes/results/losses.png.

    python tools/draw_losses.py
"""

import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import zoo
from zoo import registry

OUT = pathlib.Path(__file__).parents[1] / "recipes" / "results" / "losses.png"
SKIPPED = ("words",)  # has no positive and negative


def of_one_anchor(name):
    """The loss under an average that does not jump with the number of active triplets of the batch."""
    if "denominator" in registry.loss_settings(registry.LOSSES[name]):
        for denominator in ("valid", "anchors"):
            try:
                return zoo.losses.get(name, denominator=denominator)
            except ValueError:
                pass
    return zoo.losses.get(name)


def main():
    panels = {}
    for name in sorted(registry.LOSSES):
        if name not in SKIPPED:
            print(name, flush=True)
            panels[name] = zoo.figures.loss_on_plane(of_one_anchor(name), points=13, arrows=7)
    zoo.figures.save_png(zoo.figures.triplet_plane(panels, columns=6), OUT)
    print(f"written: {OUT}")


if __name__ == "__main__":
    main()
