"""A linear layer with its cross-entropy, beside PyTorch's, on PyTorch's own samples."""

from __future__ import annotations

import inspect
import math

import pytest
import torch
import torch.nn.functional as theirs
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import module_db

import losskit.torch as lt
from losskit.torch import functional as ours

OPTIONS = ["sample_weight", "mask", "normalizer", "validate"]


def assert_same(one, other, arrays):
    """Equal values and equal gradients in the features and in the layer."""
    results = []
    for home in (one, other):
        leaves = [
            array.detach().clone().requires_grad_(array.is_floating_point() and at < 2)
            for at, array in enumerate(arrays)
        ]
        value = home(*leaves)
        value.sum().backward()
        results.append((value.detach(), [leaf.grad for leaf in leaves if leaf.requires_grad]))
    torch.testing.assert_close(*results, equal_nan=True)


def functions():
    torch.manual_seed(0)
    for info in op_db:
        if info.name.endswith("linear_cross_entropy"):
            for number, sample in enumerate(info.sample_inputs("cpu", torch.float64)):
                yield pytest.param(sample, id=f"{info.variant_test_name}-{number}")


pytestmark = pytest.mark.filterwarnings("ignore:linear_cross_entropy. ..options.. ig:UserWarning")


@pytest.mark.parametrize("sample", list(functions()))
def test_samples_of_pytorchs_function(sample):
    kwargs = dict(sample.kwargs)
    if kwargs.get("options") is None:
        kwargs["validate"] = False  # some hold rows that are no distributions

    def call(home, settings):
        return lambda *arrays: home.linear_cross_entropy(*arrays, **settings)

    arrays = (sample.input, *sample.args)
    assert_same(call(ours, kwargs), call(theirs, sample.kwargs), arrays)


def modules():
    (info,) = (one for one in module_db if one.module_cls is torch.nn.LinearCrossEntropyLoss)
    torch.manual_seed(0)
    samples = info.module_inputs_func(
        info, device="cpu", dtype=torch.float64, requires_grad=False, training=True
    )
    for number, sample in enumerate(samples):
        yield pytest.param(sample, id=f"{sample.desc}-{number}")


@pytest.mark.parametrize("sample", list(modules()))
def test_samples_of_pytorchs_module(sample):
    args, kwargs = sample.constructor_input.args, sample.constructor_input.kwargs
    module = lt.LinearCrossEntropyLoss(*args, **kwargs)
    twin = torch.nn.LinearCrossEntropyLoss(*args, **kwargs)
    twin.load_state_dict(module.state_dict())
    assert isinstance(module, torch.nn.LinearCrossEntropyLoss)
    added = {} if module.options is not None else {"validate": False}
    arrays = sample.forward_input.args
    torch.testing.assert_close(module(*arrays, **added), twin(*arrays), equal_nan=True)


def test_signatures():
    function = list(inspect.signature(ours.linear_cross_entropy).parameters)
    assert function == [*inspect.signature(theirs.linear_cross_entropy).parameters, *OPTIONS]
    assert inspect.signature(lt.LinearCrossEntropyLoss) == inspect.signature(
        torch.nn.LinearCrossEntropyLoss
    )


def test_what_is_added():
    """A mask leaves no trace, nothing is 0, double backward works; torch's chunks have none."""
    layer = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64, requires_grad=True)
    x = torch.tensor([[2.0, 1.0], [math.nan, 0.0]], dtype=torch.float64)
    target, mask = torch.tensor([0, 1]), torch.tensor([True, False])
    value = ours.linear_cross_entropy(x, layer, target, mask=mask)
    assert value.item() == pytest.approx(math.log1p(math.exp(-1)))
    assert ours.linear_cross_entropy(x, layer, torch.tensor([-100, -100])) == 0
    assert torch.autograd.gradgradcheck(
        lambda w: ours.linear_cross_entropy(x[:1], w, target[:1]), layer
    )
    options = torch.nn.LinearCrossEntropyOptions()
    with pytest.raises(ValueError, match=r"takes no mask; leave options out"):
        ours.linear_cross_entropy(x, layer, target, mask=mask, options=options)


@pytest.mark.parametrize("hole", [math.nan, math.inf])
def test_ignored_rows_leave_no_trace_in_the_layer(hole):
    x = torch.tensor([[1.0, 2.0], [hole, 0.0]])
    layers = [torch.tensor([[0.5, 1.0], [1.0, -1.0], [0.0, 2.0]]) for _ in range(3)]
    biases = [torch.zeros(3) for _ in layers]
    cases = (
        (x, {"target": torch.tensor([0, -100])}),
        (x, {"target": torch.tensor([0, 1]), "mask": torch.tensor([True, False])}),
        (x[:1], {"target": torch.tensor([0])}),
    )
    for layer, bias, (input, options) in zip(layers, biases, cases, strict=True):
        layer.requires_grad_()
        bias.requires_grad_()
        leaf = input.clone().requires_grad_()
        ours.linear_cross_entropy(leaf, layer, linear_bias=bias, **options).backward()
        assert not leaf.grad[1:].any()
        torch.testing.assert_close(leaf.grad[0], _gradient(x[:1], layer, bias)[0])
    for layer, bias in zip(layers, biases, strict=True):
        expected = _gradient(x[:1], layer, bias)[1:]
        torch.testing.assert_close((layer.grad, bias.grad), expected)


def _gradient(x, layer, bias):
    """By PyTorch, of a first row alone."""
    leaves = [one.detach().clone().requires_grad_() for one in (x, layer, bias)]
    value = theirs.cross_entropy(leaves[0] @ leaves[1].T + leaves[2], torch.tensor([0]))
    gradients = torch.autograd.grad(value, leaves)
    return gradients[0][0], *gradients[1:]


def test_ignored_rows_of_several_outputs():
    """A row takes part if one of its outputs does."""
    x = torch.tensor([[1.0, 2.0], [math.nan, 0.0], [0.5, 1.0]])
    layer = torch.randn(3, 2, 2, requires_grad=True)
    target = torch.tensor([[0, 1], [-100, -100], [-100, 2]])
    ours.linear_cross_entropy(x, layer, target).backward()
    again = layer.detach().clone().requires_grad_()
    logits = torch.einsum("nd,kod->nko", x[[0, 2]], again)
    theirs.cross_entropy(logits, target[[0, 2]]).backward()
    torch.testing.assert_close(layer.grad, again.grad)


@pytest.mark.parametrize(
    ("error", "match", "change"),
    [
        (TypeError, "linear_weight must be a Tensor, got NoneType", {"linear_weight": None}),
        (TypeError, "linear_bias must be a Tensor, got list", {"linear_bias": [0.0] * 3}),
        (TypeError, "target must be a Tensor", {"target": [0, 1]}),
        (
            ValueError,
            r"linear_weight must be of shape \(K, ..., D\)",
            {"linear_weight": torch.ones(2)},
        ),
        (ValueError, r"input must be of shape \(N, 5\)", {"linear_weight": torch.ones(3, 5)}),
        (
            ValueError,
            r"linear_bias must be of shape \(3,\), got \(4,\)",
            {"linear_bias": torch.ones(4)},
        ),
        (ValueError, "target must be class indices", {"target": torch.tensor([0, 1, 2])}),
        (ValueError, r"mask has shape \(3,\)", {"mask": torch.ones(3) > 0}),
    ],
)
def test_what_does_not_fit_is_named(error, match, change):
    given = {
        "input": torch.ones(2, 2),
        "linear_weight": torch.ones(3, 2),
        "target": torch.tensor([0, 1]),
    }
    with pytest.raises(error, match=match):
        ours.linear_cross_entropy(**given | change)


def test_it_adds_up():
    one, other = lt.LinearCrossEntropyLoss(2, 3), lt.LinearCrossEntropyLoss(2, 3)
    x, target = torch.randn(4, 2), torch.tensor([0, 1, 2, 0])
    total = (0.5 * one + 2 * other)(x, target)
    torch.testing.assert_close(total, 0.5 * one(x, target) + 2 * other(x, target))
    assert isinstance(0.5 * one, torch.nn.Module)
