"""Words that mean alike, as clusters of their vectors."""

import numpy as np

from zoo import errors

WORDS_A_CLUSTER = 20  # on average, where the number of clusters is not given


def cluster_words(words, vectors, clusters=None, seed=0):
    """Group words by k-means of their vectors, which are brought to unit length first.

    Args:
        words: `str` [V].
        vectors: floats [V, D].
        clusters: how many; by default one for 20 words, 500 for 10,000.
        seed: of the start; the same seed gives the same clusters.

    Returns:
        List of lists of `str`: the words of each cluster, the nearest to its center first; the clusters whose words are
        nearest to their center first. Words with a vector of zeros are left out.

    Raises:
        ValueError: lengths that differ, or more clusters than words.

    Example:

    >>> words = ["monday", "friday", "sunday", "red"]
    >>> cluster_words(words, [[2, 0], [4, 1], [5, 3], [0, 1]], clusters=2)
    [['friday', 'monday', 'sunday'], ['red']]

    Reference: Sculley 2010, Web-scale k-means clustering.
    """
    from sklearn.cluster import MiniBatchKMeans

    vectors = np.asarray(vectors, "float64")
    if vectors.ndim != 2 or len(vectors) != len(words):
        raise ValueError(f"vectors must be numbers [{len(words)}, D], a row a word, not {vectors.shape}")
    length = np.linalg.norm(vectors, axis=1)
    kept = np.flatnonzero(length > 0)
    vectors = vectors[kept] / length[kept, None]
    clusters = max(1, round(len(kept) / WORDS_A_CLUSTER)) if clusters is None else errors.whole("clusters", clusters)
    if clusters > len(kept):
        raise ValueError(f"clusters={clusters}, but there are {len(kept)} words")
    means = MiniBatchKMeans(clusters, random_state=seed, n_init=3, batch_size=4096).fit(vectors)
    found = []
    for number in np.unique(means.labels_):
        rows = np.flatnonzero(means.labels_ == number)
        # Its mean: the centers of small batches lag behind.
        distance = np.linalg.norm(vectors[rows] - vectors[rows].mean(axis=0), axis=1)
        found.append((distance.mean(), [words[kept[row]] for row in rows[np.argsort(distance, kind="stable")]]))
    # A word alone is its own center; that says nothing.
    return [names for _, names in sorted(found, key=lambda pair: (len(pair[1]) < 2, pair[0]))]
