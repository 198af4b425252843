"""Wilson's interval and the bootstrap against formulas written out, and the cost of importing the package."""

import math
import subprocess
import sys
import time

import numpy as np
import pytest

from zoo.metrics import Score, bootstrap, wilson
from zoo.metrics.intervals import means


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_against_published_intervals(successes, n, low, high):
    # The four examples of Newcombe 1998, "Two-sided confidence intervals for the single proportion", method 3.
    score = wilson(successes, n)
    assert score.value == successes / n and score.n == n
    assert score.low == pytest.approx(low, abs=6e-5) and score.high == pytest.approx(high, abs=6e-5)


@pytest.mark.parametrize("n", [1, 3, 7, 100, 12345])
def test_wilson_holds_its_value_at_the_ends(n):
    none, every = wilson(0, n), wilson(n, n)
    assert none.low == none.value == 0 < none.high < 1
    assert 0 < every.low < every.value == every.high == 1


def test_wilson_without_items_and_beyond_n():
    assert math.isnan(wilson(0, 0).value) and str(wilson(0, 0)) == "undefined"
    with pytest.raises(ValueError, match="n=3, got 4"):
        wilson(4, 3)


def test_score_prints_its_interval():
    assert str(Score(0.9131, 0.884, 0.936, 10)) == "0.913 [0.884, 0.936]"


def test_bootstrap_equals_a_loop_over_the_same_draws():
    values = np.random.default_rng(1).exponential(size=40)
    drawn = np.random.default_rng(0).integers(0, 40, (1000, 40))
    means = [values[row].mean() for row in drawn]
    score = bootstrap(mean, values)
    assert score.n == 40
    np.testing.assert_allclose(score[:3], [values.mean(), *np.percentile(means, [2.5, 97.5])], rtol=1e-12)


def test_bootstrap_is_close_to_the_normal_interval():
    values = np.random.default_rng(2).normal(3, 2, 2000)
    score = bootstrap(mean, values)
    half = 1.96 * values.std() / math.sqrt(2000)
    assert score.low == pytest.approx(score.value - half, abs=0.15 * half)
    assert score.high == pytest.approx(score.value + half, abs=0.15 * half)


def test_bootstrap_draws_depend_on_the_seed_only():
    values = np.random.default_rng(3).normal(size=50)
    assert bootstrap(mean, values) == bootstrap(mean, values, seed=0) != bootstrap(mean, values, seed=1)


def test_bootstrap_in_blocks_equals_one_block(monkeypatch):
    values = np.random.default_rng(4).normal(size=30)
    whole = bootstrap(mean, values)
    monkeypatch.setattr("zoo.metrics.intervals._BLOCK", 30 * 7)
    assert bootstrap(mean, values) == pytest.approx(whole, rel=1e-12)


def test_bootstrap_without_items_and_with_unlike_lengths():
    assert math.isnan(bootstrap(mean, np.array([])).value)
    with pytest.raises(ValueError, match=r"\[2, 3\]"):
        bootstrap(lambda weights, a, b: weights[:, 0], np.ones(2), np.ones(3))


def test_import_loads_nothing_heavy():
    code = (
        "import sys, zoo.metrics, zoo.neighbors; dir(zoo.metrics);"
        "print([m for m in ('numpy', 'sklearn', 'scipy', 'keras', 'tensorflow') if m in sys.modules]);"
        "[getattr(package, name) for package in (zoo.metrics, zoo.neighbors) for name in package.__all__];"
        "print([m for m in ('sklearn', 'keras', 'tensorflow') if m in sys.modules])"
    )
    start = time.perf_counter()
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.split("\n")[:2] == ["[]", "[]"]
    assert time.perf_counter() - start < 20


def test_functions_stay_functions_after_every_submodule_is_loaded():
    code = (
        "import importlib, pkgutil, zoo.metrics, zoo.neighbors\n"
        "for package in (zoo.metrics, zoo.neighbors):\n"
        "    for module in pkgutil.iter_modules(package.__path__):\n"
        "        importlib.import_module(package.__name__ + '.' + module.name)\n"
        "    for name in package.__all__:\n"
        "        assert type(getattr(package, name)).__name__ != 'module', name\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def mean(weights, values):
    return weights @ values / weights.sum(axis=1)


def test_means_of_several_arrays_have_the_intervals_of_the_bootstrap():
    arrays = np.random.default_rng(0).uniform(size=(2, 50))
    for found, array in zip(means(*arrays, seed=3), arrays, strict=True):
        np.testing.assert_allclose(found, bootstrap(mean, array, seed=3))
    assert np.isnan(means(np.zeros(0), np.zeros(0))[1].value)
