"""Words that mean alike, found by k-means of word vectors.

Shows   clusters of weekdays, of school, music and game words, printed as lists, the word nearest to the center first.
Time    python recipes/word_clusters.py                              GloVe's 5,050 frequent words, some seconds
        python recipes/word_clusters.py --vectors glove.6B.300d.txt --words 10000
        python recipes/word_clusters.py --vectors model.keras        the word vectors that a caption encoder learnt
Data    --vectors takes glove50, a text file of GloVe or word2vec, a binary file of word2vec, .npz, or a saved model.
Score   see recipes/results/word_clusters.txt

Source: a post that ran k-means on GloVe and found [tuesday, wednesday, monday, ...] and [school, university, college, ...].
"""

import argparse
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import zoo

ASKED = ("tuesday", "school", "music", "game", "won")  # the words of the post's five clusters


def main():
    options = arguments()
    words, vectors = load(options)
    clusters = zoo.neighbors.cluster_words(words, vectors, options.clusters, options.seed)
    about = f"{len(words)} words of {options.vectors}, {vectors.shape[1]} numbers each"
    lines = [f"{about}, {len(clusters)} clusters, seed {options.seed}."]
    lines.append("\nWhere some words went:")
    for word in options.ask:
        found = [cluster for cluster in clusters if word in cluster]
        lines += [f"{word}: {found[0]}" if found else f"{word}: not among the words"]
    lines.append(f"\nThe {options.show} clusters whose words are nearest to their center:")
    lines += [str(cluster) for cluster in clusters[: options.show]]
    print("\n".join(lines))
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    everything = [*lines[: 3 + len(options.ask)], "\nAll clusters:", *map(str, clusters)]
    (out / "clusters.txt").write_text("\n".join(everything) + "\n", encoding="utf-8")
    print(f"\nAll of them: {out / 'clusters.txt'}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", default="glove50", help="glove50, a file of word vectors, or a saved model")
    parser.add_argument("--words", type=int, default=10_000, help="how many of the most frequent words")
    parser.add_argument("--clusters", type=int, help="by default one for 20 words")
    parser.add_argument("--ask", nargs="*", default=ASKED, help="words whose clusters are shown")
    parser.add_argument("--show", type=int, default=20, help="clusters printed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="runs/word_clusters")
    return parser.parse_args()


def load(options):
    """Words and their vectors, of a file or of a model that learnt them."""
    if not options.vectors.endswith(".keras"):
        return zoo.data.load_vectors(options.vectors, limit=options.words)
    model = zoo.load_model(options.vectors)
    text = model.towers["text"] if hasattr(model, "towers") else model
    if not hasattr(text.backbone, "words"):
        raise ValueError(f"--vectors: {options.vectors} has no word vectors; expected a model that reads captions")
    vectors = np.asarray(text.backbone.words.embeddings)[2:]  # behind padding and the unknown word
    return text.frontend.vocabulary[: options.words], vectors[: options.words]


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        raise SystemExit(f"word_clusters.py: {error}") from error
