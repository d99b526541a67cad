"""Intervals for means over seeds whose test parts overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

__all__ = ["CONFIDENCE", "Estimate", "estimate"]

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds.

    Parameters
    ----------
    mean
        The mean; NaN where a seed gave no number.
    deviation
        The standard deviation over the seeds; NaN for a single one.
    low, high
        The interval, or NaN where there can be none.
    """

    mean: float
    deviation: float
    low: float
    high: float

    @property
    def has_interval(self) -> bool:
        """Whether the seeds allow an interval."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval says that the mean is not zero."""
        return self.has_interval and (self.low > 0 or self.high < 0)


def estimate(values: Sequence[float], test_to_train: float, comparisons: int = 1) -> Estimate:
    """Estimate a mean by the corrected resampled t interval.

    Runs over several seeds share rows, so their spread says too little; Nadeau and Bengio (2003)
    widen the variance of the mean from ``1 / J`` to ``1 / J + test / train`` of that spread.

    Parameters
    ----------
    values
        One number per seed.
    test_to_train
        Test rows per training row.
    comparisons
        How many such intervals have to hold at once (Bonferroni's correction).

    Returns
    -------
    Estimate
        Without an interval for a single seed, and where the numbers do not vary at all over
        the seeds: then they say nothing of how they would vary (unless all of them are 0, as for
        two runs that came out the same).
    """
    numbers = np.asarray(values, dtype=np.float64)
    mean = float(numbers.mean())
    if not math.isfinite(mean):
        return Estimate(math.nan, math.nan, math.nan, math.nan)
    if len(numbers) < 2:
        return Estimate(mean, math.nan, math.nan, math.nan)
    if not numbers.any():
        return Estimate(0.0, 0.0, 0.0, 0.0)
    deviation = float(numbers.std(ddof=1))
    if math.isclose(deviation, 0.0, abs_tol=1e-12 * float(np.abs(numbers).max())):
        return Estimate(mean, deviation, math.nan, math.nan)
    level = 1 - (1 - CONFIDENCE) / comparisons
    quantile = float(stats.t.ppf((1 + level) / 2, df=len(numbers) - 1))
    half = quantile * deviation * math.sqrt(1 / len(numbers) + test_to_train)
    return Estimate(mean, deviation, mean - half, mean + half)
