"""Closed forms against central differences, in float64, for every setting and option."""

from __future__ import annotations

import numpy as np
import pytest

from cases import Case, all_cases, call_options, every_case
from losskit.core.arrays import Array

STEP = 1e-6
TOLERANCE = {"rtol": 1e-6, "atol": 2e-9}


def central_difference(function, x: Array) -> Array:
    """Derivative in each element of x of what a function's values sum to."""
    derivative = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        high, low = x.copy(), x.copy()
        high[at] += STEP
        low[at] -= STEP
        # Summed after the difference, so that values elsewhere cancel without rounding.
        derivative[at] = np.sum(function(high) - function(low)) / (high[at] - low[at])
    return derivative


def diagonal(gradient_of, x: Array) -> Array:
    """Derivative of each element of a gradient in its own input."""
    second = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        high, low = x.copy(), x.copy()
        high[at] += STEP
        low[at] -= STEP
        second[at] = (gradient_of(high)[at] - gradient_of(low)[at]) / (high[at] - low[at])
    return second


@every_case
def test_gradient_and_curvature(case: Case):
    loss, target = case.loss, case.target

    def gradient_of(x):
        return loss.value_and_gradient(x, target)[1]

    expected = central_difference(lambda x: loss(x, target), case.input)
    np.testing.assert_allclose(gradient_of(case.input), expected, **TOLERANCE)
    np.testing.assert_allclose(
        loss.curvature(case.input, target), diagonal(gradient_of, case.input), **TOLERANCE
    )


@pytest.mark.parametrize("case", [case for case in all_cases() if case.input.ndim == 2], ids=str)
def test_options_reach_every_derivative(case: Case):
    """Reduction, weight, mask and normaliser, in each combination."""
    loss, target = case.loss, case.target
    for options in call_options(case, np.random.default_rng(1)):

        def total(x, options=options):
            return loss(x, target, **options)

        def gradient_of(x, options=options):
            return loss.value_and_gradient(x, target, **options)[1]

        value, gradient = loss.value_and_gradient(case.input, target, **options)
        np.testing.assert_array_equal(value, loss(case.input, target, **options))
        np.testing.assert_allclose(gradient, central_difference(total, case.input), **TOLERANCE)
        np.testing.assert_allclose(
            loss.curvature(case.input, target, **options),
            diagonal(gradient_of, case.input),
            **TOLERANCE,
        )


@pytest.mark.parametrize(
    "case", [case for case in all_cases() if case.target.dtype == np.float64], ids=str
)
def test_target_gradient(case: Case):
    loss = case.loss
    input, target = loss.arrange(case.input, case.target, np)
    gradient = loss.target_gradient_at(input, target, np)
    expected = central_difference(lambda y: loss.value_at(input, y, np), target)
    np.testing.assert_allclose(gradient, expected, **TOLERANCE)
