"""Counts."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from losskit.choose.column import Column
from losskit.choose.facts import Fact, Reading
from losskit.choose.profile import Profile
from losskit.choose.rules.names import hints
from losskit.choose.rules.rule import Rule
from losskit.choose.rules.shapes import Shape, hollow, shape_of
from losskit.core import targets
from losskit.reporting.wording import number, percent

__all__ = ["Count"]

TOO_LARGE = 1000
"""Median of what is above 0 from which on whole numbers are rather amounts."""
OVERDISPERSED = 1.5
PER_VALUE = 3
"""Rows per different value below which their shares say nothing."""


class Count(Rule):
    """How many times something happened."""

    kind = targets.COUNT
    overrule = "the numbers say how often something happened, without an upper end"

    def read(self, profile: Profile, *, asked: bool = False) -> Reading | None:
        """Take whole numbers from about 0 on that thin out upwards."""
        column = profile.column
        if column is None or not column.whole or column.minimum < 0:
            return None
        if column.distinct < 3 and not asked:
            return None
        why = (
            f"it holds whole numbers from {column.minimum:g} to {column.maximum:g} that thin out "
            "upwards"
        )
        weight = self._weight(column, shape_of(column))
        return Reading(self.kind, min(weight, 0.95), why, ("range", "dispersion", "zeros"))

    def _weight(self, column: Column, shape: Shape | None) -> float:
        named = hints(column.name)
        weight = 0.3 + 0.4 * ("count" in named) - 0.2 * bool(named & {"real", "amount", "time"})
        # Of whole numbers that are no counts, variance and mean are hardly ever the same.
        dispersion = column.deviation**2 / column.mean if column.mean > 0 else 0.0
        if column.distinct > 8 and 0.7 < dispersion < 1.5:
            weight += 0.25
        else:
            weight += 0.25 * (column.minimum == 0) - 0.15 * (column.minimum > 2)
            weight -= 0.2 * (column.quantile(0.05) > 5) + 0.1 * (column.quantile(0.05) > 20)
        positive = column.sorted[column.sorted > 0]
        if len(positive) and np.median(positive) >= TOO_LARGE:
            weight -= 0.4
        weight -= 0.35 * hollow(column)
        if shape is None:
            return weight + 0.1
        if shape.step > 1:
            return 0.05
        weight += 0.25 * (shape.tail < 0.2) - 0.15 * (shape.tail > 0.45)
        weight += 0.15 * (shape.codes > 12) + 0.1 * (shape.gaps > 0 and shape.codes > 6)
        if column.known < PER_VALUE * shape.codes:
            return weight  # how common each value is, is chance
        # A count has no upper end, so hardly a row is there; evenly common codes are no counts.
        chance = 2 * math.sqrt(0.05 / column.known)
        weight -= 0.35 * (shape.top > 0.05 + chance and shape.codes < 12)
        weight -= 0.2 * (shape.codes == 3 and "count" not in named)
        weight -= 0.3 * (shape.evenness > 0.95 and shape.codes <= 12)
        weight -= 0.15 * (shape.peaks > 2)
        return weight

    def facts(self, profile: Profile, reading: Reading) -> Iterable[Fact]:
        """Compare variance and zeros with a Poisson distribution's."""
        column = profile.column
        if column is None or not column.mean > 0:
            return
        dispersion = column.deviation**2 / column.mean
        yield Fact(
            "dispersion",
            dispersion,
            f"Its variance is {number(dispersion)} times its mean; a Poisson distribution's is "
            "equal to it.",
        )
        expected, share = math.exp(-column.mean), column.zeros / column.known
        if share > 1.5 * expected and share > expected + 0.05:
            yield Fact(
                "excess_zeros",
                share - expected,
                f"{percent(share)} of it is 0; of a Poisson distribution with this mean it would "
                f"be {percent(expected)}.",
            )

    def warnings(self, profile: Profile, reading: Reading) -> Iterable[str]:
        """Say what a Poisson distribution must not be asked for."""
        column = profile.column
        if column is None or not column.mean > 0:
            return
        dispersion = column.deviation**2 / column.mean
        if dispersion > OVERDISPERSED:
            yield (
                f"The counts vary {number(dispersion)} times as much as a Poisson distribution's. "
                "Features explain a part of that. The predicted mean stays right, but read no "
                "intervals from a Poisson distribution; a negative binomial one has room for more."
            )
