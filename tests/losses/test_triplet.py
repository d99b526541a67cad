"""The triplet loss and its distances, against PyTorch and numbers worked by hand."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from scipy.spatial import distance as scipy_distance

import losskit.torch as lt
from losskit import Triplet
from losskit.core.distances import SETTINGS

A = np.array([[0.0, 0.0]])


def triple(seed=0, rows=6, width=4):
    return np.random.default_rng(seed).normal(size=(3, rows, width))


def chebyshev(x, y):
    return abs(x - y).max(-1)


def torch_chebyshev(x, y):
    return (x - y).abs().amax(-1)


class TestTriplet:
    @pytest.mark.parametrize(
        ("positive", "negative", "expected"),
        [
            ([3, 4], [0, 5.5], 0.5),  # 5 - 5.5 + 1
            ([3, 4], [0, 6], 0.0),  # exactly satisfied
            ([3, 4], [0, 9], 0.0),
            ([3, 4], [3, 4], 1.0),  # the margin itself
        ],
    )
    def test_worked(self, positive, negative, expected):
        loss = Triplet(eps=0.0)
        value, gradients = loss.value_and_gradient(A, [positive], [negative])
        assert value == pytest.approx(expected, abs=1e-15)
        if not expected:
            assert not any(gradient.any() for gradient in gradients)

    def test_gradient_worked(self):
        """Unit vectors along both differences, while the margin is missing."""
        gradients = Triplet(eps=0.0).value_and_gradient(A, [[3.0, 4.0]], [[0.0, 5.5]])[1]
        expected = [[-0.6, -0.8 + 1]], [[0.6, 0.8]], [[0.0, -1.0]]
        for gradient, wanted in zip(gradients, expected, strict=True):
            np.testing.assert_allclose(gradient, wanted, atol=1e-15)

    def test_no_gradient_once_satisfied(self):
        """Rows that have their margin get none; the others are not touched by them."""
        anchor, positive, negative = triple()
        negative = negative + np.where(np.arange(6) % 2, 50.0, 0.0)[:, None]
        values, gradients = Triplet(margin=3.0).value_and_gradient(
            anchor, positive, negative, reduction="none"
        )
        assert not values[1::2].any()
        assert values[::2].all()
        for gradient in gradients:
            assert not gradient[1::2].any()
            assert gradient[::2].any(axis=-1).all()

    @pytest.mark.parametrize("p", [1, 1.5, 2, 3, 40])
    def test_against_scipy(self, p):
        anchor, positive, negative = triple()
        expected = [
            max(0, scipy_distance.minkowski(a, b, p) - scipy_distance.minkowski(a, c, p) + 0.5)
            for a, b, c in zip(anchor, positive, negative, strict=True)
        ]
        values = Triplet(margin=0.5, p=p, eps=0.0)(anchor, positive, negative, reduction="none")
        np.testing.assert_allclose(values, expected, rtol=1e-12, atol=1e-14)

    @pytest.mark.parametrize(
        ("name", "peer"),
        [
            ("squared_euclidean", scipy_distance.sqeuclidean),
            ("cosine", scipy_distance.cosine),
        ],
    )
    def test_other_distances_against_scipy(self, name, peer):
        rows = list(zip(*triple(), strict=True))
        expected = [max(0, peer(a, b) - peer(a, c) + 0.5) for a, b, c in rows]
        values = Triplet(margin=0.5, distance=name)(*triple(), reduction="none")
        np.testing.assert_allclose(values, expected, rtol=1e-10, atol=1e-11)

    def test_the_absolute_value_is_not_forgotten(self):
        """optax's triplet_margin_loss with norm_degree=1 sums signed differences: 7, not 0."""
        loss = Triplet(p=1, eps=0.0)
        # 3 + 3 to the positive and 6.5 + 0.5 to the negative: satisfied. The signed sums are 0
        # and -6.
        assert loss(A, [[-3.0, 3.0]], [[6.5, -0.5]]) == 0
        assert loss(A, [[-3.0, 3.0]], [[3.0, 2.5]]) == 6 - 5.5 + 1

    @pytest.mark.parametrize("p", [1, 1.5, 2, 7])
    @pytest.mark.parametrize("eps", [0.0, 1e-6])
    def test_one_and_the_same_point(self, p, eps):
        """pytorch-metric-learning#107: the slope of a norm at 0 is NaN."""
        point = torch.ones(2, 3, dtype=torch.float64)
        leaves = [point.clone().requires_grad_() for _ in range(3)]
        value = Triplet(p=p, eps=eps)(*leaves)
        gradients = torch.autograd.grad(value, leaves, create_graph=True)
        assert value.item() == pytest.approx(1, rel=1e-15)
        assert all(gradient.isfinite().all() for gradient in gradients)
        if not eps:
            assert not any(gradient.any() for gradient in gradients)
        penalty = sum(gradient.square().sum() for gradient in gradients)
        if penalty.requires_grad:
            seconds = torch.autograd.grad(penalty, leaves, allow_unused=True)
            assert all(second is None or second.isfinite().all() for second in seconds)

    @pytest.mark.parametrize("p", [1.5, 2, 3, 100, 1000])
    @pytest.mark.parametrize("size", [1e-300, 1e-30, 1e30, 1e300])
    def test_powers_neither_overflow_nor_vanish(self, p, size):
        """Distances of 1e300 are finite numbers, though their squares are not."""
        value, gradients = Triplet(p=p, eps=0.0, margin=0.0).value_and_gradient(
            [[size, size]], [[-size, size]], [[size, 0.5 * size]]
        )
        assert value == pytest.approx(1.5 * size, rel=1e-12, abs=0)
        np.testing.assert_allclose(gradients[1], [[-1, 0]], atol=1e-12)
        np.testing.assert_allclose(gradients[2], [[0, 1]], atol=1e-12)

    def test_swap(self):
        """The negative is at 5 from the anchor, but at 1 from the positive."""
        arrays = [[0.0, 0.0]], [[4.0, 0.0]], [[5.0, 0.0]]
        assert Triplet(eps=0.0)(*arrays) == 0
        value, gradients = Triplet(eps=0.0, swap=True).value_and_gradient(*arrays)
        assert value == 4 - 1 + 1
        expected = [[-1, 0]], [[1 + 1, 0]], [[-1, 0]]
        for gradient, wanted in zip(gradients, expected, strict=True):
            np.testing.assert_array_equal(gradient, wanted)
        far = [[0.0, 0.0]], [[-4.0, 0.0]], [[4.5, 0.0]]
        assert Triplet(eps=0.0, swap=True)(*far) == Triplet(eps=0.0)(*far) == 0.5

    @pytest.mark.parametrize("swap", [False, True])
    @pytest.mark.parametrize("p", [1, 2, 3])
    def test_gradients_are_torchs(self, swap, p):
        arrays = [torch.from_numpy(array) for array in triple(3, 20)]
        results = []
        for home in (lt.functional, torch.nn.functional):
            leaves = [array.clone().requires_grad_() for array in arrays]
            value = home.triplet_margin_loss(*leaves, swap=swap, p=p)
            results.append((value, *torch.autograd.grad(value, leaves)))
        for ours, theirs in zip(*results, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-15)

    def test_settings_that_do_not_go_together(self):
        for settings in ({"p": 1}, {"eps": 0.0}):
            for distance in ("cosine", "squared_euclidean", chebyshev):
                with pytest.raises(ValueError, match="p and eps belong to distance='norm'"):
                    Triplet(distance=distance, **settings)
        with pytest.raises(ValueError, match="'cosine' or a function, got 'l2'"):
            Triplet(distance="l2")
        for wrong in (0.5, math.inf):
            with pytest.raises(ValueError, match="p must be a finite number >= 1"):
                Triplet(p=wrong)

    def test_no_distance_is_the_norm(self):
        assert Triplet(distance=None) == Triplet()
        assert Triplet(distance=None, p=1).p == 1


class TestDistanceOfOnesOwn:
    def test_numpy_has_values_and_no_gradients(self):
        loss = Triplet(distance=chebyshev)
        value = loss([[0.0, 0.0]], [[1.0, -3.0]], [[0.0, 2.5]])
        assert value == 3 - 2.5 + 1
        assert not loss.closed_form
        with pytest.raises(ValueError, match="Triplet: the derivative of a function of one's own"):
            loss.value_and_gradient([[0.0, 0.0]], [[1.0, -3.0]], [[0.0, 2.5]])

    @pytest.mark.parametrize("swap", [False, True])
    def test_tensors_are_differentiated(self, swap):
        arrays = [torch.from_numpy(array).requires_grad_() for array in triple(1)]
        loss = Triplet(distance=torch_chebyshev, swap=swap)
        value = loss(*arrays)
        value.backward()
        closed_value, closed = loss.value_and_gradient(*arrays)
        theirs = torch.nn.functional.triplet_margin_with_distance_loss(
            *arrays, distance_function=torch_chebyshev, swap=swap
        )
        torch.testing.assert_close(value, theirs)
        torch.testing.assert_close(closed_value, theirs.detach())
        for array, gradient, expected in zip(
            arrays, closed, torch.autograd.grad(theirs, arrays), strict=True
        ):
            torch.testing.assert_close(array.grad, expected)
            torch.testing.assert_close(gradient, expected)

    def test_masked_rows_leave_no_trace(self):
        """A cosine of one's own is 0/0 at the zero vector."""

        def cosine(x, y):
            return 1 - (x * y).sum(-1) / (x.norm(dim=-1) * y.norm(dim=-1))

        arrays = [torch.from_numpy(array) for array in triple(2)]
        mask = torch.tensor([True, False, True, True, False, True])
        expected = Triplet(distance="cosine")(*(array[mask] for array in arrays))
        for array in arrays:
            array[~mask] = torch.nan
            array.requires_grad_()
        value = Triplet(distance=cosine)(*arrays, mask=mask)
        value.backward()
        torch.testing.assert_close(value, expected)
        for array in arrays:
            assert array.grad.isfinite().all()
            assert not array.grad[~mask].any()

    def test_what_it_gives_must_fit(self):
        with pytest.raises(ValueError, match=r"Triplet: distance must give one .*\(6,\), got"):
            Triplet(distance=lambda x, y: x - y)(*triple())
        with pytest.raises(ValueError, match=r"in shape \(6,\), got float"):
            Triplet(distance=lambda x, y: 1.0)(*triple())

    @pytest.mark.parametrize("distance", [None, torch.nn.PairwiseDistance(3), torch_chebyshev])
    def test_module(self, distance):
        """torch.nn puts a PairwiseDistance where there is no function."""
        arrays = [torch.from_numpy(array) for array in triple(4)]
        settings = {"distance_function": distance, "margin": 2.0, "swap": True}
        module = lt.TripletMarginWithDistanceLoss(**settings)
        expected = torch.nn.TripletMarginWithDistanceLoss(**settings)(*arrays)
        for clone in (module, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
            torch.testing.assert_close(clone(*arrays), expected)
        assert "margin=2.0, swap=True" in repr(module)
        mask = torch.arange(6) < 4
        torch.testing.assert_close(
            module(*arrays, mask=mask), module(*(array[mask] for array in arrays))
        )

    def test_module_takes_words(self):
        arrays = [torch.from_numpy(array) for array in triple(4)]
        for word in SETTINGS["distance"].choices:
            module = lt.TripletMarginWithDistanceLoss(distance_function=word)
            torch.testing.assert_close(module(*arrays), Triplet(distance=word)(*arrays))
            module = lt.TripletMarginLoss(distance=word)
            torch.testing.assert_close(module(*arrays), Triplet(distance=word)(*arrays))
