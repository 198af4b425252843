"""The embedded set keeps its promises: size, own places and patterns in each split, shared words, determinism."""

import collections
import hashlib
import itertools
import os
import string
import subprocess
import sys
import time

import pytest

from zoo.data import SAMPLE_QUERIES, load
from zoo.data.base import SPLITS
from zoo.data.intents import PATTERNS, SIZES, generate, patterns, places

QUERIES = generate()
BY_SPLIT = {split: [query for query in QUERIES if query.split == split] for split in SPLITS}


def test_sizes_and_distinct():
    assert {split: len(rows) for split, rows in BY_SPLIT.items()} == SIZES
    assert len({query.text for query in QUERIES}) == len(QUERIES) >= 4000


def test_intents_and_languages():
    for rows in BY_SPLIT.values():
        assert len({query.intent for query in rows}) == 9
        assert 0.25 < sum(query.intent == "navigation" for query in rows) / len(rows) < 0.35
        assert 0.5 < sum(query.language == "zh" for query in rows) / len(rows) < 0.7
    least = min(collections.Counter(query.intent for query in BY_SPLIT["train"]).values())
    assert least > 200


@pytest.mark.parametrize(("one", "other"), itertools.combinations(SPLITS, 2))
def test_patterns_are_disjoint(one, other):
    used = [{query.template for query in BY_SPLIT[split]} for split in (one, other)]
    assert used[0] and not used[0] & used[1]
    listed = [
        {line for language in PATTERNS for intent in PATTERNS[language] for line in patterns(language, intent, split)}
        for split in (one, other)
    ]
    assert not listed[0] & listed[1]
    assert used[0] == listed[0]  # every pattern occurs


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("one", "other"), itertools.permutations(SPLITS, 2))
def test_no_place_of_one_split_occurs_in_another(language, one, other):
    texts = "\n".join(query.text for query in BY_SPLIT[other] if query.language == language)
    named = {place for query in BY_SPLIT[one] if query.language == language for place in query.places}
    assert len(named) > 50
    assert [place for place in named if place in texts] == []
    stems = [name for part in places(language, one) for name in part]
    assert [name for name in stems if name in texts] == []


def test_places_do_not_give_navigation_away():
    with_place = [query for query in BY_SPLIT["train"] if query.places]
    assert sum(query.intent == "navigation" for query in with_place) / len(with_place) < 0.45
    assert len({query.intent for query in with_place}) == 9


@pytest.mark.parametrize("word", ["去", "到", "怎么", "路", " go", "get ", "how ", "way "])
def test_words_of_the_way_occur_in_several_intents(word):
    for split in ("train", "test"):
        intents = {query.intent for query in BY_SPLIT[split] if word in query.text}
        assert "navigation" in intents and len(intents) >= 3, (split, intents)


def test_queries_are_filled_patterns():
    for query in QUERIES:
        fixed = [part for part, *_ in string.Formatter().parse(query.template)]
        assert all(part in query.text for part in fixed) and "{" not in query.text
        assert all(place in query.text for place in query.places)


def test_sample_queries_are_in_no_split():
    texts = "\n".join(query.text for query in QUERIES)
    for query in (*SAMPLE_QUERIES, "安泰", "高铁东站", "南漳", "涌泉"):
        assert query not in texts


def test_deterministic_across_processes():
    code = "import hashlib; from zoo.data import intents; "
    code += "print(hashlib.sha256(repr(intents.generate()).encode()).hexdigest())"
    seen = set()
    for hash_seed in ("1", "2"):
        environment = dict(os.environ, PYTHONHASHSEED=hash_seed, PYTHONIOENCODING="utf-8")
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        seen.add(done.stdout)
    assert seen == {hashlib.sha256(repr(QUERIES).encode()).hexdigest() + "\n"}


def test_seed_and_sizes():
    few = {"train": 50, "validation": 10, "test": 20}
    one, again, other = generate(3, few), generate(3, few), generate(4, few)
    assert one == again != other
    assert collections.Counter(query.split for query in one) == few


def test_more_than_the_patterns_give(monkeypatch):
    monkeypatch.setattr("zoo.data.intents._query", lambda rng, split: QUERIES[0])
    with pytest.raises(ValueError, match=r"sizes\['train'\]: the patterns give 1 distinct queries, 2 were asked for"):
        generate(0, {"train": 2})


def test_quick():
    begin = time.process_time()
    generate()
    assert time.process_time() - begin < 2


def test_loaded_set():
    data = load("embedded")
    assert data.task == "navigation" and set(data.train.labels) == {"navigation", "other"}
    assert data.train.items.tolist() == [query.text for query in BY_SPLIT["train"]]
    data = load("embedded", task="intent")
    assert data.navigation == {"navigation"} and len(set(data.test.labels)) == 9
    assert data.test.labels.tolist() == [query.intent for query in BY_SPLIT["test"]]
