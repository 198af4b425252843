"""Text to ids: vocabulary, masks and the inputs that nobody expects."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.frontends import TextFrontend


@pytest.fixture(scope="module")
def frontend():
    result = TextFrontend(max_length=12)
    result.adapt(["abab", "aB", "导航", "é"])
    return result


def test_vocabulary_is_by_frequency_and_folded_to_lower_case(frontend):
    assert frontend.vocabulary == ["a", "b", "é", "导", "航"]


def test_ids(frontend):
    ids = frontend(["ba导", "X", "É"]).numpy()
    assert ids.tolist() == [[3, 2, 5, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0], [4, 0, 0, 0, 0, 0, 0, 0]]
    assert ids.dtype == "int32"


def test_width_is_a_multiple_of_eight_and_texts_are_cut(frontend):
    assert frontend(["a" * 9]).shape == (1, 16)
    long = frontend(["a" * 10_000, "导" * 10_000]).numpy()
    assert long.shape == (2, 16) and (long[:, :12] > 1).all() and not long[:, 12:].any()


def test_four_byte_characters_are_cut_by_characters_not_bytes(frontend):
    assert (frontend(["x" + "😀" * 50]).numpy() != 0).sum() == 12


@pytest.mark.parametrize("odd", ["", "\ud800", b"\xff\xfe", b"\xe5\xaf", "😀", "مرحبا", "\x00", "‮abc", "e\u0301"])
def test_odd_texts_have_at_least_one_step(frontend, odd):
    text = odd if isinstance(odd, bytes) else odd.encode("utf-8", "surrogatepass")
    ids = frontend(tf.constant([text, b"ab"])).numpy()
    assert ids[0, 0] > 0 and ids[1, :3].tolist() == [2, 3, 0]
    alone = frontend(tf.constant([text])).numpy()
    assert alone[0].tolist() == ids[0].tolist()


def test_an_empty_batch_has_a_column(frontend):
    assert frontend(tf.constant([], tf.string)).shape == (0, 8)


def test_case_is_kept_on_request():
    frontend = TextFrontend(lowercase=False)
    frontend.adapt(["aA"])
    assert frontend.vocabulary == ["A", "a"]


def test_rare_characters_stay_unknown():
    frontend = TextFrontend()
    frontend.adapt(["aab", "a"], min_count=2)
    assert frontend.vocabulary == ["a"] and frontend(["b"]).numpy()[0, 0] == 1


def test_in_a_pipeline_and_in_a_graph_ids_are_the_same(frontend):
    texts = ["导航", "", "ab ab"]
    pipeline = tf.data.Dataset.from_tensor_slices(texts).batch(3).map(frontend)
    graph = tf.function(frontend.__call__, input_signature=[frontend.raw_spec])
    expected = frontend(texts).numpy()
    np.testing.assert_array_equal(next(iter(pipeline)), expected)
    np.testing.assert_array_equal(graph(tf.constant(texts)), expected)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: TextFrontend(max_length=0), ["max_length", "0"]),
        (lambda: TextFrontend(max_length="9"), ["max_length", "'9'"]),
        (lambda: TextFrontend().adapt([]), ["no character", "0 texts"]),
        (lambda: TextFrontend().adapt(["", ""]), ["no character", "2 texts"]),
        (lambda: TextFrontend().adapt("abc"), ["list of strings", "'abc'"]),
        (lambda: TextFrontend().adapt(["a", 3]), ["item 1", "int"]),
        (lambda: TextFrontend()(["a"]), ["adapt"]),
    ],
)
def test_bad_input_is_refused_by_name(call, words):
    with pytest.raises(ValueError) as error:
        call()
    assert all(word in str(error.value) for word in words), error.value
