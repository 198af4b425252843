"""What is wrong with items, labels and sizes of batches."""

import operator
import warnings

import numpy as np

INT32 = np.iinfo(np.int32)


def group(labels):
    """Return labels (N,) as integers, class names or None, and the rows of every class with two samples or more."""
    names, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    fits = labels.dtype != object and INT32.min <= int(names[0]) and int(names[-1]) <= INT32.max
    single = np.flatnonzero(counts == 1)
    if len(single):
        shown = ", ".join(repr(names[i].item() if fits else names[i]) for i in single[:5])
        more = f" and {len(single) - 5} more" if len(single) > 5 else ""
        half = "; that is more than half of the classes" if 2 * len(single) > len(names) else ""
        warnings.warn(
            f"{len(single)} of {len(names)} classes have one sample and are left out of the batches, since a "
            f"sample needs another one of its class: {shown}{more}{half}",
            stacklevel=4,
        )
    order, ends = np.argsort(codes, kind="stable").astype(np.int64), np.cumsum(counts)
    members = [rows for rows in np.split(order, ends[:-1]) if len(rows) > 1]
    if fits:
        return labels.astype(np.int32), None, members
    return codes.astype(np.int32), names.tolist(), members


def as_items(items):
    """Return items as an array (N, ...); texts and files become an object array of `str` or `bytes`."""
    if isinstance(items, (str, bytes)):
        raise ValueError("items must be a list of texts or files, or an array (N, ...); got one of them. Put it in a list")
    if isinstance(items, (list, tuple)) and any(isinstance(item, (str, bytes)) for item in items):
        array = np.empty(len(items), dtype=object)
        array[:] = items
    else:
        try:
            array = np.asarray(items)
        except ValueError as error:
            raise ValueError(
                "items must all have one shape; pad them or make them one size first (waveforms of any length become files: "
                "zoo.frontends.as_wavs(waveforms, rate))"
            ) from error
    if array.ndim == 0 or len(array) == 0:
        raise ValueError(f"items must hold at least one sample; got shape {array.shape}")
    if array.dtype.kind in "US":
        array = array.astype(object)
    if array.dtype == object:
        for row, item in enumerate(array):
            if not isinstance(item, (str, bytes)):
                raise ValueError(f"items[{row}] must be a text or a file like the others; got {type(item).__name__}")
    return array


def as_labels(labels):
    """Return labels as an int64 array (N,), or as an object array of `str` or of huge `int`."""
    huge = isinstance(labels, (list, tuple)) and any(isinstance(one, int) and abs(one) >= 2**63 for one in labels)
    if huge:
        return _named(labels)  # NumPy would make them float64 and merge neighbors
    array = np.asarray(labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]  # (N, 1) -> (N,)
    if array.ndim != 1:
        hint = "; one-hot labels become classes by argmax(axis=1)" if array.ndim == 2 else ""
        raise ValueError(f"labels must have shape (N,) or (N, 1); got {array.shape}{hint}")
    if len(array) == 0:
        raise ValueError("labels must hold at least one label; got none")
    if array.dtype.kind == "f":
        whole = np.isfinite(array) & (array == np.round(array)) & (np.abs(array) < 2.0**53)
        if not whole.all():
            row = int(np.argmin(whole))
            raise ValueError(f"labels must be classes, integers or strings; labels[{row}] is {array[row].item()}")
        return array.astype(np.int64)
    if array.dtype.kind in "bi":
        return array.astype(np.int64)
    return _named(labels if isinstance(labels, (list, tuple)) else array.tolist())


def as_ids(sample_ids, rows):
    """Return a sample id of each item, int32 (N,): the rows for True, None for False, given integers without merging any."""
    if isinstance(sample_ids, (bool, np.bool_)):
        return np.arange(rows, dtype="int32") if sample_ids else None
    ids = np.asarray(sample_ids)
    if ids.shape != (rows,) or ids.dtype.kind not in "iu":
        raise ValueError(
            f"sample_ids must be True, False or one integer an item, shape ({rows},); got {ids.dtype} of shape {ids.shape}; "
            "zoo.data.encode turns names into integers"
        )
    fits = INT32.min <= int(ids.min()) and int(ids.max()) <= INT32.max
    return (ids if fits else np.unique(ids, return_inverse=True)[1]).astype("int32")


def _named(values):
    """Return strings or integers beyond int64 as an object array (N,), refusing anything else by its row."""
    values = [value[0] if isinstance(value, (list, tuple, np.ndarray)) else value for value in values]
    values = [value.decode("utf-8") if isinstance(value, bytes) else value for value in values]
    values = [int(value) if isinstance(value, np.integer) else value for value in values]
    kind = str if isinstance(values[0], str) else int
    for row, value in enumerate(values):
        if not isinstance(value, kind):
            wanted = "strings" if kind is str else "integers or strings"
            raise ValueError(f"labels must all be {wanted}; labels[{row}] is {value!r} ({type(value).__name__})")
    array = np.empty(len(values), dtype=object)
    array[:] = values
    if kind is int and all(-(2**63) <= value < 2**63 for value in values):
        return array.astype(np.int64)
    return array


def whole(name, value, low, high=None):
    """Return `value` as an `int` from `low` to `high`, or say which argument is wrong."""
    try:
        number = None if isinstance(value, (bool, np.bool_)) else operator.index(value)
    except TypeError:
        number = None
    if number is None:
        raise ValueError(f"{name} must be an integer; got {value!r}")
    if number < low or (high is not None and number > high):
        reason = "; a sample needs another one of its class" if name == "per_class" else ""
        limit = f"at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} must be {limit}; got {number}{reason}")
    return number
