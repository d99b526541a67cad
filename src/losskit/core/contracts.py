"""What losses take: each kind of input and target, and how to recognise it from its values."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from losskit.core.arrays import Array, constant, first_true, times

__all__ = [
    "AMOUNTS",
    "BINARY",
    "CLASS_INDICES",
    "COUNTS",
    "DISTANCES",
    "EMBEDDINGS",
    "LABELS",
    "LABEL_SETS",
    "LOGITS",
    "LOG_MEANS",
    "LOG_PROBABILITIES",
    "LOG_PROBABILITY_ROWS",
    "LOG_SCALES",
    "LOG_VARIANCES",
    "OFFSETS",
    "POSITIVE_AMOUNTS",
    "PROBABILITIES",
    "PROBABILITY_ROWS",
    "RATES",
    "REAL_VALUES",
    "RELEVANCE",
    "SCORES",
    "SHARES",
    "SIGNS",
    "VARIANCES",
    "Contract",
    "Violation",
]


@dataclass(frozen=True)
class Violation:
    """Where and how an array breaks a contract."""

    position: tuple[int, ...]
    found: str
    wanted: str


@dataclass(frozen=True)
class Bounds:
    """Between which numbers all values lie; NaN does not.

    Attributes
    ----------
    wanted : str
        The same in words.
    low, high : float
        The numbers, which are allowed themselves.
    above_low : bool
        Whether ``low`` is not allowed.
    of_size : bool
        Whether it is the absolute value that lies between.
    """

    wanted: str
    low: float = -math.inf
    high: float = math.inf
    above_low: bool = False
    of_size: bool = False

    def violation(self, values: Array, xp: ModuleType) -> Violation | None:
        """Find the first value that lies outside."""
        sizes = abs(values) if self.of_size else values
        # Two reductions are the cheap way to "all fine", and NaN makes both comparisons false.
        least = float(xp.min(sizes))
        if (least > self.low if self.above_low else least >= self.low) and (
            float(xp.max(sizes)) <= self.high
        ):
            return None
        inside = (sizes > self.low if self.above_low else sizes >= self.low) & (sizes <= self.high)
        at = first_true(~inside, xp)
        return Violation(at, f"{float(values[at]):g}", self.wanted)


@dataclass(frozen=True)
class Contract:
    """A kind of values that a loss takes.

    Attributes
    ----------
    name : str
        Identifier, as in the catalogue's tables.
    title : str
        The same in words.
    neutral : float
        A value that every loss with this contract computes without trouble; it stands where a
        position takes no part.
    mend : str
        What helps where a value breaks the contract.
    integral : bool
        Whether the values are integers.
    sums_to_one : bool
        Whether each row, along the last axis, is a distribution.
    in_logs : bool
        Whether it is one of log-probabilities.
    bounds : Bounds, optional
        What all values keep to.
    """

    name: str
    title: str
    neutral: float = 0.0
    mend: str = ""
    _violation: Callable[[Array, ModuleType, int], Violation | None] | None = None
    integral: bool = False
    sums_to_one: bool = False
    in_logs: bool = False
    bounds: Bounds | None = None

    def fill(self, array: Array) -> float:
        """Return the neutral value for an array."""
        if self.sums_to_one:
            classes = max(int(array.shape[-1]), 1)
            return -math.log(classes) if self.in_logs else 1 / classes
        return int(self.neutral) if self.integral else self.neutral

    def violation(self, values: Array, xp: ModuleType, *, classes: int = 0) -> Violation | None:
        """Find the first value that breaks the contract; class axes are last.

        Contracts that any real number fulfils, such as logits, have no violations: whether such
        values are *plausible* is a question for a check of a training, not for every call.
        """
        if 0 in values.shape:
            return None
        outside = self.bounds.violation(constant(values), xp) if self.bounds else None
        if outside is not None or self._violation is None:
            return outside
        return self._violation(constant(values), xp, classes)

    def __str__(self) -> str:
        return self.title


# What was rounded to bfloat16 sums to 1 only within its rounding, and has come as float32 by now.
_ROUNDING = 2.0**-8

_UNIT = Bounds("a number in [0, 1]", 0, 1)
_NOT_NEGATIVE = Bounds("a number >= 0", 0)
_POSITIVE = Bounds("a number > 0", 0, above_low=True)
# Logarithms of probabilities that were rounded, or summed in half precision, end near 0.
_LOGARITHM = Bounds("a log-probability <= 0", high=0.01)
_SIGN = Bounds("-1 or 1", 1, 1, of_size=True)


def _outside_classes(values: Array, xp: ModuleType, classes: int) -> Violation | None:
    if int(xp.min(values)) >= 0 and int(xp.max(values)) < classes:
        return None
    at = first_true((values < 0) | (values >= classes), xp)
    return Violation(at, f"{int(values[at])}", f"a class index in [0, {classes})")


def _outside_label_sets(values: Array, xp: ModuleType, classes: int) -> Violation | None:
    if int(xp.min(values)) >= -1 and int(xp.max(values)) < classes:
        return None
    at = first_true((values < -1) | (values >= classes), xp)
    wanted = f"a class index in [0, {classes}), or -1 after the last"
    return Violation(at, f"{int(values[at])}", wanted)


def _not_distributions(values: Array, xp: ModuleType, classes: int) -> Violation | None:
    return _not_summing(values, 1.0, xp)


def _not_log_distributions(values: Array, xp: ModuleType, classes: int) -> Violation | None:
    # Above 0 only by the rounding of a probability of 1; NaN makes the comparison false.
    if not float(xp.max(values)) <= _ROUNDING:
        at = first_true(~(values <= _ROUNDING), xp)
        return Violation(at, f"{float(values[at]):g}", "the logarithm of a probability, so <= 0")
    rows = xp.exp(values)
    # The rounding of a logarithm is relative to it: their mean is the entropy.
    return _not_summing(rows, 1 - xp.sum(times(rows, values, xp), axis=-1), xp)


def _not_summing(rows: Array, slack: Array | float, xp: ModuleType) -> Violation | None:
    total = xp.sum(rows, axis=-1)
    wrong = abs(total - 1) > _ROUNDING * slack
    if not bool(xp.any(wrong)):
        return None
    at = first_true(wrong, xp)
    return Violation(at, f"a row that sums to {float(total[at]):g}", "a row that sums to 1")


def _nan(values: Array, xp: ModuleType, classes: int) -> Violation | None:
    unknown = xp.isnan(values)
    if not bool(xp.any(unknown)):
        return None
    return Violation(first_true(unknown, xp), "nan", "a number")


REAL_VALUES = Contract("RealValues", "real values")
LOG_MEANS = Contract("LogMeans", "logarithms of the predicted mean")
RATES = Contract(
    "Rates",
    "predicted rates >= 0",
    1.0,
    "apply exp or softplus, or use log_input=True",
    bounds=_NOT_NEGATIVE,
)
COUNTS = Contract("Counts", "counts >= 0", 1.0, "mask what is missing", bounds=_NOT_NEGATIVE)
AMOUNTS = Contract("Amounts", "amounts >= 0", 1.0, "mask what is missing", bounds=_NOT_NEGATIVE)
POSITIVE_AMOUNTS = Contract(
    "PositiveAmounts",
    "amounts > 0",
    1.0,
    "where zeros are part of the matter, use Tweedie",
    bounds=_POSITIVE,
)
LOGITS = Contract("Logits", "logits (raw scores, before softmax or sigmoid)")
PROBABILITIES = Contract(
    "Probabilities",
    "probabilities in [0, 1]",
    0.5,
    "apply sigmoid, or use the loss that takes logits",
    bounds=_UNIT,
)
LOG_PROBABILITIES = Contract(
    "LogProbabilities",
    "log-probabilities (after log-softmax)",
    0.0,
    "apply log_softmax to logits, or log to probabilities",
    bounds=_LOGARITHM,
)
CLASS_INDICES = Contract(
    "ClassIndices",
    "class indices in [0, K)",
    0.0,
    "mark what takes no part, such as padding, with ignore_index or a mask",
    _outside_classes,
    integral=True,
)
SCORES = Contract("Scores", "scores of any size")
SIGNS = Contract("Signs", "signs, -1 or 1", 1.0, "turn 0/1 labels into 2 * label - 1", bounds=_SIGN)
BINARY = Contract(
    "Binary",
    "0/1 labels, or probabilities between",
    0.0,
    "code labels as 0 and 1, and leave padding out with a mask",
    bounds=_UNIT,
)
PROBABILITY_ROWS = Contract(
    "ProbabilityRows",
    "one probability per class, summing to 1",
    0.0,
    "divide each row by its sum; for several labels at once use a binary loss per label",
    _not_distributions,
    sums_to_one=True,
    bounds=_UNIT,
)
LOG_PROBABILITY_ROWS = Contract(
    "LogProbabilityRows",
    "one log-probability per class, whose exponentials sum to 1",
    0.0,
    "apply log_softmax, or say that the rows are probabilities",
    _not_log_distributions,
    sums_to_one=True,
    in_logs=True,
)
LABEL_SETS = Contract(
    "LabelSets",
    "class indices in [0, K), with -1 after the last",
    -1.0,
    "fill rows with -1 after their labels",
    _outside_label_sets,
    integral=True,
)
SHARES = Contract(
    "Shares",
    "probabilities in [0, 1], each one share of a distribution",
    0.0,
    "pass probabilities, or their logarithms where the loss takes those",
    bounds=_UNIT,
)
# Not 0, which has no direction; and short enough for distances that take unit balls only.
EMBEDDINGS = Contract("Embeddings", "embeddings, one vector per row", 2.0**-10)
LABELS = Contract("Labels", "integers, the same for what belongs together", 0.0, "", integral=True)
RELEVANCE = Contract(
    "Relevance",
    "grades of relevance >= 0; negative ones mark padding",
    -1.0,
    "mark what is missing with -1 or a mask",
    _nan,
)
VARIANCES = Contract(
    "Variances", "predicted variances >= 0", 1.0, "apply exp or softplus", bounds=_NOT_NEGATIVE
)
LOG_VARIANCES = Contract("LogVariances", "logarithms of variances")
DISTANCES = Contract("Distances", "distances, 0 for what is the same")
LOG_SCALES = Contract("LogScales", "the logarithm of a factor")
OFFSETS = Contract("Offsets", "a number that is added")
