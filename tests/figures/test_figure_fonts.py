"""Chinese is drawn where a font is there, and the caption says so where none is."""

import warnings

import matplotlib
import numpy as np
import pytest
from matplotlib.font_manager import FontProperties

from zoo.figures import encoding_frame, find_cjk_font, font_for, gate_strips, plane_features, two_logits
from zoo.figures.fonts import NO_FONT, covers, default_font, drawable, drawable_character

needs_font = pytest.mark.skipif(
    find_cjk_font() is None, reason="no CJK font here; the extra zoo-embeddings[demo] brings one"
)
QUERY = "导航到高铁东站"
POINTS = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.5]])


def draw_all(font):
    """One of each picture, all with Chinese in every place that takes a text."""
    names, labels = ["导航", "其他"], [0, 1, 1]
    box = ((-2, 2), (-2, 2))
    counts = {gate: np.arange(len(QUERY)) for gate in ("input", "forget", "output")}
    return [
        gate_strips({"三元组": counts}, QUERY, 9, title="门", font=font),
        encoding_frame({"三元组": POINTS}, labels, names, 0, {"三元组": box}, title="编码", font=font),
        two_logits({"三元组": (POINTS, labels)}, names, title="分数", font=font),
        plane_features({"三元组": POINTS}, {"三元组": labels}, names, title="特征", font=font),
    ]


@needs_font
def test_no_glyph_is_missing_where_a_font_is_there():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for figure in draw_all("auto"):
            figure.canvas.draw()
            assert "no font" not in figure.get_supxlabel()


def test_without_a_font_the_caption_says_so_and_code_points_stand_in():
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # "Glyph ... missing" would mean boxes
        for figure in draw_all(None):
            figure.canvas.draw()
            assert NO_FONT in " ".join(figure.get_supxlabel().split())
    assert "zoo-embeddings[demo]" in NO_FONT
    strip = draw_all(None)[0]
    assert [tick.get_text() for tick in strip.axes[0].get_xticklabels()] == [f"U+{ord(c):04X}" for c in QUERY]


def test_a_text_without_chinese_needs_no_other_font():
    assert font_for("triplet, margin 1 (−x) é") is default_font()
    assert font_for("去", font=None) is default_font()


@needs_font
def test_the_font_found_covers_the_text():
    assert covers(font_for("我要去南漳涌泉"), "我要去南漳涌泉")
    assert "Last Resort" not in find_cjk_font().get_name()


def test_a_probe_that_no_font_has_finds_nothing():
    assert find_cjk_font(probe="\U000e0fff\ufdd0") is None


@pytest.mark.parametrize(
    "character, shown",
    [
        (" ", "␣"),
        ("a", "a"),
        ("\t", "U+0009"),
        ("\u200b", "U+200B"),
        ("\ud800", "U+D800"),
        ("\u0301", "◌\u0301"),
        ("$", "$"),
    ],
)
def test_one_character_is_visible(character, shown):
    assert drawable_character(character)[0] == shown


def test_code_points_are_set_apart():
    assert drawable("a 去么 b", font=None)[0] == "a U+53BB U+4E48 b"


def test_dollar_signs_and_leading_underscores_are_text():
    figure = plane_features(POINTS, [0, 1, 1], ["_from $5", "to $6 ^"], title="from $5 to $6")
    figure.canvas.draw()
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["_from $5", "to $6 ^"]
    assert figure.get_suptitle() == "from $5 to $6"
    assert not any(text.get_parse_math() for text in [figure._suptitle, *figure.legends[0].get_texts()])


@pytest.mark.parametrize("settings", [{"axes.facecolor": "black", "text.color": "red", "font.size": 30}, {}])
def test_the_callers_settings_neither_change_nor_matter(settings):
    def pixels():
        figure = plane_features(POINTS, [0, 1, 1], ["a", "b"])
        figure.canvas.draw()
        return np.asarray(figure.canvas.buffer_rgba())

    expected = pixels()
    with matplotlib.rc_context(settings):
        before = dict(matplotlib.rcParams)
        np.testing.assert_array_equal(pixels(), expected)
        assert dict(matplotlib.rcParams) == before


def test_a_wrong_font_is_named():
    with pytest.raises(ValueError, match="font: expected"):
        font_for("去", font="SimHei")
    assert isinstance(font_for("去", font=FontProperties()), FontProperties)


def test_nothing_is_cut_off():
    for figure in draw_all("auto"):
        figure.canvas.draw()
        box, page = figure.get_tightbbox(), figure.get_size_inches()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= page[0] and box.y1 <= page[1]
