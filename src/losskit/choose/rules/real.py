"""A real number."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from losskit.choose.column import Column
from losskit.choose.facts import Evidence, Fact, Reading
from losskit.choose.profile import Profile
from losskit.choose.rules.names import hints
from losskit.choose.rules.rule import Rule
from losskit.choose.rules.shapes import shape_of
from losskit.core import targets
from losskit.core.uses import Sign
from losskit.reporting.wording import number, percent

__all__ = ["FAR", "Real", "outlier_evidence", "outliers", "skewness"]

FAR = 5.0
"""Robust standard deviations from the median; one normal value in two million lies farther."""
FEW = 0.001
"""Share of such values that speaks for a robust loss."""


def outliers(values: np.ndarray, spread: float) -> float:
    """Return the share of values that lie far out."""
    if not len(values) or not spread > 0:
        return 0.0
    return float((np.abs(values - np.median(values)) > FAR * spread).mean())


def skewness(values: np.ndarray) -> float:
    """Return the third standardised moment; 0 where there is no spread."""
    if len(values) < 3 or not values.std() > 0:
        return 0.0
    return float((((values - values.mean()) / values.std()) ** 3).mean())


def outlier_evidence(share: float, what: str = "targets") -> Iterable[Evidence]:
    """Say whether far values are common enough to matter."""
    if share >= FEW:
        yield Evidence(
            Sign.OUTLIERS,
            f"{percent(share)} of the {what} lie over {FAR:g} robust standard deviations from the "
            "median; a normal distribution has one in two million there. What features explain "
            "is no outlier: look at the errors of a first fit.",
            ("outliers",),
        )


class Real(Rule):
    """Anything that numbers can be when nothing says more."""

    kind = targets.REAL
    overrule = "the numbers measure something, and sums and differences of them mean something"

    def read(self, profile: Profile, *, asked: bool = False) -> Reading | None:
        """Take any numbers; the more their values differ, the rather."""
        column = profile.column
        if column is None or column.form != "numbers":
            return None
        why = (
            f"it holds {_values(column)} from {number(column.minimum)} to {number(column.maximum)}"
        )
        return Reading(self.kind, self._weight(column), why, ("distinct", "range"))

    def _weight(self, column: Column) -> float:
        named = hints(column.name)
        if not column.whole:
            return 0.6
        weight = 0.25 + 0.15 * ("real" in named) - 0.3 * ("id" in named)
        shape = shape_of(column)
        if shape is None or shape.codes > 20:
            weight += 0.3
        elif shape.codes < 6:
            weight -= 0.15
        elif column.minimum > 1:
            weight += 0.1
        # Counts and codes begin at 0 or 1; what stays far from there was measured.
        if column.negatives or column.quantile(0.01) > 5:
            weight += 0.25
        return weight

    def signs(self, profile: Profile, reading: Reading) -> Iterable[Evidence]:
        """See whether wild values have to be held."""
        column = profile.column
        if column is not None:
            yield from outlier_evidence(outliers(column.sorted, column.spread))

    def facts(self, profile: Profile, reading: Reading) -> Iterable[Fact]:
        """Say whether the range was cut off."""
        column = profile.column
        if column is None or not column.counts or column.whole or column.distinct < 20:
            return
        for name, edge in (("maximum", column.labels[-1]), ("minimum", column.labels[0])):
            share = column.counts[edge] / column.known
            if share > 0.01 and share * column.distinct > 5:
                yield Fact(
                    f"at_the_{name}",
                    share,
                    f"{percent(share)} of the rows have exactly the {name}, {number(edge)}: were "
                    "values beyond it cut off?",
                )


def _values(column: Column) -> str:
    many = f"{column.distinct:,}" if column.exact else f"about {column.distinct:,}"
    return f"{many} different {'whole numbers' if column.whole else 'numbers'}"


def spread_ratio(column: Column) -> float:
    """Return by what factor the middle nine tenths of positive values differ."""
    low = column.quantile(0.05)
    return column.quantile(0.95) / low if low > 0 else math.inf
