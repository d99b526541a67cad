"""Which loss ``losskit.check`` is given: by a word, a class, a module or a function."""

from __future__ import annotations

import functools

import torch.nn.functional as F  # noqa: N812
from torch import nn

import losskit
import losskit.torch as own
from losskit.check.criterion import criterion_of


def test_losses_are_known_by_all_of_their_faces() -> None:
    for given, wanted, reduction in (
        ("huber:delta=2", losskit.Huber(delta=2), "mean"),
        (losskit.Huber, losskit.Huber(), "mean"),
        (nn.HuberLoss(delta=2.0, reduction="sum"), losskit.Huber(delta=2), "sum"),
        (own.HuberLoss(delta=2.0), losskit.Huber(delta=2), "mean"),
        (functools.partial(F.huber_loss, delta=2.0), losskit.Huber(delta=2), "mean"),
        (own.functional.huber_loss, losskit.Huber(), "mean"),
        (nn.CrossEntropyLoss(label_smoothing=0.1), losskit.CrossEntropy(label_smoothing=0.1), None),
    ):
        criterion = criterion_of(given)
        assert criterion.loss == wanted
        assert criterion.reduction == (reduction or "mean")

    class Mine(nn.CrossEntropyLoss):
        pass

    assert criterion_of(Mine()).loss == losskit.CrossEntropy()
    unknown = criterion_of(lambda input, target: input.sum())
    assert unknown.loss is None
