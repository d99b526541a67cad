"""Targets that are all 0 or 1, for which kernels may have a shorter way, tile by tile."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from kernel_calls import (
    ELEMENTWISE,
    assert_same,
    definition,
    definition_bends,
    error,
    kernel,
    kernel_bends,
)

from cases import cases
from losskit import Asymmetric, BinaryFocal
from losskit.core.contracts import BINARY, LOGITS

# More than a tile of every dtype, and a remainder.
COUNT = 1500
ALL_OF_THEM = {"reduction": "none", "validate": False}
LOSSES = [
    *(
        case.loss
        for kind in ELEMENTWISE
        if [argument.contracts for argument in kind().arguments] == [(LOGITS,), (BINARY,)]
        for case in cases(kind)
        if case.small and getattr(case.loss, "pos_weight", None) is None
    ),
    # Whole powers, which kernels make of squares up to the seventh.
    *(BinaryFocal(gamma=power) for power in range(9)),
    *(Asymmetric(gamma_negative=power, gamma_positive=8 - power) for power in range(9)),
]
SETTINGS = {loss.spec(): loss for loss in LOSSES}
of_labels = pytest.mark.parametrize("loss", SETTINGS.values(), ids=SETTINGS)


def labelled(dtype=float, *, soft=()):
    """Logits and labels, of which some may be soft."""
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, COUNT).astype(dtype)
    target[list(soft)] = 0.3
    return [rng.normal(0, 3, COUNT).astype(dtype), target]


@of_labels
@pytest.mark.parametrize("soft", [(), (0,), (700, 1499)], ids=str)
def test_they_are_as_in_the_definition(loss, soft, target):
    arrays = labelled(soft=soft)
    assert_same(kernel(loss, arrays, **ALL_OF_THEM), definition(loss, arrays, **ALL_OF_THEM))
    options = {"reduction": "sum", "validate": False}
    assert_same(kernel_bends(loss, arrays, **options), definition_bends(loss, arrays, **options))


@of_labels
def test_floats_are_as_near_to_the_truth_as_the_definitions(loss, target):
    arrays = labelled(np.float32)
    wide = [one.astype(float) for one in arrays]
    for mine, theirs, options in (
        (kernel, definition, ALL_OF_THEM),
        (kernel_bends, definition_bends, {"reduction": "sum", "validate": False}),
    ):
        truth = theirs(loss, wide, **options)
        with np.errstate(all="ignore"):
            others = theirs(loss, arrays, **options)
        found = mine(loss, arrays, **options)
        for exact, one, other in zip(truth, found, others, strict=True):
            assert one.dtype == np.float32
            assert error(exact, one) <= 1.2 * error(exact, other)


@of_labels
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_what_lies_far_out_is_as_in_the_definition(loss, dtype, target):
    arrays = labelled(dtype)
    far = [0, 85, 88, 95, 103, 110, 740, 750, 1e4, np.inf, np.nan]
    for label in range(2):
        for k, z in enumerate(far):
            for sign in (1, -1):
                at = 4 * k + 2 * label + (sign > 0)
                arrays[0][at], arrays[1][at] = sign * z, label
    with np.errstate(all="ignore"):
        expected = definition(loss, arrays, **ALL_OF_THEM)
    found = kernel(loss, arrays, **ALL_OF_THEM)
    for one, other in zip(found, expected, strict=True):
        tolerance = 1e-5 if dtype is np.float32 else 1e-12
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@of_labels
def test_tensors_may_be_of_another_dtype_than_their_labels(loss):
    input, target = labelled(np.float32)
    given = torch.from_numpy(input), torch.from_numpy(target).double()
    exact = definition(loss, (input.astype(float), target.astype(float)), **ALL_OF_THEM)
    for one, other in zip(kernel(loss, given, **ALL_OF_THEM), exact, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-6)
