"""Far from 0, at infinity, below the normal numbers: against float64 truth."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cases import cases, every_loss, every_twin
from losskit import (
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
    CrossEntropy,
    Huber,
)
from losskit.core.classwise import Classwise
from losskit.core.contracts import LOGITS, REAL_VALUES, SIGNS

TORCH_DTYPES = [torch.float32, torch.float16, torch.bfloat16]


@every_loss
@pytest.mark.parametrize("size", [1e4, 1e-310])
def test_large_and_subnormal_inputs(kind, size):
    for case in cases(kind):
        if kind.card.input in (LOGITS, REAL_VALUES):
            input = np.sign(case.input) * size
            value, gradient = case.loss.value_and_gradient(input, case.target)
            assert np.isfinite(value)
            assert np.isfinite(gradient).all()
            assert np.isfinite(case.loss.curvature(input, case.target)).all()


def test_infinite_logits_that_mean_something():
    """Certainty costs nothing when right, and everything when wrong."""
    loss = BinaryCrossEntropyWithLogits()
    value, gradient = loss.value_and_gradient(
        [np.inf, -np.inf, np.inf, -np.inf], [1, 0, 0, 1], reduction="none"
    )
    assert value.tolist() == [0, 0, np.inf, np.inf]
    assert gradient.tolist() == [0, 0, 1, -1]
    impossible = CrossEntropy().value_and_gradient([[-np.inf, 0.0, 0.0]], [0])
    assert impossible[0] == np.inf
    np.testing.assert_allclose(impossible[1], [[-1, 0.5, 0.5]])


def test_probabilities_at_the_ends():
    tiny = 5e-324
    p = [0.0, 1.0, tiny, 1 - 1e-16, 1e-13]
    y = [1.0, 0.0, 1.0, 0.0, 1.0]
    value = BinaryCrossEntropy()(p, y, reduction="none")
    expected = torch.nn.functional.binary_cross_entropy(
        torch.tensor(p, dtype=torch.float64), torch.tensor(y).double(), reduction="none"
    )
    np.testing.assert_allclose(value, expected.numpy(), rtol=1e-14)
    assert value[:3].tolist() == [100, 100, 100]


@every_loss
def test_nan_is_never_hidden(kind):
    """A NaN that takes part is a NaN in value and gradient, on every path."""
    case = cases(kind)[0]
    input = case.input.copy()
    input[0] = np.nan
    value, gradient = case.loss.value_and_gradient(input, case.target, validate=False)
    assert np.isnan(value)
    if case.loss.curvature(case.input, case.target).any():
        assert np.isnan(gradient[0]).all()


def truth_and_peers(kind, dtype, seed):
    """Float64 truth, ours and torch.nn's, on the same rounded inputs."""
    rng = np.random.default_rng(seed)
    n, k = 64, 50
    classwise = issubclass(kind, Classwise)
    input = torch.from_numpy(rng.normal(0, 4, (n, k)))
    if kind is BinaryCrossEntropy:
        input = torch.sigmoid(input)
    if kind.card.torch.function == "nll_loss":
        input = input.log_softmax(1)
    input = input.to(dtype)
    target = torch.from_numpy(rng.integers(0, k, n) if classwise else rng.integers(0, 2, (n, k)))
    target = target if classwise else target.to(dtype)
    target = 2 * target - 1 if kind.card.targets == (SIGNS,) else target
    wide = target if classwise else target.double()
    theirs = getattr(torch.nn.functional, kind.card.torch.function)
    results = []
    for function, x, y in (
        (theirs, input.double(), wide),
        (kind(), input, target),
        (theirs, input, target),
    ):
        leaf = x.clone().requires_grad_()
        values = function(leaf, y, reduction="none")
        values.sum().backward()
        results.append((values.detach().double(), leaf.grad.double()))
    return results


@every_twin
@pytest.mark.parametrize("dtype", TORCH_DTYPES, ids=str)
def test_error_is_like_pytorchs(kind, dtype):
    """Mean square error against the truth over many batches, of values and of gradients."""
    errors = torch.zeros(2, 2)
    for seed in range(20):
        truth, ours, theirs = truth_and_peers(kind, dtype, seed)
        for what, (exact, mine, peer) in enumerate(zip(truth, ours, theirs, strict=True)):
            assert not mine.isnan().any()
            # In float16 a slope of 1e12 is inf, and torch's 0/0.
            fit = (mine - exact).isfinite() & (peer - exact).isfinite()
            errors[0, what] += (mine - exact)[fit].square().mean()
            errors[1, what] += (peer - exact)[fit].square().mean()
    ours, theirs = errors.sqrt()
    # A composed softmax rounds twice where PyTorch's fused one rounds once.
    assert (ours <= 1.2 * theirs).all(), f"{ours} against {theirs}"


def test_long_float32_sums():
    """1e7 equal errors: a running float32 sum would be off in the third digit."""
    x = np.full(10_000_000, 0.1, np.float32)
    total = Huber()(x, np.zeros_like(x), reduction="sum")
    expected = 1e7 * float(np.float32(0.1)) ** 2 / 2
    assert total == pytest.approx(expected, rel=1e-6)
