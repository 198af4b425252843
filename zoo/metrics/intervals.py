"""A figure and its 95 % confidence interval: Wilson for proportions, percentile bootstrap for the rest."""

import itertools
import math
import statistics
from typing import NamedTuple

import numpy as np

_BLOCK = 1 << 21  # resample weights held at once, 16 MiB


class Score(NamedTuple):
    """A figure, the bounds of its 95 % confidence interval, and the number of items it stands on.

    A figure that the data cannot give (no item, one class only) is nan, never 0.
    """

    value: float
    low: float
    high: float
    n: int

    def __str__(self):
        if math.isnan(self.value):
            return "undefined"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def undefined(n):
    """Return the score of a figure that the data cannot give."""
    return Score(math.nan, math.nan, math.nan, int(n))


def wilson(successes, n):
    """Return the share of successes with Wilson's score interval.

    The interval is not empty for 0 or n successes, and never leaves [0, 1].

    Args:
        successes: how many of the items succeeded, 0 to n.
        n: how many items there are; 0 gives nan.

    Returns:
        `Score`.

    Example:

    >>> str(wilson(1, 8))
    '0.125 [0.022, 0.471]'

    Reference: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    if not 0 <= successes <= n:
        raise ValueError(f"successes must lie between 0 and n={n}, got {successes}.")
    if n == 0:
        return undefined(0)
    z = statistics.NormalDist().inv_cdf(0.975)
    share = successes / n
    center = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # Rounding may leave the share of 0 or n successes outside its own interval by one bit.
    return Score(float(share), max(0.0, min(center - half, share)), min(1.0, max(center + half, share)), int(n))


def bootstrap(statistic, *arrays, resamples=1000, seed=0):
    """Return a statistic with the percentile interval of its values on resampled items.

    A resample is a row of weights: how often each item was drawn. So the statistic is computed on many resamples
    at once and nothing is copied. A resample on which it is nan (one class was not drawn) is left out.
    The interval of a figure that is the same on every item has no width: it says nothing about items not seen.

    Args:
        statistic: function (weights [B, N], *arrays) -> values [B].
        *arrays: the items, each of length N.
        resamples: how many are drawn.
        seed: of the draws; the same seed draws the same items for every statistic.

    Returns:
        `Score`; nan where the statistic of the items themselves is nan.

    Example:

    >>> mean = lambda weights, values: weights @ values / weights.sum(axis=1)
    >>> bootstrap(mean, np.array([0.0, 1.0, 1.0, 1.0])).value
    0.75
    """
    arrays = [np.asarray(array) for array in arrays]
    lengths = [len(array) for array in arrays]
    if not arrays or len(set(lengths)) != 1:
        raise ValueError(f"bootstrap needs arrays of one length, got lengths {lengths}.")
    n = lengths[0]
    if n == 0:
        return undefined(0)
    value = float(statistic(np.ones((1, n)), *arrays)[0])
    if math.isnan(value):
        return undefined(n)
    drawn = np.concatenate([statistic(weights, *arrays) for weights in _draws(n, resamples, seed)])
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Score(value, float(low), float(high), n)


def means(*arrays, resamples=1000, seed=0):
    """Return a `Score` for the mean of each array [N]: those of `bootstrap`, from one set of draws."""
    n = len(arrays[0])
    if n == 0:
        return [undefined(0) for _ in arrays]
    # Two numbers as one complex are gathered and added together, a resample at a time in the processor's cache.
    values = [np.asarray(a) + 1j * b for a, b in itertools.zip_longest(arrays[::2], arrays[1::2], fillvalue=0)]
    held = np.empty(n, np.complex128)
    sums = [[value.take(items, out=held, mode="clip").sum() for value in values] for items in _items(n, resamples, seed)]
    drawn = np.array(sums).view(np.float64)[:, : len(arrays)] / n
    bounds = np.percentile(drawn, [2.5, 97.5], axis=0)
    return [Score(float(array.mean()), *map(float, bound), n) for array, bound in zip(arrays, bounds.T, strict=True)]


def _draws(n, resamples, seed):
    """Yield blocks of weights [B, n]: how often each item is in a resample."""
    items = _items(n, resamples, seed)
    while weights := [np.bincount(one, minlength=n) for one in itertools.islice(items, max(1, _BLOCK // n))]:
        yield np.array(weights, np.float64)


def _items(n, resamples, seed):
    """Yield n draws of n items with replacement [n], for each resample.

    32 random bits times n, shifted: half the time of numpy's `integers`, which draws again where an item would be
    likelier than another by up to n / 2^32. That is nothing beside what 1,000 resamples can tell.
    """
    bits = np.random.PCG64(seed)
    for _ in range(resamples):
        words = bits.random_raw(-(-n // 2)).astype("<u8").view("<u4")[:n]
        yield (words.astype(np.uint64) * np.uint64(n) >> np.uint64(32)).view(np.int64)
