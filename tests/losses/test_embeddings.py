"""Losses of pairs of embeddings, and of a Gaussian: against PyTorch and second sources."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.spatial import distance as scipy_distance

import losskit.torch as lt
from losskit import ContrastivePair, CosineEmbedding, GaussianKL, Triplet


def triple(seed=0, rows=6, width=4):
    return np.random.default_rng(seed).normal(size=(3, rows, width))


class TestCosine:
    """The similarity to a zero vector is 0, not NaN."""

    def test_zero_vectors_in_triplets(self):
        zero, some = np.zeros((1, 3)), np.array([[1.0, 2.0, -1.0]])
        for arrays in ((zero, some, zero), (some, zero, zero), (zero, zero, zero)):
            value, gradients = Triplet(distance="cosine").value_and_gradient(*arrays)
            assert value == 1
            assert all(np.isfinite(gradient).all() for gradient in gradients)

    def test_zero_vectors_in_pairs(self):
        zero, some = np.zeros((1, 3)), np.array([[1.0, 2.0, -1.0]])
        for x, y in ((zero, some), (some, zero), (zero, zero)):
            for sign, expected in ((1.0, 1.0), (-1.0, 0.0)):
                value, gradients = CosineEmbedding().value_and_gradient(x, y, [sign])
                assert value == expected
                assert all(np.isfinite(gradient).all() for gradient in gradients)

    def test_nearly_equal_vectors_keep_their_digits(self):
        """1 - cos of an angle of 1e-8 is 5e-17; the difference from 1 has no digit right."""
        x, y = [[1e6, 0.0]], [[1e6, 1e-2]]
        value, gradients = CosineEmbedding().value_and_gradient(x, y, [1.0])
        assert value == pytest.approx(2 * math.sin(1e-8 / 2) ** 2, rel=1e-6, abs=0)
        assert gradients[0][0, 1] == pytest.approx(-1e-8 / 1e6, rel=1e-9, abs=0)
        assert gradients[1][0, 1] == pytest.approx(1e-8 / 1e6, rel=1e-9, abs=0)

    def test_length_does_not_matter(self):
        x, y, _ = triple(5)
        values = CosineEmbedding()(x, y, np.ones(6), reduction="none")
        longer = CosineEmbedding()(7 * x, 0.5 * y, np.ones(6), reduction="none")
        np.testing.assert_allclose(values, longer, rtol=1e-10)

    @pytest.mark.parametrize("margin", [-1.0, 0.0, 0.4])
    def test_against_scipy(self, margin):
        x, y, _ = triple(6, 20)
        signs = np.where(np.arange(20) % 3, 1.0, -1.0)
        cosines = [1 - scipy_distance.cosine(a, b) for a, b in zip(x, y, strict=True)]
        expected = [
            1 - cosine if sign > 0 else max(0, cosine - margin)
            for cosine, sign in zip(cosines, signs, strict=True)
        ]
        values = CosineEmbedding(margin=margin)(x, y, signs, reduction="none")
        np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-11)

    @pytest.mark.parametrize("label", [0.0, 2.0, 0.5])
    def test_labels_must_be_signs(self, label):
        """pytorch#23782: with 0 for dissimilar pairs the loss is 0 for them, silently."""
        x, y, _ = triple()
        signs = np.ones(6)
        signs[2] = label
        with pytest.raises(ValueError, match=r"target at position \(2,\) is .* must be -1 or 1"):
            CosineEmbedding()(x, y, signs)
        with pytest.raises(ValueError, match="must be -1 or 1"):
            lt.functional.cosine_embedding_loss(*map(torch.from_numpy, (x, y, signs)))

    @pytest.mark.parametrize(
        ("dtype", "power"),
        [("float32", power) for power in (10, 19, 30)]
        + [("float64", power) for power in (10, 19, 30, 150, 300)],
    )
    @pytest.mark.parametrize("both", [True, False])
    def test_long_embeddings(self, power, both, dtype):
        """Squared lengths, and before that their product, leave the range of the numbers."""
        size = 10.0**power
        rng = np.random.default_rng(0)
        x, y, z = rng.normal(size=(3, 6, 4))
        y[0] = x[0] + 1e-3
        signs = np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
        scale = size if both else 1.0
        long = [(array * s).astype(dtype) for array, s in ((x, size), (y, scale), (z, scale))]
        # So long that what is added to squared lengths does not show.
        sizes = (2.0**14, *(2.0**14 if both else 1.0,) * 2)
        plain = [
            array.astype(dtype).astype(float) * size
            for array, size in zip((x, y, z), sizes, strict=True)
        ]
        for loss, arrays, exact in (
            (CosineEmbedding(), (*long[:2], signs.astype(dtype)), (*plain[:2], signs)),
            (Triplet(distance="cosine"), long, plain),
        ):
            values, gradients = loss.value_and_gradient(*arrays, reduction="none")
            wanted, slopes = loss.value_and_gradient(*exact, reduction="none")
            # Scaling by a power of ten rounds each element.
            eps = np.finfo(dtype).eps
            np.testing.assert_allclose(values, wanted, rtol=5e3 * eps, atol=10 * eps)
            for gradient, slope, by, of in zip(
                gradients, slopes, (size, scale, scale), sizes, strict=False
            ):
                if power in (30, 300):
                    assert np.isfinite(gradient).all()
                else:
                    np.testing.assert_allclose(gradient * by, slope * of, rtol=0, atol=20 * eps)
            leaves = [torch.from_numpy(array).requires_grad_() for array in arrays[: len(slopes)]]
            total = loss(*leaves, *(torch.from_numpy(a) for a in arrays[len(slopes) :]))
            total.backward()
            for leaf, gradient in zip(leaves, gradients, strict=True):
                np.testing.assert_allclose(leaf.grad * 6, gradient, rtol=1e-4, atol=1e-37)

    @pytest.mark.parametrize("size", [1e-8, 1.0, 1e5, 1e38, 1e39, 1e100])
    def test_long_embeddings_twice_differentiated(self, size):
        """On both sides of where lengths are scaled; in units that finite differences can see."""
        x, y, _ = (torch.from_numpy(array[:2]) for array in triple(width=3))
        signs = torch.tensor([1.0, -1.0]).double()
        leaves = x.requires_grad_(), y.requires_grad_()

        def loss(x, y):
            return CosineEmbedding()(x * size, y, signs, reduction="none")

        assert torch.autograd.gradcheck(loss, leaves)
        assert torch.autograd.gradgradcheck(loss, leaves)

    def test_long_ones_beside_torchs(self):
        """Where theirs is right, it is the same number: 1e-12 is added to both."""
        rng = np.random.default_rng(0)
        for size in (1e-7, 1e-6, 1.0, 1e4, 1e37, 1e40):
            x, y = torch.from_numpy(rng.normal(size=(2, 5, 3)) * size)
            signs = torch.ones(5).double()
            theirs = torch.nn.functional.cosine_embedding_loss(x, y, signs, reduction="none")
            ours = CosineEmbedding()(x, y, signs, reduction="none")
            # Theirs is 1e-12 in float32, which shows where it is most of a length.
            rtol = 1e-8 if size < 1 else 1e-12
            torch.testing.assert_close(ours, theirs, rtol=rtol, atol=1e-14)


class TestContrastivePair:
    @pytest.mark.parametrize("convert", [np.array, torch.tensor])
    @pytest.mark.parametrize("size", [3e19, 2.5e19, 3e38])
    def test_a_distant_pair_that_is_dissimilar_costs_nothing(self, convert, size):
        """The square of 3e19 is no float32; half that of 2.5e19 is one."""
        arrays = (np.array([[size, 0]]), np.zeros((1, 2)), np.zeros(1))
        x, y, none = (convert(array.astype("float32")) for array in arrays)
        value, gradients = ContrastivePair().value_and_gradient(x, y, none)
        assert value == 0
        assert not any(gradient.any() for gradient in gradients)
        with np.errstate(over="ignore"):
            similar, gradients = ContrastivePair().value_and_gradient(x, y, none + 1)
        exact = size**2 / 2
        assert float(similar) == pytest.approx(exact if exact < 3.4e38 else math.inf, rel=1e-6)
        assert float(gradients[0][0, 0]) == pytest.approx(size, rel=1e-6)
        if convert is torch.tensor:
            x.requires_grad_()
            ContrastivePair()(x, y, none).backward()
            assert not x.grad.any()
        with np.errstate(invalid="ignore"):
            assert math.isnan(
                ContrastivePair()(
                    x.detach() * math.nan if hasattr(x, "detach") else x * np.float32(np.nan),
                    y,
                    none,
                )
            )

    def test_worked(self):
        """d = 1: 1/2 if similar, 0 if not; d = 0.5: 1/8 both ways; with the halves."""
        x, y = np.zeros((4, 2)), np.array([[0.6, 0.8], [0.6, 0.8], [0.3, 0.4], [0.3, 0.4]])
        values = ContrastivePair()(x, y, [1.0, 0.0, 1.0, 0.0], reduction="none")
        np.testing.assert_allclose(values, [0.5, 0.0, 0.125, 0.125], atol=1e-15)
        first, second = ContrastivePair().value_and_gradient(
            x, y, [1.0, 0.0, 1.0, 0.0], reduction="sum"
        )[1]
        # Similar: x - y. Dissimilar: -(1 - d)(x - y)/d, which is nothing from the margin on.
        expected = [[-0.6, -0.8], [0, 0], [-0.3, -0.4], [0.3, 0.4]]
        np.testing.assert_allclose(first, expected, atol=1e-15)
        np.testing.assert_allclose(second, -first)

    def test_gradient_within_a_wide_margin(self):
        """(2 - 0.5) along the unit vector (0.6, 0.8)."""
        x, y = np.zeros((1, 2)), [[0.3, 0.4]]
        first = ContrastivePair(margin=2.0).value_and_gradient(x, y, [0.0])[1][0]
        np.testing.assert_allclose(first, [[1.5 * 0.6, 1.5 * 0.8]], rtol=1e-14)

    @pytest.mark.parametrize("margin", [0.5, 2.0, 5.0])
    def test_against_the_formula(self, margin):
        x, y, _ = triple(7, 30)
        labels = np.arange(30) % 2 * 1.0
        expected = []
        for a, b, label in zip(x, y, labels, strict=True):
            d = math.dist(a, b)
            expected.append(d**2 / 2 if label else max(0.0, margin - d) ** 2 / 2)
        values = ContrastivePair(margin=margin)(x, y, labels, reduction="none")
        np.testing.assert_allclose(values, expected, rtol=1e-12, atol=1e-15)

    def test_a_dissimilar_pair_at_one_point(self):
        """No direction to part in: the whole margin, no gradient, and no NaN."""
        x = torch.ones(1, 3, dtype=torch.float64, requires_grad=True)
        y = torch.ones(1, 3, dtype=torch.float64, requires_grad=True)
        value = ContrastivePair(margin=2.0)(x, y, torch.zeros(1))
        gradients = torch.autograd.grad(value, (x, y), create_graph=True)
        assert value.item() == 2
        assert not any(gradient.any() for gradient in gradients)
        second = torch.autograd.grad(gradients[0].sum(), x)[0]
        assert second.isfinite().all()

    def test_labels_between(self):
        x, y, _ = triple()
        half = ContrastivePair()(x, y, np.full(6, 0.5))
        ends = ContrastivePair()(x, y, np.ones(6)) + ContrastivePair()(x, y, np.zeros(6))
        assert half == pytest.approx(ends / 2, rel=1e-14)
        with pytest.raises(ValueError, match="target at position"):
            ContrastivePair()(x, y, np.full(6, -1.0))


@pytest.mark.parametrize("loss", [ContrastivePair(), CosineEmbedding()], ids=str)
def test_labels_are_not_broadcast(loss):
    """pytorch#53030 and others: (N, 1) labels against (N,) losses become (N, N)."""
    x, y, _ = triple()
    with pytest.raises(ValueError, match=r"one number for each row, in shape \(6,\), got \(6, 1\)"):
        loss(x, y, np.ones((6, 1)))
    with pytest.raises(ValueError, match="input2"):
        loss(x, y[:1], np.ones(6))


class TestGaussianKL:
    def test_worked(self):
        """½ (4 + 1 - 1 - 0) = 2 for a mean of 2; ½ (e - 1 - 1) for a log-variance of 1."""
        values = GaussianKL()([[0.0], [2.0], [0.0]], [[0.0], [0.0], [1.0]], reduction="none")
        np.testing.assert_allclose(values, [0, 2, (math.e - 2) / 2], rtol=1e-15)

    @pytest.mark.parametrize(("mean", "variance"), [(0.0, 1.0), (1.5, 0.25), (-3.0, 9.0)])
    def test_against_torchs_distributions(self, mean, variance):
        rng = np.random.default_rng(0)
        m, v = rng.normal(size=(2, 5, 3))
        normal = torch.distributions.Normal
        expected = torch.distributions.kl_divergence(
            normal(torch.from_numpy(m), torch.from_numpy(v).div(2).exp()),
            normal(torch.tensor(mean).double(), torch.tensor(math.sqrt(variance)).double()),
        ).sum(-1)
        loss = GaussianKL(prior_mean=mean, prior_variance=variance)
        np.testing.assert_allclose(loss(m, v, reduction="none"), expected, rtol=1e-12)

    def test_as_in_the_paper(self):
        """Kingma and Welling (2014), appendix B: -½ Σ (1 + log s² - m² - s²)."""
        m, v = np.random.default_rng(1).normal(size=(2, 4, 3))
        expected = -0.5 * (1 + v - m**2 - np.exp(v)).sum(axis=-1)
        np.testing.assert_allclose(GaussianKL()(m, v, reduction="none"), expected, rtol=1e-13)

    @pytest.mark.parametrize("t", [1e-12, -1e-9, 1e-5, -1e-3, 0.05, -0.0999, 0.1001, 3.0, -40.0])
    def test_digits_near_the_prior(self, t):
        """exp(t) - 1 - t is t²/2 there; computed as written, no digit is right at 1e-9."""
        terms, term = [], t * t / 2
        for order in range(3, 200):
            terms.append(term)
            term *= t / order
        exact = math.fsum(terms) / 2 if abs(t) < 5 else (math.exp(t) - 1 - t) / 2
        value = GaussianKL()([[0.0]], [[t]])
        assert value == pytest.approx(exact, rel=2e-14, abs=0)
        narrow = GaussianKL()(np.zeros((1, 1), np.float32), np.full((1, 1), t, np.float32))
        assert narrow == pytest.approx(exact, rel=2e-5, abs=0)

    def test_the_prior_itself(self):
        loss = GaussianKL(prior_mean=0.5, prior_variance=1.0)
        value, gradients = loss.value_and_gradient(np.full((2, 3), 0.5), np.zeros((2, 3)))
        assert value == 0
        assert not any(gradient.any() for gradient in gradients)

    def test_settings_are_checked(self):
        with pytest.raises(ValueError, match="prior_variance must be a finite number > 0, got 0"):
            GaussianKL(prior_variance=0)

    def test_module(self):
        m, v = torch.randn(2, 4, 3).double()
        module = lt.GaussianKLLoss(prior_variance=2.0)
        assert repr(module) == "GaussianKLLoss(prior_variance=2.0)"
        torch.testing.assert_close(module(m, v), GaussianKL(prior_variance=2.0)(m, v))
        torch.testing.assert_close(
            lt.functional.gaussian_kl_loss(m, v, 0.0, 2.0, "sum"),
            GaussianKL(prior_variance=2.0)(m, v, reduction="sum"),
        )
