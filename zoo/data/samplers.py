"""Which rows make a batch: the samplers of the metric-learning literature, each a function of (seed, step).

A sampler is given the rows of every class with two samples or more, and answers with the rows of batch i. The same seed
and step give the same batch in any process, so that a resumed run goes on with the batches it would have had.
"""

import functools

import numpy as np

SAMPLERS = ("pk", "m_per_class", "npair", "balanced_filled", "balanced_sample", "facenet")
PER_CLASS = {"npair": 2, "facenet": 40}  # K unless it is given; 8 elsewhere


class Sampler:
    """Draws the rows of batches.

    Args:
        kind: one of `SAMPLERS`; `zoo.data.pk_batches` says what each draws.
        members: the rows of each class, a list of int64 arrays.
        classes: P.
        per_class: K.
        others: rows of other classes, for `"facenet"`.
        rows: number of items, from which others are drawn.
        seed: from 0 to 2^64 - 1.
    """

    def __init__(self, kind, members, classes, per_class, others, rows, seed):
        self.kind, self.members, self.seed, self.rows = kind, members, seed, rows
        self.classes, self.per_class, self.others = classes, per_class, others
        self.size = classes * per_class + others

    def __call__(self, step):
        """Return the rows of batch `step`, int64 [P * K + others]."""
        if self.kind in ("balanced_filled", "balanced_sample"):
            epoch, place = divmod(step, self.steps)
            return self.epoch(epoch)[place * self.size : (place + 1) * self.size]
        rng = random(self.seed, step)
        chosen = rng.choice(len(self.members), self.classes, replace=False)
        rows = np.concatenate([self._draw(rng, self.members[number]) for number in chosen])
        if not self.others:
            return rows
        rest = np.setdiff1d(np.arange(self.rows), np.concatenate([self.members[number] for number in chosen]))
        return np.concatenate([rows, rng.choice(rest, self.others, replace=False)])

    def _draw(self, rng, members):
        """K rows of a class: without repeats where it has so many."""
        if self.kind == "m_per_class":
            return rng.choice(members, self.per_class, replace=len(members) < self.per_class)
        return cycle(rng, members, self.per_class)

    @functools.cached_property
    def steps(self):
        """Batches in an epoch of a balanced sampler; the last, incomplete one is dropped."""
        if self.kind == "balanced_sample":
            rows = sum(min(len(members), self.per_class) for members in self.members)
        else:
            rows = len(self.members) * self._filled()
        return rows // self.size

    def _filled(self):
        """Rows of every class of `"balanced_filled"`: those of the largest, up to whole groups of K."""
        return -(-max(map(len, self.members)) // self.per_class) * self.per_class

    @functools.lru_cache(maxsize=2)  # noqa: B019, a sampler lives as long as its batches
    def epoch(self, number):
        """Return the rows of an epoch of a balanced sampler, group by group."""
        rng = random(self.seed, number)
        if self.kind == "balanced_sample":
            groups = [rng.permutation(members)[: self.per_class] for members in self.members]
        else:
            size = self._filled()
            full = [np.concatenate([rng.permutation(m), rng.choice(m, size - len(m))]) for m in self.members]
            groups = [group for rows in full for group in np.split(rng.permutation(rows), size // self.per_class)]
        return np.concatenate([groups[i] for i in rng.permutation(len(groups))])


def random(seed, step):
    """Return the generator of one batch or epoch."""
    return np.random.Generator(np.random.Philox(key=np.array([seed, step], dtype=np.uint64)))


def cycle(rng, members, count):
    """Draw `count` rows of a class: no repeat if there are enough, else whole rounds and a part of one [count]."""
    rounds = [rng.permutation(members) for _ in range(count // len(members))]
    rest = rng.choice(members, count % len(members), replace=False)
    return np.concatenate([*rounds, rest])
