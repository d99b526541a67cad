"""Norms of gradients against ones worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import losskit.torch as lt
from losskit.torch import gradient_norms as function

# The package's attribute of this name is the function.


def two_layers() -> nn.Sequential:
    model = nn.Sequential(nn.Linear(2, 1), nn.ReLU(), nn.Linear(1, 1))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, 2.0]]))
        model[0].bias.fill_(1.0)
        model[2].weight.fill_(3.0)
        model[2].bias.fill_(0.0)
    return model


def test_by_hand() -> None:
    # h = 1·1 + 2·2 + 1 = 6, y = 18; dy/dw2 = 6, dy/db2 = 1, dy/dw1 = 3·(1, 2), dy/db1 = 3.
    model = two_layers()
    model(torch.tensor([[1.0, 2.0]])).sum().backward()
    assert function(model) == pytest.approx({"0": math.sqrt(9 + 36 + 9), "2": math.sqrt(37)})
    assert function(model, per="parameter") == pytest.approx(
        {"0.weight": math.sqrt(45), "0.bias": 3.0, "2.weight": 6.0, "2.bias": 1.0}
    )
    assert list(function(model)) == ["0", "2"]


def test_what_has_no_gradient_is_left_out_and_a_zero_is_a_zero() -> None:
    model = two_layers()
    model[2].requires_grad_(False)
    (0.0 * model(torch.tensor([[1.0, 2.0]]))).sum().backward()
    assert function(model) == {"0": 0.0}


def test_all_layers_together_are_torchs_own_norm() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv1d(2, 3, 3), nn.BatchNorm1d(3), nn.Flatten(), nn.Linear(12, 4))
    model(torch.randn(5, 2, 6)).square().mean().backward()
    total = torch.nn.utils.get_total_norm([one.grad for one in model.parameters()])
    norms = function(model)
    assert list(norms) == ["0", "1", "3"]
    assert math.hypot(*norms.values()) == pytest.approx(float(total), rel=1e-6)


def test_nothing_is_left_on_the_model() -> None:
    model = two_layers()
    model(torch.ones(1, 2)).sum().backward()
    before = [one.grad.clone() for one in model.parameters()]
    function(model)
    assert all(torch.equal(a.grad, b) for a, b in zip(model.parameters(), before, strict=True))
    for part in model.modules():
        assert not part._backward_hooks
        assert not part._forward_hooks


def test_shared_sparse_half_and_large() -> None:
    shared = nn.Linear(2, 2, bias=False)
    model = nn.Sequential(shared, shared)
    model(torch.ones(1, 2)).sum().backward()
    assert list(function(model)) == ["0"]
    table = nn.Embedding(5, 2, sparse=True)
    table(torch.tensor([1, 1, 3])).sum().backward()
    assert function(table)[""] == pytest.approx(math.sqrt(2**2 + 2**2 + 1 + 1))
    half = nn.Linear(4096, 1, bias=False, dtype=torch.float16)
    half.weight.grad = torch.full_like(half.weight, 300.0)  # squares beyond half precision
    assert function(half)[""] == pytest.approx(300.0 * 64)
    big = nn.Linear(1, 1, bias=False)
    big.weight.grad = torch.full_like(big.weight, 1e30)  # its square is beyond single precision
    assert function(big)[""] == pytest.approx(1e30)


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match=r"after loss.backward\(\)"):
        function(nn.Linear(1, 1))
    with pytest.raises(ValueError, match="per must be 'layer' or 'parameter', got 'epoch'"):
        function(nn.Linear(1, 1), per="epoch")
    with pytest.raises(TypeError, match=r"must be a torch.nn.Module"):
        function("model")
    norms = lt.GradientNorms(nn.Linear(1, 1))
    with pytest.raises(ValueError, match="no step"):
        norms.end_epoch()


def test_by_epoch() -> None:
    model = nn.Linear(1, 1, bias=False)
    norms = lt.GradientNorms(model)
    for epoch in ((1.0, 3.0), (5.0,)):
        for x in epoch:
            model.zero_grad()
            model(torch.tensor([[x]])).sum().backward()
            assert norms.step() == {"": x}
        norms.end_epoch()
    assert norms.epochs == [{"": 2.0}, {"": 5.0}]
