"""Likelihoods, rankings, pairs and divergences, element by element: against second sources."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import array_api_compat.torch as xp
import array_api_strict
import numpy as np
import pytest
import torch
from scipy import stats

import losskit.torch as lt
from losskit import (
    NLL,
    Asymmetric,
    BinaryCrossEntropyWithLogits,
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
