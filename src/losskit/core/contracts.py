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
    """

    name: str
    title: str
    neutral: float = 0.0
    mend: str = ""
    _violation: Callable[[Array, ModuleType, int], Violation | None] | None = None
    integral: bool = False
    sums_to_one: bool = False
    in_logs: bool = False

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
        if self._violation is None or 0 in values.shape:
            return None
        return self._violation(constant(values), xp, classes)

    def __str__(self) -> str:
        return self.title


# What was rounded to bfloat16 sums to 1 only within its rounding, and has come as float32 by now.
_ROUNDING = 2.0**-8


def _outside_unit(values: Array, xp: ModuleType, classes: int) -> Violation | None:
    # Two reductions are the cheap way to "all fine", and NaN makes both comparisons false.
    if float(xp.min(values)) >= 0 and float(xp.max(values)) <= 1:
        return None
    at = first_true(~((values >= 0) & (values <= 1)), xp)
    return Violation(at, f"{float(values[at]):g}", "a number in [0, 1]")


def _negative(values: Array, xp: ModuleType, classes: int) -> Violation | None:
    if float(xp.min(values)) >= 0:
        return None
    at = first_true(~(values >= 0), xp)
    return Violation(at, f"{float(values[at]):g}", "a number >= 0")


def _positive(values: Array, xp: ModuleType, classes: int) -> Violation | None:
    # Logarithms of probabilities that were rounded, or summed in half precision, end near 0.
    tolerance = 0.01
    if float(xp.max(values)) <= tolerance:
        return None
    at = first_true(~(values <= tolerance), xp)
    return Violation(at, f"{float(values[at]):g}", "a log-probability <= 0")


def _not_positive(values: Array, xp: ModuleType, classes: int) -> Violation | None:
    if float(xp.min(values)) > 0:
        return None
    at = first_true(~(values > 0), xp)
    return Violation(at, f"{float(values[at]):g}", "a number > 0")


def _no_signs(values: Array, xp: ModuleType, classes: int) -> Violation | None:
    wrong = abs(values) != 1
    if not bool(xp.any(wrong)):
        return None
    at = first_true(wrong, xp)
    return Violation(at, f"{float(values[at]):g}", "-1 or 1")


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
    outside = _outside_unit(values, xp, classes)
    return _not_summing(values, 1.0, xp) if outside is None else outside


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
    "Rates", "predicted rates >= 0", 1.0, "apply exp or softplus, or use log_input=True", _negative
)
COUNTS = Contract("Counts", "counts >= 0", 1.0, "mask what is missing", _negative)
AMOUNTS = Contract("Amounts", "amounts >= 0", 1.0, "mask what is missing", _negative)
POSITIVE_AMOUNTS = Contract(
    "PositiveAmounts",
    "amounts > 0",
    1.0,
    "where zeros are part of the matter, use Tweedie",
    _not_positive,
)
LOGITS = Contract("Logits", "logits (raw scores, before softmax or sigmoid)")
PROBABILITIES = Contract(
    "Probabilities",
    "probabilities in [0, 1]",
    0.5,
    "apply sigmoid, or use the loss that takes logits",
    _outside_unit,
)
LOG_PROBABILITIES = Contract(
    "LogProbabilities",
    "log-probabilities (after log-softmax)",
    0.0,
    "apply log_softmax to logits, or log to probabilities",
    _positive,
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
SIGNS = Contract("Signs", "signs, -1 or 1", 1.0, "turn 0/1 labels into 2 * label - 1", _no_signs)
BINARY = Contract(
    "Binary",
    "0/1 labels, or probabilities between",
    0.0,
    "code labels as 0 and 1, and leave padding out with a mask",
    _outside_unit,
)
PROBABILITY_ROWS = Contract(
    "ProbabilityRows",
    "one probability per class, summing to 1",
    0.0,
    "divide each row by its sum; for several labels at once use a binary loss per label",
    _not_distributions,
    sums_to_one=True,
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
    _outside_unit,
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
    "Variances", "predicted variances >= 0", 1.0, "apply exp or softplus", _negative
)
LOG_VARIANCES = Contract("LogVariances", "logarithms of variances")
DISTANCES = Contract("Distances", "distances, 0 for what is the same")
LOG_SCALES = Contract("LogScales", "the logarithm of a factor")
OFFSETS = Contract("Offsets", "a number that is added")
