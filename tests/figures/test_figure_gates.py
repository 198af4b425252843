"""The replay equals the real layer; counts are what a loop counts; the strip shows what it was given."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import pytest

from zoo.figures import (
    bidirectional_gates,
    count_open,
    gate_activations,
    gate_saturation,
    gate_strips,
    saturation_plane,
)

QUERY = "去安泰小区怎么走"


def text_of(artist):
    return " ".join(artist.get_text().split())


def numbered(length, units=8):
    return {gate: (np.arange(length) + i) % (units + 1) for i, gate in enumerate(("input", "forget", "output"))}


def strips_axes(figure):
    return [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]


def sequence(length, size=3, seed=0):
    return np.random.default_rng(seed).normal(size=(length, size)).astype("float32")


def built_layer(units=4, size=3, **settings):
    keras.utils.set_random_seed(1)
    layer = keras.layers.Bidirectional(keras.layers.LSTM(units, return_sequences=True, use_cudnn=False, **settings))
    layer.build((None, None, size))
    layer.set_weights([np.random.default_rng(i).normal(size=w.shape) for i, w in enumerate(layer.get_weights())])
    return layer


@pytest.mark.parametrize("use_bias", [True, False])
def test_replay_equals_the_layer_with_right_padding(use_bias):
    layer, x = built_layer(use_bias=use_bias), sequence(6)
    padded = np.zeros((1, 9, 3), "float32")
    padded[0, :6] = x
    mask = np.arange(9)[None] < 6
    expected = keras.ops.convert_to_numpy(layer(padded, mask=keras.ops.convert_to_tensor(mask)))[0, :6]  # (T, 2U)
    gates = bidirectional_gates(layer, x)
    np.testing.assert_allclose(gates["hidden"], expected, atol=1e-5)
    assert {name: value.shape for name, value in gates.items()} == dict.fromkeys(gates, (6, 8))


def test_replay_of_a_backward_layer_by_itself():
    lstm = keras.layers.LSTM(5, return_sequences=True, go_backwards=True)
    x = sequence(7)
    expected = keras.ops.convert_to_numpy(lstm(x[None]))[0][::-1]  # a bare layer returns the order it read in
    values = gate_activations(*lstm.get_weights(), x, go_backwards=True)
    np.testing.assert_allclose(values["hidden"], expected, atol=1e-5)


def test_gates_are_in_the_order_of_keras_and_at_their_own_character():
    units, x = 1, np.array([[1.0], [0.0], [0.0]])
    kernel, bias = np.array([[0.0, 0, 0, 0]]), np.array([5.0, 0, 0, -5])
    gates = gate_activations(kernel, np.zeros((units, 4)), bias, x)
    assert gates["input"][0, 0] > 0.99 and gates["forget"][0, 0] == 0.5 and gates["output"][0, 0] < 0.01
    only_first = gate_activations(np.array([[9.0, 0, 0, 0]]), np.zeros((1, 4)), None, x, go_backwards=True)
    np.testing.assert_allclose(only_first["input"][:, 0], [1 / (1 + np.exp(-9)), 0.5, 0.5])


def test_very_negative_gates_do_not_overflow():
    with np.errstate(all="raise"):
        gates = gate_activations(np.full((1, 4), -1e4), np.zeros((1, 4)), None, np.ones((2, 1)))
    assert gates["input"].max() == 0


def test_count_open_counts_values_above_the_threshold():
    values = np.array([[0.9, 0.8, 0.81], [0.1, 0.2, 0.3]])
    counts = count_open(dict.fromkeys(("input", "forget", "output", "hidden"), values))
    assert sorted(counts) == ["forget", "input", "output"]
    assert counts["input"].tolist() == [2, 0]
    assert count_open(dict.fromkeys(("input", "forget", "output"), values), threshold=0.15)["input"].tolist() == [3, 2]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"x": np.full((2, 3), np.nan)}, "x: .*NaN"),
        ({"x": np.zeros((0, 3))}, "x: expected"),
        ({"x": np.zeros((2, 2))}, r"kernel: expected \(2, 16\)"),
        ({"recurrent_kernel": np.zeros((4, 12))}, r"recurrent_kernel: expected \(U, 4U\)"),
        ({"bias": np.zeros(4)}, r"bias: expected \(16,\)"),
    ],
)
def test_bad_weights_are_named(arguments, message):
    good = {"kernel": np.zeros((3, 16)), "recurrent_kernel": np.zeros((4, 16)), "bias": None, "x": np.zeros((2, 3))}
    with pytest.raises(ValueError, match=message):
        gate_activations(**{**good, **arguments})


def test_other_layers_are_refused():
    with pytest.raises(ValueError, match="layer: expected keras.layers.Bidirectional around an LSTM, got Dense"):
        bidirectional_gates(keras.layers.Dense(2), sequence(3))
    gru = keras.layers.Bidirectional(keras.layers.GRU(2))
    with pytest.raises(ValueError, match="layer: expected"):
        bidirectional_gates(gru, sequence(3))
    with pytest.raises(ValueError, match="layer: expected a built layer"):
        bidirectional_gates(keras.layers.Bidirectional(keras.layers.LSTM(2)), sequence(3))
    with pytest.raises(ValueError, match="hard_sigmoid"):
        bidirectional_gates(built_layer(recurrent_activation="hard_sigmoid"), sequence(3))


def test_bad_gates_are_named():
    with pytest.raises(ValueError, match=r"gates: .*\['output'\] missing"):
        count_open({"input": np.zeros((1, 1)), "forget": np.zeros((1, 1))})
    with pytest.raises(ValueError, match="after the sigmoid"):
        count_open(dict.fromkeys(("input", "forget", "output"), np.full((1, 1), 3.0)))
    with pytest.raises(ValueError, match="threshold"):
        count_open({}, threshold=80)


def test_strip_shows_characters_and_counts():
    figure = gate_strips({"triplet": numbered(8), "hinge": numbered(8)}, QUERY, 12)
    blocks = strips_axes(figure)
    assert [axes.get_title("left") for axes in blocks] == ["triplet", "hinge"]
    for axes in blocks:
        assert [tick.get_text() for tick in axes.get_xticklabels()] == list(QUERY)
        assert [tick.get_text() for tick in axes.get_yticklabels()] == ["input", "forget", "output"]
        expected = np.stack(list(numbered(8).values()))
        assert [int(number.get_text()) for number in axes.texts] == expected.ravel().tolist()
        assert axes.collections[0].get_clim() == (0, 12)
    assert "gate value after the sigmoid is above 0.8" in text_of(figure._supxlabel)


def test_strip_of_a_long_query_stays_readable():
    text = "how do I get to the train station, please"
    figure = gate_strips({"a": numbered(len(text), 128)}, text, 128)
    (axes,) = strips_axes(figure)
    shown = [tick.get_text() for tick in axes.get_xticklabels()]
    assert shown == ["␣" if c == " " else c for c in text]
    boxes = [tick.get_window_extent() for tick in axes.get_xticklabels()]
    assert all(left.x1 <= right.x0 for left, right in zip(boxes, boxes[1:])), "tick labels overlap"
    width = axes.get_window_extent().width / len(text)
    assert all(number.get_window_extent().width <= width for number in axes.texts), "a number is wider than its cell"


def test_numbers_are_left_out_where_they_do_not_fit():
    (axes,) = strips_axes(gate_strips({"a": {g: np.full(80, 128) for g in numbered(1)}}, "x" * 80, 128))
    assert not axes.texts


def test_only_the_first_80_characters_of_a_very_long_query():
    figure = gate_strips({"a": numbered(10_000)}, "字" * 10_000, 8)
    assert len(strips_axes(figure)[0].get_xticklabels()) == 80
    assert "first 80 of 10,000 characters" in text_of(figure._supxlabel)


@pytest.mark.parametrize(
    "counts, text, message",
    [
        ({"a": numbered(0)}, "", "text: expected at least one character"),
        ({}, "ab", "counts_by_model: expected a dict"),
        ({"a": numbered(3)}, "ab", r"counts_by_model\['a'\]\['input'\]: expected shape \(2,\)"),
        ({"a": {"input": [1, 2]}}, "ab", r"counts_by_model\['a'\]: expected a dict with the keys"),
        ({"a": {g: np.array([1, 99]) for g in numbered(1)}}, "ab", "integers from 0 to units=8"),
        ({"a": {g: np.array([1, np.nan]) for g in numbered(1)}}, "ab", "integers from 0 to units=8"),
    ],
)
def test_bad_strips_are_named(counts, text, message):
    with pytest.raises(ValueError, match=message):
        gate_strips(counts, text, 8)


def test_saturation_is_a_share_of_all_characters():
    one = dict.fromkeys(("input", "forget", "output"), np.array([[0.95, 0.5]]))
    two = dict.fromkeys(("input", "forget", "output"), np.array([[0.05, 0.95], [0.95, 0.05], [0.95, 0.05]]))
    shares = gate_saturation([one, two])
    np.testing.assert_allclose(shares["forget"], [[0.75, 0.25], [0.25, 0.5]])
    figure = saturation_plane({"triplet": shares})
    assert [axes.get_title("left") for axes in figure.axes] == [
        f"triplet\n{g} gate" for g in ("input", "forget", "output")
    ]
    with pytest.raises(ValueError, match="gates_of_queries"):
        gate_saturation([])
