"""Weights of classes that are tensors, whose numbers may change: held to what lists are held to."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import losskit
import losskit.torch as lt

WRONG = [[-1.0, 1.0], [float("nan"), 1.0], [1.0, float("inf")]]
X, INDEX = torch.tensor([[1.0, 0.5], [0.0, 2.0]]), torch.tensor([1, 0])
LABELS = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
CASES = {
    "kernel over classes": (losskit.CrossEntropy, "class_weight", INDEX),
    "kernel over elements": (losskit.BinaryCrossEntropyWithLogits, "pos_weight", LABELS),
    "no kernel": (losskit.MultiMargin, "class_weight", INDEX),
    "regions": (losskit.Dice, "class_weight", torch.tensor([[1, 0, 1], [0, 0, 0]])),
}


@pytest.mark.parametrize("wrong", WRONG, ids=str)
@pytest.mark.parametrize("case", CASES)
def test_wrong_weights_are_refused(case, wrong):
    kind, name, target = CASES[case]
    input = torch.stack([X, -X, X], 2) if case == "regions" else X
    match = rf"{kind.__name__}: {name} must hold finite numbers >= 0, got "
    with pytest.raises(ValueError, match=match):
        kind(**{name: wrong})
    loss = kind(**{name: torch.tensor(wrong)})
    for call in (loss, loss.value_and_gradient):
        with pytest.raises(ValueError, match=match):
            call(input, target)
    assert loss(input, target, validate=False).shape == ()


def test_weights_of_labels_may_be_negative_but_not_nan():
    assert lt.MultiLabelSoftMarginLoss(weight=torch.tensor([-1.0, 1.0]))(X, LABELS).isfinite()
    with pytest.raises(ValueError, match="MultiLabelSoftMargin: weight must hold finite"):
        lt.MultiLabelSoftMarginLoss(weight=torch.tensor([float("nan"), 1.0]))(X, LABELS)


def test_buffers_are_looked_at_at_each_call():
    criterion = lt.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0]))
    expected = torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0]))(X, INDEX)
    torch.testing.assert_close(criterion(X, INDEX), expected)
    criterion.weight[0] = -1
    with pytest.raises(ValueError, match=r"CrossEntropy: weight must hold .* got -1 "):
        criterion(X, INDEX)
    expected = torch.nn.functional.cross_entropy(X, INDEX, criterion.weight)
    torch.testing.assert_close(criterion(X, INDEX, validate=False), expected)


def test_functions_of_newton_steps_look_too():
    loss = losskit.CrossEntropy(class_weight=torch.tensor([-1.0, 1.0]))
    with pytest.raises(ValueError, match="class_weight must hold"):
        loss.gradient_and_curvature(X.numpy(), INDEX.numpy())


def test_devices_and_traces_are_not_looked_at():
    weight = torch.tensor([-1.0, 3.0])
    expected = torch.func.grad(lambda x: torch.nn.functional.cross_entropy(x, INDEX, weight))(X)
    actual = torch.func.grad(lambda x: lt.functional.cross_entropy(x, INDEX, weight))(X)
    np.testing.assert_allclose(actual, expected, rtol=1e-5)
    meta = lt.CrossEntropyLoss(weight=weight).to("meta")
    assert meta(X.to("meta"), INDEX.to("meta")).is_meta
