"""Every difference that docs/torch.md names for ``losskit.torch.accelerate()``, on both sides."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from losskit.engines.native.plans import plan_of
from losskit.losses import CATALOGUE
from losskit.torch import accelerate
from losskit.torch.faces import faces_of

INF = math.inf
DOCUMENTED = Path(__file__).parents[2] / "docs" / "torch.md"


def both(name, input, target, **options):
    """Values and gradients without and with the kernels."""
    results = []
    for accelerated in (False, True):
        leaf = torch.tensor(input, requires_grad=True)
        made = accelerate() if accelerated else None
        value = getattr(functional, name)(leaf, torch.tensor(target), **options)
        if made is not None:
            made.stop()
            assert type(value.grad_fn).__name__ in ("_ReducedBackward", "_DeferredBackward")
        value.sum().backward()
        results += [value.tolist(), leaf.grad.tolist()]
    return results


def ignored_nan():
    value, gradient, mine, slope = both("cross_entropy", [[1.0, 2.0], [math.nan, 0.0]], [0, -100])
    assert mine == pytest.approx(value)
    assert all(map(math.isnan, gradient[1]))
    assert slope[1] == [0, 0]
    assert slope[0] == pytest.approx(gradient[0])


def smoothing_and_minus_infinity():
    options = {"label_smoothing": 0.1}
    value, _, mine, slope = both("cross_entropy", [[1.0, -INF, 0.0]], [0], **options)
    without = functional.cross_entropy(torch.tensor([[1.0, 0.0]]), torch.tensor([0]), **options)
    assert value == INF
    assert mine == pytest.approx(without.item())
    assert slope[0][1] == 0


def zero_and_minus_infinity():
    value, _, mine, _ = both("cross_entropy", [[1.0, -INF, 1.0]], [[0.5, 0.0, 0.5]])
    assert math.isnan(value)
    assert mine == pytest.approx(math.log(2))
    value, _, mine, slope = both("kl_div", [-INF, 0.0], [0.0, 1.0], reduction="sum")
    assert math.isnan(value)
    assert mine == 0
    assert slope == [0, -1]


def certain_logits():
    for target, expected in (([1.0, 0.0], [0, 0]), ([0.0, 1.0], [INF, INF])):
        value, _, mine, _ = both(
            "binary_cross_entropy_with_logits", [INF, -INF], target, reduction="none"
        )
        assert mine == expected
        assert value != expected


def certain_probabilities():
    _, gradient, _, mine = both(
        "binary_cross_entropy", [0.0, 1.0, 1e-20], [0.0, 1.0, 0.0], reduction="sum"
    )
    assert gradient == pytest.approx([0, 0, 1e-8])
    assert mine == [1, -1, 1]


def far_scores():
    value, gradient, mine, slope = both("soft_margin_loss", [-1000.0], [1.0])
    assert value == INF
    assert math.isnan(gradient[0])
    assert mine == 1000
    assert slope == [-1]


DIFFERENCES = {
    "an ignored position": ignored_nan,
    "a logit of −inf with label smoothing": smoothing_and_minus_infinity,
    "a target of 0": zero_and_minus_infinity,
    "BCE with logits of ±inf": certain_logits,
    "the derivative of BCE": certain_probabilities,
    "`soft_margin_loss`": far_scores,
}


@pytest.mark.parametrize("difference", DIFFERENCES.values(), ids=DIFFERENCES)
def test_difference(difference):
    difference()


@pytest.mark.parametrize(
    ("name", "arrays", "options"),
    [
        ("hinge_embedding_loss", ([1.0, 0.0], [-1.0, -1.0]), {"margin": 1.0}),
        ("hinge_embedding_loss", ([0.0, 0.0], [1.0, -1.0]), {"margin": 0.5}),
        ("margin_ranking_loss", ([1.0, 2.0], [1.0, 1.0], [1.0, 1.0]), {}),
        ("margin_ranking_loss", ([1.5, 2.0], [1.0, 1.0], [1.0, -1.0]), {"margin": 0.5}),
        ("l1_loss", ([1.0, 0.0], [1.0, 1.0]), {}),
        ("smooth_l1_loss", ([1.0, 0.0], [1.0, 1.0]), {}),
        ("smooth_l1_loss", ([1.0, 0.0], [1.0, 1.0]), {"beta": 0.0}),
        ("huber_loss", ([1.0, 0.0], [1.0, 1.0]), {}),
        ("poisson_nll_loss", ([1.0, 0.5], [1.0, 2.0]), {"full": True}),
        ("gaussian_nll_loss", ([1.0, 2.0], [0.0, 0.0], [1e-6, 0.0]), {}),
    ],
)
def test_kinks(name, arrays, options):
    """Where one side's derivative must be taken, it is PyTorch's."""
    found = []
    for accelerated in (False, True):
        made = accelerate() if accelerated else None
        leaves = [torch.tensor(array, requires_grad=True) for array in arrays[:1]]
        others = [torch.tensor(array) for array in arrays[1:]]
        if name == "margin_ranking_loss":
            others[0].requires_grad_()
            leaves.append(others[0])
        value = getattr(functional, name)(leaves[0], *others, reduction="sum", **options)
        if made is not None:
            made.stop()
            assert type(value.grad_fn).__name__ == "_ReducedBackward"
        found.append((value.detach(), torch.autograd.grad(value, leaves)))
    torch.testing.assert_close(found[1], found[0])


def test_documentation():
    """The functions that it replaces, and these differences."""
    text = DOCUMENTED.read_text(encoding="utf-8").partition("## `accelerate()`")[2]
    listed = text.partition("that nobody edits:")[2].partition("and with them")[0]
    functions = {
        face.function
        for kind in CATALOGUE.values()
        for face in faces_of(kind)
        if face.twin and plan_of(kind()) is not None
    }
    assert set(listed.split("`")[1::2]) == functions
    rows = [line[2:] for line in text.splitlines() if line.startswith("- ")]
    assert len(rows) == len(DIFFERENCES)
    assert all(row.startswith(start) for row, start in zip(rows, DIFFERENCES, strict=True))
