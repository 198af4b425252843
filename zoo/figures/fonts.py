"""Which font can draw a text: the default one, one with Chinese characters, or none.

Nothing is registered with matplotlib: a font is handed to each text by its file, so other figures of the
same program stay as they are.
"""

import functools
import importlib.util
import pathlib
import unicodedata

from matplotlib.font_manager import FontProperties, findfont, fontManager
from matplotlib.ft2font import FT2Font

DEFAULT_FAMILY = "DejaVu Sans"  # comes with matplotlib, so it is always there
PROBE = "去导航到么样安泰小区怎走高铁东站我要南漳涌泉"
NO_FONT = (
    "Characters are shown as code points: no font with Chinese characters was found; "
    "install the extra zoo-embeddings[demo]."
)
NO_GLYPH = "Characters that no font here can draw are shown as code points."
PREFERRED = (
    "noto sans cjk", "noto sans sc", "source han sans", "wenquanyi", "simhei", "pingfang",
    "microsoft yahei", "hiragino", "heiti", "arial unicode", "noto serif cjk", "source han serif", "simsun",
)  # fmt: skip
PLACEHOLDERS = ("last resort", "lastresort", "adobe notdef", "adobe blank")  # "cover" everything, with boxes or nothing
_CODE_POINT_CATEGORIES = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")  # nothing to see when drawn as they are


@functools.lru_cache(maxsize=64)
def charmap(path):
    """Return the code points that the font file `path` has glyphs for; empty for an unreadable file."""
    try:
        return frozenset(FT2Font(str(path)).get_charmap())
    except (OSError, RuntimeError, ValueError):
        return frozenset()  # matplotlib's cache may list a font that has been removed since


@functools.lru_cache(maxsize=8)
def find_cjk_font(probe=PROBE):
    """Return a font that has every character of `probe`.

    System fonts known to matplotlib come first, well-known families before the rest; then the font
    inside the installed package `zhplot`, which is looked up but never imported.

    Args:
        probe: `str`, the characters that the font must have.

    Returns:
        `matplotlib.font_manager.FontProperties`, or `None` when there is no such font.
    """
    wanted = {ord(character) for character in probe}
    for path in [*_system_fonts(), *_packaged_fonts()]:
        if wanted <= charmap(path):
            return FontProperties(fname=path)
    return None


def _system_fonts():
    def rank(entry):
        name = entry.name.lower()
        family = next((i for i, start in enumerate(PREFERRED) if name.startswith(start)), len(PREFERRED))
        return family, abs(int(entry.weight) - 400) if str(entry.weight).isdigit() else 0, entry.style != "normal"

    real = [entry for entry in fontManager.ttflist if not entry.name.lower().startswith(PLACEHOLDERS)]
    return [entry.fname for entry in sorted(real, key=rank)]


def _packaged_fonts():
    spec = importlib.util.find_spec("zhplot")  # finds the folder; importing zhplot would change matplotlib's settings
    folders = spec.submodule_search_locations if spec else None
    return sorted(str(path) for folder in folders or () for path in pathlib.Path(folder).glob("fonts/*.[to]tf"))


@functools.lru_cache(maxsize=1)
def default_font():
    """Return the FontProperties of the font that matplotlib brings along."""
    return FontProperties(family=DEFAULT_FAMILY)


def covers(font, text):
    """Whether `font` (FontProperties or None) has a glyph for every character of `text`."""
    return font is not None and {ord(character) for character in text} <= charmap(findfont(font))


def font_for(text, font="auto"):
    """Return the font to draw `text` with.

    Args:
        text: `str`.
        font: `"auto"` to look for one with Chinese characters when `text` needs it, FontProperties to use
            that one instead, `None` for no such font.

    Returns:
        The default FontProperties where those are enough or nothing better is there.
    """
    if covers(default_font(), text):
        return default_font()
    chosen = _cjk(font)
    return chosen if chosen is not None and _missing(chosen, text) < _missing(default_font(), text) else default_font()


def _cjk(font):
    if isinstance(font, str) and font == "auto":
        return find_cjk_font()
    if font is None or isinstance(font, FontProperties):
        return font
    raise ValueError(f'font: expected "auto", None or matplotlib FontProperties, got {font!r}; leave it out to search')


def _missing(font, text):
    return sum(ord(character) not in charmap(findfont(font)) for character in text)


def drawable(text, font="auto"):
    """Return (`text` with code points such as U+53BB for what cannot be drawn, the font to draw it with)."""
    chosen = font_for(text.replace("\n", ""), font)
    shown = ""
    for c in text:
        if c in " \n" or _visible(c) and covers(chosen, c):
            shown += c
        else:
            shown += " " * (shown[-6:-4] == "U+") + code_point(c)  # a gap between one code point and the next
    return shown, chosen


def drawable_character(character, font="auto"):
    """Return (visible mark, font) for one character: a space becomes ␣, a combining mark gets a circle to sit on."""
    if character == " ":
        return "␣", default_font()
    if not _visible(character):
        return code_point(character), default_font()
    if unicodedata.combining(character):
        shown = "◌" + character
        return (shown, default_font()) if covers(default_font(), shown) else (code_point(character), default_font())
    return drawable(character, font)


def _visible(character):
    return unicodedata.category(character) not in _CODE_POINT_CATEGORIES


def code_point(character):
    """Return for instance `U+53BB`."""
    return f"U+{ord(character):04X}"


def glyph_note(text, font="auto"):
    """Return the sentence for the caption when some of `text` has no glyph, else an empty string."""
    missing = [c for c in text if drawable(c, font)[0] != c and _visible(c)]
    if not missing:
        return ""
    return NO_FONT if _cjk(font) is None else NO_GLYPH


def put_text(artist, text, font="auto"):
    """Give a matplotlib Text a string in a font that can draw it, keeping its size; `$` stays a dollar sign."""
    put_shown(artist, *drawable(text, font))


def put_shown(artist, shown, chosen):
    """Give a matplotlib Text a string and a font, keeping its size and weight."""
    chosen = chosen.copy()
    chosen.set_size(artist.get_fontsize())
    chosen.set_weight(artist.get_fontweight())
    artist.set_parse_math(False)
    artist.set_text(shown)
    artist.set_fontproperties(chosen)
