"""Amounts: positive numbers whose errors are relative, with and without exact zeros."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from losskit.choose.column import Column, robust_deviation
from losskit.choose.facts import Evidence, Reading
from losskit.choose.profile import Profile
from losskit.choose.rules.names import hints
from losskit.choose.rules.real import outlier_evidence, outliers, skewness, spread_ratio
from losskit.choose.rules.rule import Rule
from losskit.choose.rules.shapes import hollow
from losskit.core import targets
from losskit.core.uses import Sign
from losskit.reporting.wording import number, percent

__all__ = ["Amount", "AmountWithZeros"]

WIDE = 5.0
"""Factor between the 5 % and the 95 % quantile from which on errors are rather relative."""
SYMMETRIC = 0.7
"""Skewness up to which the logarithm counts as symmetric."""
FEW_ZEROS = 0.01
"""Share of zeros from which on they are part of the matter."""
LARGE = 1000
"""Median from which on whole numbers are amounts rather than counts."""


class Amount(Rule):
    """Prices, incomes, sizes: above 0, and spread over orders of magnitude."""

    kind = targets.AMOUNT
    overrule = "all values are positive, and being off by 10 % is as bad for a small as a large one"

    def read(self, profile: Profile, *, asked: bool = False) -> Reading | None:
        """Take positive numbers that a logarithm makes more even."""
        column = profile.column
        if column is None or column.form != "numbers" or not column.minimum > 0:
            return None
        weight = _skew_weight(column, column.sorted) + 0.15 * ("amount" in hints(column.name))
        ratio = spread_ratio(column)
        why = (
            f"it is positive throughout, and the middle nine tenths of it differ by a factor of "
            f"{number(ratio)}"
        )
        return Reading(self.kind, min(weight, 0.95), why, ("range", "log_skewness", "skewness"))

    def signs(self, profile: Profile, reading: Reading) -> Iterable[Evidence]:
        """See how the logarithm lies."""
        column = profile.column
        if column is None or not column.minimum > 0:
            return
        logs = np.log(column.sorted)
        lean = skewness(logs)
        if abs(lean) <= SYMMETRIC:
            yield Evidence(
                Sign.LOG_SYMMETRIC,
                f"Its logarithm is about symmetric: skewness {number(lean)}, against "
                f"{number(skewness(column.sorted))} as it is.",
                ("log_skewness", "skewness"),
            )
        share = outliers(logs, robust_deviation(logs))
        yield from outlier_evidence(share, "targets' logarithms")


class AmountWithZeros(Rule):
    """Claims, rain, spending: nothing for many, and a skewed amount for the rest."""

    kind = targets.AMOUNT_WITH_ZEROS
    overrule = "0 means that nothing happened, and the other values are amounts"

    def read(self, profile: Profile, *, asked: bool = False) -> Reading | None:
        """Take numbers from 0 on with a pile at 0 and a skewed rest."""
        column = profile.column
        if column is None or column.form != "numbers" or column.minimum != 0:
            return None
        share = column.zeros / column.known
        positive = column.sorted[column.sorted > 0]
        if not asked and (len(positive) < 3 or share < FEW_ZEROS):
            return None
        weight = _skew_weight(column, positive)
        if not column.whole:
            weight = max(weight, 0.45) + 0.25 * (share >= 0.05)
        elif hollow(column):
            weight += 0.5
        why = f"{percent(share)} of it is exactly 0, and the rest is positive"
        return Reading(self.kind, min(weight, 0.95), why, ("zeros", "range"))


def _skew_weight(column: Column, positive: np.ndarray) -> float:
    """How much speaks for relative errors: skew that a logarithm takes away, and a wide range."""
    if column.whole and column.distinct < 20:
        return 0.05
    skewed, lean = skewness(positive), skewness(np.log(positive))
    low, high = np.quantile(positive, [0.05, 0.95])
    weight = 0.2
    if skewed > 0.8 and abs(lean) < 0.75 * skewed:
        weight += 0.2 + 0.3 * (high / low >= WIDE)
    if high / low >= 4 * WIDE:
        weight += 0.2
    if column.whole:
        weight += 0.2 if float(np.median(positive)) >= LARGE else -0.1
        weight -= 0.2 * ("count" in hints(column.name))
    return weight
