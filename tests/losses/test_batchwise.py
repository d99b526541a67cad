"""Losses of whole batches of embeddings, against plain loops and PyTorch's cross-entropy."""

from __future__ import annotations

import math
import tracemalloc
from itertools import chain

import numpy as np
import pytest
import torch
import torch.nn.functional as theirs

import losskit.torch as lt
from batch_loops import (
    all_by_loops,
    contrast,
    cross_by_loops,
    labels_by_loops,
    on_circle,
    sig_lip_by_loops,
    sup_con_by_loops,
    symmetric_by_loops,
    unit_tensors,
)
from cases import Case, as_tuple, cases
from losskit import CLIP, InfoNCE, SigLIP, SupCon
from losskit.core.batchwise import Batchwise
from losskit.losses import CATALOGUE

KINDS = [kind for kind in CATALOGUE.values() if issubclass(kind, Batchwise)]
CASES = list(chain.from_iterable(cases(kind) for kind in KINDS))
every_case_of_batches = pytest.mark.parametrize("case", CASES, ids=str)
LABELS = np.array([0, 1, 0, 2, 1, 0, 3, 1])
"""Three anchors of 0, three of 1; 2 and 3 are alone."""


@pytest.fixture
def views():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(8, 5))
    return first, first + 0.8 * rng.normal(size=(8, 5))


class TestInfoNCE:
    @pytest.mark.parametrize("temperature", [0.07, 0.5])
    @pytest.mark.parametrize(
        ("negatives", "by_loops"),
        [("cross", cross_by_loops), ("symmetric", symmetric_by_loops), ("all", all_by_loops)],
    )
    def test_two_views(self, views, negatives, by_loops, temperature):
        values = InfoNCE(temperature, negatives)(*views, reduction="none")
        np.testing.assert_allclose(values, by_loops(*views, temperature), rtol=1e-12)

    def test_two_views_by_cross_entropy(self, views):
        first, second = unit_tensors(*views)
        logits, own = first @ second.T / 0.07, torch.arange(8)
        there, back = theirs.cross_entropy(logits, own), theirs.cross_entropy(logits.T, own)
        assert InfoNCE()(*views) == pytest.approx(there.item(), rel=1e-12)
        expected = (there + back).item() / 2
        assert InfoNCE(negatives="symmetric")(*views) == pytest.approx(expected, rel=1e-12)
        both = torch.cat([first, second])
        logits = (both @ both.T / 0.07).fill_diagonal_(-math.inf)
        expected = theirs.cross_entropy(logits, torch.arange(16).roll(8)).item()
        assert InfoNCE(negatives="all")(*views) == pytest.approx(expected, rel=1e-12)

    def test_labels(self, views):
        values = InfoNCE(0.2)(views[0], LABELS, reduction="none")
        np.testing.assert_allclose(values, labels_by_loops(views[0], LABELS, 0.2), rtol=1e-12)

    def test_mean_over_pairs(self, views):
        """optax and pytorch-metric-learning average over pairs, which weights can do, too."""
        rows, counts = views[0], (LABELS[:, None] == LABELS).sum(axis=1) - 1
        pairs = [
            contrast(
                rows[i], rows[j], [r for r, k in zip(rows, LABELS, strict=True) if k != own], t
            )
            for t in (0.5,)
            for i, own in enumerate(LABELS)
            for j in range(len(rows))
            if i != j and LABELS[j] == own
        ]
        weighted = InfoNCE(0.5)(rows, LABELS, weight=counts)
        assert weighted == pytest.approx(math.fsum(pairs) / len(pairs), rel=1e-13)
        # optax.losses.ntxent of these at temperature 0.5, in float64.
        rows = [[1, 0], [1, 1], [0, 1], [-1, 2], [2, -1], [-1, -1], [3, 1]]
        weighted = InfoNCE(0.5)(
            np.array(rows, dtype=float),
            np.array([0, 0, 1, 1, 1, 2, 3]),
            weight=np.array([1, 1, 2, 2, 2, 0, 0]),
        )
        assert weighted == pytest.approx(2.212033564784714, rel=1e-13)

    @pytest.mark.parametrize("negatives", ["cross", "symmetric", "all"])
    def test_a_second_view_of_integers(self, negatives):
        views = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.array([[1, 0], [0, 1], [1, 1]])
        mend = r"got \(3, 2\); if it is a second view, convert it to floats"
        with pytest.raises(ValueError, match=f"InfoNCE: .*{mend}"):
            InfoNCE(negatives=negatives)(*views)

    def test_each_positive_meets_255_others(self):
        """In a batch of 256 that knows nothing, it is one of 256."""
        same = np.ones((256, 3))
        assert InfoNCE()(same, same) == pytest.approx(math.log(256), rel=1e-14)
        assert InfoNCE(negatives="all")(same, same) == pytest.approx(math.log(511), rel=1e-14)

    def test_one_positive_and_one_negative(self):
        """pytorch-metric-learning's NTXentLoss gives 0 for a single pair of each."""
        rows = on_circle(0, 60, 90)  # similarities: 0.5 in the pair, 0 and cos(30°) across
        values = InfoNCE(1.0)(rows, [4, 4, 9], reduction="none")
        expected = [math.log1p(math.exp(0 - 0.5)), math.log1p(math.exp(math.sqrt(0.75) - 0.5)), 0]
        np.testing.assert_allclose(values, expected, rtol=1e-13)

    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    @pytest.mark.parametrize("negatives", ["cross", "symmetric"])
    def test_far_from_the_positive(self, negatives, dtype):
        """pytorch-metric-learning's NTXentLoss ends near 87 where 2000 is true."""
        first = np.array([[1.0, 0.0], [-1.0, 0.0]], dtype)
        value = InfoNCE(0.001, negatives)(first, -first)
        assert value == pytest.approx(2000, rel=1e-6)
        by_label = InfoNCE(0.001)(np.concatenate([first, first[:1]]), [0, 0, 1], reduction="none")
        np.testing.assert_allclose(by_label, [2000, math.log(2), 0], rtol=1e-6)

    def test_gradient_far_from_the_positive(self):
        """There, pytorch-metric-learning's gradient is 0."""
        first, second = on_circle(0, 180), on_circle(170, 350)
        value, (gradient, _) = InfoNCE(0.001).value_and_gradient(first, second, reduction="sum")
        assert value == pytest.approx(4000 * math.cos(math.radians(10)), rel=1e-12)
        # Partner and stranger turn an anchor the same way, each by sin(10°)/t.
        turn = 2000 * math.sin(math.radians(10))
        np.testing.assert_allclose(gradient, [[0, -turn], [0, turn]], atol=1e-9)

    def test_no_positive_is_shown(self, views):
        """pytorch-metric-learning#744: a silent 0; optax's ntxent: NaN."""
        loss = InfoNCE()
        part = loss.taking_part(views[0], LABELS)
        assert part.tolist() == [label in (0, 1) for label in LABELS]
        alone = np.arange(8)
        value, gradient = loss.value_and_gradient(views[0], alone)
        assert value == 0
        assert not gradient.any()
        assert (~loss.taking_part(views[0], alone)).sum() == 8
        some = loss(views[0], LABELS)
        values = loss(views[0], LABELS, reduction="none")
        assert some == pytest.approx(values[part].mean(), rel=1e-14)

    def test_memory_grows_with_the_square_of_the_batch(self):
        """pytorch-metric-learning#203: every pair of a positive and a negative was held."""
        rows = np.random.default_rng(0).normal(size=(600, 8))
        labels = np.arange(600) % 2
        tracemalloc.start()
        InfoNCE().value_and_gradient(rows, labels)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 16 * 8 * 600**2

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
    @pytest.mark.parametrize(
        ("loss", "labelled"),
        [
            (InfoNCE(0.01), False),
            (InfoNCE(0.01, "all"), False),
            (InfoNCE(0.01), True),
            (SupCon(0.01), True),
        ],
        ids=str,
    )
    def test_low_temperature_in_low_precision(self, views, loss, labelled, dtype):
        """Against float64 on the same rounded embeddings."""
        first, second = (torch.from_numpy(view).to(dtype) for view in views)
        labels = torch.from_numpy(LABELS)
        exact, slopes = loss.value_and_gradient(
            first.double(), labels if labelled else second.double()
        )
        value, gradients = loss.value_and_gradient(first, labels if labelled else second)
        assert exact > 1
        assert value.item() == pytest.approx(exact.item(), rel=1e-5)
        for one, truth in zip(as_tuple(gradients), as_tuple(slopes), strict=True):
            largest = truth.abs().max().item()
            torch.testing.assert_close(
                one.double(), truth, rtol=torch.finfo(dtype).eps, atol=2e-5 * largest
            )

    def test_a_certain_pair_keeps_its_digits(self):
        """A softmax less 1 would be rounded to 0."""
        first = np.array([[1.0, 0.0], [-1.0, 0.1]])
        value, (gradient, _) = InfoNCE(0.04).value_and_gradient(first, first, reduction="sum")
        gap = (1 + 1 / math.sqrt(1.01)) / 0.04
        assert value == pytest.approx(2 * math.exp(-gap), rel=1e-12)
        assert 0 < abs(gradient).max() < 1e-18

    def test_negatives_go_with_views(self, views):
        for negatives in ("all", "symmetric"):
            with pytest.raises(ValueError, match=f"InfoNCE: negatives='{negatives}' goes with"):
                InfoNCE(negatives=negatives)(views[0], LABELS)
        with pytest.raises(ValueError, match="must be one of 'cross', 'symmetric', 'all'"):
            InfoNCE(negatives="none")


class TestSupCon:
    @pytest.mark.parametrize("temperature", [0.07, 0.5])
    def test_by_loops(self, views, temperature):
        """The paper's formula, which has no base_temperature."""
        values = SupCon(temperature)(views[0], LABELS, reduction="none")
        np.testing.assert_allclose(
            values, sup_con_by_loops(views[0], LABELS, temperature), rtol=1e-12
        )

    def test_positives_compete(self):
        """Three of a label at one point, nothing else near: log 2, the floor of two positives."""
        rows = np.array([[1.0, 0.0]] * 3 + [[-1.0, 0.0]])
        values = SupCon(0.01)(rows, [5, 5, 5, 6], reduction="none")
        np.testing.assert_allclose(values, [math.log(2)] * 3 + [0], rtol=1e-14)
        assert SupCon(0.01).taking_part(rows, [5, 5, 5, 6]).tolist() == [True, True, True, False]

    def test_one_positive_is_the_cross_entropy(self, views):
        labels = np.tile(np.arange(4), 2)
        (rows,) = unit_tensors(views[0])
        logits = (rows @ rows.T / 0.07).fill_diagonal_(-math.inf)
        expected = theirs.cross_entropy(logits, torch.arange(8).roll(4)).item()
        assert SupCon()(views[0], labels) == pytest.approx(expected, rel=1e-12)
        assert InfoNCE()(views[0], labels) == pytest.approx(expected, rel=1e-12)


class TestCLIP:
    def test_as_open_clip_writes_it(self, views):
        image, text = unit_tensors(*views)
        scale = torch.tensor(2.2, dtype=torch.float64)
        logits, own = scale.exp() * image @ text.T, torch.arange(8)
        expected = (theirs.cross_entropy(logits, own) + theirs.cross_entropy(logits.T, own)) / 2
        assert CLIP()(*views, 2.2) == pytest.approx(expected.item(), rel=1e-12)

    def test_start(self, views):
        """The scale begins at 1/0.07, which makes it InfoNCE of both directions."""
        expected = InfoNCE(negatives="symmetric")(*views)
        assert CLIP()(*views) == pytest.approx(expected, rel=1e-13)

    def test_scale_is_held(self, views):
        """Beyond 100 the value stays, and the scale has no gradient."""
        loss, limit = CLIP(), math.log(100)
        value, (_, _, at_limit) = loss.value_and_gradient(*views, limit)
        assert at_limit != 0
        for beyond in (limit + 1e-9, 1e4):
            held, gradients = loss.value_and_gradient(*views, beyond)
            assert held == pytest.approx(value, rel=1e-12)
            assert gradients[2] == 0
            assert all(np.isfinite(gradient).all() for gradient in gradients)
        far_below, gradients = loss.value_and_gradient(*views, -1e4)
        assert far_below == pytest.approx(math.log(8))
        assert not any(np.any(gradient) for gradient in gradients)
        assert CLIP(max_scale=2.0)(*views) == loss(*views, math.log(2))

    def test_a_clamped_scale_goes_on_learning(self, views):
        """In float32 log(100) is rounded up, and must not count as beyond."""
        module = lt.CLIPLoss(logit_scale=7.0)
        with torch.no_grad():
            module.logit_scale.clamp_(max=math.log(100))
        module(*(torch.from_numpy(view).float() for view in views)).backward()
        assert module.logit_scale.grad != 0


class TestSigLIP:
    def test_by_loops(self, views):
        values = SigLIP()(*views, reduction="none")
        np.testing.assert_allclose(values, sig_lip_by_loops(*views, 10.0, -10.0), rtol=1e-12)
        values = SigLIP()(*views, 0.7, 0.3, reduction="none")
        np.testing.assert_allclose(values, sig_lip_by_loops(*views, math.exp(0.7), 0.3), rtol=1e-12)

    def test_as_the_paper_writes_it(self, views):
        """-Σ log_sigmoid(labels * logits) / n (Zhai et al. 2023, algorithm 1)."""
        image, text = unit_tensors(*views)
        logits = image @ text.T * 10 - 10
        labels = 2 * torch.eye(8) - torch.ones(8)
        expected = -theirs.logsigmoid(labels * logits).sum() / 8
        assert SigLIP()(*views) == pytest.approx(expected.item(), rel=1e-12)

    @pytest.mark.parametrize("scale", [60.0, 80.0, 88.8, 1e4])
    @pytest.mark.parametrize("kind", [SigLIP, lambda: CLIP(max_scale=1e300)])
    def test_a_scale_beyond_the_numbers(self, kind, scale):
        """Exp of 88.8 is inf in float32, and times a cosine of 0 it was NaN."""
        rows = torch.eye(3, 4)
        image, text = rows.clone().requires_grad_(), rows.clone().requires_grad_()
        learnt = torch.tensor(scale, requires_grad=True)
        loss = kind()
        numbers = (learnt, 0.0) if isinstance(loss, SigLIP) else (learnt,)
        value = loss(image, text, *numbers)
        value.backward()
        # Pairs are certain; every other cosine is 0.
        expected = 2 * math.log(2) if isinstance(loss, SigLIP) else 0.0
        assert value.item() == pytest.approx(expected, rel=1e-6)
        for array in (image, text, learnt):
            assert array.grad.isfinite().all()
        if scale > 73:
            assert learnt.grad == 0
        text = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
        value, gradients = loss.value_and_gradient(rows, text, *numbers)
        assert math.isfinite(value)
        assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.skipif(np.finfo(np.longdouble).bits == 64, reason="no wider float here")
class TestLongDouble:
    @every_case_of_batches
    def test_as_in_double(self, case: Case):
        """Its bounds are inf as a Python float."""
        long = tuple(
            np.asarray(array).astype(np.longdouble)
            if np.asarray(array).dtype.kind == "f"
            else array
            for array in case.arrays
        )
        value, gradients = case.loss.value_and_gradient(*long)
        wanted, slopes = case.loss.value_and_gradient(*case.arrays)
        assert float(value) == pytest.approx(float(wanted), rel=1e-12)
        for gradient, slope in zip(as_tuple(gradients), as_tuple(slopes), strict=True):
            np.testing.assert_allclose(gradient, slope, rtol=0, atol=1e-12)
        zeros = tuple(array * 0 if np.ndim(array) == 2 else array for array in long)
        value, gradients = case.loss.value_and_gradient(*zeros)
        assert np.isfinite(value)
        assert all(np.isfinite(gradient).all() for gradient in as_tuple(gradients))
