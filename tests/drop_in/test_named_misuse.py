"""What is wrong with a call is said in the names that the caller knows."""

from __future__ import annotations

import re

import pytest
import torch

import losskit.torch as lt
from losskit import CrossEntropy, MultiLabelSoftMargin

F = lt.functional
X = torch.tensor([[0.5, -1.0, 2.0], [1.0, 0.0, -0.5], [0.0, 1.0, 1.0], [2.0, 0.5, 0.0]])
INDEX, OTHER = torch.tensor([0, 1, 2, 1]), torch.zeros(4, 3)
SQUARE = torch.zeros(3, 3)


def refused(error, message, function, *arrays, **options):
    with pytest.raises(error, match=re.escape(message)):
        function(*arrays, **options)


@pytest.mark.parametrize("wrong", ["shape", "sign", "dtype", "device"])
def test_sample_weights(wrong):
    weight = {
        "shape": torch.ones(3),
        "sign": -torch.ones(4),
        "dtype": torch.ones(4) * 1j,
        "device": torch.ones(4, device="meta"),
    }[wrong]
    error = TypeError if wrong == "dtype" else ValueError
    said = {
        "shape": "CrossEntropy: sample_weight has shape (3,)",
        "sign": "CrossEntropy: sample_weight must be >= 0",
        "dtype": "CrossEntropy: sample_weight must hold real numbers, got dtype torch.complex64",
        "device": "CrossEntropy: input is on cpu but sample_weight is on meta",
    }[wrong]
    for loss in (F.cross_entropy, lt.CrossEntropyLoss()):
        refused(error, said, loss, X, INDEX, sample_weight=weight)
    refused(error, said.replace("sample_weight", "weight"), CrossEntropy(), X, INDEX, weight=weight)


def test_weights_of_classes():
    for weight, error, said in (
        (torch.ones(4), ValueError, "weight must hold one weight for each of the 3 classes"),
        (torch.ones(3, requires_grad=True), ValueError, "weight requires a gradient"),
        (torch.ones(3) * 1j, TypeError, "weight must hold real numbers, got dtype torch.complex64"),
        (torch.ones(3) > 0, TypeError, "weight must hold real numbers, got dtype torch.bool"),
        (torch.tensor([1.0, -1.0, 1.0]), ValueError, "weight must hold finite numbers >= 0"),
        ([1.0, -1.0, 1.0], ValueError, "weight must hold finite numbers >= 0"),
    ):
        refused(error, f"CrossEntropy: {said}", F.cross_entropy, X, INDEX, weight=weight)
        with pytest.raises(error, match=re.escape(f"CrossEntropy: class_{said}")):
            CrossEntropy(class_weight=weight)(X, INDEX)
    labels, four = torch.ones(4, 3), torch.ones(4)
    function = F.multilabel_soft_margin_loss
    refused(ValueError, "Margin: weight must hold one", function, X, labels, weight=four)
    loss = MultiLabelSoftMargin(class_weight=four)
    refused(ValueError, "Margin: class_weight must hold one", loss, X, labels)
    refused(
        ValueError,
        "Dice: class_weight must hold one weight",
        F.dice_loss,
        X[None],
        SQUARE[:1].long(),
        class_weight=torch.ones(3),
    )


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss"])
def test_weights_of_elements_are_not_stretched(name):
    """Nor does torch.nn stretch them, but for binary cross-entropy."""
    ours, theirs = getattr(F, name), getattr(torch.nn.functional, name)
    for weight in (torch.ones(3), torch.ones(4, 1), torch.ones(())):
        with pytest.raises(ValueError, match="same size"):
            theirs(X, OTHER, weight=weight)
        said = f"weight has shape {tuple(weight.shape)}, but must have that of input, (4, 3)"
        refused(ValueError, said, ours, X, OTHER, weight=weight)
    weight = torch.rand(4, 3)
    expected = theirs(X, OTHER, weight=weight)
    torch.testing.assert_close(ours(X, OTHER, weight=weight), expected)


def test_weights_of_elements_are_named():
    weight, twice = -torch.ones(4, 3), torch.ones(4, 3)
    refused(ValueError, "MSE: weight must be >= 0", F.mse_loss, X, OTHER, weight=weight)
    both = {"weight": weight, "sample_weight": twice}
    refused(ValueError, "MSE: weight * sample_weight must be >= 0", F.mse_loss, X, OTHER, **both)
    said = "weight must hold real numbers, got dtype torch.complex64"
    for function in (F.mse_loss, F.huber_loss, F.binary_cross_entropy_with_logits):
        refused(TypeError, said, function, X, OTHER, weight=twice * 1j)
    for given, kind in (([1.0, 2.0, 3.0], "list"), (2.0, "float")):
        for function in (F.mse_loss, F.huber_loss, F.binary_cross_entropy_with_logits):
            said = f"weight must be a Tensor, got {kind}"
            refused(TypeError, said, function, X, OTHER, weight=given)


def test_names_that_differ_altogether():
    refused(
        TypeError,
        "Triplet: distance_function must be one of",
        F.triplet_margin_with_distance_loss,
        X,
        OTHER,
        X,
        distance_function=3,
    )
