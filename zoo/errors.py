"""Wording shared by every error about a name that does not exist."""

import difflib


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
