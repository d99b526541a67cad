"""Every kernel under every setting and option, on every instruction set: in float64, to the end."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from kernel_calls import (
    CLASSWISE,
    ELEMENTWISE,
    assert_same,
    definition,
    definition_bends,
    every_bent,
    every_elementwise,
    every_kernel,
    kernel,
    kernel_bends,
    kernel_value,
    options_of,
    tensors,
)

from cases import cases
from losskit import NLL, Distillation, KLDivergence
from losskit.core.newton import Newton
from losskit.core.options import Options
from losskit.engines.native import KERNELS, native, on_numpy


def given_as_tensors(options):
    return {
        name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value
        for name, value in options.items()
    }


def test_there_are_kernels_for_what_is_used_most():
    names = {kind.__name__ for kind in (*ELEMENTWISE, *CLASSWISE)}
    assert {"MSE", "MAE", "Huber", "BinaryCrossEntropyWithLogits", "CrossEntropy"} <= names
    assert native.targets()[-1] == "baseline"
    assert KERNELS.name in native.targets()


@every_kernel
def test_values_and_gradients_under_every_option(kind, target):
    """With and without a gradient, which are two loops."""
    for case in cases(kind):
        for options in options_of(case, seed=1):
            expected = definition(case.loss, case.arrays, **options)
            assert_same(kernel(case.loss, case.arrays, **options), expected)
            assert_same([kernel_value(case.loss, case.arrays, **options)], expected[:1])


@every_kernel
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_values_do_not_depend_on_whether_a_gradient_is_wanted(kind, dtype, target):
    """To the bit, although two loops compute them, each of which a compiler may round its way."""
    options = {"reduction": "none", "validate": False}
    rng = np.random.default_rng(7)
    for case in (case for case in cases(kind) if case.small):
        input, *others = case.rows(rng.integers(0, 5, 300))
        input = input * rng.uniform(0.9, 1, input.shape)
        given = [one.astype(dtype) if one.dtype.kind == "f" else one for one in (input, *others)]
        values = kernel_value(case.loss, given, **options)
        np.testing.assert_array_equal(values, kernel(case.loss, given, **options)[0])


@every_elementwise
def test_gradients_and_curvatures_under_every_option(kind, target):
    for case in cases(kind):
        for options in options_of(case, seed=2):
            expected = definition_bends(case.loss, case.arrays, **options)
            assert_same(kernel_bends(case.loss, case.arrays, **options), expected)


@every_bent
def test_gradients_and_curvatures_of_classes_under_every_option(kind, target):
    """Rows of probabilities are left to the definition."""
    for case in cases(kind):
        if case.arrays[1].dtype.kind == "f":
            assert on_numpy.bend(case.loss, case.arrays, Options("sum"), Newton()) is None
            continue
        for options in options_of(case, seed=6):
            expected = definition_bends(case.loss, case.arrays, **options)
            assert_same(kernel_bends(case.loss, case.arrays, **options), expected)


@pytest.mark.parametrize("kind", [NLL, KLDivergence, Distillation])
def test_what_has_no_kernel_of_curvatures_is_left_to_the_definition(kind):
    for case in (case for case in cases(kind) if case.small):
        assert on_numpy.bend(case.loss, case.arrays, Options("sum"), Newton()) is None


@every_kernel
def test_tensors_under_every_option(kind):
    for case in cases(kind):
        arrays = tensors(case.arrays)
        for options in options_of(case, seed=3):
            expected = definition(case.loss, case.arrays, **options)
            found = kernel(case.loss, arrays, **given_as_tensors(options))
            assert_same([one.numpy() for one in found], [np.asarray(one) for one in expected])


@every_kernel
def test_autograd_under_every_option(kind):
    """The gradient that was found with the value; and, of unreduced values, the deferred one."""
    for case in (case for case in cases(kind) if case.small):
        rng = np.random.default_rng(4)
        for options in options_of(case, seed=4):
            arrays = tensors(case.arrays)
            for at in case.outputs:
                arrays[at].requires_grad_()
            values = kernel_value(case.loss, arrays, **given_as_tensors(options))
            factor = rng.uniform(0.5, 2, values.shape)
            (values * torch.from_numpy(np.asarray(factor))).sum().backward()
            # The factor of each value is a weight that is not counted.
            scaled = {**options, "scale": factor} if values.ndim else options
            expected = definition(case.loss, case.arrays, **scaled)
            scale = 1 if values.ndim else factor
            found = [arrays[at].grad.numpy() for at in case.outputs]
            assert_same(found, [gradient * scale for gradient in expected[1:]])


@every_kernel
def test_factors_beside_the_mean(kind):
    """A scale multiplies and is not counted in the mean."""
    for case in (case for case in cases(kind) if case.small):
        rng = np.random.default_rng(5)
        weight, scale = rng.uniform(0.5, 2, (2, *case.positions))
        for options in ({"scale": scale}, {"scale": scale, "weight": weight}):
            for counts in (True, False):
                said = {**options, "class_weight_counts": counts}
                expected = definition(case.loss, case.arrays, **said)
                assert_same(kernel(case.loss, case.arrays, **said), expected)


@every_kernel
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_normalizer_as_array(kind, dtype):
    case = cases(kind)[0]
    expected = definition(case.loss, case.arrays, normalizer=7)
    for normalizer in (7, 7.0, np.asarray(7, dtype)):
        assert_same(kernel(case.loss, case.arrays, normalizer=normalizer), expected)
    tensor = torch.from_numpy(np.asarray(7, dtype))
    found = kernel(case.loss, tensors(case.arrays), normalizer=tensor)
    assert_same([one.numpy() for one in found], [np.asarray(one) for one in expected])


@every_kernel
def test_nothing_takes_part(kind):
    """0 and a gradient of 0, whatever the arrays hold."""
    case = cases(kind)[0]
    arrays = [
        np.full_like(array, np.nan if array.dtype.kind == "f" else 99) for array in case.arrays
    ]
    mask = np.zeros(case.positions, bool)
    for options in ({"mask": mask}, {"mask": mask, "weight": np.ones(case.positions)}):
        for reduction in ("mean", "sum", "none"):
            value, *gradients = kernel(case.loss, arrays, reduction=reduction, **options)
            assert not value.any()
            assert not any(gradient.any() for gradient in gradients)


@every_kernel
def test_weights_of_zero_sum(kind):
    case = cases(kind)[0]
    value, *gradients = kernel(case.loss, case.arrays, weight=np.zeros(case.positions))
    assert value == 0
    assert not any(gradient.any() for gradient in gradients)
