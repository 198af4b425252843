"""How well the nearest rows share the class of a query: recall@k, MAP@R, R-precision."""

import warnings

import numpy as np

from zoo.metrics.intervals import means, wilson
from zoo.metrics.labels import codes
from zoo.metrics.report import Report
from zoo.neighbors.counting import ranks
from zoo.neighbors.exact import check_rows


def retrieval(embeddings, labels, gallery=None, gallery_labels=None, k=(1,), distance="cosine", seed=0):
    """Measure retrieval, exactly and in bounded memory.

    Without a gallery every row is a query to all others; its own row is left out by index, never by rank or by
    similarity, so a duplicate of it counts as any other row. With a gallery nothing is left out.
    Equal similarities are ordered by gallery index, lower first.

    A query has R positives: the rows it may find that share its class. With rank i counted from 1:

        recall@k     share of the queries with R > 0 that have a positive among the k nearest
        recall@k_all the same count over all queries: one without a positive is a miss
        map@r        mean over queries with R > 0 of (1/R) sum over i <= R of [i hits] (hits up to i) / i
        r_precision  mean over queries with R > 0 of (hits up to R) / R

    Args:
        embeddings: the queries [N, D].
        labels: their classes, integers or strings [N].
        gallery: rows to search [M, D], or None for the queries themselves.
        gallery_labels: their classes [M].
        k: number or numbers of neighbors, each at most the rows that a query may find.
        distance: `"cosine"`, `"dot"`, `"euclidean"` or `"squared_euclidean"`.
        seed: of the bootstrap over queries (map@r, r_precision); recall has Wilson's interval.

    Returns:
        `Report` (a dict of `Score`). `info`: queries, singletons (queries with R = 0), classes, gallery
        (its size), classes_only_in_queries, and ties where equal similarities matter: the lowest and the highest value
        that a recall could take in another order of them. Where no query has a positive the figures are nan, with a warning.

    Raises:
        ValueError: lengths that differ, k beyond the gallery, rows that are not finite.

    Example:

    >>> print(retrieval([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]], ["a", "a", "b"])["recall@1"])
    1.000 [0.342, 1.000]

    Reference: Musgrave, Belongie, Lim 2020, "A metric learning reality check" (MAP@R, R-precision).
    """
    if (gallery is None) != (gallery_labels is None):
        raise ValueError("gallery and gallery_labels belong together; give both or neither.")
    alone = gallery is None
    queries = check_rows(embeddings, "embeddings")
    if len(queries) == 0:
        raise ValueError("embeddings has no rows; give at least one query.")
    rows, name = (queries, "embeddings") if alone else (check_rows(gallery, "gallery"), "gallery")
    if queries.shape[1] != rows.shape[1]:
        raise ValueError(
            f"embeddings have {queries.shape[1]} dimensions but gallery has {rows.shape[1]}; both must come from the same model."
        )
    if alone:
        (query_class,), classes = codes(labels=labels)
        gallery_class = query_class
    else:
        (query_class, gallery_class), classes = codes(labels=labels, gallery_labels=gallery_labels)
        check_length(gallery_class, "gallery_labels", rows, "gallery")
    check_length(query_class, "labels", queries, "embeddings")
    ks = _check_k(k, len(rows) - alone, name)
    places = ranks(queries, rows, query_class, gallery_class, np.arange(len(rows)) if alone else None, distance)
    asked = places.first >= 0  # queries with R > 0
    found = int(np.count_nonzero(asked))
    if not found:
        warnings.warn("no query has a positive: recall@k, map@r and r_precision are undefined (nan)", stacklevel=2)
    report, ties = Report(), {}
    for number in ks:
        hits, low, high = (np.count_nonzero(x[asked] < number) for x in (places.first, places.most, places.fewest))
        report[f"recall@{number}"] = wilson(hits, found)
        if low < high:
            ties[f"recall@{number}"] = (round(low / found, 4), round(high / found, 4))
    for number in ks:
        report[f"recall@{number}_all"] = wilson(int((places.first[asked] < number).sum()), len(queries))
    report["map@r"], report["r_precision"] = means(places.average[asked], places.precision[asked], seed=seed)
    report.info = {
        "queries": len(queries),
        "singletons": len(queries) - found,
        "classes": len(classes),
        "gallery": len(rows),
        "classes_only_in_queries": int(np.count_nonzero(np.bincount(gallery_class, minlength=len(classes)) == 0)),
    }
    if ties:
        report.info["ties"] = ties
    return report


def check_length(labels, label_name, rows, row_name):
    """Raise a ValueError where there is not one label for each row."""
    if len(labels) != len(rows):
        raise ValueError(f"{label_name} has {len(labels)} entries but {row_name} has {len(rows)}; give one for each.")


def _check_k(k, available, name):
    """The numbers of neighbors as a sorted list."""
    ks = sorted({int(number) for number in np.atleast_1d(k)})
    if not ks or ks[0] < 1 or ks[-1] > available:
        raise ValueError(
            f"k={k} but a query finds {available} rows in {name}; every k must lie between 1 and that number."
        )
    return ks
