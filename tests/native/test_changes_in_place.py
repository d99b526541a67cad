"""Weights that a loss holds, changed between its value and its derivative."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as theirs_of

import losskit.torch as lt
from losskit import Focal, MultiMargin

REFUSAL = r"a tensor .* was changed in place"
ours = lt.functional
TARGET = torch.tensor([0, 1, 2, 1])


def scores(dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(4, 3, generator=generator).to(dtype).requires_grad_()


def by_class(x, weight, **options):
    return ours.cross_entropy(x, TARGET, weight=weight, **options)


def by_label(x, weight, **options):
    labels = torch.eye(3)[TARGET].to(x.dtype)
    return ours.binary_cross_entropy_with_logits(x, labels, pos_weight=weight, **options)


def focal(x, weight, **options):
    return Focal(class_weight=weight)(x, TARGET, **options)


def without_kernel(x, weight, **options):
    return MultiMargin(class_weight=weight)(x, TARGET, **options)


HOMES = [by_class, by_label, focal, without_kernel]


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("create_graph", [False, True])
def test_what_needs_the_old_weights_refuses(home, create_graph):
    for reduction in ("mean", "none"):
        x, weight = scores(), torch.tensor([1.0, 2.0, 3.0])
        value = home(x, weight, reduction=reduction)
        weight.fill_(100.0)
        found_already = reduction == "mean" and not create_graph and home is not without_kernel
        if not found_already:
            with pytest.raises(RuntimeError, match=REFUSAL):
                torch.autograd.grad(value.sum(), x, create_graph=create_graph)
            continue
        (gradient,) = torch.autograd.grad(value, x)
        value = home(x, torch.tensor([1.0, 2.0, 3.0]))
        torch.testing.assert_close(gradient, torch.autograd.grad(value, x)[0])


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("create_graph", [False, True])
def test_weights_that_stay_are_no_matter(home, create_graph):
    x, weight = scores(), torch.tensor([1.0, 2.0, 3.0])
    for reduction in ("mean", "none"):
        values = home(x, weight, reduction=reduction)
        torch.autograd.grad(values.sum(), x, create_graph=create_graph)
        weight.mul_(2)


def test_a_buffer_of_the_module():
    x, module = scores(), lt.CrossEntropyLoss(weight=torch.ones(3), reduction="none")
    values = module(x, TARGET)
    module.weight.mul_(10)
    with pytest.raises(RuntimeError, match=REFUSAL):
        values.sum().backward()


def test_loss_scaling_in_half_precision():
    """The gradient as it was found: what it would be found anew from is no more."""
    x, weight = scores(torch.float16), torch.tensor([1.0, 2.0, 3.0])
    (expected,) = torch.autograd.grad(by_class(x, weight), x)
    value = by_class(x, weight)
    weight.fill_(100.0)
    (gradient,) = torch.autograd.grad(value * 2, x)
    assert torch.equal(gradient, expected * 2)


def test_weights_that_torch_func_follows():
    """Each row of a batch with weights of its own."""
    x, weights = torch.randn(5, 4, 3), torch.rand(5, 3) + 0.5
    labels = torch.eye(3)[TARGET]
    for home, theirs in (
        (by_class, lambda row, weight: theirs_of.cross_entropy(row, TARGET, weight)),
        (
            by_label,
            lambda row, weight: theirs_of.binary_cross_entropy_with_logits(
                row, labels, pos_weight=weight
            ),
        ),
    ):
        expected = torch.stack(list(map(torch.func.grad(theirs), x, weights)))
        torch.testing.assert_close(torch.func.vmap(torch.func.grad(home))(x, weights), expected)
        expected = torch.func.hessian(theirs)(x[0], weights[0])
        torch.testing.assert_close(torch.func.hessian(home)(x[0], weights[0]), expected)
