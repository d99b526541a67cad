"""Losses of ranked lists: written out item by item, against scikit-learn, worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import ndcg_score

from cases import every_listwise
from losskit import ApproxNDCG, CrossEntropy, ListNet

RNG = np.random.default_rng(0)
SCORES = RNG.normal(0, 1, (6, 5))
GRADES = RNG.choice([0.0, 1.0, 2.0, 4.0], (6, 5))
GRADES[:, 0] = 3.0
PADDED = np.where(RNG.uniform(size=GRADES.shape) < 0.3, -1.0, GRADES)
PADDED[:, 0] = 3.0


def list_net(scores, grades, loss):
    """-Σ q log p, with Python's own sums."""
    total = math.fsum(math.exp(z) for z in scores)
    mass = math.fsum(math.exp(y) for y in grades)
    pairs = zip(scores, grades, strict=True)
    return -math.fsum(math.exp(y) / mass * math.log(math.exp(z) / total) for z, y in pairs)


def approx_ndcg(scores, grades, loss):
    """As published: gains, sigmoids, discounts, and the ideal by sorting."""
    n = range(len(scores))
    gains = [2**y - 1 for y in grades]
    ranks = [
        1 + sum(1 / (1 + math.exp((scores[i] - scores[j]) / loss.temperature)) for j in n if j != i)
        for i in n
    ]
    dcg = math.fsum(gain / math.log2(1 + rank) for gain, rank in zip(gains, ranks, strict=True))
    best = sorted(gains, reverse=True)
    return 1 - dcg / math.fsum(gain / math.log2(2 + place) for place, gain in enumerate(best))


@pytest.mark.parametrize(
    ("loss", "formula"),
    [
        (ListNet(), list_net),
        (ApproxNDCG(), approx_ndcg),
        (ApproxNDCG(0.5), approx_ndcg),
        (ApproxNDCG(2), approx_ndcg),
    ],
    ids=["ListNet", "ApproxNDCG", "smoother", "smoothest"],
)
def test_against_loops(loss, formula):
    """Whole lists, and padded ones as the shorter lists that they hold."""
    for grades in (GRADES, PADDED):
        expected = [
            formula(scores[row >= 0].tolist(), row[row >= 0].tolist(), loss)
            for scores, row in zip(SCORES, grades, strict=True)
        ]
        values = loss(SCORES, grades, reduction="none")
        np.testing.assert_allclose(values, expected, rtol=1e-12)
        assert loss(SCORES, grades) == pytest.approx(np.mean(expected), rel=1e-12)
        # Padding by a mask is the same, and so are grades as integers.
        masked = loss(SCORES, GRADES.astype(int), mask=grades >= 0, reduction="none")
        np.testing.assert_allclose(masked, values, rtol=1e-14)


@every_listwise
def test_gradients_with_zero_grades_ties_and_padding(kind):
    """Against autograd of the formula, in torch's own operations."""
    loss = kind()
    scores = SCORES.copy()
    scores[2] = 0.0
    leaf = torch.from_numpy(scores).requires_grad_()
    total = 0.0
    for row, grades in zip(leaf, torch.from_numpy(PADDED), strict=True):
        z, y = row[grades >= 0], grades[grades >= 0]
        if kind is ListNet:
            total = total - (y.softmax(0) * z.log_softmax(0)).sum()
            continue
        ranks = 0.5 + ((z - z[:, None]) / loss.temperature).sigmoid().sum(1)
        gains = 2**y - 1
        places = torch.arange(1, len(y) + 1).double()
        best = (gains.sort(descending=True).values / torch.log2(1 + places)).sum()
        total = total + 1 - (gains / torch.log2(1 + ranks)).sum() / best
    (total / 6).backward()
    value, gradient = loss.value_and_gradient(scores, PADDED)
    assert value == pytest.approx(total.item() / 6, rel=1e-12)
    np.testing.assert_allclose(gradient, leaf.grad.numpy(), rtol=1e-10, atol=1e-15)
    assert not gradient[PADDED < 0].any()


@every_listwise
@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_padding_leaves_no_trace(kind, hole):
    scores = np.where(PADDED < 0, hole, SCORES)
    expected = kind().value_and_gradient(SCORES, PADDED)
    value, gradient = kind().value_and_gradient(scores, PADDED)
    assert value == expected[0]
    np.testing.assert_array_equal(gradient, expected[1])
    curvature = kind().curvature(scores, PADDED)
    assert np.isfinite(curvature).all()
    assert not curvature[PADDED < 0].any()
    leaf = torch.from_numpy(scores).requires_grad_()
    (slope,) = torch.autograd.grad(kind()(leaf, torch.from_numpy(PADDED)), leaf, create_graph=True)
    (second,) = torch.autograd.grad(slope.square().sum(), leaf)
    assert second.isfinite().all()


@every_listwise
def test_longer_padding_changes_nothing(kind):
    wide = [
        np.concatenate([array, np.full((6, 3), fill)], axis=1)
        for array, fill in ((SCORES, 7.0), (PADDED, -1.0))
    ]
    value, gradient = kind().value_and_gradient(*wide)
    expected = kind().value_and_gradient(SCORES, PADDED)
    assert value == pytest.approx(expected[0], rel=1e-14)
    np.testing.assert_allclose(gradient[:, :5], expected[1], rtol=1e-12, atol=1e-17)


@every_listwise
def test_lists_that_say_nothing_take_no_part(kind):
    """All padding; for NDCG also all irrelevant. They are counted, and out of the mean."""
    scores, grades = SCORES[:3], PADDED[:3].copy()
    grades[1] = -1
    loss = kind()
    assert loss.taking_part(scores, grades).tolist() == [True, False, True]
    kept = loss.value_and_gradient(scores[[0, 2]], grades[[0, 2]])
    value, gradient = loss.value_and_gradient(scores, grades)
    assert value == pytest.approx(kept[0], rel=1e-14)
    assert not gradient[1].any()
    grades[1] = 0
    assert loss.taking_part(scores, grades)[1] == (kind is ListNet)
    # The only relevant item is masked.
    grades[1, 2] = 1
    mask = np.ones(grades.shape, bool)
    mask[1, 2] = False
    assert loss.taking_part(scores, grades)[1]
    assert loss.taking_part(scores, grades, mask=mask)[1] == (kind is ListNet)


@every_listwise
@pytest.mark.parametrize("shape", [(3, 0), (0, 0), (0,), (0, 4)])
def test_lists_of_no_items(kind, shape):
    """They take no part: 0, and no gradient; in torch as well."""
    empty = np.zeros(shape)
    value, gradient = kind().value_and_gradient(empty, empty)
    assert value == 0
    assert gradient.shape == shape
    assert kind().curvature(empty, empty).shape == shape
    values = kind()(empty, empty, reduction="none")
    assert values.shape == shape[:-1]
    assert not values.any()
    leaf = torch.zeros(shape, requires_grad=True)
    kind()(leaf, torch.zeros(shape)).backward()
    assert leaf.grad.shape == shape


@every_listwise
def test_a_grade_of_nan_is_refused_or_seen(kind):
    grades = GRADES.copy()
    grades[1] = [np.nan, 0, 0, 0, 0]
    with pytest.raises(ValueError, match=r"target at position \(1, 0\) is nan"):
        kind()(SCORES, grades)
    assert np.isnan(kind()(SCORES, grades, validate=False))


def test_list_net_by_hand():
    """Two items: q = (e, 1) / (1 + e), p = (1/2, 1/2): log 2 whatever q; no pull where p = q."""
    assert ListNet()([[0.0, 0.0]], [[1.0, 0.0]]) == pytest.approx(math.log(2), rel=1e-15)
    value, gradient = ListNet().value_and_gradient([[0.0, 0.0]], [[1.0, 0.0]])
    expected = 0.5 - math.e / (1 + math.e)
    np.testing.assert_allclose(gradient, [[expected, -expected]], rtol=1e-14)
    value, gradient = ListNet().value_and_gradient(GRADES + 5, GRADES)
    q = np.exp(GRADES) / np.exp(GRADES).sum(1, keepdims=True)
    assert value == pytest.approx(-(q * np.log(q)).sum(1).mean(), rel=1e-13)
    np.testing.assert_allclose(gradient, 0, atol=1e-16)


def test_list_net_is_a_cross_entropy():
    rows = np.exp(GRADES) / np.exp(GRADES).sum(1, keepdims=True)
    expected = CrossEntropy().value_and_gradient(SCORES, rows)
    value, gradient = ListNet().value_and_gradient(SCORES, GRADES)
    assert value == pytest.approx(expected[0], rel=1e-13)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-12, atol=1e-17)


def test_ndcg_by_hand():
    """One relevant item, second of two; and the value in TensorFlow Ranking's documentation."""
    assert ApproxNDCG()([[0.0, 9.0]], [[1.0, 0.0]]) == pytest.approx(1 - 1 / math.log2(3))
    # Ties share the average of their ranks.
    assert ApproxNDCG()([[2.0, 2.0]], [[1.0, 0.0]]) == pytest.approx(1 - 1 / math.log2(2.5))
    value = ApproxNDCG(0.1)([[0.6, 0.8]], [[1.0, 0.0]])
    assert value == pytest.approx(1 - 0.655107, abs=1e-6)


def test_ndcg_at_small_temperatures_is_the_metric():
    expected = 1 - ndcg_score(2**GRADES - 1, SCORES)
    assert ApproxNDCG(1e-5)(SCORES, GRADES) == pytest.approx(expected, rel=1e-12)


def test_ndcg_of_the_best_order_is_zero():
    """Not a little below, as 1 - DCG / ideal comes out; whatever the order of equal grades."""
    for order in (GRADES, GRADES - 0.1 * np.arange(5), GRADES + 0.1 * np.arange(5)):
        values = ApproxNDCG(1e-3)((10 * order).astype(np.float32), GRADES, reduction="none")
        assert (values >= 0).all()
    exact = ApproxNDCG(1e-3)(10 * (GRADES - 0.1 * np.arange(5)), GRADES, reduction="none")
    np.testing.assert_allclose(exact, 0, atol=1e-17)


def test_ndcg_nearly_in_order_keeps_its_digits():
    scores = (GRADES + 0.01 * SCORES).astype(np.float32)
    for temperature in (0.05, 0.1):
        loss = ApproxNDCG(temperature)
        exact = loss.value_and_gradient(scores.astype(np.float64), GRADES)
        value, gradient = loss.value_and_gradient(scores, GRADES.astype(np.float32))
        assert value == pytest.approx(exact[0], rel=1e-5)
        np.testing.assert_allclose(gradient, exact[1], rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("top", [31.0, 127.0, 500.0])
def test_ndcg_of_large_and_small_grades(top):
    """2^128 is no float32; neither value nor gradient notices."""
    grades = np.array([[top, top - 1, 0.0, 1.0, top - 2]])
    scores = SCORES[:1]
    expected = approx_ndcg(scores[0].tolist(), grades[0].tolist(), ApproxNDCG())
    value, gradient = ApproxNDCG().value_and_gradient(
        scores.astype(np.float32), grades.astype(np.float32)
    )
    assert value == pytest.approx(expected, rel=1e-5)
    exact = ApproxNDCG().value_and_gradient(scores, grades)
    assert exact[0] == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient, exact[1], rtol=1e-3, atol=1e-9)
    # 2^y - 1 of a small y has few digits, 2^y of itself none.
    small = ApproxNDCG()(scores, 1e-12 * GRADES[:1])
    linear = ApproxNDCG()(scores, 1e-6 * GRADES[:1])
    assert small == pytest.approx(linear, rel=1e-5)


def test_ndcg_gradient_in_the_grades():
    """By differences; the best order is constant, and ties have a derivative on each side."""
    leaf = torch.tensor([[3.0, 1.5, 0.5, 2.0]], dtype=torch.float64, requires_grad=True)
    scores = torch.from_numpy(SCORES[:1, :4])
    assert torch.autograd.gradcheck(lambda y: ApproxNDCG()(scores, y), leaf)
    ties = torch.tensor([[1.0, 1.0, 0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(ApproxNDCG()(scores, ties), ties)
    assert slope.isfinite().all()


@pytest.mark.parametrize("end", [-np.inf, np.inf])
def test_ndcg_of_infinite_scores(end):
    """Items masked by a score of -inf rank last, and tie with each other."""
    scores = SCORES[:, :5].copy()
    scores[:, 3:] = end
    far = np.where(np.isinf(scores), np.sign(end) * 1e4, scores)
    expected = ApproxNDCG().value_and_gradient(far, GRADES)
    value, gradient = ApproxNDCG().value_and_gradient(scores, GRADES)
    assert value == pytest.approx(expected[0], rel=1e-14)
    # No step moves an infinite score.
    assert not gradient[:, 3:].any()
    np.testing.assert_allclose(gradient[:, :3], expected[1][:, :3], rtol=1e-12, atol=1e-17)
    assert np.isfinite(ApproxNDCG().curvature(scores, GRADES)).all()
    leaf, grades = torch.from_numpy(scores).requires_grad_(), torch.from_numpy(GRADES)
    grades.requires_grad_()
    (slope,) = torch.autograd.grad(ApproxNDCG()(leaf, grades), leaf, create_graph=True)
    np.testing.assert_allclose(slope.detach(), gradient, rtol=1e-14)
    for second in torch.autograd.grad(slope.square().sum(), (leaf, grades)):
        assert second.isfinite().all()


def test_ndcg_of_irrelevant_items_masked_by_minus_infinity():
    """As if they were padding."""
    grades = GRADES.copy()
    grades[:, 3:] = 0
    scores = SCORES.copy()
    scores[:, 3:] = -np.inf
    expected = ApproxNDCG()(SCORES[:, :3], GRADES[:, :3], reduction="none")
    np.testing.assert_allclose(ApproxNDCG()(scores, grades, reduction="none"), expected, rtol=1e-14)
    assert not ApproxNDCG()([[-np.inf, -np.inf]], [[0.0, 0.0]]).any()
    assert np.isnan(ApproxNDCG()([[np.nan, -np.inf]], [[1.0, 0.0]], validate=False))
