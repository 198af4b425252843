"""Print what a linear SVM on character 1-3-gram tf-idf reaches on text sets: the floor for every trained model.

    python tools/intent_baselines.py              # the embedded set, which needs no file
    python tools/intent_baselines.py all          # every named set
    python tools/intent_baselines.py clinc150 my.tsv
"""

import argparse
import sys

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import accuracy_score, f1_score
from sklearn.svm import LinearSVC

from zoo import data as zoo_data


def baseline(data):
    """Return accuracy and macro-F1 of the SVM on the test split of a `TextData`, trained on its train split."""
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3))
    model = LinearSVC(random_state=0).fit(vectorizer.fit_transform(data.train.items), data.train.labels.astype(str))
    predicted = model.predict(vectorizer.transform(data.test.items))
    truth = data.test.labels.astype(str)
    return {
        "accuracy": float(accuracy_score(truth, predicted)),
        "macro_f1": float(f1_score(truth, predicted, average="macro")),
    }


def main(arguments=None):
    """Print one line for each set and task."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="*", default=["embedded"], help="names, paths of TSV files, or all")
    chosen = parser.parse_args(arguments).data
    chosen = zoo_data.names() if chosen == ["all"] else chosen
    print(f"{'data':<18} {'task':<11} {'train':>6} {'test':>6} {'accuracy':>9} {'macro-F1':>9}")
    for name in chosen:
        for task in ("intent", "navigation"):
            try:
                data = zoo_data.load(name, task)
            except ValueError as error:
                if not str(error).startswith("task="):
                    raise
                continue  # the set has no navigation queries
            found = baseline(data)
            sizes = f"{len(data.train):>6} {len(data.test):>6}"
            print(f"{name:<18} {task:<11} {sizes} {found['accuracy']:>9.3f} {found['macro_f1']:>9.3f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
