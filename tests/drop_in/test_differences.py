"""Every difference from torch.nn that docs/torch.md lists, seen on both sides."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as theirs

import losskit.torch
from losskit.core.classwise import AmbiguousAxisWarning

ours = losskit.torch.functional
INF = math.inf
DOCUMENTED = Path(__file__).parents[2] / "docs" / "torch.md"


def both(name, input, target, **options):
    """Values and gradients of torch's function and of ours."""
    results = []
    for home in (theirs, ours):
        leaf = torch.tensor(input, requires_grad=True)
        value = getattr(home, name)(leaf, torch.tensor(target), **options)
        value.sum().backward()
        results += [value.tolist(), leaf.grad.tolist()]
    return results


def nothing_takes_part():
    value, _, mine, gradient = both("cross_entropy", [[1.0, 2.0]], [-100])
    assert math.isnan(value)
    assert mine == 0
    assert gradient == [[0, 0]]


def ignored_nan():
    _, gradient, _, mine = both("cross_entropy", [[1.0, 2.0], [math.nan, 0.0]], [0, -100])
    assert math.isnan(gradient[1][0])
    assert mine[1] == [0, 0]


def shapes():
    x, y = torch.zeros(3, 1), torch.zeros(3)
    with pytest.warns(UserWarning, match="different to the input size"):
        assert theirs.mse_loss(x, y) == 0
    with pytest.raises(ValueError, match=r"\(3, 1\).*\(3,\)"):
        ours.mse_loss(x, y)


def single_scores():
    x, y = torch.randn(3), torch.tensor([1])
    expected = theirs.multi_margin_loss(x, y)
    with pytest.raises(ValueError, match=r"target\[\.\.\., 0\]"):
        ours.multi_margin_loss(x, y)
    torch.testing.assert_close(ours.multi_margin_loss(x, y[0]), expected)
    for name in ("multi_margin_loss", "multilabel_margin_loss"):
        assert getattr(theirs, name)(x[0], torch.tensor(0)) == 0
        with pytest.raises(ValueError, match="needs an axis of"):
            getattr(ours, name)(x[0], torch.tensor(0))


def ignored_margins():
    x, y = torch.randn(2, 3), torch.tensor([1, -100])
    with pytest.raises(RuntimeError, match="target out of range"):
        theirs.multi_margin_loss(x, y)
    torch.testing.assert_close(ours.multi_margin_loss(x, y), theirs.multi_margin_loss(x[:1], y[:1]))


def unnormalised_rows():
    x, y = torch.zeros(1, 2), torch.tensor([[1.0, 1.0]])
    expected = theirs.cross_entropy(x, y)
    with pytest.raises(ValueError, match="sums to 2"):
        ours.cross_entropy(x, y)
    assert ours.cross_entropy(x, y, validate=False) == expected


def binary_targets():
    x, y = torch.zeros(1), torch.tensor([-100.0])
    for name, module in (
        ("binary_cross_entropy_with_logits", "BCEWithLogitsLoss"),
        ("multilabel_soft_margin_loss", "MultiLabelSoftMarginLoss"),
    ):
        expected = getattr(theirs, name)(x, y)
        for loss in (getattr(ours, name), getattr(losskit.torch, module)()):
            with pytest.raises(ValueError, match="is -100"):
                loss(x, y)
            torch.testing.assert_close(loss(x, y, validate=False), expected)


def targets_of_probabilities():
    """-2 log 0.5 - (1 - 2) log 0.5."""
    x, y = torch.full((1,), 0.5), torch.tensor([2.0])
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        theirs.binary_cross_entropy(x, y)
    for loss in (ours.binary_cross_entropy, losskit.torch.BCELoss()):
        with pytest.raises(ValueError, match="is 2"):
            loss(x, y)
        assert loss(x, y, validate=False).item() == pytest.approx(math.log(2))


def signs_and_counts():
    x, zero, below = torch.ones(1), torch.zeros(1), -torch.ones(1)
    for name, target in (("soft_margin_loss", zero), ("poisson_nll_loss", below)):
        expected = getattr(theirs, name)(x, target)
        with pytest.raises(ValueError, match="target at position"):
            getattr(ours, name)(x, target)
        torch.testing.assert_close(getattr(ours, name)(x, target, validate=False), expected)


def no_logarithms():
    logits, index, row = torch.ones(1, 2), torch.zeros(1, dtype=torch.long), torch.ones(1, 2) / 2
    for name, target in (("nll_loss", index), ("kl_div", row)):
        expected = getattr(theirs, name)(logits, target, reduction="sum")
        with pytest.raises(ValueError, match="log_softmax"):
            getattr(ours, name)(logits, target)
        actual = getattr(ours, name)(logits, target, reduction="sum", validate=False)
        torch.testing.assert_close(actual, expected)


def weights_out_of_range():
    x, index, labels = torch.tensor([[1.0, 0.0]]), torch.tensor([1]), torch.eye(2)[:1]
    for name, module, target, key in (
        ("cross_entropy", "CrossEntropyLoss", index, "weight"),
        ("nll_loss", "NLLLoss", index, "weight"),
        ("multi_margin_loss", "MultiMarginLoss", index, "weight"),
        ("multilabel_soft_margin_loss", "MultiLabelSoftMarginLoss", labels, "weight"),
        ("binary_cross_entropy_with_logits", "BCEWithLogitsLoss", labels, "pos_weight"),
    ):
        input = x.log_softmax(1) if name == "nll_loss" else x
        for wrong in ([-2.0, 1.0], [1.0, INF], [math.nan, 1.0]):
            options = {key: torch.tensor(wrong)}
            expected = getattr(theirs, name)(input, target, **options)
            mine = (
                partial(getattr(ours, name), **options),
                getattr(losskit.torch, module)(**options),
            )
            for loss in mine:
                if not (wrong[0] < 0 and module == "MultiLabelSoftMarginLoss"):
                    with pytest.raises(ValueError, match="weight must hold finite numbers"):
                        loss(input, target)
                actual = loss(input, target, validate=False)
                torch.testing.assert_close(actual, expected, equal_nan=True)


def means_of_negative_weights():
    x, y, weight = torch.ones(2), torch.zeros(2), torch.tensor([3.0, -1.0])
    for name in ("mse_loss", "l1_loss"):
        expected = getattr(theirs, name)(x, y, weight=weight)
        with pytest.raises(ValueError, match="weight must be >= 0"):
            getattr(ours, name)(x, y, weight=weight)
        assert getattr(ours, name)(x, y, weight=weight, validate=False) == expected


def no_least_variance():
    x, variance = torch.ones(2), torch.full((2,), 0.5)
    assert theirs.gaussian_nll_loss(x, x, variance, eps=0.0).isfinite()
    with pytest.raises(ValueError, match="eps must be a finite number > 0"):
        ours.gaussian_nll_loss(x, x, variance, eps=0.0)


def between_signs():
    x, y = torch.tensor([0.25]), torch.zeros(1)
    assert theirs.hinge_embedding_loss(x, y) == 1
    assert ours.hinge_embedding_loss(x, y, validate=False) == 0.5


def sign_of_zero():
    x, y, zero = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.6, 0.8]]), torch.zeros(1)
    assert theirs.cosine_embedding_loss(x, y, zero) == 0
    with pytest.raises(ValueError, match="must be -1 or 1"):
        ours.cosine_embedding_loss(x, y, zero)
    value = ours.cosine_embedding_loss(x, y, zero, validate=False)
    assert value.item() == pytest.approx((0.4 + 0.6) / 2)


def margin_met():
    x = torch.tensor([[1.0, 0.0]])
    apart = (torch.tensor([[0.0, 1.0]]), -torch.ones(1))
    further = (torch.tensor([[4.0, 0.0]]), torch.tensor([[5.0, 0.0]]))
    one, sign = torch.ones(1), -torch.ones(1)
    for name, module, arrays, options, drawn in (
        ("triplet_margin_loss", "TripletMarginLoss", (x, *further), {"eps": 0.0}, False),
        ("cosine_embedding_loss", "CosineEmbeddingLoss", (x, *apart), {}, False),
        # Others keep the gradient there, as PyTorch does.
        ("hinge_embedding_loss", "HingeEmbeddingLoss", (one, sign), {}, True),
        ("margin_ranking_loss", "MarginRankingLoss", (one, one, sign), {}, True),
    ):
        for loss, expected in (
            (partial(getattr(theirs, name), **options), True),
            (partial(getattr(ours, name), **options), drawn),
            (getattr(losskit.torch, module)(**options), drawn),
        ):
            leaves = [array.clone().requires_grad_() for array in arrays[:-1]]
            value = loss(*leaves, arrays[-1])
            value.backward()
            assert value == 0
            assert any(leaf.grad.any() for leaf in leaves) == expected


def settings_without_meaning():
    x, y = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.6, 0.8]])
    apart, modules = -torch.ones(1), losskit.torch
    for name, module, arrays, options, match in (
        ("triplet_margin_loss", "TripletMarginLoss", (x, y, x), {"p": 0.5}, "p must be"),
        ("triplet_margin_loss", "TripletMarginLoss", (x, y, x), {"p": INF}, "p must be"),
        (
            "hinge_embedding_loss",
            "HingeEmbeddingLoss",
            (x, -torch.ones(1, 2)),
            {"margin": -0.5},
            "margin must be a finite number >= 0",
        ),
        (
            "cosine_embedding_loss",
            "CosineEmbeddingLoss",
            (x, y, apart),
            {"margin": 2.0},
            "margin must be a finite number >= -1 and <= 1",
        ),
    ):
        expected = getattr(theirs, name)(*arrays, **options)
        assert expected.isfinite()
        assert getattr(torch.nn, module)(**options)(*arrays) == expected
        with pytest.raises(ValueError, match=match):
            getattr(ours, name)(*arrays, **options)
        with pytest.raises(ValueError, match=match):
            getattr(modules, module)(**options)


def triplets_without_margin():
    x, y = torch.zeros(1, 2), torch.tensor([[3.0, 4.0]])
    with pytest.raises(ValueError, match="margin must be greater than 0"):
        theirs.triplet_margin_loss(x, y, x, margin=0.0)
    assert ours.triplet_margin_loss(x, y, x, margin=0.0, eps=0.0) == 5
    with pytest.raises(ValueError, match="expected margin to be greater than 0"):
        torch.nn.TripletMarginLoss(margin=0.0)
    assert losskit.torch.TripletMarginLoss(margin=0.0, eps=0.0)(x, y, x) == 5
    far = losskit.torch.TripletMarginWithDistanceLoss(margin=0.0)
    torch.testing.assert_close(far(x, y, x), torch.tensor(5.0))


def square_logits():
    x, y = torch.randn(2, 3, 3), torch.zeros(2, 3, dtype=torch.long)
    expected = theirs.cross_entropy(x, y)
    with pytest.warns(AmbiguousAxisWarning):
        torch.testing.assert_close(ours.cross_entropy(x, y), expected)


def smoothing_and_minus_infinity():
    options = {"label_smoothing": 0.1}
    value, _, mine, _ = both("cross_entropy", [[1.0, -INF, 0.0]], [0], **options)
    assert value == INF
    _, _, without, _ = both("cross_entropy", [[1.0, 0.0]], [0], **options)
    assert mine == pytest.approx(without)


def soft_zero_and_minus_infinity():
    value, _, mine, _ = both("cross_entropy", [[1.0, -INF, 1.0]], [[0.5, 0.0, 0.5]])
    assert math.isnan(value)
    assert mine == pytest.approx(math.log(2))


def shares_of_zero():
    value, _, mine, gradient = both("kl_div", [-INF, 0.0], [0.0, 1.0], reduction="sum")
    assert math.isnan(value)
    assert mine == 0
    assert gradient == [0, -1]


def batchmean_and_flags():
    x, y = torch.log(torch.full((2, 2), 0.25)), torch.full((2, 2), 0.5)
    options = {"reduction": "batchmean", "reduce": True}
    expected = theirs.kl_div(x, y, reduction="sum") / 4
    with pytest.warns(UserWarning, match="will be deprecated"):
        assert theirs.kl_div(x, y, **options) == expected / 2
    with pytest.warns(FutureWarning, match="reduction='mean'"):
        assert ours.kl_div(x, y, **options) == expected


def certain_logits():
    value, _, mine, _ = both(
        "binary_cross_entropy_with_logits", [INF, -INF], [1.0, 0.0], reduction="none"
    )
    assert all(math.isnan(v) for v in value)
    assert mine == [0, 0]


def certain_probabilities():
    _, gradient, _, mine = both("binary_cross_entropy", [0.0, 1.0], [0.0, 1.0], reduction="sum")
    assert gradient == [0, 0]
    assert mine == [1, -1]


def reduced_half_precision():
    x = torch.ones(4, dtype=torch.bfloat16)
    assert theirs.mse_loss(x, x).dtype == torch.bfloat16
    assert ours.mse_loss(x, x).dtype == torch.float32


def chunks():
    x, layer, y = torch.eye(2), torch.eye(2), torch.tensor([0, 1])
    options = torch.nn.LinearCrossEntropyOptions()
    expected = theirs.linear_cross_entropy(x, layer, y, options=options)
    assert ours.linear_cross_entropy(x, layer, y, options=options) == expected
    with pytest.raises(ValueError, match="takes no normalizer; leave options out"):
        ours.linear_cross_entropy(x, layer, y, options=options, normalizer=2)


def batch_means():
    x, y = torch.log(torch.full((2, 2), 0.25)), torch.full((2, 2), 0.5)
    for name in ("mask", "sample_weight"):
        option = {name: torch.tensor([[1], [0]])}
        with pytest.raises(ValueError, match=f"{name} does not go with it"):
            ours.kl_div(x, y, reduction="batchmean", **option)


def complex_numbers():
    x = torch.tensor([3 + 4j])
    assert theirs.l1_loss(x, 0 * x) == 5
    with pytest.raises(TypeError, match="must hold real numbers"):
        ours.l1_loss(x, 0 * x)


def integers():
    x = torch.tensor([1, 3])
    assert theirs.l1_loss(x, 0 * x, reduction="none").dtype == torch.int64
    value = ours.l1_loss(x, 0 * x, reduction="none")
    assert value.dtype == torch.float32
    assert value.tolist() == [1, 3]


def label_weights():
    x, y, column = torch.zeros(2, 3), torch.ones(2, 3), torch.ones(2, 1)
    expected = theirs.multilabel_soft_margin_loss(x, y, weight=column)
    with pytest.raises(ValueError, match="Margin: weight must hold one weight"):
        ours.multilabel_soft_margin_loss(x, y, weight=column)
    actual = ours.multilabel_soft_margin_loss(x, y, weight=column.expand(2, 3))
    torch.testing.assert_close(actual, expected)


DIFFERENCES = {
    "all targets ignored": nothing_takes_part,
    "an ignored position holds": ignored_nan,
    "input and target shapes differ": shapes,
    "a single score": single_scores,
    "a target of −100": ignored_margins,
    "soft targets that are negative": unnormalised_rows,
    "binary targets outside [0, 1], of logits": binary_targets,
    "binary targets outside [0, 1], of probabilities": targets_of_probabilities,
    "signs other than": signs_and_counts,
    "log-probabilities above 0": no_logarithms,
    "a `pos_weight` or a class's `weight`": weights_out_of_range,
    "a `weight` of `mse_loss`": means_of_negative_weights,
    "an `eps` of 0": no_least_variance,
    "a target of `hinge_embedding_loss`": between_signs,
    "a sign of 0": sign_of_zero,
    "a margin met exactly": margin_met,
    "`p` below 1": settings_without_meaning,
    "a triplet `margin`": triplets_without_margin,
    "`(N, C, C)` logits": square_logits,
    "a logit of −inf with label smoothing": smoothing_and_minus_infinity,
    "a soft target of 0": soft_zero_and_minus_infinity,
    "a target of 0 on a log-probability": shares_of_zero,
    '`reduction="batchmean"` beside': batchmean_and_flags,
    "BCE with logits at ±inf": certain_logits,
    "derivative of BCE": certain_probabilities,
    "`options` of `linear_cross_entropy`": chunks,
    '`reduction="batchmean"` beside a mask': batch_means,
    "complex numbers": complex_numbers,
    "integers, `reduction": integers,
    "`weight` of `multilabel_soft_margin_loss`": label_weights,
    '`reduction="mean"` or `"sum"` of half': reduced_half_precision,
}


@pytest.mark.parametrize("difference", DIFFERENCES.values(), ids=DIFFERENCES)
def test_difference(difference):
    difference()


def test_documentation_lists_these_and_no_others():
    text = DOCUMENTED.read_text(encoding="utf-8").partition("## What is different")[2]
    rows = [line[2:] for line in text.splitlines() if line.startswith("| ")][1:]
    starts = list(DIFFERENCES)
    assert len(rows) == len(starts)
    assert all(row.startswith(start) for row, start in zip(rows, starts, strict=True))
