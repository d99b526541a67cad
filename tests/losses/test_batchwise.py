"""Losses of whole batches of embeddings, against plain loops and PyTorch's cross-entropy."""

from __future__ import annotations

import copy
import math
import tracemalloc
from itertools import chain

import array_api_compat.torch as xp
import numpy as np
import pytest
import torch
import torch.nn.functional as theirs

import losskit.torch as lt
from cases import Case, as_tuple, cases
from losskit import CLIP, InfoNCE, SigLIP, SupCon
from losskit.core.batchwise import Batchwise
from losskit.losses import CATALOGUE

KINDS = [kind for kind in CATALOGUE.values() if issubclass(kind, Batchwise)]
CASES = list(chain.from_iterable(cases(kind) for kind in KINDS))
every_batchwise = pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
every_case_of_batches = pytest.mark.parametrize("case", CASES, ids=str)
LABELS = np.array([0, 1, 0, 2, 1, 0, 3, 1])
"""Three anchors of 0, three of 1; 2 and 3 are alone."""


@pytest.fixture
def views():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(8, 5))
    return first, first + 0.8 * rng.normal(size=(8, 5))


def cosine(a, b):
    """By the definition, with Python's own sums."""
    lengths = math.sqrt(math.fsum(x * x for x in a)) * math.sqrt(math.fsum(x * x for x in b))
    return math.fsum(x * y for x, y in zip(a, b, strict=True)) / lengths if lengths else 0.0


def contrast(anchor, positive, negatives, t):
    """-log of the positive's share, as it stands in the papers."""
    own = math.exp(cosine(anchor, positive) / t)
    return -math.log(own / (own + math.fsum(math.exp(cosine(anchor, k) / t) for k in negatives)))


def others(rows, *left_out):
    return [row for at, row in enumerate(rows) if at not in left_out]


def cross_by_loops(first, second, t):
    return [contrast(first[i], second[i], others(second, i), t) for i in range(len(first))]


def symmetric_by_loops(first, second, t):
    there, back = cross_by_loops(first, second, t), cross_by_loops(second, first, t)
    return [(a + b) / 2 for a, b in zip(there, back, strict=True)]


def all_by_loops(first, second, t):
    both, count = [*first, *second], len(first)
    anchors = [
        contrast(
            both[i], both[(i + count) % (2 * count)], others(both, i, (i + count) % (2 * count)), t
        )
        for i in range(2 * count)
    ]
    return [(anchors[i] + anchors[i + count]) / 2 for i in range(count)]


def labels_by_loops(rows, labels, t):
    values = []
    for i, label in enumerate(labels):
        positives = [rows[j] for j in range(len(rows)) if labels[j] == label and j != i]
        negatives = [rows[k] for k in range(len(rows)) if labels[k] != label]
        each = [contrast(rows[i], positive, negatives, t) for positive in positives]
        values.append(math.fsum(each) / len(each) if each else 0.0)
    return values


def sup_con_by_loops(rows, labels, t):
    values = []
    for i, label in enumerate(labels):
        total = math.fsum(math.exp(cosine(rows[i], row) / t) for row in others(rows, i))
        each = [
            -math.log(math.exp(cosine(rows[i], rows[p]) / t) / total)
            for p in range(len(rows))
            if labels[p] == label and p != i
        ]
        values.append(math.fsum(each) / len(each) if each else 0.0)
    return values


def sig_lip_by_loops(image, text, scale, bias):
    return [
        math.fsum(
            math.log1p(math.exp((-1 if i == j else 1) * (scale * cosine(u, v) + bias)))
            for j, v in enumerate(text)
        )
        for i, u in enumerate(image)
    ]


def unit_tensors(*arrays):
    return [theirs.normalize(torch.from_numpy(array), dim=-1) for array in arrays]


def on_circle(*degrees):
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1)


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


class TestEveryBatchwise:
    @every_case_of_batches
    @pytest.mark.parametrize("hole", [np.nan, np.inf, 3.0])
    def test_absent_examples_are_no_negatives(self, case: Case, hole):
        """In every setting: neither anchors, nor positives, nor in a denominator."""
        mask = np.array([True, False, True, True, True])
        kept = [0, 2, 3, 4]
        expected = case.loss.value_and_gradient(*case.rows(kept), reduction="none")
        arrays = tuple(np.array(array) for array in case.arrays)
        for array in arrays:
            if array.ndim == 2:
                array[1] = hole
            elif array.ndim:
                array[1] = 1
        values, gradients = case.loss.value_and_gradient(*arrays, mask=mask, reduction="none")
        np.testing.assert_allclose(values[kept], expected[0], rtol=1e-12)
        assert values[1] == 0
        for gradient, truth in zip(as_tuple(gradients), as_tuple(expected[1]), strict=True):
            actual = gradient[kept] if gradient.ndim else gradient
            np.testing.assert_allclose(actual, truth, rtol=1e-10, atol=1e-14)
            assert gradient.ndim == 0 or not gradient[1].any()

    @every_case_of_batches
    def test_against_autograd_through_the_value(self, case: Case):
        """The closed form against PyTorch's own derivative of the value."""
        arrays = [torch.from_numpy(np.array(array)) for array in case.arrays]
        leaves = [arrays[at].requires_grad_() for at in case.outputs]
        outer = torch.linspace(0.5, 2, 5, dtype=torch.float64)
        ready = case.loss.arrange(tuple(arrays), xp)
        values = case.loss.value_at(*ready, xp)
        expected = torch.autograd.grad((outer * values).sum(), leaves)
        wanted = [at in case.outputs for at in range(len(ready))]
        with torch.no_grad():
            actual = case.loss.pull_back(ready, outer, wanted, xp)
        for at, truth in zip(case.outputs, expected, strict=True):
            torch.testing.assert_close(actual[at], truth, rtol=1e-11, atol=1e-13)

    @every_case_of_batches
    def test_zero_vectors(self, case: Case):
        """Similar to nothing, by 0 and not by NaN; no derivative, of any order or mode."""
        arrays = [torch.from_numpy(np.array(array)) for array in case.arrays]
        for at in case.outputs:
            if arrays[at].ndim:
                arrays[at][2] = 0
        outputs = [arrays[at].requires_grad_() for at in case.outputs]
        value = case.loss(*arrays)
        assert value.isfinite()
        gradients = torch.autograd.grad(value, outputs, create_graph=True)
        for gradient in gradients:
            assert gradient.isfinite().all()
            assert gradient.ndim == 0 or not gradient[2].any()
        seconds = torch.autograd.grad(sum((g**2).sum() for g in gradients), outputs)
        assert all(second.isfinite().all() for second in seconds)
        tangents = [torch.ones_like(output) for output in outputs]

        def call(*outputs):
            given = list(arrays)
            for at, output in zip(case.outputs, outputs, strict=True):
                given[at] = output
            return case.loss(*given)

        primals = tuple(output.detach() for output in outputs)
        _, change = torch.func.jvp(call, primals, tuple(tangents))
        torch.testing.assert_close(change, sum(gradient.sum() for gradient in gradients))

    @every_batchwise
    @pytest.mark.parametrize("size", [1e-280, 1e-5, 1e4, 1e300])
    def test_lengths_do_not_matter(self, kind, size):
        """Nor does their square leave the range of the numbers."""
        case = cases(kind)[0]
        value, gradients = case.loss.value_and_gradient(*case.arrays)
        arrays = tuple(array * size if array.ndim == 2 else array for array in case.arrays)
        scaled, slopes = case.loss.value_and_gradient(*arrays)
        assert scaled == pytest.approx(value, rel=1e-12)
        for gradient, slope in zip(as_tuple(gradients), as_tuple(slopes), strict=True):
            restored = slope * size if gradient.ndim else slope
            np.testing.assert_allclose(restored, gradient, rtol=1e-9, atol=1e-12)

    @every_batchwise
    def test_a_batch_of_one(self, kind):
        """Has no negatives; SigLIP still asks whether the pair is one."""
        case = cases(kind)[0]
        value, gradients = case.loss.value_and_gradient(*case.rows(slice(0, 1)))
        if kind is SigLIP:
            assert value > 0
        else:
            assert value == 0
            assert not any(np.any(gradient) for gradient in as_tuple(gradients))

    @every_batchwise
    def test_empty_batches_and_embeddings(self, kind):
        for shape in ((0, 4), (3, 0), (0, 0)):
            for case in cases(kind):
                arrays = tuple(
                    np.zeros(shape)
                    if array.ndim == 2
                    else array[: shape[0]]
                    if array.ndim
                    else array
                    for array in case.arrays
                )
                for made in (arrays, [torch.from_numpy(np.asarray(array)) for array in arrays]):
                    value, gradients = case.loss.value_and_gradient(*made)
                    assert math.isfinite(value)
                    assert as_tuple(gradients)[0].shape == shape

    @every_batchwise
    def test_misuse_is_named(self, kind):
        case = cases(kind)[0]
        names = [argument.name for argument in kind.card.arguments]
        first, *others = case.arrays
        with pytest.raises(ValueError, match=f"{names[0]} must hold one embedding per row"):
            case.loss(first[0], *others)
        with pytest.raises(ValueError, match=rf"{kind.__name__}: {names[0]} has shape \(5, 4\)"):
            case.loss(first, others[0][:3], *others[1:])
        if names[1] == "target":
            with pytest.raises(
                TypeError, match=r"target must hold labels.*float64 of shape \(5,\)"
            ):
                case.loss(first, np.arange(5.0))
            with pytest.raises(
                ValueError, match=r"one label per row, in shape \(5,\), got \(5, 1\)"
            ):
                case.loss(first, np.arange(5)[:, None])
        for at, name in enumerate(names[2:], 2):
            with pytest.raises(ValueError, match=rf"{name} must be one number, got shape \(1,\)"):
                case.loss(*case.arrays[:at], np.ones(1), *case.arrays[at + 1 :])

    @every_batchwise
    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_autocast_does_not_round_the_similarities(self, kind, dtype):
        """Matrix products are what autocast rounds first; forward, backward and closed form."""
        case = cases(kind)[0]
        arrays = [torch.from_numpy(np.array(array)) for array in case.arrays]
        arrays = [array.float() if array.is_floating_point() else array for array in arrays]
        leaves = [arrays[at].requires_grad_() for at in case.outputs]
        value, gradients = case.loss.value_and_gradient(*arrays)
        with torch.autocast("cpu", dtype=dtype):
            actual = case.loss(*arrays)
            actual.backward()
            closed = case.loss.value_and_gradient(*arrays)
        assert actual.item() == closed[0].item() == value.item()
        for leaf, one, two in zip(leaves, as_tuple(gradients), as_tuple(closed[1]), strict=True):
            assert torch.equal(leaf.grad, one)
            assert torch.equal(two, one)


class TestLearnedNumbers:
    def test_a_number_is_not_rounded_to_half_precision(self, views):
        """Nor does it widen the rest: log(1/0.07) in bfloat16 is off by 0.4 %."""
        image, text = (torch.from_numpy(view).bfloat16() for view in views)
        exact = CLIP()(image.double(), text.double()).item()
        assert CLIP()(image, text).item() == pytest.approx(exact, rel=1e-6)
        assert CLIP()(image, text, reduction="none").dtype == torch.bfloat16
        narrow = tuple(view.astype(np.float32) for view in views)
        assert CLIP()(*narrow).dtype == np.float32
        value, gradients = SigLIP().value_and_gradient(*narrow, reduction="none")
        assert {value.dtype, *(gradient.dtype for gradient in gradients)} == {np.dtype(np.float32)}

    def test_names(self):
        names = {"InfoNCE": "info_nce", "SupCon": "sup_con", "CLIP": "clip", "SigLIP": "siglip"}
        for module, function in names.items():
            assert getattr(lt, f"{module}Loss").__name__ == f"{module}Loss"
            assert callable(getattr(lt.functional, f"{function}_loss"))

    @pytest.mark.parametrize(
        ("kind", "starts"),
        [
            ("CLIPLoss", {"logit_scale": math.log(1 / 0.07)}),
            ("SigLIPLoss", {"logit_scale": math.log(10), "logit_bias": -10.0}),
        ],
    )
    def test_modules_hold_parameters(self, views, kind, starts):
        image, text = (torch.from_numpy(view).float() for view in views)
        module = getattr(lt, kind)()
        assert {name: one.item() for name, one in module.named_parameters()} == {
            name: pytest.approx(start) for name, start in starts.items()
        }
        module(image, text).backward()
        assert all(one.grad.isfinite() and one.grad != 0 for one in module.parameters())
        other = getattr(lt, kind)(**dict.fromkeys(starts, 0.5))
        assert other(image, text) != module(image, text)
        other.load_state_dict(module.state_dict())
        assert other(image, text) == copy.deepcopy(module)(image, text) == module(image, text)
        assert all(one.dtype == torch.float64 for one in module.double().parameters())
        assert all(one.is_meta for one in module.to("meta").parameters())

    def test_functions_take_numbers_and_tensors(self, views):
        image, text = map(torch.from_numpy, views)
        clip, siglip = lt.functional.clip_loss, lt.functional.siglip_loss
        expected = CLIP()(*views, 1.5)
        assert clip(image, text, logit_scale=1.5).item() == pytest.approx(expected)
        scale = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
        clip(image, text, scale).backward()
        gradient = CLIP().value_and_gradient(*views, 1.5)[1][2]
        assert scale.grad.item() == pytest.approx(float(gradient), rel=1e-12)
        assert clip(image, text, max_scale=2.0).item() == pytest.approx(CLIP(2.0)(*views))
        actual = siglip(image, text, 1.5, -3.0).item()
        assert actual == pytest.approx(SigLIP()(*views, 1.5, -3.0))

    @pytest.mark.parametrize("kind", ["CLIPLoss", "SigLIPLoss"])
    def test_the_temperature_learns(self, kind):
        """Two towers find the same signal, and grow sure of it."""
        torch.manual_seed(0)
        signal = torch.randn(64, 6)
        image, text = signal @ torch.randn(6, 10), signal @ torch.randn(6, 8)
        towers = torch.nn.ModuleList([torch.nn.Linear(10, 4), torch.nn.Linear(8, 4)])
        module = getattr(lt, kind)()
        start = {name: one.item() for name, one in module.named_parameters()}
        optimizer = torch.optim.Adam([*towers.parameters(), *module.parameters()], lr=0.02)
        losses = []
        for _ in range(150):
            optimizer.zero_grad()
            value = module(towers[0](image), towers[1](text))
            value.backward()
            optimizer.step()
            losses.append(value.item())
        assert losses[-1] < 0.3 * losses[0]
        assert module.logit_scale.item() > start["logit_scale"] + 0.05
        nearest = (
            theirs.normalize(towers[0](image), dim=-1) @ theirs.normalize(towers[1](text), dim=-1).T
        ).argmax(1)
        assert (nearest == torch.arange(64)).float().mean() > 0.8

    def test_collapse_is_pushed_apart(self):
        """From nearly one point, the gradient leads all over the circle."""
        rng = np.random.default_rng(0)
        first = 1 + 1e-3 * rng.normal(size=(16, 4))
        spread = []
        for _ in range(200):
            _, (gradient, _) = InfoNCE(0.5).value_and_gradient(first, first.copy())
            first = first - 2.0 * gradient
            unit = first / np.linalg.norm(first, axis=1, keepdims=True)
            spread.append(np.linalg.norm(unit.mean(axis=0)))
        assert spread[0] > 0.999
        assert spread[-1] < 0.7
