"""Cases that other libraries get wrong, by the issue in which they were reported."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cases import (
    every_classification,
    every_loss,
    every_positionwise,
    every_soft_target,
    one_case,
)
from losskit import (
    MAE,
    MSE,
    NLL,
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
    BinaryFocal,
    CrossEntropy,
    Focal,
    Hinge,
    Huber,
    SmoothL1,
    SoftMargin,
    SquaredHinge,
)
from losskit.core.classwise import AmbiguousAxisWarning
from losskit.core.contracts import LOG_PROBABILITIES


def scores(kind, logits):
    """One array of scores for each that the loss takes."""
    return [logits for _ in kind.card.arguments[1:]]


class TestWeightsAndMeans:
    @every_soft_target
    def test_one_convention_for_indices_and_one_hot_rows(self, kind):
        """pytorch#50528, #8062: indices divide by Σw, probabilities by N (1.418 and 4.609)."""
        logits = np.array([[1.0, 2.0, 0.5], [0.1, 0.2, 3.0], [2.0, 0.3, 0.3]])
        indices = np.array([2, 0, 1])
        loss = kind(class_weight=[1.0, 2.0, 7.0])
        if kind is NLL:
            logits = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        by_index = loss.value_and_gradient(*scores(kind, logits), indices)
        by_rows = loss.value_and_gradient(*scores(kind, logits), np.eye(3)[indices])
        np.testing.assert_allclose(by_rows[0], by_index[0], rtol=1e-14)
        np.testing.assert_allclose(by_rows[1], by_index[1], rtol=1e-13)

    @every_loss
    def test_weighted_mean_divides_by_the_weights(self, kind):
        """pytorch#132465, keras#15323, #19740: Huber and BCE divide by N, MSE and L1 by Σw."""
        case = one_case(kind)
        values = case.loss(*case.arrays, reduction="none")
        weight = np.linspace(0.5, 4, values.size).reshape(values.shape)
        mean = case.loss(*case.arrays, weight=weight)
        assert mean == pytest.approx(np.average(values, weights=weight), rel=1e-13)

    @every_positionwise
    def test_doubling_a_weight_is_seeing_the_row_twice(self, kind):
        """pytorch#563, #1319, optax#902, Liger#404: no per-sample weight at all."""
        case = one_case(kind)
        weight = np.ones(case.positions)
        weight[2] = 2
        twice = [0, 1, 2, 2, 3, 4]
        expected = case.loss(*case.rows(twice))
        weighted = case.loss(*case.arrays, weight=weight)
        assert weighted == pytest.approx(expected, rel=1e-13)

    @every_classification
    def test_everything_ignored(self, kind):
        """pytorch#70348, #75181, smp: NaN."""
        for target in (np.full(3, -100), np.zeros(0, int)):
            logits = np.ones((target.size, 4))
            value, gradient = kind().value_and_gradient(*scores(kind, logits), target)
            assert value == 0
            assert not gradient.any()

    @every_classification
    def test_only_ignored_targets_in_a_batch_with_class_weights(self, kind):
        """pytorch#116349: all weights zero is NaN."""
        loss = kind(class_weight=[0.0, 1.0])
        assert loss(*scores(kind, np.zeros((2, 2))), np.array([0, 0])) == 0

    def test_gradient_accumulation_needs_a_global_count(self):
        """transformers#34191, #35203, #37766: a mean of means is another loss."""
        rng = np.random.default_rng(0)
        logits, target = rng.normal(size=(6, 5)), rng.integers(0, 5, 6)
        target[[1, 2]] = -100
        whole = CrossEntropy()(logits, target)
        count = int((target != -100).sum())
        halves = [slice(0, 3), slice(3, 6)]
        parts = sum(CrossEntropy()(logits[h], target[h], normalizer=count) for h in halves)
        naive = np.mean([CrossEntropy()(logits[h], target[h]) for h in halves])
        assert parts == pytest.approx(whole, rel=1e-14)
        assert abs(naive - whole) > 0.01

    @every_classification
    def test_ignored_positions_are_not_counted(self, kind):
        """smp#852: they stay in the mean."""
        case = one_case(kind)
        *others, target = case.arrays
        target = target.copy()
        target[:2] = -100
        expected = case.loss(*case.rows(slice(2, None)))
        assert case.loss(*others, target) == pytest.approx(expected, rel=1e-14)

    @every_loss
    def test_masks_act_on_the_loss_not_on_the_logits(self, kind):
        """MONAI#4193: logits times mask is a logit of 0, which costs ln 2."""
        case = one_case(kind)
        mask = np.zeros(case.mask_shape, bool)
        mask[0] = True
        expected = case.loss(*case.rows(slice(0, 1)))
        assert case.loss(*case.arrays, mask=mask) == pytest.approx(expected, rel=1e-14)

    @pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
    @every_classification
    def test_ignored_infinite_logits_send_nothing_back(self, kind, bad):
        """pytorch#11551: NaN reaches the model through an ignored position."""
        logits = torch.randn(3, 4, dtype=torch.float64)
        if LOG_PROBABILITIES in kind.card.arguments[0].contracts:
            logits = logits.log_softmax(1)
        logits[1] = bad
        logits.requires_grad_()
        kind()(*scores(kind, logits), torch.tensor([0, -100, 3])).backward()
        assert torch.isfinite(logits.grad).all()
        assert not logits.grad[1].any()

    def test_pos_weight_shapes(self):
        """pytorch#27936, #82496, #65702: two classes' weights for one positive class, (C,) on
        images."""
        logits, target = np.zeros((4, 3)), np.ones((4, 3))
        with pytest.raises(ValueError, match=r"pos_weight of shape \(2,\).*one weight per label"):
            BinaryCrossEntropyWithLogits(pos_weight=[1.0, 2.0])(logits, target)
        with pytest.raises(ValueError, match=r"\(C, 1, 1\)"):
            BinaryCrossEntropyWithLogits(pos_weight=[1.0, 2.0, 3.0])(
                np.zeros((2, 3, 5, 5)), np.ones((2, 3, 5, 5))
            )
        per_label = BinaryCrossEntropyWithLogits(pos_weight=[1.0, 2.0, 3.0])
        np.testing.assert_allclose(
            per_label(logits, target, reduction="none")[0], np.log(2) * np.arange(1, 4)
        )


class TestShapesAndValues:
    @pytest.mark.parametrize(
        "loss",
        [MSE(), MAE(), Huber(), SmoothL1(), BinaryCrossEntropy(), BinaryCrossEntropyWithLogits()],
        ids=lambda loss: loss.name,
    )
    @pytest.mark.parametrize("make", [np.full, torch.full], ids=["numpy", "torch"])
    def test_column_against_row(self, loss, make):
        """pytorch#16045, #19699, #53030: (N, 1) against (N,) becomes (N, N)."""
        column, row = make((4, 1), 0.5), make((4,), 0.5)
        with pytest.raises(ValueError, match=r"input\[\.\.\., 0\]"):
            loss(column, row)
        with pytest.raises(ValueError, match=r"target\[\.\.\., 0\]"):
            loss(row, column)

    def test_square_sequence_logits(self):
        """pytorch#29754: (N, T, C) with T == C takes the wrong axis without a word."""
        logits, target = torch.randn(2, 5, 5), torch.zeros(2, 5, dtype=torch.long)
        with pytest.warns(AmbiguousAxisWarning, match="class_axis"):
            CrossEntropy()(logits, target)

    def test_soft_targets_are_validated(self):
        """pytorch#152437: negative and unnormalised probabilities are taken as they come."""
        logits = np.zeros((1, 3))
        with pytest.raises(ValueError, match=r"position \(0, 1\) is -0.2"):
            CrossEntropy()(logits, [[0.6, -0.2, 0.6]])
        with pytest.raises(ValueError, match="a row that sums to 3"):
            CrossEntropy()(logits, [[1.0, 1.0, 1.0]])
        assert CrossEntropy()(logits, [[0.2, 0.3, 0.5]]) == pytest.approx(np.log(3))

    @pytest.mark.parametrize("label", [-100.0, -1.0, 2.0, math.nan])
    def test_binary_labels_are_validated(self, label):
        """pytorch#23782: -100 as a target of BCE with logits is a loss of -100 z."""
        with pytest.raises(ValueError, match=r"target at position \(1,\).*mask"):
            BinaryCrossEntropyWithLogits()(np.ones(3), [0.0, label, 1.0])

    @pytest.mark.parametrize("loss", [Hinge(), SquaredHinge(), SoftMargin()], ids=str)
    @pytest.mark.parametrize("label", [0.0, 2.0, math.nan])
    def test_labels_of_0_are_no_signs(self, loss, label):
        """pytorch#49917: with 0 for negatives these losses teach nothing of them."""
        with pytest.raises(ValueError, match=r"position \(1,\).*2 \* label - 1"):
            loss(np.ones(3), [1.0, label, -1.0])

    @pytest.mark.parametrize("p", [-0.01, 1.01, math.nan])
    def test_raw_scores_are_no_probabilities(self, p):
        with pytest.raises(ValueError, match=r"input at position \(0,\).*apply sigmoid"):
            BinaryCrossEntropy()([p], [1.0])


class TestNumerics:
    def test_smoothing_with_a_switched_off_class(self):
        """optax#896: inf. A logit of -inf is a class that is not there."""
        off = CrossEntropy(label_smoothing=0.1).value_and_gradient([[2.0, -np.inf, 0.5]], [0])
        without = CrossEntropy(label_smoothing=0.1).value_and_gradient([[2.0, 0.5]], [0])
        assert off[0] == pytest.approx(without[0], rel=1e-15)
        np.testing.assert_allclose(off[1][0], [without[1][0, 0], 0, without[1][0, 1]])

    def test_soft_target_of_zero_on_a_switched_off_class(self):
        """optax#896: 0 · inf is NaN."""
        value, gradient = CrossEntropy().value_and_gradient(
            [[1.0, -np.inf, 1.0]], [[0.5, 0.0, 0.5]]
        )
        assert value == pytest.approx(np.log(2))
        np.testing.assert_allclose(gradient, 0, atol=1e-15)
        assert NLL()([[np.log(0.5), -np.inf, np.log(0.5)]], [[0.5, 0, 0.5]]) == pytest.approx(
            np.log(2)
        )

    def test_slope_of_a_probability_of_exactly_0_or_1(self):
        """pytorch#103316: the clamp takes the gradient away; the right answer has slope ±1."""
        p, y = torch.tensor([0.0, 1.0], requires_grad=True), torch.tensor([0.0, 1.0])
        BinaryCrossEntropy()(p, y, reduction="sum").backward()
        assert p.grad.tolist() == [1.0, -1.0]
        wrong = BinaryCrossEntropy().value_and_gradient([0.0, 1.0], [1.0, 0.0], reduction="none")
        assert wrong[0].tolist() == [100, 100]
        np.testing.assert_allclose(wrong[1], [-1e12, 1e12])

    @pytest.mark.parametrize("p", [0.99, 0.999])
    def test_the_true_classs_gradient_in_bfloat16(self, p):
        """Liger#1329: rounded before the 1 is taken off, it is wrong by 20 to 100 %."""
        logit = math.log(p / (1 - p))
        logits = torch.tensor([[logit, 0.0]], dtype=torch.bfloat16)
        exact = torch.softmax(logits.double(), 1) - torch.tensor([[1.0, 0.0]])
        gradient = CrossEntropy().value_and_gradient(logits, torch.tensor([0]))[1]
        assert gradient.dtype == torch.bfloat16
        torch.testing.assert_close(gradient.double(), exact, rtol=2**-8, atol=0)

    def test_soft_margin_far_out(self):
        """pytorch#77529: inf from -200 on in float32."""
        value, gradient = SoftMargin().value_and_gradient(
            np.array([-200, 200, -1e4], np.float32), [1, 1, 1], reduction="none"
        )
        assert value.tolist() == [200, 0, 1e4]
        assert gradient.tolist() == [-1, 0, -1]

    def test_derivatives_far_out(self):
        """scikit-learn before #28048: gradient and Hessian NaN at a raw prediction of -1e3."""
        raw = np.array([-1e3, 1e3, -1e4, 1e4])
        loss = BinaryCrossEntropyWithLogits()
        value, gradient = loss.value_and_gradient(raw, np.ones(4), reduction="none")
        assert value.tolist() == [1e3, 0, 1e4, 0]
        assert gradient.tolist() == [-1, 0, -1, 0]
        assert loss.curvature(raw, np.ones(4)).tolist() == [0, 0, 0, 0]


class TestFocal:
    def test_gamma_0_is_cross_entropy(self):
        rng = np.random.default_rng(0)
        logits, target = rng.normal(size=(6, 4)), rng.integers(0, 4, 6)
        for settings in ({}, {"class_weight": [1.0, 2.0, 0.5, 3.0]}):
            focal = Focal(gamma=0.0, **settings).value_and_gradient(logits, target)
            plain = CrossEntropy(**settings).value_and_gradient(logits, target)
            np.testing.assert_allclose(focal[0], plain[0], rtol=1e-14)
            np.testing.assert_allclose(focal[1], plain[1], rtol=1e-12, atol=1e-16)
        labels = rng.integers(0, 2, (6, 4)) * 1.0
        binary = BinaryFocal(gamma=0.0, alpha=1.0).value_and_gradient(logits, labels)
        plain = BinaryCrossEntropyWithLogits().value_and_gradient(logits, labels)
        np.testing.assert_allclose(binary[0], plain[0], rtol=1e-14)
        np.testing.assert_allclose(binary[1], plain[1], rtol=1e-12, atol=1e-16)

    @pytest.mark.parametrize(("p", "weight"), [(0.9, 0.01), (0.1, 0.81)])
    def test_weight_of_easy_and_hard(self, p, weight):
        """Gamma 2: 0.01 of the cross-entropy at p_t = 0.9, 0.81 of it at 0.1."""
        logit = math.log(p / (1 - p))
        assert BinaryFocal()([logit], [1.0]) == pytest.approx(-weight * math.log(p))
        assert BinaryFocal()([-logit], [0.0]) == pytest.approx(-weight * math.log(p))
        assert Focal()([[logit, 0.0]], [0]) == pytest.approx(-weight * math.log(p))

    def test_alpha_weighs_both_labels(self):
        """Lin et al. (2017): alpha for positives, 1 - alpha for negatives."""
        values = BinaryFocal(alpha=0.25)([0.0, 0.0], [1.0, 0.0], reduction="none")
        np.testing.assert_allclose(values, 0.25 * math.log(2) * np.array([0.25, 0.75]))

    def test_ignored_positions_are_not_counted(self):
        """Kornia's and smp's focal losses (smp#852) keep them in the mean; a binary one is NaN."""
        logits = np.array([[2.0, 1.0], [np.nan, np.inf]])
        assert Focal()(logits, [0, -100]) == Focal()(logits[:1], [0])
        assert Focal()(logits, [-100, -100]) == 0

    @pytest.mark.parametrize("gamma", [0.5, 2.0])
    def test_certain_predictions(self, gamma):
        """At p = 1 a power of 0 meets a logarithm of 0."""
        for loss, z, y in (
            (Focal(gamma=gamma), [[1e4, 0.0]], [0]),
            (BinaryFocal(gamma=gamma), [1e4], [1.0]),
            (BinaryFocal(gamma=gamma), [np.inf], [1.0]),
        ):
            value, gradient = loss.value_and_gradient(z, y)
            assert value == 0
            assert not gradient.any()
            assert not loss.curvature(z, y).any()

    def test_the_wrong_side_of_certainty(self):
        value, gradient = BinaryFocal().value_and_gradient([-np.inf], [1.0])
        assert value == np.inf
        assert gradient == -1
        value, gradient = Focal().value_and_gradient([[-np.inf, 0.0]], [0])
        assert value == np.inf
        np.testing.assert_allclose(gradient, [[-1, 1]])
