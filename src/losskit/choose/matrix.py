"""What is known of a target with several numbers per example."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losskit.choose.column import robust_deviation

__all__ = ["Matrix"]

Floats = NDArray[np.float64]


@dataclass
class Matrix:
    """What is known of an array, or of several columns of numbers.

    Attributes
    ----------
    shape : tuple of int
        As it came; rows first.
    names : tuple of str
        Of the columns, where it was a table.
    missing : int
        Numbers that are NaN or infinite.
    minimum, maximum : float
        Of the others.
    fractions : int
        Numbers that are no whole ones.
    counts : dict, optional
        Value → how often it occurs; None where there are too many different ones.
    ones : array
        How often each column holds a 1.
    one_hot, sums : int
        Rows with a single 1 and zeros, and rows with the first row's sum.
    sum : float
        That sum.
    repeats : int
        Rows that hold a value twice.
    fill : float, optional
        What rows end with, once or more, and hold nowhere before.
    filled : int
        Rows that end with it.
    fills : int
        Numbers that are such an end.
    sample : array
        Every k-th row.
    """

    shape: tuple[int, ...]
    names: tuple[str, ...] = ()
    missing: int = 0
    minimum: float = math.inf
    maximum: float = -math.inf
    fractions: int = 0
    counts: dict[float, int] | None = field(default_factory=dict)
    ones: Any = None
    one_hot: int = 0
    sum: float = math.nan
    sums: int = 0
    repeats: int = 0
    fill: float | None = None
    filled: int = 0
    fills: int = 0
    sample: Any = None

    @property
    def rows(self) -> int:
        """Examples."""
        return self.shape[0]

    @property
    def width(self) -> int:
        """Numbers per example."""
        return math.prod(self.shape[1:])

    @property
    def whole(self) -> bool:
        """Whether all numbers are whole ones."""
        return self.fractions == 0 and self.maximum >= self.minimum

    @property
    def flags(self) -> bool:
        """Whether all numbers are 0 or 1."""
        return set(self.counts or {2.0: 0}) <= {0.0, 1.0}

    @property
    def spreads(self) -> Floats:
        """Robust standard deviation of each column of the sample."""
        columns = self.sample.reshape(len(self.sample), -1).T
        found = (robust_deviation(np.sort(column[np.isfinite(column)])) for column in columns)
        return np.asarray(list(found))

    @property
    def centres(self) -> Floats:
        """Mean of each column of the sample."""
        columns = self.sample.reshape(len(self.sample), -1).T
        kept = (column[np.isfinite(column)] for column in columns)
        return np.asarray([column.mean() if len(column) else math.nan for column in kept])
