"""Which gates of an LSTM are open at which character.

Keras does not return gate values, so one direction is replayed with the layer's own weights:

    z_t = x_t K + h_{t-1} R + b;   i, f, o = sigmoid(parts 0, 1, 3 of z_t);   g = tanh(part 2)
    c_t = f c_{t-1} + i g;         h_t = o tanh(c_t)

Reference: Karpathy, Johnson and Li, Visualizing and Understanding Recurrent Networks, 2015.
"""

import numpy as np

from zoo.figures.checks import matrix

GATES = ("input", "forget", "output")


def gate_activations(kernel, recurrent_kernel, bias, x, go_backwards=False):
    """Replay one LSTM direction over the real steps of one sequence.

    Padding must be cut off before: the backward direction starts at the last real step. Values are stored at
    the position of their character, also when the sequence is read backwards.

    Args:
        kernel: (D, 4U), Keras' order input, forget, candidate, output.
        recurrent_kernel: (U, 4U).
        bias: (4U,), or `None`.
        x: one sequence without padding, (T, D).
        go_backwards: whether the direction reads the sequence from its end.

    Returns:
        dict of arrays (T, U): `"input"`, `"forget"`, `"output"` after the sigmoid, and `"hidden"`.

    Raises:
        ValueError: for shapes that do not belong together, and for NaN and infinity.
    """
    x, kernel, recurrent_kernel, bias = _checked(x, kernel, recurrent_kernel, bias)
    units = len(recurrent_kernel)
    values = {name: np.zeros((len(x), units)) for name in (*GATES, "hidden")}
    hidden = cell = np.zeros(units)
    for t in reversed(range(len(x))) if go_backwards else range(len(x)):
        z = (x[t] @ kernel + hidden @ recurrent_kernel + bias).reshape(4, units)
        i, f, o = (_sigmoid(z[part]) for part in (0, 1, 3))
        cell = f * cell + i * np.tanh(z[2])
        hidden = o * np.tanh(cell)
        for name, value in zip(values, (i, f, o, hidden)):
            values[name][t] = value
    return values


def _checked(x, kernel, recurrent_kernel, bias):
    x = matrix("x", x)
    recurrent_kernel = matrix("recurrent_kernel", recurrent_kernel)
    units = len(recurrent_kernel)
    if recurrent_kernel.shape != (units, 4 * units):
        raise ValueError(f"recurrent_kernel: expected (U, 4U), got {recurrent_kernel.shape}; give an LSTM's weights")
    kernel = matrix("kernel", kernel)
    if kernel.shape != (x.shape[1], 4 * units):
        raise ValueError(
            f"kernel: expected {(x.shape[1], 4 * units)} for this x and recurrent_kernel, got {kernel.shape}"
        )
    bias = np.zeros(4 * units) if bias is None else matrix("bias", np.reshape(bias, (1, -1)))[0]
    if bias.shape != (4 * units,):
        raise ValueError(f"bias: expected ({4 * units},) or None, got {bias.shape}")
    return x, kernel, recurrent_kernel, bias


def _sigmoid(z):
    return 0.5 * (1 + np.tanh(0.5 * z))  # no overflow for large negative z


def bidirectional_gates(layer, x):
    """Replay both directions of a `keras.layers.Bidirectional` LSTM for one sequence.

    Args:
        layer: a built `keras.layers.Bidirectional` around a `keras.layers.LSTM`.
        x: what the layer gets for one sequence, its real steps only, (T, D).

    Returns:
        dict of arrays (T, 2U), forward units first: `"input"`, `"forget"`, `"output"` and `"hidden"`, which
        equals the layer's own output sequence with `merge_mode="concat"`.

    Raises:
        ValueError: for another layer, one that is not built, or one with other activations.
    """
    both = []
    for direction in ("forward_layer", "backward_layer"):
        lstm = getattr(layer, direction, None)
        if not hasattr(lstm, "recurrent_activation") or not hasattr(lstm, "unit_forget_bias"):
            raise ValueError(f"layer: expected keras.layers.Bidirectional around an LSTM, got {type(layer).__name__}")
        if not lstm.built:
            raise ValueError("layer: expected a built layer, got one without weights; call it on a batch first")
        used = (lstm.activation.__name__, lstm.recurrent_activation.__name__)
        if used != ("tanh", "sigmoid"):
            raise ValueError(
                f"layer: expected activations ('tanh', 'sigmoid'), got {used}; other gates are not replayed"
            )
        kernel, recurrent_kernel, *bias = lstm.get_weights()
        both.append(gate_activations(kernel, recurrent_kernel, bias[0] if bias else None, x, lstm.go_backwards))
    return {name: np.concatenate([values[name] for values in both], axis=1) for name in both[0]}


def count_open(gates, threshold=0.8):
    """Count the units whose gate value, after the sigmoid, is above `threshold`, at each character.

    Args:
        gates: what `bidirectional_gates` or `gate_activations` returns, arrays (T, units).
        threshold: a gate value; 0.8 is a pre-activation above ln 4 = 1.386.

    Returns:
        dict of integer arrays (T,): `"input"`, `"forget"`, `"output"`; forward plus backward where both are given.

    Raises:
        ValueError: for a missing gate, values outside 0 to 1, a threshold outside 0 to 1.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold: expected a gate value from 0 to 1, got {threshold}")
    missing = [name for name in GATES if name not in gates]
    if missing:
        raise ValueError(f"gates: expected the keys {list(GATES)}, got {sorted(gates)}; {missing} missing")
    counts = {}
    for name in GATES:
        values = matrix(f"gates[{name!r}]", gates[name])
        if values.min() < 0 or values.max() > 1:
            raise ValueError(f"gates[{name!r}]: expected values from 0 to 1, after the sigmoid, got some outside")
        counts[name] = (values > threshold).sum(axis=1)
    return counts
