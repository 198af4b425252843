"""Checks and wording shared by every error about a name or a number."""

import difflib
import math
import numbers


def unknown(kind, name, valid):
    """Return the message for an unknown name, with the nearest valid one first.

    Args:
        kind: what the name stands for, for instance `"loss"`.
        name: what the caller gave.
        valid: the names that exist.

    Returns:
        `str`, to be raised in a `ValueError` (or printed by the command line).

    Example:

    >>> unknown("loss", "tripel", ["triplet", "hinge"])
    "unknown loss 'tripel'; did you mean 'triplet'? Valid: hinge, triplet"
    """
    valid = sorted(map(str, valid))
    near = difflib.get_close_matches(str(name), valid, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"unknown {kind} {name!r}{hint} Valid: {', '.join(valid) or 'none'}"


def whole(name, value, low=1):
    """Return `value` as an `int` of at least `low`, or raise `ValueError` naming the argument."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < low:
        raise ValueError(f"{name} must be a whole number of at least {low}, not {value!r}")
    return int(value)


def number(name, value, low=-math.inf, high=math.inf):
    """Return `value` as a finite `float` from `low` up to `high`, or raise `ValueError` naming the argument."""
    if any(base.__module__.endswith("learning_rate_schedule") for base in type(value).__mro__):
        raise ValueError(f"{name} is a schedule: only a model or a LossLayer(loss, schedules={{{name!r}: ...}}) counts steps")
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise ValueError(f"{name} must be a number, not {value!r}")
    if not low <= value <= high:
        raise ValueError(f"{name} must lie between {low} and {high}, not {value!r}")
    return float(value)


def optional_number(name, value):
    """Return `value` as a finite `float`, or None as it is."""
    return None if value is None else number(name, value)


def flag(name, value):
    """Return `value`, which must be True or False, or raise `ValueError` naming the argument."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, not {value!r}")
    return value
