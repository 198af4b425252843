"""The embedded set: queries to a voice assistant, in Chinese and English, that this file writes itself.

Nine intents, one of them navigation. A query is a pattern of `intent_patterns_zh.py` or `intent_patterns_en.py` filled
with words of `intent_words.py`, now and then with a few words before or after it that say nothing. Everything is ours:
no licence, no download. The splits test what a model should have learnt:

- train, validation and test each have places of their own: no place of one split occurs in a text of another;
- each has patterns of its own: a test query is worded as no training query is;
- places and the words of the way (去, 到, 怎么; go, get, how) occur in every intent.

The same seed gives the same rows on every machine.
"""

import random
import typing

from zoo.data import intent_patterns_en, intent_patterns_zh
from zoo.data import intent_words as words
from zoo.data.base import SPLITS

PATTERNS = {"zh": intent_patterns_zh.PATTERNS, "en": intent_patterns_en.PATTERNS}

# The queries of the post that this project began with. Their places are in no split.
SAMPLE_QUERIES = ("去安泰小区怎么走", "导航到高铁东站", "我要去南漳涌泉")

SIZES = {"train": 3200, "validation": 700, "test": 1800}
NAVIGATION_SHARE = 0.3
CHINESE_SHARE = 0.6


class Query(typing.NamedTuple):
    """One generated query and what it is made of."""

    split: str
    intent: str
    language: str
    template: str
    places: tuple
    text: str


def generate(seed=0, sizes=None):
    """Write the embedded set.

    Args:
        seed: any integer; the named set `embedded` has 0.
        sizes: dict of split to number of queries; by default `SIZES`.

    Returns:
        list of `Query`, no text twice, split by split in random order of intents.
    """
    rng = random.Random(seed)
    seen, queries = set(), []
    for split in SPLITS:
        wanted, count = dict(SIZES, **(sizes or {}))[split], 0
        for attempt in range(50 * wanted + 100):
            if count == wanted:
                break
            query = _query(rng, split)
            if query.text not in seen:
                seen.add(query.text)
                queries.append(query)
                count += 1
        else:
            raise ValueError(f"sizes[{split!r}]: the patterns give {count} distinct queries, {wanted} were asked for")
    return queries


def places(language, split):
    """Return the stems and cities that only this split has."""
    return words.STEMS[language][split].split(), _list(words.CITIES[language][split])


def patterns(language, intent, split):
    """Return the sentence patterns of an intent that only this split has."""
    return [line.strip() for line in PATTERNS[language][intent][split].strip().splitlines()]


def _query(rng, split):
    """Draw one query: intent, language, pattern, words."""
    language = "zh" if rng.random() < CHINESE_SHARE else "en"
    others = [name for name in PATTERNS[language] if name != "navigation"]
    intent = "navigation" if rng.random() < NAVIGATION_SHARE else rng.choice(others)
    template = rng.choice(patterns(language, intent, split))
    filled = {slot: rng.choice(_list(values)) for slot, values in words.WORDS[language].items()}
    filled |= {slot: _place(rng, language, split) for slot in ("place", "place2")}
    used = tuple(filled[slot] for slot in ("place", "place2") if f"{{{slot}}}" in template)
    before, after = (rng.choice(part[language].split("|")) for part in (words.BEFORE, words.AFTER))
    return Query(split, intent, language, template, used, before + template.format(**filled) + after)


def _place(rng, language, split):
    """Draw a place: mostly a stem with a kind, else a city, or both."""
    stems, cities = places(language, split)
    stem, city = rng.choice(stems), rng.choice(cities)
    named = stem + ("" if language == "zh" else " ") + rng.choice(_list(words.KINDS[language]))
    both = city + stem if language == "zh" else f"{stem} in {city}"
    return rng.choices((named, city, both), weights=(6, 3, 1))[0]


def _list(values):
    """Split a word list: on bars where words may hold spaces, on spaces elsewhere."""
    return values.split("|") if "|" in values else values.split()
