"""Losses over classes and labels: hinges, bounded and polynomial costs, divergences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import softmax

from losskit import (
    CrossEntropy,
    Distillation,
    GeneralizedCrossEntropy,
    JensenShannon,
    KLDivergence,
    MultiLabelMargin,
    MultiLabelSoftMargin,
    MultiMargin,
    Poly1,
)

FOUR_DIGITS = 5e-5
Q, P = np.array([0.7, 0.2, 0.1]), np.array([0.6, 0.3, 0.1])
FORWARD, REVERSE = KLDivergence(), KLDivergence(direction="reverse")


def rows(seed, shape=(6, 5)):
    """Logits and rows of probabilities."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, 2, shape), rng.dirichlet(np.ones(shape[-1]), shape[:-1])


class TestMultiMargin:
    """Against torch.nn in tests/drop_in; here what torch does not have."""

    def test_by_hand(self):
        x, y = [[0.5, 1.0, -2.0], [3.0, 0.0, 2.5]], [0, 0]
        linear = MultiMargin().value_and_gradient(x, y, reduction="none")
        np.testing.assert_allclose(linear[0], [1.5 / 3, 0.5 / 3])
        np.testing.assert_allclose(linear[1], [[-1 / 3, 1 / 3, 0], [-1 / 3, 0, 1 / 3]])
        squared = MultiMargin(p=2).value_and_gradient(x, y, reduction="none")
        np.testing.assert_allclose(squared[0], [1.5**2 / 3, 0.5**2 / 3])
        np.testing.assert_allclose(squared[1], [[-1, 1, 0], [-1 / 3, 0, 1 / 3]])

    def test_satisfied_classes_say_nothing(self):
        value, gradient = MultiMargin().value_and_gradient([[5.0, 4.0, -1.0]], [0])
        assert value == 0
        assert not gradient.any()

    def test_class_weight_is_counted_in_the_mean(self):
        """torch.nn multiplies and divides by N; there the face does the same."""
        x, y = rows(0)[0], np.array([0, 1, 2, 3, 4, 0])
        weight = np.array([1.0, 2.0, 7.0, 0.5, 1.0])
        each = MultiMargin()(x, y, reduction="none")
        assert MultiMargin(class_weight=weight)(x, y) == pytest.approx(
            np.average(each, weights=weight[y])
        )

    @pytest.mark.parametrize("p", [1, 2])
    def test_double_backward(self, p):
        """torch's multi_margin_loss has none."""
        x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
        y = torch.tensor([0, 1, 2, 0])
        theirs = torch.nn.functional.multi_margin_loss(x, y, p=p)
        (gradient,) = torch.autograd.grad(theirs, x, create_graph=True)
        with pytest.raises(RuntimeError, match="not implemented"):
            gradient.sum().backward()
        hessian = torch.func.hessian(MultiMargin(p=p))(x.detach(), y).reshape(12, 12)
        expected = MultiMargin(p=p).curvature(x.detach(), y).flatten()
        torch.testing.assert_close(hessian.diagonal(), expected)

    def test_probabilities_are_not_taken(self):
        with pytest.raises(TypeError, match=r"class indices \(integers\), got"):
            MultiMargin()(np.zeros((2, 3)), np.full((2, 3), 1 / 3))
        only_indices = (
            r"class indices of shape \(2,\), got \(2, 3\).*pass the indices target.argmax"
        )
        with pytest.raises(ValueError, match=only_indices):
            MultiMargin()(np.zeros((2, 3)), np.eye(3, dtype=int)[:2])

    @pytest.mark.parametrize("p", [0, 3, 1.5])
    def test_power_is_1_or_2(self, p):
        with pytest.raises((ValueError, TypeError), match="p must be an integer"):
            MultiMargin(p=p)


class TestGeneralizedCrossEntropy:
    @pytest.mark.parametrize("q", [0.1, 0.7, 1.0])
    def test_formula(self, q):
        logits, targets = rows(1)
        expected = ((1 - softmax(logits, axis=-1) ** q) / q * targets).sum(-1)
        actual = GeneralizedCrossEntropy(q=q)(logits, targets, reduction="none")
        np.testing.assert_allclose(actual, expected, rtol=1e-12)

    def test_ends(self):
        """Near 0 it is the cross-entropy; at 1 what the probability lacks."""
        logits, target = rows(2)[0], np.array([0, 1, 2, 3, 4, 0])
        near = GeneralizedCrossEntropy(q=1e-9)
        np.testing.assert_allclose(near(logits, target), CrossEntropy()(logits, target), rtol=1e-7)
        np.testing.assert_allclose(
            GeneralizedCrossEntropy(q=1.0)(logits, target, reduction="none"),
            1 - softmax(logits, axis=-1)[np.arange(6), target],
        )
        with pytest.raises(ValueError, match="0 is CrossEntropy"):
            GeneralizedCrossEntropy(q=0)
        with pytest.raises(ValueError, match=r"<= 1, got 1\.5"):
            GeneralizedCrossEntropy(q=1.5)

    def test_exact_for_good_predictions(self):
        """1 - p^q, rounded, has no digits left at p = 1 - 2e-9."""
        value = GeneralizedCrossEntropy(q=0.5)(np.float32([20.0, 0.0]), 0)
        p_missed = math.exp(-20) / (1 + math.exp(-20))
        assert value == pytest.approx(p_missed, rel=1e-6)

    def test_bounded_by_wrong_labels(self):
        value, gradient = GeneralizedCrossEntropy(q=0.7).value_and_gradient([-1e4, 0.0], 0)
        assert value == pytest.approx(1 / 0.7)
        assert not gradient.any()
        assert GeneralizedCrossEntropy(q=0.7)([-np.inf, 0.0], 0) == pytest.approx(1 / 0.7)


class TestPoly1:
    def test_against_optax(self):
        """Numbers of optax 0.2.8, poly_loss_cross_entropy."""
        z = [2.0, 1.0, 0.5]
        hard = Poly1(epsilon=2.0)(z, 0)
        soft = Poly1(epsilon=1.0)(z, [0.5, 0.3, 0.2])
        p = softmax(z)
        assert hard == pytest.approx(-math.log(p[0]) + 2 * (1 - p[0]), rel=1e-14)
        assert (hard, soft) == pytest.approx((1.20730534568442, 1.652686878582201), rel=1e-12)

    def test_without_epsilon_it_is_the_cross_entropy(self):
        logits, targets = rows(3)
        np.testing.assert_allclose(
            Poly1(epsilon=0.0)(logits, targets), CrossEntropy()(logits, targets), rtol=1e-14
        )

    def test_switched_off_class(self):
        value, gradient = Poly1().value_and_gradient([0.0, -np.inf, 0.0], [0.5, 0.0, 0.5])
        assert value == pytest.approx(math.log(2) + 0.5)
        np.testing.assert_allclose(gradient, 0, atol=1e-15)
        assert Poly1()([0.0, -np.inf], 1) == np.inf

    def test_epsilon_is_bounded(self):
        with pytest.raises(ValueError, match=r">= -1, got -1\.1"):
            Poly1(epsilon=-1.1)


class TestMultiLabelMargin:
    def by_hand(self, x, target):
        """PyTorch's documentation in two loops."""
        listed = target[: target.index(-1)] if -1 in target else target
        rest = [i for i in range(len(x)) if i not in listed]
        return sum(max(0.0, 1 - x[j] + x[i]) for j in listed for i in rest) / len(x)

    def test_by_hand(self):
        rng = np.random.default_rng(0)
        for _ in range(200):
            x, target = rng.normal(0, 2, 5), rng.integers(-1, 5, 5)
            expected = self.by_hand(x.tolist(), target.tolist())
            assert MultiLabelMargin()(x, target) == pytest.approx(expected, rel=1e-13)
            peer = torch.nn.functional.multilabel_margin_loss(
                torch.from_numpy(x), torch.from_numpy(target)
            )
            assert peer.item() == pytest.approx(expected, rel=1e-13)

    def test_rows_without_or_with_all_labels(self):
        x = rows(17, (2, 3))[0]
        value, gradient = MultiLabelMargin().value_and_gradient(x, [[-1, 0, 1], [2, 0, 1]])
        assert value == 0
        assert not gradient.any()

    def test_double_backward(self):
        """torch's multilabel_margin_loss has none."""
        x = torch.randn(4, requires_grad=True)
        target = torch.tensor([1, 2, -1, -1])
        theirs = torch.nn.functional.multilabel_margin_loss(x, target)
        (gradient,) = torch.autograd.grad(theirs, x, create_graph=True)
        with pytest.raises(RuntimeError, match="not implemented"):
            gradient.sum().backward()
        outer = torch.ones((), requires_grad=True)
        (gradient,) = torch.autograd.grad(
            MultiLabelMargin()(x, target), x, outer, create_graph=True
        )
        gradient[0].backward()
        torch.testing.assert_close(outer.grad, gradient[0].detach())

    def test_targets_are_validated(self):
        x = np.zeros((2, 3))
        with pytest.raises(ValueError, match=r"position \(1, 0\) is 3.*\[0, 3\), or -1"):
            MultiLabelMargin()(x, [[0, 1, -1], [3, -1, -1]])
        with pytest.raises(ValueError, match=r"position \(0, 2\) is -100"):
            MultiLabelMargin()(x, [[0, 1, -100], [1, -1, -1]])
        for labels in (np.ones((2, 3)), np.ones((2, 3), bool)):
            with pytest.raises(TypeError, match="use MultiLabelSoftMargin for 0/1 labels"):
                MultiLabelMargin()(x, labels)


class TestMultiLabelSoftMargin:
    def test_worked_number(self):
        value = MultiLabelSoftMargin()([[1.5, -0.5, 2.0]], [[1, 0, 1]])
        assert value == pytest.approx(0.2675, abs=FOUR_DIGITS)

    def test_weights_of_labels(self):
        z, y = np.zeros((2, 3)), np.ones((2, 3))
        values = MultiLabelSoftMargin(class_weight=[1.0, 2.0, 6.0])(z, y, reduction="none")
        np.testing.assert_allclose(values, np.full(2, 3 * math.log(2)))
        each = MultiLabelSoftMargin(class_weight=[[1.0, 2.0, 6.0], [0.0, 0.0, 3.0]])
        np.testing.assert_allclose(each(z, y, reduction="none"), [3 * math.log(2), math.log(2)])
        with pytest.raises(ValueError, match=r"each of the 3 labels.*got shape \(2,\)"):
            MultiLabelSoftMargin(class_weight=[1.0, 2.0])(z, y)

    def test_column_against_row(self):
        """multilabel_soft_margin_loss takes (N, 1) against (N,) without a word."""
        z, y = torch.zeros(4, 1), torch.ones(4)
        assert theirs_takes_it(z, y)
        with pytest.raises(ValueError, match=r"input\[\.\.\., 0\]"):
            MultiLabelSoftMargin()(z, y)

    def test_infinite_logits_that_mean_something(self):
        value = MultiLabelSoftMargin()([[np.inf, -np.inf], [-np.inf, 0.0]], [[1, 0], [1, 0]])
        assert value == np.inf
        assert MultiLabelSoftMargin()([[np.inf, -np.inf]], [[1, 0]]) == 0


@pytest.mark.parametrize(
    "loss",
    [
        Distillation(),
        FORWARD,
        REVERSE,
        JensenShannon(),
        MultiLabelMargin(),
        MultiLabelSoftMargin(),
    ],
    ids=str,
)
@pytest.mark.parametrize("shape", [(3, 0), (0, 0), (0,), (0, 4)])
def test_rows_without_classes(loss, shape):
    """They cost nothing, without a warning."""
    arrays = [np.zeros(shape) for _ in loss.arguments]
    if loss.name == "MultiLabelMargin":
        arrays[1] = arrays[1].astype(int)
    value, gradient = loss.value_and_gradient(*arrays)
    assert value == 0
    assert gradient.shape == shape
    assert loss.curvature(*arrays).shape == shape
    values = loss(*arrays, reduction="none")
    assert values.shape == shape[:-1]
    assert not np.any(values)
    leaf = torch.zeros(shape, requires_grad=True)
    loss(leaf, *map(torch.from_numpy, arrays[1:])).backward()
    assert leaf.grad.shape == shape


def theirs_takes_it(z, y):
    return torch.nn.functional.multilabel_soft_margin_loss(z, y).isfinite()


@pytest.mark.parametrize("count", [1, 8, 32])
@pytest.mark.parametrize("soft", [False, True])
def test_targets_that_weigh_nothing(count, soft):
    """Smoothing spreads over classes that do weigh something, but there is nothing to divide by."""
    loss = CrossEntropy(class_weight=(1.0, 0.0, 3.0), label_smoothing=0.1)
    logits, target = np.zeros((count, 3)), np.ones(count, int)
    if soft:
        target = np.eye(3)[target]
    for arrays in ((logits, target), (torch.from_numpy(logits), torch.from_numpy(target))):
        assert loss(*arrays) == 0
        value, gradient = loss.value_and_gradient(*arrays)
        assert value == 0
        assert not gradient.any()
        assert not loss.curvature(*arrays).any()
        others = loss(*arrays, reduction="sum")
        assert float(others) == pytest.approx(count * 0.1 / 3 * 4 * np.log(3))
