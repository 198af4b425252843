"""The gate strip: how many LSTM units have an open gate at each character, models stacked."""

import numpy as np

from zoo.figures import checks
from zoo.figures.fonts import drawable_character, glyph_note, put_shown
from zoo.figures.gates import GATES
from zoo.figures.style import caption, heading, new_figure, panel_title, styled

MOST_CHARACTERS = 80  # more do not fit on a page with readable labels
NARROWEST, WIDEST, PAGE = 0.17, 0.5, 12.5  # inches: a cell, a cell, all cells
ROW = 0.34  # inches, the height of a strip
FONT_SIZES = (6.0, 9.0)  # points, of the numbers in the cells


@styled
def gate_strips(counts_by_model, text, units, threshold=0.8, title="Open LSTM gates at each character", font="auto"):
    """Draw one strip for input, forget and output gate, for each model, on one color scale from 0 to `units`.

    Args:
        counts_by_model: dict of model name to what `count_open` returns: dict of gate to integers (T,).
        text: the query of T characters, a `str` or a list of characters.
        units: units of both directions together, 2U.
        threshold: what `count_open` was called with; the caption states it.
        title: heading of the picture.
        font: `"auto"`, FontProperties, or `None` for no font with Chinese characters.

    Returns:
        `matplotlib.figure.Figure`. Of a query longer than 80 characters, the first 80 are drawn.

    Raises:
        ValueError: for an empty text, counts of another length, or counts outside 0 to `units`.
    """
    characters = list(text)
    if not characters:
        raise ValueError("text: expected at least one character, got an empty query; there is nothing to draw")
    blocks = {
        name: _block(f"counts_by_model[{name!r}]", counts, len(characters), units)
        for name, counts in checks.panels("counts_by_model", counts_by_model).items()
    }
    shown = characters[:MOST_CHARACTERS]
    cell = float(np.clip(PAGE / len(shown), NARROWEST, WIDEST))
    height = len(blocks) * (len(GATES) * ROW + 0.75) + 0.75
    figure = new_figure(max(cell * len(shown), 3.6) + 2.2, height)
    all_axes = np.atleast_1d(figure.subplots(len(blocks), 1))
    for axes, (name, block) in zip(all_axes, blocks.items()):
        mesh = _draw_block(axes, block[:, : len(shown)], units, cell, font)
        panel_title(axes, name, figure.get_figwidth() - 1.6, font)
        _label_characters(axes, shown, font)
    all_axes[-1].set_xlabel("character of the query")
    bar = figure.colorbar(mesh, ax=list(all_axes), pad=0.015, aspect=12 * len(blocks), fraction=0.05)
    bar.set_label(f"units with gate > {threshold:g}")
    bar.outline.set_visible(False)
    heading(figure, title, font)
    caption(figure, _caption(characters, units, threshold, font, [title, *blocks]), font)
    return figure


def _block(name, counts, length, units):
    if not isinstance(counts, dict) or any(gate not in counts for gate in GATES):
        raise ValueError(
            f"{name}: expected a dict with the keys {list(GATES)}, as count_open returns, got {counts!r:.60}"
        )
    rows = [np.asarray(counts[gate]) for gate in GATES]
    for gate, row in zip(GATES, rows):
        if row.shape != (length,):
            raise ValueError(
                f"{name}[{gate!r}]: expected shape ({length},), one count a character of text, got {row.shape}; "
                "give the text that the model read, cut to its longest length"
            )
        if row.dtype.kind not in "iu" or row.min() < 0 or row.max() > units:
            raise ValueError(f"{name}[{gate!r}]: expected integers from 0 to units={units}, got {row.dtype} {row}")
    return np.stack(rows)  # (3, T)


def _draw_block(axes, block, units, cell, font):
    mesh = axes.pcolormesh(block, cmap="YlGnBu", vmin=0, vmax=units, edgecolors="white", linewidth=1.5)
    axes.invert_yaxis()
    axes.set_yticks(np.arange(len(GATES)) + 0.5, GATES)
    axes.set_ylabel("gate")
    axes.grid(False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    digits = len(str(block.max()))
    size = min(FONT_SIZES[1], (cell * 72 - 3) / (0.64 * digits))
    if size >= FONT_SIZES[0]:
        for (row, column), count in np.ndenumerate(block):
            color = "white" if count > 0.55 * units else "#222222"
            axes.text(column + 0.5, row + 0.5, str(count), ha="center", va="center", color=color, fontsize=size)
    return mesh


def _label_characters(axes, characters, font):
    marks = [drawable_character(character, font) for character in characters]
    axes.set_xticks(np.arange(len(characters)) + 0.5, [shown for shown, _ in marks], fontsize=11)
    for artist, (shown, chosen) in zip(axes.get_xticklabels(), marks):
        if len(shown) > 2:  # a code point: upright it would run into its neighbors
            artist.set(rotation=90, fontsize=7)
        put_shown(artist, shown, chosen)


def _caption(characters, units, threshold, font, titles):
    text = (
        f"Each cell counts the LSTM units, forward plus backward, {units} in all, whose gate value after the sigmoid "
        f"is above {threshold:g}. Keras starts the forget bias at 1 (gate 0.73), so forget counts are high by nature."
    )
    if " " in characters:
        text += " ␣ is a space."
    if len(characters) > MOST_CHARACTERS:
        text += f" The first {MOST_CHARACTERS} of {len(characters):,} characters are drawn."
    return " ".join(filter(None, [text, glyph_note("".join([*characters, *titles]), font)]))
