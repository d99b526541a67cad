"""Numbers worked by hand, to the digits given."""

from __future__ import annotations

import numpy as np
import pytest

from losskit import (
    MAE,
    MSE,
    NLL,
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
    CrossEntropy,
    GammaNLL,
    Hinge,
    Huber,
    LogCosh,
    PoissonNLL,
    Quantile,
    SmoothL1,
    SoftMargin,
    SquaredHinge,
    Tweedie,
)
from losskit.core.arrays import softmax

FOUR_DIGITS = 5e-5


@pytest.mark.parametrize(
    ("loss", "input", "target", "expected"),
    [
        (MSE(), [90, 110, 200], [100, 100, 100], 3400.0),
        (MAE(), [90, 110, 200], [100, 100, 100], 40.0),
        (MSE(), [2.5, 0, 2, 8], [3, -0.5, 2, 7], 0.375),
        (MAE(), [2.5, 0, 2, 8], [3, -0.5, 2, 7], 0.5),
        (Huber(delta=1), [2.5, 0, 2, 8], [3, -0.5, 2, 7], 0.1875),
        (MSE(), [2.5, 0, 4], [3, -1, 2], 1.75),
        (MSE(), [0.5] * 4, [0, 1, 0, 1], 0.25),
    ],
)
def test_exact(loss, input, target, expected):
    assert loss(input, target) == expected


@pytest.mark.parametrize(
    ("loss", "input", "target", "expected"),
    [
        (MSE(), [2.5, 3, 5], [1, 3, 4], 1.0833),
        (BinaryCrossEntropy(), [0.9, 0.2, 0.8, 0.1], [1, 0, 1, 0], 0.1643),
        (BinaryCrossEntropyWithLogits(), [1.5, -0.5, 2], [1, 0, 1], 0.2675),
        (BinaryCrossEntropy(), [0.5] * 4, [0, 1, 0, 1], 0.6931),
        (CrossEntropy(), [2, 1, -1], 1, 1.3490),
        (CrossEntropy(), [2, 1, 0.5], 0, 0.4644),
        (CrossEntropy(), [[2, 1, 0.1], [0.5, 2.5, 0.3]], [0, 1], 0.3185),
        (CrossEntropy(label_smoothing=0.1), [[2, 1, 0.1], [0.5, 2.5, 0.3]], [0, 1], 0.4369),
        (CrossEntropy(), [0] * 10, 7, 2.3026),
        (NLL(), np.log([0.1] * 10), 7, 2.3026),
        (SmoothL1(beta=2), [1, 5], [0, 0], 2.125),  # 1/4 and 5 - 1
        (SoftMargin(), [1.5, -0.5, 2], [1, -1, 1], 0.2675),  # as BCE with logits
        (Hinge(), [0.5, 2, -1], [1, 1, 1], 0.8333),
        (SquaredHinge(), [0.5, 2, -1], [1, 1, 1], 1.4167),
        (LogCosh(), [1, -1], [0, 0], 0.4338),  # log 1.5431
        (Quantile(quantile=0.9), [1, 3], [2, 2], 0.5),  # 0.9 too low, 0.1 too high
        (PoissonNLL(), [0.6931472], [3], -0.0794),  # 2 - 3 log 2
        (PoissonNLL(log_input=False), [2], [3], -0.0794),
        (GammaNLL(), [0.6931472], [3], 2.1931),  # log 2 + 3/2
        (Tweedie(power=1.5), [0.6931472], [3], 7.0711),  # 2 √2 + 2·3/√2
    ],
)
def test_four_digits(loss, input, target, expected):
    assert loss(input, target) == pytest.approx(expected, abs=FOUR_DIGITS)


def test_squared_errors_one_by_one():
    values = MSE()([90, 110, 200], [100, 100, 100], reduction="none")
    assert values.tolist() == [100, 100, 10000]


@pytest.mark.parametrize(
    ("p", "squared", "cross_entropy"),
    [
        (0.99, 0.0001, 0.0101),
        (0.9, 0.01, 0.1054),
        (0.51, 0.2401, 0.6733),
        (0.5, 0.25, 0.6931),
        (0.1, 0.81, 2.3026),
        (0.01, 0.9801, 4.6052),
    ],
)
def test_what_a_positive_costs(p, squared, cross_entropy):
    assert MSE()([p], [1]) == pytest.approx(squared, abs=FOUR_DIGITS)
    assert BinaryCrossEntropy()([p], [1]) == pytest.approx(cross_entropy, abs=FOUR_DIGITS)


def test_softmax_probabilities():
    probabilities = softmax(np.array([2.0, 1.0, -1.0]), np)
    np.testing.assert_allclose(probabilities, [0.7054, 0.2595, 0.0351], atol=FOUR_DIGITS)


@pytest.mark.parametrize(("classes", "on", "off"), [(10, 0.91, 0.01), (3, 0.9333, 0.0333)])
def test_smoothed_targets(classes, on, off):
    """softmax - gradient is the target that the loss aims at."""
    logits = np.zeros((1, classes))
    _, gradient = CrossEntropy(label_smoothing=0.1).value_and_gradient(logits, [0])
    smoothed = 1 / classes - gradient[0]
    np.testing.assert_allclose(smoothed, [on] + [off] * (classes - 1), atol=FOUR_DIGITS)


def test_gradients_in_closed_form():
    """The formulas of textbooks, written out for a batch of three."""
    x, y = np.array([0.5, -1.0, 3.0]), np.array([1.0, -1.0, 0.0])
    np.testing.assert_allclose(MSE().value_and_gradient(x, y)[1], 2 * (x - y) / 3)
    np.testing.assert_allclose(MAE().value_and_gradient(x, y)[1], np.array([-1, 0, 1]) / 3)
    p, label = np.array([0.9, 0.2, 0.6]), np.array([1.0, 0.0, 1.0])
    np.testing.assert_allclose(
        BinaryCrossEntropy().value_and_gradient(p, label, reduction="sum")[1],
        -label / p + (1 - label) / (1 - p),
    )
    np.testing.assert_allclose(
        BinaryCrossEntropyWithLogits().value_and_gradient(x, label, reduction="sum")[1],
        1 / (1 + np.exp(-x)) - label,
    )
    logits = np.array([[2.0, 1.0, -1.0]])
    expected = [[0.70538451, 0.25949646 - 1, 0.03511903]]
    np.testing.assert_allclose(CrossEntropy().value_and_gradient(logits, [1])[1], expected)
