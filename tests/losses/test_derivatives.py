"""Closed forms against central differences, in float64, for every setting and option."""

from __future__ import annotations

import numpy as np
import pytest

from cases import Case, all_cases, as_tuple, call_options, every_case, every_loss, one_case
from losskit.core.arrays import Array
from losskit.core.batchwise import Batchwise
from losskit.core.cards import Role

STEP = 1e-6
TOLERANCE = {"rtol": 1e-6, "atol": 2e-9}


def central_difference(function, x: Array, step: float = STEP) -> Array:
    """Derivative in each element of x of what a function's values sum to."""
    derivative = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        high, low = x.copy(), x.copy()
        high[at] += step
        low[at] -= step
        # Summed after the difference, so that values elsewhere cancel without rounding.
        derivative[at] = np.sum(function(high) - function(low)) / (high[at] - low[at])
    return derivative


def difference(loss, function, x: Array) -> Array:
    """The same, where every value of a batch may change, and its rounding counts as often.

    Such losses are smooth, so that two wider steps can be extrapolated to none (Richardson).
    """
    if not isinstance(loss, Batchwise):
        return central_difference(function, x)
    near, far = (central_difference(function, x, step) for step in (1e-4, 2e-4))
    return (4 * near - far) / 3


def diagonal(gradient_of, x: Array) -> Array:
    """Derivative of each element of a gradient in its own input."""
    second = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        high, low = x.copy(), x.copy()
        high[at] += STEP
        low[at] -= STEP
        second[at] = (gradient_of(high)[at] - gradient_of(low)[at]) / (high[at] - low[at])
    return second


def at(arrays, index: int, changed: Array) -> tuple[Array, ...]:
    """The arrays with another one in one place."""
    return (*arrays[:index], changed, *arrays[index + 1 :])


def check_derivatives(case: Case, options) -> None:
    """Gradient and curvature in every output against differences."""
    loss, arrays = case.loss, case.arrays
    value, gradients = loss.value_and_gradient(*arrays, **options)
    np.testing.assert_array_equal(value, loss(*arrays, **options))
    curvatures = loss.curvature(*arrays, **options) if case.has_curvature else None
    # A difference of large sums cannot be finer than their own rounding.
    rounding = np.spacing(np.max(abs(value))) / STEP
    tolerance = TOLERANCE | {"atol": max(TOLERANCE["atol"], rounding)}
    for number, index in enumerate(case.outputs):

        def total(x, index=index):
            return loss(*at(arrays, index, x), **options)

        def gradient_of(x, index=index, number=number):
            gradients = loss.value_and_gradient(*at(arrays, index, x), **options)[1]
            return as_tuple(gradients)[number]

        expected = difference(loss, total, arrays[index])
        # Totals cannot be differenced more finely than they are spaced.
        spacing = np.spacing(np.abs(value).max()) / STEP
        tolerance = TOLERANCE | {"atol": max(TOLERANCE["atol"], 4 * spacing)}
        np.testing.assert_allclose(as_tuple(gradients)[number], expected, **tolerance)
        if curvatures is not None:
            np.testing.assert_allclose(
                as_tuple(curvatures)[number], diagonal(gradient_of, arrays[index]), **TOLERANCE
            )


@every_case
def test_gradient_and_curvature(case: Case):
    check_derivatives(case, {})


@pytest.mark.parametrize("case", [case for case in all_cases() if case.small], ids=str)
def test_options_reach_every_derivative(case: Case):
    """Reduction, weight, mask and normaliser, in each combination."""
    for options in call_options(case, np.random.default_rng(1)):
        check_derivatives(case, options)


@every_case
def test_target_gradient(case: Case):
    """In what is given and holds real numbers, where there is a derivative."""
    loss, arrays = case.loss, case.loss.arrange(case.arrays, np)
    given = [
        index
        for index, array in enumerate(case.arrays)
        if index not in case.outputs and array.dtype == np.float64
    ]
    for index in given:
        wanted = [number == index for number in range(len(arrays))]
        gradient = loss.pull_back(arrays, np.ones(case.positions), wanted, np)[index]
        expected = central_difference(
            lambda y, index=index: loss.value_at(*at(arrays, index, y), np), arrays[index]
        )
        np.testing.assert_allclose(gradient, expected, **TOLERANCE)
    # A second view counts as an output, whose gradient is tested with the others.
    assert (
        given
        or isinstance(loss, Batchwise)
        or not any(
            argument.role is Role.GIVEN and array.dtype == np.float64
            for argument, array in zip(loss.arguments, case.arrays, strict=True)
        )
    )


@every_loss
def test_a_loss_without_a_curvature_says_so(kind):
    case = one_case(kind)
    if not case.has_curvature:
        with pytest.raises(ValueError, match=f"{kind.__name__} has no closed form of its curv"):
            case.loss.curvature(*case.arrays)
