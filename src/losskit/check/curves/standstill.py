"""Curves that stand still: at a telling value, at any, or that hardly move."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from losskit.check.curves.log import Log
from losskit.check.curves.names import words
from losskit.check.curves.places import bucket_of_block, said_at, sight_of
from losskit.check.curves.shapes import Shape
from losskit.check.findings import Finding, Severity
from losskit.check.report import found
from losskit.check.signatures import (
    Signature,
    entropy,
    near,
    softmax_twice_floor,
    well_known,
)

__all__ = ["nothing_general", "stuck"]

FEWEST = 8
"""Points below which a curve has no shape."""


def stuck(log: Log) -> Iterator[Finding]:
    """LK401, LK101 and LK405: a loss that stands still at a telling value, or at any."""
    curve = log.train
    if curve is None or len(curve) < FEWEST:
        return
    shape = Shape(curve)
    moved = shape.gain > max(0.05 * abs(shape.start), 4 * shape.noise)
    signature = _signature(log, shape, moved=moved)
    if signature is not None:
        at = bucket_of_block(curve, shape, int(np.argmax(shape.blocks <= shape.end * 1.02)))
        yield found(
            signature.code,
            f"{curve.name} stays at {shape.end:.4f} from {said_at(curve, at)} on, which is "
            f"{signature.name}: the model {signature.meaning}",
            severity=None if signature.code == "LK401" else Severity.SUSPICIOUS,
            sight=sight_of(curve, at),
            level=shape.end,
            signature=signature.value,
        )
        return
    unmoved = shape.end > shape.start - max(0.03 * abs(shape.start), 2 * shape.noise)
    if len(curve) >= 3 * FEWEST and unmoved and not moved:
        if not shape.flat(1.0, within=0.05) and shape.end > shape.start:
            return
        yield found(
            "LK405",
            f"{curve.name} begins at {shape.start:.4g} and ends at {shape.end:.4g} after "
            f"{curve.points:,} points",
            sight=sight_of(curve, len(curve) - 1),
            start=shape.start,
            end=shape.end,
        )


def nothing_general(log: Log) -> Iterator[Finding]:
    """LK401: a validation loss that never was below that of an answer without the input."""
    held, best = log.validation, log.constant_loss
    if held is None or best is None or len(held) < FEWEST or best <= 0:
        return
    lowest = float(np.median(np.sort(held.mean)[:3]))
    if lowest > 0.98 * best:
        yield found(
            "LK401",
            f"{held.name} is never below {lowest:.4f}; an answer that does not look at the input "
            f"has {best:.4f}",
            sight=sight_of(held, len(held) - 1),
            advice="See whether labels belong to their inputs, in training and in validation, and "
            "whether both are prepared alike.",
            lowest=lowest,
            constant=best,
        )


def _signature(log: Log, shape: Shape, *, moved: bool) -> Signature | None:
    """Return the value that the curve stands at, if it tells something."""
    if not shape.flat(0.4, within=0.01) or shape.noise > 0.05 * abs(shape.end):
        return None
    floor = _floor(log, shape)
    if floor is not None:
        return floor
    if log.constant_loss is not None:
        best = log.constant_loss
        if shape.end > 0.97 * best and shape.end < 1.15 * best:
            name = f"the best constant answer's loss, {best:.4f}"
            meaning = "predicts only the frequencies, or the mean, of the targets"
            return Signature(best, name, meaning)
    if log.label_shares is not None:
        value = entropy(log.label_shares)
        if near(shape.end, value, 0.02):
            meaning = "predicts only the frequencies of the classes"
            return Signature(value, f"the entropy of the labels, {value:.4f}", meaning)
    known = [one for one in well_known(log.classes) if one.code == "LK401"]
    slack = 0.02 if log.classes else 0.004
    # Without the number of classes, some value is always near; one that never was left tells.
    if log.classes is None and moved:
        known = [one for one in known if near(one.value, math.log(2), 1e-6)]
    return next((one for one in known if near(shape.end, one.value, slack)), None)


def _floor(log: Log, shape: Shape) -> Signature | None:
    """Return the floor of an activation before a loss that has its own.

    Where a softmax comes before cross-entropy, each right answer costs the floor and each wrong
    one 1 more, once the first softmax is certain.
    """
    accuracy = next(
        (
            metric
            for metric in log.metrics
            if {"acc", "accuracy"} & set(words(metric.name)) and len(metric)
        ),
        None,
    )
    right = None
    if accuracy is not None:
        right = float(np.median(accuracy.mean[-max(len(accuracy) // 10, 1) :]))
        right = right / 100 if right > 1.5 else right
    counts = [log.classes] if log.classes else [2, 3, 5, 10, 100, 1000]
    for count in counts:
        floor = softmax_twice_floor(count)
        expected = floor + (1 - right) if right is not None else floor
        below = float(shape.curve.low.min()) < floor * 0.999
        sure = right is not None and right > 1 / count + 0.3
        if below or not (sure or (log.classes and right is None)):
            continue
        slack = 0.04 if log.classes else 0.01
        if near(shape.end, expected, slack) and shape.gain > 0:
            return Signature(
                expected,
                f"ln(1 + {count - 1}/e) = {floor:.4f}"
                + (f" and 1 for each of {1 - right:.1%} wrong answers" if right else ""),
                f"has a softmax before the cross-entropy of {count} classes, which goes no lower",
                "LK101",
            )
    return None
