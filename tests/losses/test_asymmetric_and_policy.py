"""The asymmetric loss, the penalty to a policy and relative entropy, against second sources."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
import torch
from scipy import special, stats

import losskit.torch as lt
from losskit import (
    Asymmetric,
    BinaryCrossEntropyWithLogits,
    BinaryFocal,
    PolicyKL,
    RelativeEntropy,
)

RNG = np.random.default_rng(0)
INF = math.inf


def leaf(values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def asymmetric_in_decimals(z, y, gamma_negative, gamma_positive, clip):
    """The formula in 60 digits."""
    with localcontext() as context:
        context.prec = 60
        z, y, m = Decimal(z), Decimal(y), Decimal(clip)
        p = 1 / (1 + (-z).exp())
        u = max(p - m, Decimal(0))
        positive = -((1 - p) ** Decimal(gamma_positive)) * p.ln()
        negative = -(u ** Decimal(gamma_negative)) * (1 - u).ln() if u else Decimal(0)
        return float(y * positive + (1 - y) * negative)


class TestAsymmetric:
    @pytest.mark.parametrize("y", [0.0, 1.0, 0.3])
    @pytest.mark.parametrize(
        "settings", [(4.0, 1.0, 0.05), (2.5, 0.0, 0.0), (0.5, 3.0, 0.2), (1.5, 1.0, 1e-10)]
    )
    def test_against_60_digits(self, y, settings):
        loss = Asymmetric(*settings)
        z = np.array([-60.0, -20.0, -4.0, -2.9, -1.2, 0.0, 0.7, 3.0, 15.0, 30.0, 60.0])
        expected = [asymmetric_in_decimals(one, y, *settings) for one in z]
        np.testing.assert_allclose(
            loss(z, np.full(11, y), reduction="none"), expected, rtol=3e-14, atol=0
        )

    def test_by_hand(self):
        """p = 0.9: a positive costs -0.1 log 0.9, a negative -0.85^4 log 0.15."""
        z = math.log(9)
        values = Asymmetric()([z, z], [1.0, 0.0], reduction="none")
        expected = [-0.1 * math.log(0.9), -(0.85**4) * math.log(0.15)]
        np.testing.assert_allclose(values, expected, rtol=1e-13)

    def test_without_focus_it_is_cross_entropy(self):
        z, y = 4 * RNG.normal(size=(2, 30))
        y = (y > 0).astype(float)
        plain = BinaryCrossEntropyWithLogits()
        loss = Asymmetric(gamma_negative=0, gamma_positive=0, clip=0)
        for ours, theirs in zip(
            loss.value_and_gradient(z, y), plain.value_and_gradient(z, y), strict=True
        ):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-17)
        np.testing.assert_allclose(loss.curvature(z, y), plain.curvature(z, y), rtol=1e-12)

    @pytest.mark.parametrize("gamma", [0.5, 2.0])
    def test_equal_focus_is_focal(self, gamma):
        z, y = 4 * RNG.normal(size=30), RNG.uniform(size=30)
        focal = BinaryFocal(gamma=gamma)
        loss = Asymmetric(gamma_negative=gamma, gamma_positive=gamma, clip=0)
        for ours, theirs in zip(
            loss.value_and_gradient(z, y), focal.value_and_gradient(z, y), strict=True
        ):
            np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-17)
        np.testing.assert_allclose(loss.curvature(z, y), focal.curvature(z, y), rtol=1e-10)

    def test_the_easiest_negatives_are_left_out(self):
        """Up to a probability of clip: no value, slope or bend; positives there keep theirs."""
        z = np.log(np.array([0.001, 0.04]) / (1 - np.array([0.001, 0.04])))
        value, gradient = Asymmetric().value_and_gradient(z, [0.0, 0.0])
        assert value == 0
        assert not gradient.any()
        assert not Asymmetric().curvature(z, [0.0, 0.0]).any()
        assert (Asymmetric().value_and_gradient(z, [1.0, 1.0])[1] < -0.4).all()

    def test_certain_predictions(self):
        """At p = 1 a negative costs -0.95^4 log 0.05, at any size of the logit."""
        for z in (40.0, 1e4, INF):
            value, gradient = Asymmetric().value_and_gradient([z], [0.0])
            assert value == pytest.approx(-(0.95**4) * math.log(0.05), rel=1e-14)
            assert gradient[0] == pytest.approx(0, abs=1e-15)
            assert Asymmetric()([z], [1.0]) == pytest.approx(0, abs=1e-33)
        assert Asymmetric()([-INF], [1.0]) == INF
        assert Asymmetric()([-INF], [0.0]) == 0
        assert Asymmetric(clip=0)([1e4], [0.0]) == 1e4

    def test_double_backward_at_the_clip(self):
        """p equal to clip, to the last bit, with a focus below 1."""
        z = leaf([0.0, -0.1, 0.1])
        value = Asymmetric(gamma_negative=0.5, clip=0.5)(z, torch.zeros(3).double())
        (gradient,) = torch.autograd.grad(value, z, create_graph=True)
        (second,) = torch.autograd.grad(gradient.sum(), z)
        assert second.isfinite().all()
        assert second[:2].tolist() == [0, 0]


class TestPolicyKL:
    def test_by_hand(self):
        """d = 1 and -1: exp(∓1) - 1 ± 1."""
        x, y = [-1.0, -2.0], [-2.0, -1.0]
        values = {k: PolicyKL(k)(x, y, reduction="none").tolist() for k in ("k1", "k2", "k3")}
        assert values["k1"] == [1, -1]
        assert values["k2"] == [0.5, 0.5]
        assert values["k3"] == pytest.approx([math.exp(-1), math.e - 2], rel=1e-15)

    def test_no_cancellation(self):
        """exp(-d) - 1 + d keeps no digit from 1e-8 on; in float32 none from 3e-4 on."""
        sizes = np.array([1e-300, 1e-12, 1e-8, 3e-4, 0.01, 0.1, 0.4, 0.49999, 0.5, 0.7, 3.0, 20.0])
        d = np.concatenate([sizes, -sizes])
        with localcontext() as context:
            context.prec = 700
            exact = [float((-Decimal(one)).exp() - 1 + Decimal(one)) for one in d]
        # With the policy at log 1 the difference is the reference's, exactly.
        zeros = np.zeros_like(d)
        loss = PolicyKL()
        np.testing.assert_allclose(
            loss(d, zeros, reduction="none", validate=False), exact, rtol=2e-15, atol=0
        )
        single = loss(np.float32(d), np.float32(zeros), reduction="none", validate=False)
        with localcontext() as context:
            context.prec = 700
            exact = [
                float((-Decimal(float(o))).exp() - 1 + Decimal(float(o))) for o in np.float32(d)
            ]
        np.testing.assert_allclose(single[1:12], np.float32(exact[1:12]), rtol=1e-6, atol=0)
        slopes = loss.value_and_gradient(d, zeros, reduction="sum", validate=False)[1]
        np.testing.assert_allclose(slopes, -np.expm1(-d), rtol=1e-15)

    @pytest.mark.parametrize("estimator", ["k1", "k3"])
    def test_is_unbiased(self, estimator):
        """Σ p k(log p - log q) is KL(p‖q)."""
        p, q = np.array([0.7, 0.2, 0.1]), np.array([0.6, 0.3, 0.1])
        mean = PolicyKL(estimator)(np.log(p), np.log(q), weight=p)
        assert mean == pytest.approx(stats.entropy(p, q), rel=1e-13)

    def test_gradients_on_average(self):
        """What the card says: 0, that of KL(policy‖reference), that of KL(reference‖policy)."""
        logits = leaf([0.3, -0.5, 1.0])
        reference = torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64)
        logs = logits.log_softmax(0)
        divergences = {
            "k1": 0 * logits.sum(),
            "k2": (logs.exp() * (logs - reference.log())).sum(),
            "k3": (reference * (reference.log() - logs)).sum(),
        }
        for estimator, divergence in divergences.items():
            drawn = logs.detach().exp()
            loss = PolicyKL(estimator)(logs, reference.log(), weight=drawn)
            (gradient,) = torch.autograd.grad(loss, logits, retain_graph=True)
            (expected,) = torch.autograd.grad(divergence, logits, retain_graph=True)
            torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=1e-15)

    def test_what_the_policy_finds_impossible(self):
        """k3 of a token that the reference finds e^20 times as likely."""
        assert PolicyKL()([-30.0], [-10.0]) == pytest.approx(math.exp(20) - 21, rel=1e-14)
        assert PolicyKL("k2")([-30.0], [-10.0]) == 200
        assert PolicyKL()([-INF], [-10.0]) == INF

    @pytest.mark.parametrize(("estimator", "slope"), [("k1", 1), ("k2", 0), ("k3", 0)])
    def test_what_both_find_impossible(self, estimator, slope):
        """Equal log-probabilities: d = 0, also of two -inf."""
        loss = PolicyKL(estimator)
        value, gradient = loss.value_and_gradient([-INF, -1.0], [-INF, -1.0], reduction="none")
        assert value.tolist() == [0, 0]
        assert gradient.tolist() == [slope, slope]
        assert loss.curvature([-INF], [-INF]).tolist() == loss.curvature([-1.0], [-1.0]).tolist()
        for pair in ([math.nan], [-INF]), ([-INF], [math.nan]):
            assert np.isnan(loss(*pair, validate=False))
        x, y = leaf([-INF, -1.0]), leaf([-INF, -2.0])
        (first,) = torch.autograd.grad(loss(x, y), x, create_graph=True)
        if first.requires_grad:
            first.sum().backward()
            assert x.grad.isfinite().all()
            assert y.grad.isfinite().all()


class TestRelativeEntropy:
    Q, P = np.array([0.7, 0.2, 0.1]), np.array([0.6, 0.3, 0.1])

    @pytest.mark.parametrize(("q", "p", "expected"), [(Q, P, 0.0268), (P, Q, 0.0291)])
    def test_worked_numbers(self, q, p, expected):
        for target, loss in ((q, RelativeEntropy()), (np.log(q), RelativeEntropy(log_target=True))):
            value = loss(np.log(p), target, reduction="sum")
            assert value == pytest.approx(expected, abs=5e-5)
            assert value == pytest.approx(stats.entropy(q, p), rel=1e-13)

    def test_terms(self):
        values = RelativeEntropy()(np.log(self.P), self.Q, reduction="none")
        np.testing.assert_allclose(values, special.rel_entr(self.Q, self.P), rtol=1e-12, atol=1e-17)

    @pytest.mark.parametrize("log_target", [False, True])
    def test_both_zero(self, log_target):
        """optax#896: p = q = 0 is NaN, in value and gradient."""
        x, target = leaf([0.0, -INF]), leaf([0.0, -INF] if log_target else [1.0, 0.0])
        value = RelativeEntropy(log_target=log_target)(x, target, reduction="none")
        assert value.tolist() == [0, 0]
        value.sum().backward()
        assert x.grad.tolist() == [-1, 0]
        assert target.grad.tolist() == [1, 0]

    def test_what_is_there_but_impossible(self):
        value, gradient = RelativeEntropy().value_and_gradient([-INF, 0.0], [0.5, 0.5])
        assert value == INF
        np.testing.assert_allclose(gradient, [-0.25, -0.25])

    def test_nan_is_not_hidden_by_a_target_of_0(self):
        assert np.isnan(RelativeEntropy()([np.nan], [0.0], validate=False))

    def test_batchmean_is_the_divergence(self):
        """pytorch#6622: the mean divides by the classes as well."""
        x, q = torch.from_numpy(np.log([self.P, self.P])), torch.from_numpy(np.array([self.Q] * 2))
        assert lt.KLDivLoss(reduction="batchmean")(x, q).item() == pytest.approx(0.0268, abs=5e-5)
        assert lt.KLDivLoss()(x, q).item() == pytest.approx(0.0268 / 3, abs=5e-5)
