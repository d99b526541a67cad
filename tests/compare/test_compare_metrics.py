"""Metrics against values that were worked out by hand."""

import math

import numpy as np
import pytest

from losskit.compare.errors import CompareError
from losskit.compare.metrics import METRICS, default_metric, find_metric, measure, recalls


def test_regression_by_hand() -> None:
    truth = np.array([3.0, -0.5, 2.0, 7.0])
    predicted = np.array([2.5, 0.0, 2.0, 8.0])
    found = measure("regression", truth, predicted)
    assert found["mae"] == pytest.approx(0.5)
    assert found["rmse"] == pytest.approx(math.sqrt(0.375))
    assert found["median_ae"] == pytest.approx(0.5)
    # The deviations from the mean 2.875 have squares that sum to 29.1875; the errors' to 1.5.
    assert found["r2"] == pytest.approx(1 - 1.5 / 29.1875)


def test_binary_by_hand() -> None:
    truth = np.array([1, 0, 1, 0, 1])
    positive = np.array([0.9, 0.2, 0.8, 0.6, 0.3])
    found = measure("binary", truth, np.stack([1 - positive, positive], axis=1))
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found["f1"] == pytest.approx(2 / 3)  # precision 2/3, recall 2/3
    assert found["f1_macro"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    # Of the six pairs of a positive and a negative, 0.3 is below 0.6 only.
    assert found["roc_auc"] == pytest.approx(5 / 6)
    logs = [math.log(p) for p in (0.9, 0.8, 0.8, 0.4, 0.3)]
    assert found["log_loss"] == pytest.approx(-sum(logs) / 5)
    assert found["brier"] == pytest.approx((0.01 + 0.04 + 0.04 + 0.36 + 0.49) / 5)


def test_binary_calibration_by_hand() -> None:
    # 0.85 and 0.89 share a bin: confidence 0.87, of which half comes true; 0.15 is alone.
    positive = np.array([0.85, 0.89, 0.15])
    predicted = np.stack([1 - positive, positive], axis=1)
    found = measure("binary", np.array([1, 0, 0]), predicted)
    assert found["calibration_error"] == pytest.approx((2 * 0.37 + 0.15) / 3, abs=1e-6)


def test_multiclass_by_hand() -> None:
    truth = np.array([0, 1, 2, 2])
    predicted = np.array(
        [[0.75, 0.2, 0.05], [0.1, 0.85, 0.05], [0.55, 0.2, 0.25], [0.1, 0.05, 0.85]]
    )
    found = measure("multiclass", truth, predicted)
    assert found["accuracy"] == pytest.approx(3 / 4)
    assert found["balanced_accuracy"] == pytest.approx((1 + 1 + 0.5) / 3)
    assert recalls(truth, predicted) == pytest.approx([1, 1, 0.5])
    assert found["log_loss"] == pytest.approx(-np.log([0.75, 0.85, 0.25, 0.85]).mean())
    squares = 0.0625 + 0.04 + 0.0025  # the first row
    squares += 2 * (0.01 + 0.0225 + 0.0025)  # the second and the last
    squares += 0.3025 + 0.04 + 0.5625
    assert found["brier"] == pytest.approx(squares / 4 / 2)
    # Every class is ranked above the others: 0.25 and 0.85 for class 2 against 0.05 twice.
    assert found["roc_auc"] == pytest.approx(1)
    # Bins by confidence: 0.55 (wrong), 0.75 (right), twice 0.85 (right).
    assert found["calibration_error"] == pytest.approx((0.55 + 0.25 + 2 * 0.15) / 4, abs=1e-6)


def test_undefined_or_not_finite_is_nan() -> None:
    one_class = measure("binary", np.array([1, 1]), np.array([[0.5, 0.5], [0.2, 0.8]]))
    assert math.isnan(one_class["roc_auc"])
    assert one_class["accuracy"] == 0.5
    diverged = measure("regression", np.array([1.0, 2.0]), np.array([1.0, math.nan]))
    assert all(math.isnan(value) for value in diverged.values())


@pytest.mark.parametrize("task", METRICS)
def test_names_are_unique_and_the_first_decides(task: str) -> None:
    names = [metric.name for metric in METRICS[task]]
    assert len(set(names)) == len(names)
    assert default_metric(task).name in ("mae", "balanced_accuracy")
    assert all(find_metric(name, task).name == name for name in names)


def test_unknown_metric_is_refused_with_the_nearest() -> None:
    with pytest.raises(CompareError, match=r"'acuracy' is unknown for a binary task.*accuracy"):
        find_metric("acuracy", "binary")
