"""Gradients and Hessians against scikit-learn's own losses, which are compiled and log-linked."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn._loss import loss as theirs

from losskit import (
    MAE,
    MSE,
    BinaryCrossEntropyWithLogits,
    CrossEntropy,
    GammaNLL,
    Huber,
    PoissonNLL,
    Quantile,
    Tweedie,
)

REAL = np.random.default_rng(0).normal(0, 2, 50)
AMOUNTS = np.random.default_rng(1).gamma(2, 1, 50)
SOME_ZEROS = np.where(np.arange(50) % 2, AMOUNTS, 0.0)
BINARY = np.arange(50) % 2 * 1.0
RAW = np.random.default_rng(2).normal(0, 1.5, 50)

PAIRS = [
    # scikit-learn halves the squared error.
    pytest.param(MSE(), theirs.HalfSquaredError(), REAL, 2, id="MSE"),
    pytest.param(MAE(), theirs.AbsoluteError(), REAL, 1, id="MAE"),
    pytest.param(Quantile(quantile=0.9), theirs.PinballLoss(quantile=0.9), REAL, 1, id="Quantile"),
    pytest.param(Huber(delta=0.7), theirs.HuberLoss(delta=0.7), REAL, 1, id="Huber"),
    pytest.param(PoissonNLL(), theirs.HalfPoissonLoss(), SOME_ZEROS, 1, id="PoissonNLL"),
    pytest.param(GammaNLL(), theirs.HalfGammaLoss(), AMOUNTS, 1, id="GammaNLL"),
    pytest.param(Tweedie(power=1.3), theirs.HalfTweedieLoss(power=1.3), SOME_ZEROS, 1, id="1.3"),
    pytest.param(Tweedie(power=1.9), theirs.HalfTweedieLoss(power=1.9), SOME_ZEROS, 1, id="1.9"),
    pytest.param(
        BinaryCrossEntropyWithLogits(), theirs.HalfBinomialLoss(), BINARY, 1, id="BCE with logits"
    ),
]


@pytest.mark.parametrize(("ours", "theirs", "target", "factor"), PAIRS)
def test_same_derivatives(ours, theirs, target, factor):
    gradient, hessian = theirs.gradient_hessian(target, RAW)
    actual = ours.value_and_gradient(RAW, target, reduction="sum")[1]
    np.testing.assert_allclose(actual, factor * gradient, rtol=1e-12, atol=1e-13)
    if not theirs.approx_hessian:
        curvature = ours.curvature(RAW, target, reduction="sum")
        np.testing.assert_allclose(curvature, factor * hessian, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("ours", "theirs", "target", "factor"), PAIRS)
def test_same_values_up_to_what_depends_on_the_target_alone(ours, theirs, target, factor):
    rise = theirs.loss(target, RAW) - theirs.loss(target, RAW + 0.5)
    values = ours(RAW, target, reduction="none") - ours(RAW + 0.5, target, reduction="none")
    np.testing.assert_allclose(values, factor * rise, rtol=1e-11, atol=1e-13)


def test_multinomial():
    raw = np.random.default_rng(3).normal(size=(20, 4))
    target = np.arange(20) % 4
    peer = theirs.HalfMultinomialLoss(n_classes=4)
    gradient, hessian = peer.gradient_hessian(target.astype(float), raw)
    loss = CrossEntropy()
    value, actual = loss.value_and_gradient(raw, target, reduction="sum")
    np.testing.assert_allclose(actual, gradient, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(loss.curvature(raw, target, reduction="sum"), hessian, rtol=1e-12)
    assert value == pytest.approx(peer.loss(target.astype(float), raw).sum(), rel=1e-13)
