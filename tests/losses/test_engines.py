"""The same definition on NumPy, on a strict array library and on PyTorch."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest
import torch

import losskit
from cases import Case, all_cases, as_tuple, call_options, every_case, every_loss, one_case
from losskit.core.classwise import Classification
from losskit.core.elementwise import Elementwise


def strict(arrays):
    return [array_api_strict.asarray(array) for array in arrays]


def tensors(arrays):
    return [torch.from_numpy(np.asarray(array)) for array in arrays]


def compare(actual, expected, **tolerance):
    for one, other in zip(as_tuple(actual), as_tuple(expected), strict=True):
        np.testing.assert_allclose(np.asarray(one), other, **tolerance)


@every_case
def test_strict_array_api(case: Case):
    """Nothing beyond the standard is used: NumPy's own extensions fail here."""
    arrays = strict(case.arrays)
    value, gradient = case.loss.value_and_gradient(*arrays)
    expected = case.loss.value_and_gradient(*case.arrays)
    assert isinstance(value, type(arrays[0]))
    np.testing.assert_allclose(float(value), expected[0], rtol=1e-13)
    compare(gradient, expected[1], rtol=1e-11, atol=1e-14)
    if case.has_curvature:
        compare(case.loss.curvature(*arrays), case.loss.curvature(*case.arrays), rtol=1e-12)


@every_loss
def test_strict_array_api_with_options(kind):
    case = one_case(kind)
    for options in call_options(case, np.random.default_rng(4)):
        expected = case.loss(*case.arrays, **options)
        arrays = {
            name: array_api_strict.asarray(value) if isinstance(value, np.ndarray) else value
            for name, value in options.items()
        }
        value = case.loss(*strict(case.arrays), **arrays)
        np.testing.assert_allclose(np.asarray(value), expected, rtol=1e-13)


@pytest.mark.parametrize("case", [c for c in all_cases() if c.input.ndim < 4], ids=str)
def test_torch_agrees_with_numpy(case: Case):
    """Value, autograd's gradient, the closed form and the curvature."""
    for options in call_options(case, np.random.default_rng(5)):
        expected = case.loss.value_and_gradient(*case.arrays, **options)
        others = {
            name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value
            for name, value in options.items()
        }
        arrays = tensors(case.arrays)
        for at in case.outputs:
            arrays[at].requires_grad_()
        value = case.loss(*arrays, **others)
        value.sum().backward()
        closed_value, closed = case.loss.value_and_gradient(*arrays, **others)
        torch.testing.assert_close(closed_value, value.detach(), rtol=1e-13, atol=1e-15)
        for at, gradient in zip(case.outputs, as_tuple(closed), strict=True):
            assert not gradient.requires_grad
            torch.testing.assert_close(gradient, arrays[at].grad, rtol=1e-12, atol=1e-15)
        compare(value.detach(), expected[0], rtol=1e-12)
        compare(closed, expected[1], rtol=1e-11, atol=1e-14)
        if case.has_curvature:
            curvature = case.loss.curvature(*case.arrays, **options)
            compare(case.loss.curvature(*arrays, **others), curvature, rtol=1e-11, atol=1e-15)


@every_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_tensors(kind, dtype):
    case = one_case(kind)
    arrays = [a.to(dtype) if a.is_floating_point() else a for a in tensors(case.arrays)]
    for at in case.outputs:
        arrays[at].requires_grad_()
    value = case.loss(*arrays)
    value.backward()
    wide = [a.detach().double() if a.is_floating_point() else a for a in arrays]
    exact = case.loss(*(array.numpy() for array in wide))
    assert value.dtype == torch.float32
    assert all(arrays[at].grad.dtype == dtype for at in case.outputs)
    assert value.item() == pytest.approx(exact, rel=1e-6)
    assert case.loss(*arrays, reduction="none").dtype == dtype


@every_loss
def test_mixed_libraries_are_refused(kind):
    case = one_case(kind)
    with pytest.raises(TypeError, match=r"torch\.from_numpy"):
        case.loss(torch.from_numpy(case.input), *case.arrays[1:])


@every_loss
def test_lists_join_the_inputs_library(kind):
    case = one_case(kind)
    value = case.loss(torch.from_numpy(case.input), *(a.tolist() for a in case.arrays[1:]))
    assert value.item() == pytest.approx(case.loss(*case.arrays), rel=1e-12)


def test_lists_take_the_inputs_dtype():
    for input in (np.ones(2, np.float32), torch.ones(2)):
        assert str(losskit.MSE()(input, [0.5, 0.25]).dtype).endswith("float32")


@every_loss
def test_meta_tensors_have_shapes_and_no_values(kind):
    """Nothing is looked at where there is nothing to see."""
    case = one_case(kind)
    arrays = tensors(case.arrays)
    values = case.loss(*(array.to("meta") for array in arrays), reduction="none")
    assert tuple(values.shape) == case.positions
    assert values.is_meta
    with pytest.raises(ValueError, match=r"is on meta but \w+ is on cpu"):
        case.loss(arrays[0].to("meta"), *arrays[1:])


@every_loss
def test_strided_input(kind):
    """Transposed, reversed and sliced views, as users have them."""
    case = one_case(kind)
    input, *others = case.arrays
    views = [
        np.asfortranarray(input),
        input[::-1].copy()[::-1],
        np.repeat(input, 2, axis=0)[::2],
    ]
    expected = case.loss.value_and_gradient(*case.arrays)
    for view in views:
        value, gradient = case.loss.value_and_gradient(view, *others)
        np.testing.assert_allclose(value, expected[0], rtol=1e-13)
        compare(gradient, expected[1], rtol=1e-12, atol=1e-15)


@every_loss
def test_one_element_and_one_class(kind):
    """The smallest shapes there are."""
    case = one_case(kind)
    if issubclass(kind, Classification):
        arrays = (*(np.zeros((3, 1)) for _ in case.arrays[1:]), np.zeros(3, int))
        assert case.loss(*arrays) == pytest.approx(0, abs=1e-15)
    elif issubclass(kind, Elementwise):
        single = case.loss(*(array[0, 0] for array in case.arrays))
        expected = case.loss(*case.arrays, reduction="none")[0, 0]
        assert single == pytest.approx(expected, rel=1e-14)
    else:
        assert np.isfinite(case.loss(*case.rows(slice(0, 1))))
