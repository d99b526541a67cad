"""What is measured on held-out rows, whichever loss was trained."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from sklearn import metrics as sk
from torchmetrics.functional.classification import (
    binary_calibration_error,
    multiclass_calibration_error,
)

from losskit.compare.errors import CompareError
from losskit.compare.task import Task
from losskit.reporting.arrays import Floats, Ints
from losskit.reporting.errors import closest
from losskit.reporting.statistics import Estimate

__all__ = ["BINS", "METRICS", "Metric", "default_metric", "find_metric", "measure", "recalls"]

BINS = 10
"""Bins of the calibration error."""


@dataclass(frozen=True)
class Metric:
    """One measure of predictions.

    Parameters
    ----------
    name
        Identifier, as on the command line.
    title
        The name in words, as it stands within a sentence.
    better
        ``"higher"`` or ``"lower"``.
    meaning
        What it says, in one sentence.
    function
        Of the true values and the predictions: values for a regression; for a classification
        class numbers and the probability of each class.
    in_target_unit
        Whether it is in the target's unit, rather than a share or a pure number.
    lowest, highest
        What it can be.
    """

    name: str
    title: str
    better: Literal["higher", "lower"]
    meaning: str
    function: Callable[[Floats, Floats], float]
    in_target_unit: bool = False
    lowest: float = 0.0
    highest: float = 1.0

    def __call__(self, truth: Floats | Ints, predicted: Floats) -> float:
        """Measure; NaN where the metric is not defined, or a prediction is not finite."""
        if not np.isfinite(predicted).all():
            return math.nan
        return float(self.function(truth, predicted))  # type: ignore[arg-type]

    def within(self, found: Estimate) -> Estimate:
        """Cut an interval off where the metric ends, as no truth can lie beyond."""
        return (
            replace(found, low=max(found.low, self.lowest), high=min(found.high, self.highest))
            if found.has_interval
            else found
        )

    def improvement(self, difference: float) -> float:
        """Turn a difference into one where positive is better."""
        return difference if self.better == "higher" else -difference


def _guess(probabilities: Floats) -> Ints:
    guess: Ints = probabilities.argmax(axis=1)
    return guess


def _area(truth: Floats, probabilities: Floats) -> float:
    classes = probabilities.shape[1]
    if len(np.unique(truth)) < classes:
        return math.nan
    if classes == 2:
        return float(sk.roc_auc_score(truth, probabilities[:, 1]))
    return float(sk.roc_auc_score(truth, probabilities, multi_class="ovr", average="macro"))


def _log_loss(truth: Floats, probabilities: Floats) -> float:
    return float(sk.log_loss(truth, probabilities, labels=range(probabilities.shape[1])))


def _brier(truth: Floats, probabilities: Floats) -> float:
    # Halved, so that it is the familiar (p - y)^2 for two classes, and in [0, 1] for any number.
    labels = list(range(probabilities.shape[1]))
    return float(sk.brier_score_loss(truth, probabilities, labels=labels, scale_by_half=True))


def _calibration(truth: Floats, probabilities: Floats) -> float:
    labels = torch.as_tensor(truth, dtype=torch.int64)
    if probabilities.shape[1] == 2:
        scores = torch.as_tensor(probabilities[:, 1].copy())
        return float(binary_calibration_error(scores, labels, n_bins=BINS))
    return float(
        multiclass_calibration_error(
            torch.as_tensor(probabilities), labels, probabilities.shape[1], n_bins=BINS
        )
    )


_REGRESSION = (
    Metric(
        "mae",
        "mean absolute error",
        "lower",
        "By how much a prediction is off, on average.",
        sk.mean_absolute_error,
        True,
        highest=math.inf,
    ),
    Metric(
        "rmse",
        "root mean squared error",
        "lower",
        "The same, but large errors count more.",
        sk.root_mean_squared_error,
        True,
        highest=math.inf,
    ),
    Metric(
        "median_ae",
        "median absolute error",
        "lower",
        "Half of the predictions are off by less than this.",
        sk.median_absolute_error,
        True,
        highest=math.inf,
    ),
    Metric(
        "r2",
        "R²",
        "higher",
        "The share of the target's variance that is explained; 0 is as good as the mean.",
        sk.r2_score,
        lowest=-math.inf,
    ),
)
_CLASSIFICATION = (
    Metric(
        "balanced_accuracy",
        "balanced accuracy",
        "higher",
        "The mean of the classes' recalls, so that a rare class counts as much as a common one.",
        lambda truth, p: sk.recall_score(
            truth, _guess(p), labels=range(p.shape[1]), average="macro", zero_division=0
        ),
    ),
    Metric(
        "accuracy",
        "accuracy",
        "higher",
        "The share of rows that are classified rightly.",
        lambda truth, p: sk.accuracy_score(truth, _guess(p)),
    ),
    Metric(
        "f1_macro",
        "F1 (macro)",
        "higher",
        "The mean over the classes of F1, which balances precision and recall.",
        lambda truth, p: sk.f1_score(
            truth, _guess(p), labels=range(p.shape[1]), average="macro", zero_division=0
        ),
    ),
    Metric(
        "roc_auc",
        "ROC-AUC",
        "higher",
        "How often a row of the class is ranked above one of another; 0.5 is chance.",
        _area,
    ),
    Metric(
        "log_loss",
        "log loss",
        "lower",
        "How surprised the predicted probabilities are by the truth; confident errors cost most.",
        _log_loss,
        highest=math.inf,
    ),
    Metric(
        "brier",
        "Brier score",
        "lower",
        "The squared distance of the predicted probabilities from the truth.",
        _brier,
    ),
    Metric(
        "calibration_error",
        "calibration error",
        "lower",
        "How far the predicted probabilities are from how often the prediction is right.",
        _calibration,
    ),
)
_F1 = Metric(
    "f1",
    "F1 (positive class)",
    "higher",
    "The balance of precision and recall for the positive class.",
    lambda truth, p: sk.f1_score(truth, _guess(p), zero_division=0),
)

METRICS: dict[Task, tuple[Metric, ...]] = {
    "regression": _REGRESSION,
    "binary": (*_CLASSIFICATION[:2], _F1, *_CLASSIFICATION[2:]),
    "multiclass": _CLASSIFICATION,
}


def default_metric(task: Task) -> Metric:
    """Return the metric that decides when the user names none."""
    return METRICS[task][0]


def find_metric(name: str, task: Task) -> Metric:
    """Find a metric by its name.

    Raises
    ------
    CompareError
        If the task has no such metric.
    """
    known = {metric.name: metric for metric in METRICS[task]}
    if name not in known:
        raise CompareError(f"metric {name!r} is unknown for a {task} task; {closest(name, known)}")
    return known[name]


def measure(task: Task, truth: Floats | Ints, predicted: Floats) -> dict[str, float]:
    """Measure predictions by every metric of the task."""
    return {metric.name: metric(truth, predicted) for metric in METRICS[task]}


def recalls(truth: Ints, probabilities: Floats) -> list[float]:
    """Return each class's recall: the share of its rows that are found."""
    classes = range(probabilities.shape[1])
    found = sk.recall_score(
        truth, _guess(probabilities), labels=classes, average=None, zero_division=np.nan
    )
    return [float(one) for one in found]
