"""The same definition on NumPy, on a strict array library and on PyTorch."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest
import torch

from cases import Case, all_cases, call_options, every_case, every_loss, one_case
from losskit.core.classwise import Classwise


def strict(array):
    return array_api_strict.asarray(array)


@every_case
def test_strict_array_api(case: Case):
    """Nothing beyond the standard is used: NumPy's own extensions fail here."""
    input, target = strict(case.input), strict(case.target)
    value, gradient = case.loss.value_and_gradient(input, target)
    expected = case.loss.value_and_gradient(case.input, case.target)
    assert isinstance(value, type(input))
    np.testing.assert_allclose(float(value), expected[0], rtol=1e-13)
    np.testing.assert_allclose(np.asarray(gradient), expected[1], rtol=1e-12, atol=1e-15)
    curvature = case.loss.curvature(input, target)
    np.testing.assert_allclose(
        np.asarray(curvature), case.loss.curvature(case.input, case.target), rtol=1e-12
    )


@every_loss
def test_strict_array_api_with_options(kind):
    case = one_case(kind)
    for options in call_options(case, np.random.default_rng(4)):
        expected = case.loss(case.input, case.target, **options)
        arrays = {
            name: strict(value) if isinstance(value, np.ndarray) else value
            for name, value in options.items()
        }
        value = case.loss(strict(case.input), strict(case.target), **arrays)
        np.testing.assert_allclose(np.asarray(value), expected, rtol=1e-13)


@pytest.mark.parametrize("case", [c for c in all_cases() if c.input.ndim < 4], ids=str)
def test_torch_agrees_with_numpy(case: Case):
    """Value, autograd's gradient, the closed form and the curvature."""
    for options in call_options(case, np.random.default_rng(5)):
        expected = case.loss.value_and_gradient(case.input, case.target, **options)
        tensors = {
            name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value
            for name, value in options.items()
        }
        input = torch.from_numpy(case.input).requires_grad_()
        target = torch.from_numpy(case.target)
        value = case.loss(input, target, **tensors)
        value.sum().backward()
        closed_value, closed = case.loss.value_and_gradient(input, target, **tensors)
        assert not closed.requires_grad
        torch.testing.assert_close(closed_value, value.detach(), rtol=1e-13, atol=1e-15)
        torch.testing.assert_close(closed, input.grad, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(value.detach().numpy(), expected[0], rtol=1e-12)
        np.testing.assert_allclose(closed.numpy(), expected[1], rtol=1e-11, atol=1e-15)
        curvature = case.loss.curvature(input, target, **tensors)
        np.testing.assert_allclose(
            curvature.numpy(), case.loss.curvature(case.input, case.target, **options), rtol=1e-11
        )


@every_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_tensors(kind, dtype):
    case = one_case(kind)
    input = torch.from_numpy(case.input).to(dtype).requires_grad_()
    target = torch.from_numpy(case.target)
    target = target.to(dtype) if target.is_floating_point() else target
    value = case.loss(input, target)
    value.backward()
    exact = case.loss(
        input.detach().double().numpy(),
        target.double().numpy() if target.is_floating_point() else target.numpy(),
    )
    assert value.dtype == torch.float32
    assert input.grad.dtype == dtype
    assert value.item() == pytest.approx(exact, rel=1e-6)
    assert case.loss(input, target, reduction="none").dtype == dtype


@every_loss
def test_mixed_libraries_are_refused(kind):
    case = one_case(kind)
    with pytest.raises(TypeError, match=r"torch\.from_numpy"):
        case.loss(torch.from_numpy(case.input), case.target)


@every_loss
def test_lists_join_the_inputs_library(kind):
    case = one_case(kind)
    value = case.loss(torch.from_numpy(case.input), case.target.tolist())
    assert value.item() == pytest.approx(case.loss(case.input, case.target))


@every_loss
def test_meta_tensors_have_shapes_and_no_values(kind):
    """Nothing is looked at where there is nothing to see."""
    case = one_case(kind)
    input = torch.from_numpy(case.input).to("meta")
    target = torch.from_numpy(case.target).to("meta")
    values = case.loss(input, target, reduction="none")
    assert tuple(values.shape) == case.positions
    assert values.is_meta
    with pytest.raises(ValueError, match="input is on meta but target is on cpu"):
        case.loss(input, torch.from_numpy(case.target))


@every_loss
def test_strided_input(kind):
    """Transposed, reversed and sliced views, as users have them."""
    case = one_case(kind)
    views = [
        np.asfortranarray(case.input),
        case.input[::-1].copy()[::-1],
        np.repeat(case.input, 2, axis=0)[::2],
    ]
    expected = case.loss.value_and_gradient(case.input, case.target)
    for view in views:
        value, gradient = case.loss.value_and_gradient(view, case.target)
        np.testing.assert_allclose(value, expected[0], rtol=1e-14)
        np.testing.assert_allclose(gradient, expected[1], rtol=1e-14)


@every_loss
def test_one_element_and_one_class(kind):
    """The smallest shapes there are."""
    case = one_case(kind)
    if issubclass(kind, Classwise):
        assert case.loss(np.zeros((3, 1)), np.zeros(3, int)) == pytest.approx(0, abs=1e-15)
    else:
        single = case.loss(case.input[0, 0], case.target[0, 0])
        assert single == case.loss(case.input, case.target, reduction="none")[0, 0]
