"""What is known of a column of a target."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Column", "robust_deviation"]

Form = Literal["numbers", "labels", "times"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Column:
    """What is known of a column.

    Attributes
    ----------
    name : str
        Its name.
    form : {"numbers", "labels", "times"}
        What it holds.
    rows, missing, infinite : int
        All rows; those without a value or with NaN; those with an infinite one.
    distinct : int
        Different values.
    exact : bool
        Whether ``distinct`` was counted, and not estimated.
    counts : dict, optional
        Value → rows, in the values' order; None where there are too many.
    sample : array
        Finite numbers of every k-th row, in the rows' order; empty for labels.
    texts : tuple of str
        Labels of every k-th row; empty for numbers.
    minimum, maximum, mean, deviation : float
        Of the finite numbers.
    zeros, negatives, fractions : int
        Rows with exactly 0, below 0, and that are no whole numbers.
    ordered : bool
        Whether the data say that the labels have an order.
    boolean : bool
        Whether the values were true and false.
    odd : tuple of str
        Cells of a column of numbers that hold none.
    written : str
        A number as its cell has it, where that is not how programs write numbers.
    marked : float, optional
        A number that was taken for "missing".
    marks : int
        Rows with it, which count as missing.
    rounded : bool
        Whether there are whole numbers beyond those that a float holds.
    """

    name: str
    form: Form
    rows: int
    missing: int
    infinite: int = 0
    distinct: int = 0
    exact: bool = True
    counts: dict[Any, int] | None = None
    sample: Floats = field(default_factory=lambda: np.empty(0))
    texts: tuple[str, ...] = ()
    minimum: float = math.nan
    maximum: float = math.nan
    mean: float = math.nan
    deviation: float = math.nan
    zeros: int = 0
    negatives: int = 0
    fractions: int = 0
    ordered: bool = False
    boolean: bool = False
    odd: tuple[str, ...] = ()
    written: str = ""
    rounded: bool = False
    marked: float | None = None
    marks: int = 0

    @property
    def known(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing - self.infinite

    @property
    def whole(self) -> bool:
        """Whether all values are whole numbers."""
        return self.form == "numbers" and self.known > 0 and self.fractions == 0

    @property
    def sampled(self) -> bool:
        """Whether the sample leaves rows out."""
        return len(self.sample) < self.known

    @cached_property
    def sorted(self) -> Floats:
        """The sample in ascending order."""
        return np.sort(self.sample)

    def quantile(self, share: float) -> float:
        """Return the value below which a share of the sample lies."""
        return float(np.quantile(self.sorted, share)) if len(self.sorted) else math.nan

    @cached_property
    def median(self) -> float:
        """Middle of the sample."""
        return self.quantile(0.5)

    @cached_property
    def spread(self) -> float:
        """Robust standard deviation."""
        return robust_deviation(self.sorted)

    @property
    def labels(self) -> list[Any]:
        """The different values, in their order; empty where there are too many."""
        return list(self.counts or ())

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows of each of the different values."""
        return np.asarray(list((self.counts or {}).values()), dtype=np.int64)


def robust_deviation(values: Floats) -> float:
    """Estimate the standard deviation by the median absolute deviation, or what is left of it.

    Where more than half of the values are the same, the interquartile range and in the end the
    standard deviation itself stand in.
    """
    if not len(values):
        return math.nan
    scale = 1.4826 * float(np.median(np.abs(values - np.median(values))))
    if scale <= 0:
        low, high = np.quantile(values, [0.25, 0.75])
        scale = float(high - low) / 1.349
    return scale if scale > 0 else float(np.std(values))
