"""Where a training begins: the loss of a model that knows nothing, the target's scale."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from losskit.check.findings import Finding, Sight
from losskit.check.report import found
from losskit.check.signatures import entropy
from losskit.check.tensors.call import Call
from losskit.check.values import label_shares, root_mean_square
from losskit.core.contracts import BINARY, CLASS_INDICES, LOGITS, PROBABILITIES, REAL_VALUES

__all__ = ["initial_loss", "knowing_nothing", "notes", "scale"]

FEWEST = 8
"""Samples below which the mean of targets says nothing about a training."""


def knowing_nothing(call: Call) -> tuple[float, str] | None:
    """Return the mean loss of the best answer that does not look at the input, and what it is.

    For the plain losses of classes, labels and real values; None for all others.
    """
    loss, target = call.loss, call.target
    if loss is None or target is None or not target.size or len(call.criterion.terms) != 1:
        return None
    indices, rows = call.indices, call.rows
    if indices is not None and rows is not None and call.targets(CLASS_INDICES):
        if not indices.size or (rows.shape[-1] < 2):
            return None
        shares = label_shares(indices, rows.shape[-1])
        logs = np.log(np.maximum(shares, 1e-12))
        constant = np.moveaxis(np.broadcast_to(logs, rows.shape), -1, call.class_axis or 0)
        meaning = "the labels' frequencies"
    elif target.shape == call.output.shape and call.targets(BINARY) and target.ndim:
        share = np.clip(target.mean(axis=0, dtype=np.float64), 1e-6, 1 - 1e-6)
        if call.takes(LOGITS):
            constant = np.broadcast_to(np.log(share / (1 - share)), target.shape)
        elif call.takes(PROBABILITIES):
            constant = np.broadcast_to(share, target.shape)
        else:
            return None
        meaning = "the labels' frequencies"
    elif target.shape == call.output.shape and call.takes(REAL_VALUES) and target.ndim:
        if call.names != ("input", "target"):
            return None
        middle = np.median if loss.card.outliers.name == "ROBUST" else np.mean
        constant = np.broadcast_to(middle(target.astype(np.float64), axis=0), target.shape)
        meaning = "the target's " + ("median" if middle is np.median else "mean")
    else:
        return None
    values = call.computed(
        loss, dict(call.arrays) | {call.output_name: np.ascontiguousarray(constant, np.float64)}
    )
    if values is None or not values.size or not np.isfinite(values).all():
        return None
    return float(values.mean()), meaning


def initial_loss(call: Call) -> Iterator[Finding]:
    """LK214: an untrained model that is worse than one that knows nothing."""
    if not call.untrained or call.takes(REAL_VALUES):
        return
    known = knowing_nothing(call)
    values = call.values
    if known is None or values is None or not values.size:
        return
    mean = float(values.mean())
    best, meaning = known
    rows = call.rows
    even = math.log(rows.shape[-1]) if rows is not None and rows.shape[-1] > 1 else math.log(2)
    if np.isfinite(mean) and mean > 2 * max(best, even) + 0.5:
        yield found(
            "LK214",
            f"the untrained model's loss is {mean:.4g}; even odds would give {even:.4f}, and "
            f"{meaning} {best:.4f}",
            sight=Sight(argument=call.output_name),
            loss=mean,
            even=even,
            best_constant=best,
        )


def scale(call: Call) -> Iterator[Finding]:
    """LK215: real targets of another order of magnitude than outputs begin with."""
    target = call.target
    if target is None or not (call.takes(REAL_VALUES) and call.targets(REAL_VALUES)):
        return
    if target.dtype.kind != "f" or target.size < FEWEST or not np.isfinite(target).all():
        return
    wide = target.astype(np.float64)
    mean = float(wide.mean())
    deviation = root_mean_square(wide - mean)
    output = call.output.astype(np.float64)
    there = root_mean_square(output) if np.isfinite(output).all() else math.inf
    size = math.hypot(mean, deviation)
    # Outputs that are there already have learnt the scale.
    if size > 100 and size > 10 * there:
        yield found(
            "LK215",
            f"the target has mean {mean:.4g} and deviation {deviation:.4g}, the outputs a size of "
            f"{there:.3g}",
            sight=Sight(argument="target"),
            advice=f"Train on (target - {mean:.4g}) / {deviation:.4g}, and undo it when "
            "predicting.",
            mean=mean,
            deviation=deviation,
            output=there,
        )


def notes(call: Call) -> Iterator[str]:
    """Say what a training should begin at, and with which bias of the last layer."""
    known = knowing_nothing(call)
    if known is None or call.target is None or not call.target.ndim or len(call.target) < FEWEST:
        return
    best, meaning = known
    yield f"to answer with {meaning} costs {best:.4f}: a model that has learnt is below that"
    indices, rows, target = call.indices, call.rows, call.target
    if indices is not None and rows is not None and call.takes(LOGITS):
        shares = label_shares(indices, rows.shape[-1])
        gap = math.log(rows.shape[-1]) - entropy(shares)
        if gap > 0.1 and len(shares) <= 20 and (shares > 0).all():
            bias = ", ".join(f"{value:.2f}" for value in np.log(shares))
            yield f"start the last layer's bias at the logarithms of the shares: [{bias}]"
    elif (
        call.targets(BINARY)
        and call.takes(LOGITS)
        and target is not None
        and target.size == len(target)
    ):
        share = float(target.mean())
        if 0 < share < 1 and abs(share - 0.5) > 0.2:
            yield (
                f"{share:.1%} of the labels are 1: start the last layer's bias at "
                f"log(p / (1 - p)) = {math.log(share / (1 - share)):.3f}"
            )
    elif call.takes(REAL_VALUES) and target is not None and target.size == len(target):
        mean = float(target.mean())
        deviation = root_mean_square(target - mean)
        if abs(mean) > deviation:
            yield f"start the last layer's bias at the target's mean, {mean:.4g}"
