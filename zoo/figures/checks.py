"""Bad input to a picture, named: the argument, what was expected, what came, what to do."""

import numpy as np

from zoo.errors import unknown


def matrix(name, value, columns=None):
    """Return `value` as a float64 array of two dimensions, at least one row, all finite.

    Args:
        name: what the caller calls the argument, for the error.
        value: array, (M, D).
        columns: D, or `None` for any D above 0.

    Raises:
        ValueError: for any other shape, and for NaN and infinity.
    """
    try:
        value = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name}: expected an array of numbers, got {type(value).__name__}; give a (M, D) array"
        ) from None
    wanted = f"(M, {columns or 'D'})"
    if value.ndim != 2 or 0 in value.shape or columns not in (None, value.shape[1]):
        raise ValueError(f"{name}: expected a {wanted} array with M > 0, got shape {value.shape}; give one row an item")
    if not np.isfinite(value).all():
        rows = np.flatnonzero(~np.isfinite(value).all(axis=1))
        raise ValueError(
            f"{name}: expected finite numbers, got NaN or infinity in {len(rows)} of {len(value)} rows, "
            f"first in row {rows[0]}; look at the training loss before drawing"
        )
    return value


def class_ids(name, labels, count, class_names):
    """Return `labels` as (count,) ids into `class_names`; strings that are in `class_names` are looked up."""
    labels = np.asarray(labels)
    if labels.shape not in ((count,), (count, 1)):
        raise ValueError(f"{name}: expected shape ({count},), got {labels.shape}; give one label a point")
    labels = labels.reshape(-1)
    if labels.dtype.kind in "OUS":
        ids = {class_name: i for i, class_name in enumerate(class_names)}
        for label in labels:
            if label not in ids:
                raise ValueError(f"{name}: {unknown('class', str(label), class_names)}")
        return np.array([ids[label] for label in labels], dtype=np.int64)
    if labels.dtype.kind not in "iub":
        raise ValueError(f"{name}: expected integers or strings, got {labels.dtype}; give ids into class_names")
    if labels.min() < 0 or labels.max() >= len(class_names):
        raise ValueError(
            f"{name}: expected ids 0 to {len(class_names) - 1} for {len(class_names)} class_names, "
            f"got {labels.min()} to {labels.max()}; give one name a class"
        )
    return labels.astype(np.int64)


def panels(name, value, most=None):
    """Return the non-empty dict `value`, title to panel, with the titles as strings."""
    if not isinstance(value, dict) or not value:
        raise ValueError(f"{name}: expected a dict of title to arrays with at least one entry, got {value!r:.60}")
    if most is not None and len(value) > most:
        raise ValueError(f"{name}: expected at most {most} entries, got {len(value)}; draw several pictures")
    return {str(title): panel for title, panel in value.items()}
