"""Captions to word ids: what a word is, the vocabulary, and the captions that nobody expects."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.frontends import WordFrontend

TRAIN = ["There is a plane .", "a Plane, a ship", "There's a plane"]


@pytest.fixture(scope="module")
def frontend():
    result = WordFrontend(max_length=12)
    result.adapt(TRAIN)
    return result


def words(text, **settings):
    split = WordFrontend(**settings).split(tf.constant([text if isinstance(text, bytes) else text.encode()]))
    return [word.decode() for word in split[0].numpy()]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("A man's dog, isn't it?", ["a", "man", "'s", "dog", ",", "is", "n't", "it", "?"]),
        ("'Hello' e-mail 3.5km", ["'", "hello", "'", "e", "-", "mail", "3", ".", "5km"]),
        ("o’clock ÉCOLE cafe\u0301", ["o", "'clock", "école", "cafe\u0301"]),
        ("附近有2家店", ["附", "近", "有", "2", "家", "店"]),
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("a\u00adb\u200b \t x\u3000y👍", ["ab", "x", "y", "👍"]),
        ("\x00", []),
        ("", []),
    ],
)
def test_words_are_runs_of_letters_and_punctuation_stands_alone(text, expected):
    assert words(text) == expected


def test_case_is_kept_on_request():
    assert words("A Plane", lowercase=False) == ["A", "Plane"]


def test_vocabulary_is_by_frequency(frontend):
    assert frontend.vocabulary == ["a", "plane", "there", "'s", ",", ".", "is", "ship"]
    assert frontend.unknown_share == 0


def test_ids(frontend):
    ids = frontend(["a PLANE , yacht", "", "yacht"]).numpy()
    assert ids.tolist() == [[2, 3, 6, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0]]
    assert ids.dtype == "int32"


def test_rare_words_stay_unknown_and_their_share_is_told(frontend):
    few = WordFrontend(min_count=2)
    few.adapt(TRAIN)
    assert few.vocabulary == ["a", "plane", "there"]
    assert few.unknown_share == pytest.approx(5 / 14)
    assert few.unknown_in(["a yacht"]) == 0.5 and frontend.unknown_in(["a plane"]) == 0
    assert np.isnan(few.unknown_in([""]))


def test_a_vocabulary_from_a_file_of_vectors(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("plane 1 0\nShip 0 1\nyacht 1 1\n")
    file = WordFrontend(source="vectors", vectors=path)
    file.adapt(TRAIN)
    assert file.vocabulary == ["plane", "yacht"]  # captions are lower-case: "Ship" could not be met
    assert file.unknown_share == pytest.approx(11 / 14)
    both = WordFrontend(source="both", vectors=path)
    both.adapt(TRAIN)
    assert both.vocabulary[:2] == ["a", "plane"] and both.vocabulary[-1] == "yacht" and len(both.vocabulary) == 9
    again = WordFrontend.from_config(both.get_config())  # needs the file no more
    path.unlink()
    again.adapt(["a dinghy"])
    assert set(again.vocabulary) == {*both.vocabulary, "dinghy"}


def test_width_is_a_multiple_of_eight_and_captions_are_cut(frontend):
    assert frontend(["a " * 9]).shape == (1, 16)
    long = frontend(["a " * 10_000, "x" * 100_000]).numpy()
    assert long.shape == (2, 16) and (long[0, :12] == 2).all() and not long[:, 12:].any() and long[1].sum() == 1


@pytest.mark.parametrize("odd", ["", "\ud800", b"\xff\xfe", b"\xe5\xaf", "😀", "مرحبا", "\x00", "‮abc", "e\u0301", "...", "'"])
def test_odd_captions_have_at_least_one_step(frontend, odd):
    text = odd if isinstance(odd, bytes) else odd.encode("utf-8", "surrogatepass")
    ids = frontend(tf.constant([text, b"a plane"])).numpy()
    assert ids[0, 0] > 0 and ids[1, :3].tolist() == [2, 3, 0]
    assert frontend(tf.constant([text])).numpy()[0].tolist() == ids[0].tolist()


def test_in_a_pipeline_and_in_a_graph_ids_are_the_same(frontend):
    texts = ["There's a ship.", "", "a  PLANE"]
    graph = tf.function(frontend.__call__, input_signature=[frontend.raw_spec])
    expected = frontend(texts).numpy()
    np.testing.assert_array_equal(next(iter(frontend.dataset([text.encode() for text in texts], 3))), expected)
    np.testing.assert_array_equal(graph(tf.constant(texts)), expected)
    assert frontend(tf.constant([], tf.string)).shape == (0, 8)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: WordFrontend(max_length=0), ["max_length", "0"]),
        (lambda: WordFrontend(source="vector"), ["source", "'vectors'"]),
        (lambda: WordFrontend(source="both"), ["vectors="]),
        (lambda: WordFrontend().adapt(["", ""]), ["no word", "2 captions"]),
        (lambda: WordFrontend().adapt("a plane"), ["list of strings"]),
        (lambda: WordFrontend()(["a"]), ["adapt"]),
    ],
)
def test_bad_input_is_refused_by_name(call, words):
    with pytest.raises(ValueError) as error:
        call()
    assert all(word in str(error.value) for word in words), error.value
