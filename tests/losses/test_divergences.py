"""Divergences of rows and distillation, against second sources."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.special import kl_div, log_softmax, rel_entr, softmax

from losskit import (
    CrossEntropy,
    Distillation,
    JensenShannon,
    KLDivergence,
)

FOUR_DIGITS = 5e-5
Q, P = np.array([0.7, 0.2, 0.1]), np.array([0.6, 0.3, 0.1])
FORWARD, REVERSE = KLDivergence(), KLDivergence(direction="reverse")


def rows(seed, shape=(6, 5)):
    """Logits and rows of probabilities."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, 2, shape), rng.dirichlet(np.ones(shape[-1]), shape[:-1])


class TestKLDivergence:
    def test_worked_numbers(self):
        assert FORWARD(np.log(P), Q) == pytest.approx(0.0268, abs=FOUR_DIGITS)
        assert FORWARD(np.log(Q), P) == pytest.approx(0.0291, abs=FOUR_DIGITS)
        assert REVERSE(np.log(P), Q) == pytest.approx(0.0291, abs=FOUR_DIGITS)

    @pytest.mark.parametrize("log_target", [False, True])
    def test_against_scipy(self, log_target):
        logits, t = rows(4)
        p = softmax(logits, axis=-1)
        for direction, expected in (("forward", rel_entr(t, p)), ("reverse", rel_entr(p, t))):
            loss = KLDivergence(direction=direction, log_target=log_target)
            values = loss(logits, np.log(t) if log_target else t, reduction="none")
            np.testing.assert_allclose(values, expected.sum(-1), rtol=1e-12)

    def test_mean_is_the_batch_mean(self):
        """pytorch#6622: KLDivLoss(reduction="mean") also divides by the classes."""
        logits, t = rows(5)
        log_p, rows_of_t = torch.from_numpy(log_softmax(logits, axis=-1)), torch.from_numpy(t)
        total = torch.nn.functional.kl_div(log_p, rows_of_t, reduction="sum").item()
        with pytest.warns(UserWarning, match="batchmean"):
            over_classes = torch.nn.functional.kl_div(log_p, rows_of_t).item()
        assert FORWARD(logits, t) == pytest.approx(total / 6)
        assert FORWARD(logits, t) == pytest.approx(5 * over_classes)

    def test_input_need_not_be_logarithmic(self):
        """pytorch#69230: raw scores give a negative divergence; here they are normalised."""
        logits, t = rows(6)
        raw = torch.nn.functional.kl_div(
            torch.from_numpy(logits + 9), torch.from_numpy(t), reduction="sum"
        )
        assert raw < 0
        assert FORWARD(logits + 9, t) == pytest.approx(FORWARD(log_softmax(logits, axis=-1), t))
        assert FORWARD(logits, t) > 0

    def test_zero_against_zero(self):
        """optax#896: p = q = 0 is NaN."""
        for loss in (FORWARD, REVERSE):
            value, gradient = loss.value_and_gradient([0.0, 0.0, -np.inf], [0.25, 0.75, 0.0])
            assert value == pytest.approx(rel_entr(*ORDER[loss.direction]).sum())
            assert np.isfinite(gradient).all()
            assert np.isfinite(loss.curvature([0.0, 0.0, -np.inf], [0.25, 0.75, 0.0])).all()
        impossible = [-np.inf, 0.0], [-np.inf, 0.0]
        for direction in ("forward", "reverse"):
            loss = KLDivergence(direction=direction, log_target=True)
            value, gradient = loss.value_and_gradient(*impossible)
            assert value == 0
            assert not gradient.any()

    def test_one_hot_is_the_cross_entropy(self):
        logits, target = rows(7)[0], np.array([0, 1, 2, 3, 4, 0])
        expected = CrossEntropy().value_and_gradient(logits, target)
        actual = FORWARD.value_and_gradient(logits, np.eye(5)[target])
        np.testing.assert_allclose(actual[0], expected[0], rtol=1e-14)
        np.testing.assert_allclose(actual[1], expected[1], rtol=1e-14)

    def test_what_one_side_rules_out(self):
        """Forward wants what the target has; reverse avoids what it has not."""
        value, gradient = FORWARD.value_and_gradient([0.0, -np.inf], [0.5, 0.5])
        assert value == np.inf
        assert gradient.tolist() == [0.5, -0.5]
        value, gradient = REVERSE.value_and_gradient([0.0, 0.0, 0.0], [0.5, 0.5, 0.0])
        assert value == np.inf
        assert gradient.tolist() == [-np.inf, -np.inf, np.inf]
        value, gradient = REVERSE.value_and_gradient([0.0, 0.0, -np.inf], [0.5, 0.5, 0.0])
        assert value == 0
        assert not gradient.any()

    @pytest.mark.parametrize("loss", [FORWARD, REVERSE], ids=str)
    @pytest.mark.parametrize("step", [1e-3, 1e-5, 1e-6])
    def test_near_rows_keep_their_digits(self, loss, step):
        """Σ t log(t/p) is a difference of numbers near step; what remains is step²/2."""
        logits, t = np.array([step, 0.0, 0.0, 0.0]), np.full(4, 0.25)
        exact = step**2 / 2 * 3 / 16
        assert loss(logits, t) == pytest.approx(exact, rel=max(1e-9, step))

    def test_rows_that_sum_to_1_only_nearly(self):
        """An error e of the sum costs e²/2, not e."""
        t = np.array([0.25, 0.75]) * (1 + 1e-4)
        assert FORWARD(np.log(t), t) == pytest.approx(5e-9, rel=1e-3)

    def test_card_says_what_is_summed_of_other_rows(self):
        """A row may be off 1 by 0.4%: then Σ t log(t/p) is off by what -t + p adds up to."""
        t = np.array([0.25, 0.75]) * 1.003
        z = np.array([0.3, -0.2])
        plain = rel_entr(t, softmax(z)).sum()
        assert FORWARD(z, t) == pytest.approx(plain - 0.003, rel=1e-12)
        with pytest.raises(ValueError, match="a row that sums to"):
            FORWARD(z, t * 1.01)
        assert any("- t + p" in said and "0.004" in said for said in FORWARD.card.pitfalls)

    def test_never_negative(self):
        for seed in range(50):
            logits, _ = rows(seed)
            t = softmax(logits.astype(np.float32), axis=-1)
            for loss in (FORWARD, REVERSE):
                values = loss(logits.astype(np.float32), t, reduction="none")
                assert (values >= 0).all()
                assert (values < 1e-12).all()

    def test_rows_are_validated(self):
        with pytest.raises(ValueError, match="a row that sums to 2"):
            FORWARD(np.zeros(2), [1.0, 1.0])
        loss = KLDivergence(log_target=True)
        with pytest.raises(ValueError, match=r"position \(1, 0\) is 0.7.*apply log_softmax"):
            loss(np.zeros((2, 2)), [np.log([0.5, 0.5]), [0.7, 0.3]])
        with pytest.raises(ValueError, match=r"position \(0,\) is a row that sums to 0.5"):
            loss(np.zeros((1, 2)), np.log([[0.25, 0.25]]))
        with pytest.raises(ValueError, match=r"position \(0, 0\) is nan"):
            loss(np.zeros((1, 2)), [[math.nan, -1.0]])
        with pytest.raises(TypeError, match="make class indices one-hot rows"):
            FORWARD(np.zeros((2, 3)), np.zeros((2, 3), int))

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_rows_in_half_precision_are_rows(self, dtype):
        """They sum to 1 within the rounding of that precision, and of their logarithms."""
        t = torch.from_numpy(np.random.default_rng(0).dirichlet(np.ones(300), 40))
        z = torch.randn(40, 300, dtype=dtype)
        assert FORWARD(z, t.to(dtype)) > 0
        assert CrossEntropy()(z, t.to(dtype)) > 0
        assert KLDivergence(log_target=True)(z, t.log().to(dtype)) > 0
        # log 20000 = 9.9034 is rounded to 9.875 in bfloat16: the row sums to 1.03.
        even = torch.full((1, 20_000), -math.log(20_000), dtype=dtype)
        assert KLDivergence(log_target=True)(even, even) == pytest.approx(0, abs=1e-3)

    def test_masked_log_rows(self):
        loss = KLDivergence(log_target=True)
        target = np.log([[0.5, 0.5], [0.1, 0.9]])
        target[0] = math.nan
        value = loss(np.zeros((2, 2)), target, mask=[False, True])
        assert value == pytest.approx(FORWARD([[0.0, 0.0]], [[0.1, 0.9]]))

    def test_direction_must_be_known(self):
        with pytest.raises(ValueError, match="direction must be one of 'forward', 'reverse'"):
            KLDivergence(direction="backward")


class TestJensenShannon:
    def test_against_scipy(self):
        logits, t = rows(8)
        expected = jensenshannon(softmax(logits, axis=-1), t, axis=-1) ** 2
        actual = JensenShannon()(logits, t, reduction="none")
        np.testing.assert_allclose(actual, expected, rtol=1e-12)

    def test_bounded_by_log_2(self):
        value, gradient = JensenShannon().value_and_gradient([1e4, 0.0, 0.0], [0.0, 1.0, 0.0])
        assert value == pytest.approx(math.log(2), rel=1e-15)
        assert not gradient.any()

    def test_zeros_on_both_sides(self):
        z, t = [0.0, 0.0, -np.inf, -np.inf], [0.5, 0.0, 0.5, 0.0]
        value, gradient = JensenShannon().value_and_gradient(z, t)
        p = np.array([0.5, 0.5, 0.0, 0.0])
        assert value == pytest.approx(jensenshannon(p, t) ** 2, rel=1e-14)
        assert np.isfinite(gradient).all()
        assert np.isfinite(JensenShannon().curvature(z, t)).all()

    @pytest.mark.parametrize("step", [1e-2, 1e-4, 1e-6])
    def test_near_rows_keep_their_digits(self, step):
        """Both logarithms cancel to step² Σ.../8, where (p - t)² / (8 t) is the first order."""
        z, t = np.array([step, 0.0, 0.0, 0.0]), np.full(4, 0.25)
        assert JensenShannon()(z, t) == pytest.approx(step**2 * 3 / 128, rel=max(1e-9, step))

    def test_equal_rows(self):
        for seed in range(20):
            z = rows(seed)[0].astype(np.float32)
            values = JensenShannon()(z, softmax(z, axis=-1), reduction="none")
            assert (values >= 0).all()
            assert (values < 1e-12).all()

    def test_tiny_probability_against_a_sure_target(self):
        """(p - t)/(p + t) rounds to -1; the logarithm of p is still there."""
        _, gradient = JensenShannon().value_and_gradient([-50.0, 0.0], [1.0, 0.0])
        p = math.exp(-50) / (1 + math.exp(-50))
        g = [math.log(2 * p / (1 + p)) / 2, math.log(2) / 2]
        mean = p * g[0] + (1 - p) * g[1]
        assert gradient[0] == pytest.approx(p * (g[0] - mean), rel=1e-6, abs=0)
        assert abs(gradient[1]) < 1e-16


class TestDistillation:
    def by_hand(self, z, v, y, temperature, alpha):
        """Formula of the paper with scipy, for one position."""
        soft = kl_div(softmax(v / temperature), softmax(z / temperature)).sum()
        return alpha * temperature**2 * soft - (1 - alpha) * log_softmax(z)[y]

    @pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
    @pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
    def test_formula(self, temperature, alpha):
        z, v = rows(9)[0], rows(10)[0]
        y = np.array([0, 1, 2, 3, 4, 0])
        loss = Distillation(temperature=temperature, alpha=alpha)
        values = loss(z, v, y, reduction="none")
        expected = [self.by_hand(*row, temperature, alpha) for row in zip(z, v, y, strict=True)]
        np.testing.assert_allclose(values, expected, rtol=1e-12)
        one_hot = loss(z, v, np.eye(5)[y], reduction="none")
        np.testing.assert_allclose(one_hot, values, rtol=1e-14)

    def test_gradients_do_not_shrink_with_the_temperature(self):
        """What T² is for: with matched means, the slope tends to alpha (z - v)/K."""
        z, v = np.array([1.0, -1.0, 0.0]), np.array([-2.0, 1.0, 1.0])
        loss = Distillation(temperature=1e4, alpha=1.0)
        np.testing.assert_allclose(
            loss.value_and_gradient(z, v, 0)[1], (z - v) / 3, rtol=1e-3, atol=1e-4
        )

    def test_ignored_positions_take_no_part_at_all(self):
        z, v = rows(11)[0], rows(12)[0]
        y = np.array([0, -100, 2, 3, -100, 0])
        v[1] = math.nan
        kept = y != -100
        assert Distillation()(z, v, y) == pytest.approx(Distillation()(z[kept], v[kept], y[kept]))

    def test_class_weights_count_positions(self):
        """As if a class had been seen so many times, by its teacher too."""
        z, v = rows(13)[0], rows(14)[0]
        y = np.array([0, 1, 2, 2, 1, 0])
        weighted = Distillation(class_weight=[1.0, 3.0, 1.0, 1.0, 1.0])(z, v, y)
        often = np.repeat(np.arange(6), [1, 3, 1, 1, 3, 1])
        assert weighted == pytest.approx(Distillation()(z[often], v[often], y[often]))

    def test_classes_that_the_teacher_rules_out(self):
        z, v = [0.0, 1.0, -np.inf], [0.0, -np.inf, -np.inf]
        value, gradient = Distillation(alpha=1.0, temperature=1.0).value_and_gradient(z, v, 0)
        assert value == pytest.approx(math.log(1 + math.e))
        assert np.isfinite(gradient).all()
        # The target's logarithm of 0 has no share.
        assert Distillation(alpha=1.0)([0.0, -np.inf], [0.0, -np.inf], 1) == 0
        # Nor has the teacher's.
        assert Distillation(alpha=0.0)([0.0, -np.inf], [0.0, 0.0], 0) == 0

    def test_without_labels_there_is_the_divergence(self):
        """As the card says: the target is required whatever alpha is."""
        z, v = rows(15)[0], rows(16)[0]
        taught = softmax(v / 3, axis=-1)
        expected = Distillation(temperature=3.0, alpha=1.0)(z, v, np.zeros(6, int))
        assert 9 * FORWARD(z / 3, taught) == pytest.approx(expected, rel=1e-12)
        (advice,) = Distillation.card.avoid_when
        assert "KLDivergence" in advice
        assert "alpha" not in advice

    def test_a_teacher_that_learns_gets_its_gradient(self):
        z, v = (torch.from_numpy(rows(seed)[0]).requires_grad_() for seed in (15, 16))
        y = torch.tensor([0, 1, 2, 3, 4, 0])
        Distillation(temperature=3.0)(z, v, y).backward()
        ours = v.grad.clone()
        v.grad = None
        soft = torch.nn.functional.kl_div(
            (z / 3).log_softmax(-1), (v / 3).log_softmax(-1), log_target=True, reduction="batchmean"
        )
        (0.5 * 9 * soft).backward()
        torch.testing.assert_close(ours, v.grad)


ORDER = {
    "forward": ([0.25, 0.75, 0.0], [0.5, 0.5, 0.0]),
    "reverse": ([0.5, 0.5, 0.0], [0.25, 0.75, 0.0]),
}
