"""Far from 0, at infinity, below the normal numbers: against float64 truth."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import losskit.torch as lt
from cases import as_tuple, cases, every_loss, make_array
from losskit import (
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
    CrossEntropy,
    Huber,
    KLDivergence,
    Poly1,
)
from losskit.core.cards import Role
from losskit.core.contracts import DISTANCES, EMBEDDINGS, LOGITS, REAL_VALUES, SCORES
from losskit.losses import CATALOGUE
from losskit.torch.faces import faces_of

TORCH_DTYPES = [torch.float32, torch.float16, torch.bfloat16]


@every_loss
@pytest.mark.parametrize("size", [1e4, 1e-310])
def test_large_and_subnormal_inputs(kind, size):
    unbounded = (LOGITS, REAL_VALUES, SCORES, EMBEDDINGS, DISTANCES)
    for case in cases(kind):
        arrays = tuple(
            np.sign(array) * size
            if argument.contracts[0] in unbounded and array.dtype == np.float64
            else array
            for argument, array in zip(case.loss.arguments, case.arrays, strict=True)
        )
        value, gradients = case.loss.value_and_gradient(*arrays)
        assert np.isfinite(value)
        assert all(np.isfinite(gradient).all() for gradient in as_tuple(gradients))
        if case.has_curvature:
            curvatures = as_tuple(case.loss.curvature(*arrays))
            assert all(np.isfinite(curvature).all() for curvature in curvatures)


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
    for at in case.outputs:
        arrays = list(case.arrays)
        arrays[at] = arrays[at].copy()
        if arrays[at].ndim:
            arrays[at][0] = np.nan
        else:
            arrays[at] = np.asarray(np.nan)
        value, gradients = case.loss.value_and_gradient(*arrays, validate=False)
        assert np.isnan(value)
        gradient = as_tuple(gradients)[case.outputs.index(at)]
        if case.has_curvature and as_tuple(case.loss.curvature(*case.arrays))[0].any():
            assert np.isnan(gradient[0]).all()


TWINS = [face for kind in CATALOGUE.values() for face in faces_of(kind) if face.twin]


def truth_and_peers(face, dtype, seed):
    """Float64 truth, ours and torch.nn's, values and gradients, on the same rounded inputs."""
    rng = np.random.default_rng(seed)
    loss = face.kind()
    made = (
        torch.from_numpy(make_array(argument, argument.contracts[0], (64, 50), loss, rng))
        for argument in loss.arguments
    )
    arrays = [array.to(dtype) if array.is_floating_point() else array for array in made]
    wide = [array.double() if array.is_floating_point() else array for array in arrays]
    ours = getattr(lt.functional, face.function)
    theirs = getattr(torch.nn.functional, face.function)
    roles = [argument.role for argument in loss.arguments]
    results = []

    def peer(*leaves, reduction):
        try:
            return theirs(*leaves, reduction=reduction)
        except NotImplementedError:  # in half precision: float32's result, rounded
            floats = (leaf.float() if leaf.is_floating_point() else leaf for leaf in leaves)
            return theirs(*floats, reduction=reduction).to(dtype)

    for function, given in ((theirs, wide), (ours, arrays), (peer, arrays)):
        leaves = [
            array.clone().requires_grad_(role is not Role.GIVEN)
            for array, role in zip(given, roles, strict=True)
        ]
        values = function(*leaves, reduction="none")
        values.sum().backward()
        gradients = [leaf.grad.double().flatten() for leaf in leaves if leaf.grad is not None]
        results.append((values.detach().double(), torch.cat(gradients)))
    return results


@pytest.mark.parametrize("face", TWINS, ids=[face.module for face in TWINS])
@pytest.mark.parametrize("dtype", TORCH_DTYPES, ids=str)
def test_error_is_like_pytorchs(face, dtype):
    """Mean square error against the truth over many batches, of values and of gradients."""
    errors = torch.zeros(2, 2)
    for seed in range(20):
        truth, ours, theirs = truth_and_peers(face, dtype, seed)
        for what, (exact, mine, peer) in enumerate(zip(truth, ours, theirs, strict=True)):
            assert not mine.isnan().any()
            # In float16 a slope of 1e12 is inf, and torch's 0/0.
            fit = (mine - exact).isfinite() & (peer - exact).isfinite()
            errors[0, what] += (mine - exact)[fit].square().mean()
            errors[1, what] += (peer - exact)[fit].square().mean()
    ours, theirs = errors.sqrt()
    # Both round an exponential all but correctly; in samples whose largest elements count for
    # most, either comes out ahead by some percent.
    assert (ours <= 1.05 * theirs).all(), f"{ours} against {theirs}"


@pytest.mark.parametrize("kind", [CrossEntropy, KLDivergence, Poly1])
def test_long_float32_rows_on_axis_1(kind):
    """NumPy adds along a strided axis one by one: 5e-5 off at 200,000 classes."""
    rng = np.random.default_rng(0)
    logits, rows = rng.normal(size=(2, 1, 200_000, 2)).astype(np.float32)
    rows = np.exp(rows) / np.exp(rows).sum(axis=1, keepdims=True)
    exact = kind()(logits.astype(np.float64), rows.astype(np.float64))
    assert kind()(logits, rows) == pytest.approx(exact, rel=5e-7)


def test_long_float32_sums():
    """1e7 equal errors: a running float32 sum would be off in the third digit."""
    x = np.full(10_000_000, 0.1, np.float32)
    total = Huber()(x, np.zeros_like(x), reduction="sum")
    expected = 1e7 * float(np.float32(0.1)) ** 2 / 2
    assert total == pytest.approx(expected, rel=1e-6)
