"""What all pictures share: the look, whatever the caller's matplotlib settings are, titles and captions."""

import functools
import textwrap
import unicodedata

import matplotlib
import matplotlib.style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from zoo.figures.fonts import DEFAULT_FAMILY, put_text

STYLE = {
    "font.family": DEFAULT_FAMILY,
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.edgecolor": "#555555",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E8E8E8",
    "grid.linewidth": 0.7,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "figure.titlesize": 12,
}
CAPTION_SIZE = 8  # points
HEADING_SIZE = 12


def styled(draw):
    """Decorator: draw under matplotlib's defaults and ours, whatever the caller's settings, and restore those."""

    @functools.wraps(draw)
    def wrapper(*args, **kwargs):
        with matplotlib.style.context(["default", STYLE]):
            figure = draw(*args, **kwargs)
            figure.draw_without_rendering()  # ticks are made at the first draw, from the settings of that moment
            return figure

    return wrapper


def new_figure(width, height):
    """Return an empty Figure of that size in inches, with a canvas of its own and a layout that cuts nothing off."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    FigureCanvasAgg(figure)
    return figure


def heading(figure, text, font="auto"):
    """Write the title of a figure, left aligned, lines wrapped; the figure grows by the height of further lines."""
    text = "\n".join(wrap(line, figure.get_figwidth(), HEADING_SIZE) for line in text.split("\n"))
    put_text(figure.suptitle("", x=0.012, ha="left", fontsize=HEADING_SIZE, fontweight="bold"), text, font)
    figure.set_figheight(figure.get_figheight() + 0.2 * text.count("\n"))


def caption(figure, text, font="auto"):
    """Write the caption below a figure, wrapped to its width; the figure grows by the height of the lines."""
    text = wrap(text, figure.get_figwidth(), CAPTION_SIZE)
    put_text(figure.supxlabel("", x=0.012, ha="left", fontsize=CAPTION_SIZE, color="#444444"), text, font)
    figure.set_figheight(figure.get_figheight() + 0.14 * (text.count("\n") + 1) + 0.1)


def panel_title(axes, text, width, font="auto"):
    """Write the title of a panel, wrapped to its width in inches; lines of `text` stay lines."""
    text = "\n".join(wrap(line, width, 10) for line in text.split("\n"))
    put_text(axes.set_title("", fontweight="bold"), text, font)


def wrap(text, width, size):
    """Break `text` into lines for a width in inches at a font size in points; Chinese characters count double."""
    return "\n".join(_lines(text, max(int(width * 72 * 0.95 / (size * 0.53)), 20)))


def broken(name, columns=18, most=2):
    """Return `name` in at most `most` lines of so many columns, Chinese characters counting double; … where cut.

    Example:

    >>> broken("character 26 of the alphabet of the Magi")
    ['character 26 of', 'the alphabet of…']
    """
    lines = _lines(name, columns)
    if len(lines) > most:
        last = lines[most - 1]
        lines = [*lines[: most - 1], (last if _columns(last) < columns else _lines(last, columns - 1)[0]) + "…"]
    return lines


def _lines(text, columns):
    doubled = "".join("\0" * (_columns(character) - 1) + character for character in text)
    return [line.replace("\0", "") for line in textwrap.wrap(doubled, columns, break_on_hyphens=False)]


def _columns(text):
    return sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in text)
