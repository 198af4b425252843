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


def main():
    panels = {}
    for name in sorted(registry.LOSSES):
        if name not in SKIPPED:
            print(name, flush=True)
            # An average over the active triplets of the batch would jump with their number; the picture is of one anchor.
            own = {"denominator": "valid"} if "denominator" in registry.loss_settings(registry.LOSSES[name]) else {}
            panels[name] = zoo.figures.loss_on_plane(zoo.losses.get(name, **own))
    zoo.figures.save_png(zoo.figures.triplet_plane(panels, columns=6), OUT)
    print(f"written: {OUT}")


if __name__ == "__main__":
    main()
