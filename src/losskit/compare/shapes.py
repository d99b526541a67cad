"""What the losses and the predictions look like: the material of the report's pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from losskit.compare.metrics import BINS
from losskit.compare.pairing import Pairing
from losskit.compare.results import Calibration, Residuals, Shape
from losskit.core.loss import Loss
from losskit.reporting.arrays import Bools, Floats, Ints, Singles

__all__ = ["calibration", "residuals", "shape"]

MOST_POINTS = 400


def shape(label: str, loss: Loss, pairing: Pairing, classes: int) -> Shape:
    """Follow a loss and its slope along one output of the network.

    For a regression the output is the error of the prediction, in the target's deviations; for
    a classification it is the output for the true class, while the others stay at 0. For a loss
    of the logarithm of the mean it is the logarithm of prediction / truth.
    """
    output = torch.linspace(-6, 6, 121) if classes else torch.linspace(-3, 3, 121)
    along = output.clone().requires_grad_()
    if classes > 2:
        given = torch.nn.functional.pad(along[:, None], (0, classes - 1))
        truth = torch.zeros(len(output), dtype=torch.int64)
    else:
        given = along
        truth = torch.ones(len(output), dtype=torch.int64) if classes else torch.zeros(len(output))
        truth = truth if pairing.centred else truth + 1
    each = loss(
        pairing.shown_input.function(given), pairing.targets(truth, classes), reduction="none"
    )
    each = each.mean(dim=1) if each.ndim == 2 else each
    (slope,) = torch.autograd.grad(each.sum(), along)
    return Shape(
        loss=label,
        output=[round(one, 4) for one in output.tolist()],
        value=_short(each.detach().numpy()),
        slope=_short(slope.numpy()),
    )


def calibration(label: str, truths: Sequence[Ints], predicted: Sequence[Floats]) -> Calibration:
    """Compare confidence with how often it is right, over all seeds' test rows.

    For two classes it is the positive class's probability against its share; for more it is the
    predicted class's probability against the share of right predictions.
    """
    truth, probabilities = np.concatenate(truths), np.concatenate(predicted)
    finite = np.isfinite(probabilities).all(axis=1)
    truth, probabilities = truth[finite], probabilities[finite]
    if probabilities.shape[1] == 2:
        confidence, right = probabilities[:, 1], truth == 1
    else:
        confidence = probabilities.max(axis=1)
        right = probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    rows = np.bincount(bins, minlength=BINS)

    def mean(values: Floats | Bools) -> list[float | None]:
        return _short(np.bincount(bins, weights=values, minlength=BINS) / np.maximum(rows, 1))

    return Calibration(
        loss=label, confidence=mean(confidence), observed=mean(right), rows=rows.tolist()
    )


def residuals(label: str, truth: Floats, predicted: Floats) -> Residuals:
    """Take the test rows' predictions and what they missed by; at most a few hundred."""
    shown = np.unique(np.linspace(0, len(truth) - 1, min(len(truth), MOST_POINTS)).astype(int))
    return Residuals(
        loss=label,
        predicted=_short(predicted[shown]),
        residual=_short((truth - predicted)[shown]),
    )


def _short(values: Floats | Singles) -> list[float | None]:
    """Round to what a picture can show, so the report stays small."""
    return [float(f"{one:.5g}") for one in values.tolist()]
