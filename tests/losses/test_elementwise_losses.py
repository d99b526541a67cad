"""Likelihoods, rankings, pairs and divergences, element by element: against second sources."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import array_api_compat.torch as xp
import array_api_strict
import numpy as np
import pytest
import torch
from scipy import special, stats

import losskit.torch as lt
from losskit import (
    NLL,
    Asymmetric,
    BinaryCrossEntropyWithLogits,
    BinaryFocal,
    GaussianNLL,
    HingeEmbedding,
    LogCosh,
    MarginRanking,
    PairwiseLogistic,
    PolicyKL,
    RelativeEntropy,
)

RNG = np.random.default_rng(0)
INF = math.inf


def leaf(values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


class TestGaussianNLL:
    def test_is_the_density_of_a_normal_variable(self):
        x, y = RNG.normal(size=(2, 50))
        v = RNG.uniform(0.1, 4, 50)
        values = GaussianNLL(full=True)(x, y, v, reduction="none")
        np.testing.assert_allclose(values, -stats.norm.logpdf(y, x, np.sqrt(v)), rtol=1e-12)

    def test_by_hand(self):
        """(log 4 + 9/4)/2; slopes 3/4 and (1 - 9/4)/8; bends 1/4 and (2·9/4 - 1)/32."""
        arrays = [4.0], [1.0], [4.0]
        value, (in_x, in_v) = GaussianNLL().value_and_gradient(*arrays)
        assert value == pytest.approx((math.log(4) + 2.25) / 2)
        assert in_x.tolist() == [0.75]
        assert in_v.tolist() == [-0.15625]
        in_x, in_v = GaussianNLL().curvature(*arrays)
        assert in_x.tolist() == [0.25]
        assert in_v.tolist() == [3.5 / 32]

    @pytest.mark.parametrize("eps", [1e-6, 0.5])
    def test_below_eps_as_torch(self, eps):
        """Clamped without a word to autograd: value and slope are those at eps."""
        variances = [0.0, 1e-9, 0.3, 0.5, 2.0]
        results = []
        for home in (torch.nn.functional, lt.functional):
            x, v = leaf([1.0, -2.0, 0.5, 0.0, 3.0]), leaf(variances)
            value = home.gaussian_nll_loss(x, torch.ones(5).double(), v, eps=eps, reduction="sum")
            value.backward()
            results.append((value.detach(), x.grad, v.grad))
        torch.testing.assert_close(*results, rtol=1e-13, atol=0)
        x, y = np.array([1.0, -2.0, 0.5, 0.0, 3.0]), np.ones(5)
        _, (in_x, in_v) = GaussianNLL(eps=eps).value_and_gradient(x, y, variances, reduction="sum")
        np.testing.assert_allclose(in_x, results[0][1], rtol=1e-13)
        np.testing.assert_allclose(in_v, results[0][2], rtol=1e-13)

    def test_second_derivatives_below_eps(self):
        """Double backward goes on as if the variance were eps."""
        x, v = leaf([2.0]), leaf([0.1])
        value = GaussianNLL(eps=0.5)(x, torch.zeros(1).double(), v)
        (slope,) = torch.autograd.grad(value, v, create_graph=True)
        (second,) = torch.autograd.grad(slope, v)
        assert second.item() == pytest.approx(4 / 0.125 - 1 / 0.5)
        curvature = GaussianNLL(eps=0.5).curvature([2.0], [0.0], [0.1])[1]
        assert curvature.tolist() == pytest.approx([30.0])

    def test_infinite_variance_says_nothing_of_the_mean(self):
        value, (in_x, in_v) = GaussianNLL().value_and_gradient([1.0], [0.0], [INF])
        assert value == INF
        assert in_x.tolist() == [0]
        assert in_v.tolist() == [0]

    @pytest.mark.parametrize("shape", [(), (4,), (4, 1), (1, 3), (1, 1)])
    @pytest.mark.parametrize("reduction", ["mean", "none"])
    def test_one_variance_for_several(self, shape, reduction):
        """Its gradient and curvature come in its own shape, with autograd and without."""
        x, y = RNG.normal(size=(2, 4, 3))
        v = RNG.uniform(0.5, 2, shape)
        full = np.broadcast_to(v[:, None] if shape == (4,) else v, (4, 3)).copy()
        call = {"reduction": reduction, "weight": RNG.uniform(size=(4, 3))}
        expected = GaussianNLL().value_and_gradient(x, y, full, **call)
        bends = GaussianNLL().curvature(x, y, full, **call)[1]

        def summed(array):
            if shape == (4,):
                return array.sum(1)
            axes = tuple(at for at in (0, 1) if not shape or shape[at] == 1)
            return array.sum(axes, keepdims=bool(shape))

        value, (in_x, in_v) = GaussianNLL().value_and_gradient(x, y, v, **call)
        np.testing.assert_allclose(value, expected[0], rtol=1e-14)
        np.testing.assert_allclose(in_x, expected[1][0], rtol=1e-14)
        assert in_v.shape == shape
        np.testing.assert_allclose(in_v, summed(expected[1][1]), rtol=1e-12)
        np.testing.assert_allclose(
            GaussianNLL().curvature(x, y, v, **call)[1], summed(bends), rtol=1e-12
        )
        call["weight"] = torch.from_numpy(call["weight"])
        tensors = [torch.from_numpy(np.asarray(array)).requires_grad_() for array in (x, y, v)]
        GaussianNLL()(*tensors, **call).sum().backward()
        assert tensors[2].grad.shape == shape
        torch.testing.assert_close(tensors[2].grad, torch.from_numpy(np.asarray(in_v)))
        strict = [array_api_strict.asarray(array) for array in (x, y, v)]
        np.testing.assert_allclose(np.asarray(GaussianNLL()(*strict)), GaussianNLL()(x, y, v))

    @pytest.mark.parametrize("shape", [(4,), (4, 1), (1, 3)])
    def test_one_variance_for_several_as_torch(self, shape):
        x, y = torch.randn(2, 4, 3, dtype=torch.float64)
        results = []
        for home in (torch.nn.functional, lt.functional):
            v = leaf(np.linspace(0.5, 2, math.prod(shape)).reshape(shape))
            value = home.gaussian_nll_loss(x, y, v)
            value.backward()
            results.append((value.detach(), v.grad))
        torch.testing.assert_close(*results)

    def test_a_number_is_a_variance(self):
        x, y = np.ones(3, np.float32), np.zeros(3, np.float32)
        value, (_, slope) = GaussianNLL().value_and_gradient(x, y, 2.0)
        assert value == pytest.approx((math.log(2) + 0.5) / 2, rel=1e-6)
        assert value.dtype == np.float32
        assert slope.shape == ()
        assert lt.GaussianNLLLoss()(torch.ones(3), torch.zeros(3), 2.0).item() == pytest.approx(
            value, rel=1e-6
        )

    @pytest.mark.parametrize("shape", [(3,), (2, 3), (4, 2), (4, 3, 1), (1, 4, 3)])
    def test_other_shapes_are_refused(self, shape):
        with pytest.raises(ValueError, match=r"GaussianNLL: .* var .*, or one number"):
            GaussianNLL()(np.zeros((4, 3)), np.zeros((4, 3)), np.ones(shape))

    def test_masked_variances_leave_no_trace(self):
        """Of a shared variance, only the part of those that take part."""
        x, y = np.array([[1.0, 5.0], [2.0, np.nan]]), np.zeros((2, 2))
        mask = np.array([[True, False], [True, False]])
        _, (_, slope) = GaussianNLL().value_and_gradient(x, y, np.float64(2), mask=mask)
        expected = GaussianNLL().value_and_gradient([1.0, 2.0], [0.0, 0.0], 2.0)[1][1]
        assert slope == pytest.approx(expected, rel=1e-15)

    def test_negative_variances_are_refused(self):
        with pytest.raises(ValueError, match=r"var at position \(1,\) is -1.*softplus"):
            GaussianNLL()([0.0, 0.0], [0.0, 0.0], [1.0, -1.0])

    def test_compiles_in_one_graph(self):
        """pytorch#194503: compile(fullgraph=True) fails at a look at the variances."""
        torch._dynamo.reset()
        x, y, v = torch.randn(4), torch.randn(4), torch.rand(4) + 0.5
        compiled = torch.compile(lt.GaussianNLLLoss(), fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(
            compiled(x, y, v), torch.nn.functional.gaussian_nll_loss(x, y, v)
        )
        torch.testing.assert_close(
            compiled(x, y, v[:1]), torch.nn.functional.gaussian_nll_loss(x, y, v[:1])
        )
        torch._dynamo.reset()


class TestLogCosh:
    SIZES = (1e-310, 1e-160, 1e-30, 1e-9, 1e-4, 0.01, 0.3, 1.0, 1.99, 2.0, 2.01, 5.0, 50.0, 1e4)

    @pytest.mark.parametrize(
        ("dtype", "rtol", "atol"), [(np.float64, 1e-15, 5e-324), (np.float32, 5e-7, 1e-45)]
    )
    def test_against_700_digits(self, dtype, rtol, atol):
        """d + log(1 + exp(-2d)) - log 2 has no digit left below 1e-8; in float32 below 3e-4."""
        errors = np.array([sign * size for size in self.SIZES for sign in (1, -1)]).astype(dtype)
        with localcontext() as context:
            context.prec = 700
            exact = [
                float(((Decimal(float(e)).exp() + (-Decimal(float(e))).exp()) / 2).ln())
                for e in errors
            ]
        values = LogCosh()(errors, np.zeros_like(errors), reduction="none")
        assert values.dtype == dtype
        np.testing.assert_allclose(values, exact, rtol=rtol, atol=atol)

    def test_it_is_nowhere_flat(self):
        """1 / cosh², which 1 - tanh² rounds to 0 from errors of 10 on in float32."""
        errors = np.array([0.0, 1.0, -12.0, 30.0], np.float32)
        curvature = LogCosh().curvature(errors, np.zeros_like(errors), reduction="sum")
        np.testing.assert_allclose(curvature, np.cosh(errors.astype(float)) ** -2, rtol=1e-6)

    def test_ends(self):
        assert LogCosh()([0.0, INF, -INF], [0.0, 0.0, 0.0], reduction="none").tolist() == [
            0,
            INF,
            INF,
        ]
        assert np.isnan(LogCosh()([math.nan], [0.0]))

    def test_twice_differentiable_formula(self):
        """At 0, on both sides of where the formula changes, and far away."""
        x = leaf([0.0, 1e-9, 1.9, 2.0, -2.0, 2.1, -50.0, 1e4])
        value = LogCosh().value_at(x, torch.zeros_like(x), xp).sum()
        (slope,) = torch.autograd.grad(value, x, create_graph=True)
        torch.testing.assert_close(slope, x.tanh())
        (bend,) = torch.autograd.grad(slope.sum(), x)
        torch.testing.assert_close(bend, 1 - x.tanh() ** 2)


class TestMarginRanking:
    def test_by_hand(self):
        """In order by 2, by 0.5, in the wrong one by 1; the margin is 1."""
        arrays = [2.0, 0.5, 3.0], [0.0, 1.0, 2.0], [1.0, -1.0, -1.0]
        loss = MarginRanking(margin=1.0)
        value, (in_1, in_2) = loss.value_and_gradient(*arrays, reduction="none")
        assert value.tolist() == [0, 0.5, 2]
        assert in_1.tolist() == [0, 1, 1]
        assert in_2.tolist() == [0, -1, -1]

    @pytest.mark.parametrize("margin", [0.0, 1.0, -0.5])
    def test_slope_at_the_kink_as_torch(self, margin):
        """Equal scores, and such as are apart by the margin exactly."""
        results = []
        for home in (torch.nn.functional, lt.functional):
            x1, x2 = leaf([1.0, margin, -margin]), leaf([1.0, 0.0, 0.0])
            y = torch.tensor([1.0, 1.0, -1.0])
            home.margin_ranking_loss(x1, x2, y, margin=margin, reduction="sum").backward()
            results.append((x1.grad, x2.grad))
        torch.testing.assert_close(*results)
        assert results[1][0][1:].tolist() == [-1, 1]

    @pytest.mark.parametrize("end", [INF, -INF])
    def test_two_masked_scores_are_equal(self, end):
        """Not NaN, as the difference of infinities."""
        arrays = [end, end, 0.0], [end, 0.0, end], [1.0, np.sign(end), np.sign(-end)]
        loss = MarginRanking(margin=1.0)
        value, (in_1, in_2) = loss.value_and_gradient(*arrays, reduction="none")
        assert value.tolist() == [1, 0, 0]
        assert in_1.tolist() == [-1, 0, 0]
        assert in_2.tolist() == [1, 0, 0]
        y = leaf([1.0])
        lt.functional.margin_ranking_loss(leaf([end]), leaf([end]), y, margin=1.0).backward()
        assert y.grad.tolist() == [0]
        assert np.isnan(loss([math.nan], [end], [1.0], validate=False))
        assert np.isnan(loss([end], [math.nan], [1.0], validate=False))


class TestHingeEmbedding:
    def test_by_hand(self):
        x, y = [0.5, 3.0, 0.25, 3.0], [1.0, 1.0, -1.0, -1.0]
        value, gradient = HingeEmbedding().value_and_gradient(x, y, reduction="none")
        assert value.tolist() == [0.5, 3, 0.75, 0]
        assert gradient.tolist() == [1, 1, -1, 0]

    def test_slope_at_the_kink_as_torch(self):
        results = []
        for home in (torch.nn.functional, lt.functional):
            x = leaf([2.0, 2.0, 0.0, 0.0])
            y = torch.tensor([1.0, -1.0, 1.0, -1.0])
            home.hinge_embedding_loss(x, y, margin=2.0, reduction="sum").backward()
            results.append(x.grad)
        torch.testing.assert_close(*results)

    def test_infinitely_far_apart(self):
        value, gradient = HingeEmbedding().value_and_gradient([INF, INF], [-1, 1], reduction="none")
        assert value.tolist() == [0, INF]
        assert gradient.tolist() == [0, 1]


class TestPairwiseLogistic:
    def test_by_hand(self):
        """P = s(log 3) = 3/4 and s(-log 3) = 1/4; a tie costs log 2 at equal scores."""
        x1, x2 = [math.log(3), 0.0, 5.0], [0.0, math.log(3), 5.0]
        value, (in_1, in_2) = PairwiseLogistic().value_and_gradient(
            x1, x2, [1.0, 1.0, 0.5], reduction="none"
        )
        np.testing.assert_allclose(value, [-math.log(0.75), -math.log(0.25), math.log(2)])
        np.testing.assert_allclose(in_1, [-0.25, -0.75, 0], atol=1e-16)
        np.testing.assert_allclose(in_2, -in_1)

    def test_is_bce_of_the_difference(self):
        x1, x2 = RNG.normal(size=(2, 40))
        y = RNG.uniform(size=40)
        for sigma in (1.0, 0.3):
            loss = PairwiseLogistic(sigma=sigma).value_and_gradient(x1, x2, y)
            bce = BinaryCrossEntropyWithLogits().value_and_gradient(sigma * (x1 - x2), y)
            assert loss[0] == pytest.approx(bce[0], rel=1e-13)
            np.testing.assert_allclose(loss[1][0], sigma * bce[1], rtol=1e-11, atol=1e-16)

    def test_exact_at_any_size(self):
        """exp(1e4) overflows; at a certain order, d - log(1 + exp(d)) keeps no digit."""
        d = np.array([1e4, -1e4, 40.0, -40.0])
        value, (slope, _) = PairwiseLogistic().value_and_gradient(
            d, np.zeros(4), np.array([0.0, 1.0, 1.0, 0.0]), reduction="none"
        )
        np.testing.assert_allclose(value, [1e4, 1e4, math.exp(-40), math.exp(-40)], rtol=1e-15)
        np.testing.assert_allclose(slope, [1, -1, -math.exp(-40), math.exp(-40)], rtol=1e-15)


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


class TestValuesAndShapes:
    @pytest.mark.parametrize("make", [np.full, torch.full], ids=["numpy", "torch"])
    @pytest.mark.parametrize(
        ("loss", "values"),
        [
            (RelativeEntropy(), (-1.0, 0.5)),
            (HingeEmbedding(), (0.5, 1.0)),
            (GaussianNLL(), (0.5, 0.5, 1.0)),
            (MarginRanking(), (0.5, 0.25, 1.0)),
            (PairwiseLogistic(), (0.5, 0.25, 1.0)),
            (Asymmetric(), (0.5, 1.0)),
            (PolicyKL(), (-1.0, -2.0)),
        ],
        ids=lambda one: getattr(one, "name", ""),
    )
    def test_column_against_row(self, loss, values, make):
        """pytorch#16045, #53030: nothing at all in kl_div, hinge_embedding, gaussian_nll and
        margin_ranking; (N, 1) against (N,) becomes (N, N)."""
        rows = [make((4,), value) for value in values]
        columns = [make((4, 1), value) for value in values]
        for at in range(2):
            mixed = [*rows[:at], columns[at], *rows[at + 1 :]]
            name = loss.arguments[at].name
            with pytest.raises(ValueError, match=rf"{name} has shape .*{name}\[\.\.\., 0\]"):
                loss(*mixed)

    @pytest.mark.parametrize("label", [0.0, 2.0, math.nan])
    def test_labels_of_0_are_no_signs(self, label):
        """pytorch#23782, #49917: a label of 0 counts as both, or as neither."""
        with pytest.raises(ValueError, match=r"position \(1,\).*2 \* label - 1"):
            HingeEmbedding()(np.ones(3), [1.0, label, -1.0])
        with pytest.raises(ValueError, match=r"position \(1,\).*2 \* label - 1"):
            MarginRanking()(np.ones(3), np.zeros(3), [1.0, label, -1.0])

    @pytest.mark.parametrize("wrong", [0.9, 3.0, math.nan])
    def test_what_is_no_logarithm_is_refused(self, wrong):
        """pytorch#69230: kl_div of probabilities is negative."""
        match = r"input at position \(1,\) is .*a log-probability <= 0; apply log_softmax"
        with pytest.raises(ValueError, match=match):
            RelativeEntropy()([-0.1, wrong], [0.5, 0.5])
        with pytest.raises(ValueError, match=match):
            PolicyKL()([-0.1, wrong], [-0.5, -0.5])
        with pytest.raises(ValueError, match=match):
            NLL()([-0.1, wrong], 0)
        with pytest.raises(ValueError, match="target at position"):
            RelativeEntropy(log_target=True)([-0.1, -0.2], [-1.0, wrong])

    def test_logarithms_may_be_rounded(self):
        """log_softmax in half precision, and probabilities that sum to 1.0000001."""
        x = torch.tensor([20.0, 0.0]).to(torch.bfloat16).log_softmax(0)
        assert RelativeEntropy()(x, torch.tensor([1.0, 0.0])) == 0
        assert NLL()(np.log([1.0000001, 0.0 + 1e-9]), 0) == pytest.approx(0, abs=1e-6)

    def test_logarithms_as_targets_are_refused(self):
        with pytest.raises(ValueError, match=r"target .* is -0.5.*logarithms"):
            RelativeEntropy()([-0.1, -2.0], [-0.5, -1.0])

    def test_estimators_are_named(self):
        with pytest.raises(ValueError, match="estimator must be one of 'k1', 'k2', 'k3', got 'k4'"):
            PolicyKL("k4")
