"""Intervals against an independent computation."""

import math
import statistics

import numpy as np
import pytest
from scipy import stats

from losskit.reporting.statistics import estimate


def test_interval_is_nadeau_and_bengios() -> None:
    # By hand: mean 3, deviation sqrt(2.5), t(4 degrees, 97.5 %) = 2.776445 from the printed table.
    found = estimate([1.0, 2.0, 3.0, 4.0, 5.0], 1 / 3)
    half = 2.776445 * math.sqrt((1 / 5 + 1 / 3) * 2.5)
    assert found.mean == 3
    assert found.deviation == pytest.approx(math.sqrt(2.5))
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half), rel=1e-6)


def test_interval_without_overlap_is_the_ordinary_t_interval() -> None:
    values = [0.3, 0.1, 0.7, 0.4]
    low, high = stats.t.interval(
        0.95, 3, loc=statistics.mean(values), scale=statistics.stdev(values) / 2
    )
    found = estimate(values, 0.0)
    assert (found.low, found.high) == pytest.approx((low, high))


def test_bonferroni_widens_the_interval() -> None:
    values = [0.3, 0.1, 0.7, 0.4]
    found = estimate(values, 0.25, comparisons=4)
    quantile = stats.t.ppf(1 - 0.05 / 4 / 2, 3)
    half = quantile * statistics.stdev(values) * math.sqrt(1 / 4 + 0.25)
    assert found.high - found.mean == pytest.approx(half)


def test_correction_holds_its_level_where_the_ordinary_interval_does_not() -> None:
    # Means over overlapping test parts of one sample: the very case that it is for.
    draw = np.random.default_rng(0)
    missed = {"corrected": 0, "ordinary": 0}
    for _ in range(300):
        sample = draw.normal(size=60)
        means = [float(draw.permutation(sample)[:30].mean()) for _ in range(8)]
        for name, overlap in (("corrected", 1.0), ("ordinary", 0.0)):
            missed[name] += estimate(means, overlap).excludes_zero
    assert missed["corrected"] < 0.1 * 300 < missed["ordinary"]


@pytest.mark.parametrize("values", [[0.5], [0.2, 0.2, 0.2], [0.1, math.nan]])
def test_no_interval_where_the_seeds_do_not_allow_one(values: list[float]) -> None:
    found = estimate(values, 1 / 3)
    assert not found.has_interval
    assert not found.excludes_zero


def test_runs_that_came_out_the_same_differ_by_nothing() -> None:
    found = estimate([0.0, 0.0, 0.0], 1 / 3)
    assert (found.mean, found.low, found.high) == (0, 0, 0)
    assert not found.excludes_zero
