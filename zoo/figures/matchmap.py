"""Which frames of speech match which regions of an image."""

import matplotlib
import numpy as np

from zoo.export.thumbnails import middle_square
from zoo.figures.fonts import glyph_note, put_text
from zoo.figures.style import caption, heading, new_figure, styled

PIXELS = 224  # of a side of the image as it is drawn
MOMENTS = 4
TILE = 1.75  # inches
COLORS = "magma"
LINE, MEAN = "#B8336A", "#4C6A92"


@styled
def draw_matchmap(
    products, image, times=None, words=(), title="Which frames match which regions", note="", font="auto"
):
    """Draw a matchmap: the image, what all frames together see in it, and what the strongest moments see.

    Below runs the similarity over time: of each frame with the place that it matches best, whose mean is MISA, and its mean
    over all places, whose mean is SISA. The moments above are its highest peaks that do not stand side by side.

    Args:
        products: similarity of each frame with each place, [T, H, W], as `TwoTowers.matchmap_between` gives it.
        image: a file (`bytes`), a path (`str`) or pixels, as `zoo.export.thumbnails.thumbnail` takes it; its middle square is
            drawn, which is what `zoo.frontends.ImageFrontend` cuts out.
        times: the middle of each frame in seconds [T], as `zoo.encoders.SpeechCNN.frame_times` gives them, or `None` for the
            number of the frame.
        words: what is said when, (start, end, word) in seconds or frames, written below the curve.
        title: heading.
        note: further sentence for the caption.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: a map that is not [T, H, W] of finite numbers, as many times as it has no frames, or what is no image.

    Example:

    >>> figure = draw_matchmap(np.random.default_rng(0).random((9, 4, 4)), np.zeros((8, 8), "uint8"))
    >>> [axes.get_title() for axes in figure.axes[:2]]
    ['image', 'all frames']
    """
    products, times, unit = _checked(products, times)
    pixels = middle_square(image, PIXELS)
    best, mean = products.max(axis=(1, 2)), products.mean(axis=(1, 2))
    moments = _peaks(best, MOMENTS)
    figure = new_figure(TILE * (2 + MOMENTS) + 0.9, TILE + 2.6)
    grid = figure.add_gridspec(2, 2 + MOMENTS, height_ratios=[TILE, 1.55])
    tiles = [figure.add_subplot(grid[0, i]) for i in range(2 + MOMENTS)]
    scale = matplotlib.colors.Normalize(float(products.min()), float(products.max()))
    _tile(tiles[0], pixels, "image")
    total = products.mean(axis=0)  # the sum over time, in the units of one frame
    _tile(tiles[1], pixels, "all frames", total, matplotlib.colors.Normalize(float(total.min()), float(total.max())))
    for axes in tiles[2:]:
        axes.set_axis_off()
    for number, (axes, t) in enumerate(zip(tiles[2:], moments, strict=False), 1):
        where = f"{times[t]:.2f} s" if unit == "seconds" else f"frame {t}"
        _tile(axes, pixels, f"{number}: {where}", products[t], scale)
    shades = figure.colorbar(matplotlib.cm.ScalarMappable(scale, COLORS), ax=tiles, fraction=0.02, pad=0.01)
    shades.set_label("similarity (moments)")
    shades.outline.set_visible(False)
    axes = figure.add_subplot(grid[1, :])
    _curve(axes, times, best, mean, moments, unit)
    _words(axes, words, times, font)
    heading(figure, title, font)
    values = best.mean(), products.max(axis=0).mean(), mean.mean()
    text = "Pooled: MISA {:.3f}, SIMA {:.3f}, SISA {:.3f}. ".format(*values)
    text += "The overlay of all frames has a scale of its own, from its lowest place to its highest; the moments share one."
    text = " ".join(filter(None, [text, note, glyph_note("".join([title, note, *(str(word) for *_, word in words)]), font)]))
    caption(figure, text, font)
    return figure


def _checked(products, times):
    products = np.asarray(products, np.float64)
    if products.ndim != 3 or 0 in products.shape:
        raise ValueError(f"products: expected numbers [T, H, W], got shape {products.shape}; give the map of one pair")
    if not np.isfinite(products).all():
        raise ValueError("products: expected finite numbers, got NaN or infinity; leave frames of padding out")
    if times is None:
        return products, np.arange(len(products)), "frames"
    times = np.asarray(times, np.float64)
    if times.shape != (len(products),) or not np.isfinite(times).all():
        raise ValueError(f"times: expected {len(products)} numbers, one for each frame, got shape {times.shape}")
    return products, times, "seconds"


def _peaks(values, most):
    """The highest local maxima above the mean in the order of time; neighbors of a chosen one are left out."""
    chosen, apart = [], max(1, len(values) // (3 * most))
    for t in np.argsort(-values, kind="stable"):
        left, right = values[max(0, t - 1)], values[min(len(values) - 1, t + 1)]
        high = values[t] >= left and values[t] >= right and values[t] >= values.mean()
        if high and all(abs(t - other) > apart for other in chosen):
            chosen.append(int(t))
        if len(chosen) == most:
            break
    return sorted(chosen)


def _tile(axes, pixels, title, map_=None, scale=None):
    box = (0, PIXELS, PIXELS, 0)
    gray = pixels.mean(axis=2)
    axes.imshow(pixels if map_ is None else gray, cmap="gray", vmin=0, vmax=255, extent=box)
    if map_ is not None:
        axes.imshow(map_, cmap=COLORS, norm=scale, alpha=0.6, extent=box, interpolation="bilinear")
    axes.set_title(title, loc="center")
    axes.set(xticks=[], yticks=[], xlim=(0, PIXELS), ylim=(PIXELS, 0))
    axes.set_axis_on()
    axes.grid(False)
    axes.spines[:].set_visible(False)


def _curve(axes, times, best, mean, moments, unit):
    axes.plot(times, best, color=LINE, marker=".", markersize=4, label="best place (mean: MISA)")
    axes.plot(times, mean, color=MEAN, linestyle="--", label="all places (mean: SISA)")
    for number, t in enumerate(moments, 1):
        axes.plot(times[t], best[t], "o", markersize=11, markerfacecolor="white", markeredgecolor=LINE)
        axes.text(times[t], best[t], str(number), ha="center", va="center", fontsize=7.5, color=LINE)
    axes.set_xlabel("seconds" if unit == "seconds" else "frame")
    axes.set_ylabel("similarity")
    axes.margins(x=0.02, y=0.18)
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderaxespad=0.2)


def _words(axes, words, times, font):
    """Words below the curve, each under the time that it takes."""
    if not words:
        return
    low, high = axes.get_ylim()
    below = low - 0.22 * (high - low)
    axes.set_ylim(below, high)
    for start, end, word in words:
        axes.axvspan(start, end, color="#F0F0F0", zorder=0)
        place = axes.text((start + end) / 2, below + 0.09 * (high - low), "", ha="center", va="center", fontsize=8)
        put_text(place, str(word), font)
