"""Class labels of any kind to small integers, without a detour over floats."""

import numpy as np

_NUMBERS = "biuf"


def codes(**labels):
    """Return each array of labels as int64 codes [N] of one common list of classes, and that list.

    Integers stay exact: ids above 2^24 or 2^53 never collide. Labels of shape (N, 1) are taken as (N,).

    Args:
        **labels: arrays of integers or strings by the name that errors call them.

    Returns:
        A list of int64 arrays in the order given, and the sorted classes.

    Raises:
        ValueError: wrong shape, missing (nan) labels, or strings in one and numbers in the other.
    """
    arrays = {name: _flat(values, name) for name, values in labels.items()}
    kinds = {name: "numbers" if array.dtype.kind in _NUMBERS else "strings" for name, array in arrays.items()}
    if len(set(kinds.values())) > 1:
        said = ", ".join(f"{name} has {kind}" for name, kind in kinds.items())
        raise ValueError(f"labels must be all numbers or all strings, but {said}; convert one of them.")
    if len({array.dtype.kind for array in arrays.values()}) > 1 and "numbers" in kinds.values():
        # int64 beside uint64 or float64 would become float64, where large ids collide; Python's numbers do not.
        arrays = {name: np.array(array.tolist(), dtype=object) for name, array in arrays.items()}
    together = np.concatenate(list(arrays.values()))
    classes, code = np.unique(together, return_inverse=True)
    return np.split(code.reshape(-1), np.cumsum([len(array) for array in arrays.values()])[:-1]), classes


def _flat(values, name):
    """Labels [N] with a numeric or a string dtype."""
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{name} must have shape (N,) or (N, 1), got {array.shape}; give one class for each item.")
    if array.dtype.kind == "O":
        strings = {isinstance(value, str) for value in array}
        if len(strings) > 1:
            raise ValueError(f"{name} mixes strings and other values; give labels of one kind.")
        array = array.astype(str) if strings == {True} else np.array(array.tolist())
    if array.dtype.kind not in _NUMBERS + "US":
        raise ValueError(f"{name} must be integers or strings, got {array.dtype}.")
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ValueError(f"{name} is nan, first in row {np.isnan(array).argmax()}; give every item a class.")
    return array


def pair(data, argument):
    """Return items and labels [N] of a pair `(items, labels)`, or of an object that has both."""
    parts = data if isinstance(data, (tuple, list)) else (getattr(data, "items", None), getattr(data, "labels", None))
    if len(parts) != 2 or any(part is None or callable(part) for part in parts):
        raise ValueError(
            f"{argument}: expected (items, labels) or an object with items and labels, got {type(data).__name__}"
        )
    items, labels = parts
    if not len(items) or len(items) != len(labels):
        raise ValueError(
            f"{argument}: expected as many labels as items, at least one; got {len(items)} and {len(labels)}"
        )
    return items, labels
