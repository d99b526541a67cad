"""Curves that stand still: at a telling value, at any, or that hardly move."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from losskit.check.curves.log import Log
from losskit.check.curves.names import Kind, kind_of, words
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

VISIBLE = 0.05
"""Share of the start by which a training that learns has fallen."""


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
    unmoved = shape.end >= shape.start - max(0.03 * abs(shape.start), 2 * shape.noise)
    if len(curve) >= 3 * FEWEST and unmoved and not moved and _seen_to_stay(shape):
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


def _seen_to_stay(shape: Shape) -> bool:
    """Whether there is no fall, and the noise is low enough for one to show.

    The blocks of a short curve are single batches, whose noise hides what a training has learnt.
    """
    level = abs(shape.start)
    fallen = shape.fall > max(3 * shape.fall_error, 0.02 * level)
    return not fallen and max(shape.fall, 0.0) + 2 * shape.fall_error <= VISIBLE * level


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
    accuracy = _accuracy(log)
    level, same = shape.end, True
    if accuracy is not None and accuracy.held_out:
        same = log.validation is not None
        level = Shape(log.validation).end if log.validation is not None else level
    for count in (log.classes,) if log.classes else (2, 3, 5, 10, 100, 1000):
        floor = softmax_twice_floor(count)
        if float(shape.curve.low.min()) < floor * 0.999:
            continue
        expected, wrong = floor, 0.0
        if accuracy is not None:
            wrong = 1 - accuracy.right
            expected = floor + wrong
            if accuracy.right <= 1 / count + 0.3 or shape.end > 1.04 * expected:
                continue
        if log.classes is None and not (accuracy and level > 1.2 * _honest(wrong, count)):
            continue
        slack = 0.04 if log.classes else 0.01
        # On its own samples a model is right no less often than on others.
        lowest = expected * (1 - slack) if same else floor
        if lowest <= level <= expected * (1 + slack) and shape.gain > 0:
            where = "validation" if accuracy is not None and accuracy.held_out else "training"
            return Signature(
                expected,
                f"ln(1 + {count - 1}/e) = {floor:.4f}"
                + (
                    f" and 1 for each wrong answer, {wrong:.1%} of them in {where}" if wrong else ""
                ),
                f"has a softmax before the cross-entropy of {count} classes, which goes no lower",
                "LK101",
            )
    return None


def _honest(wrong: float, classes: int) -> float:
    """Return the cross-entropy of probabilities that are as certain as they are right.

    Another model that is right so often has hardly a higher loss.
    """
    return entropy(np.asarray([1 - wrong, wrong])) + wrong * math.log(max(classes - 1, 1))


@dataclass(frozen=True)
class _Accuracy:
    """The accuracy at the end, as a share."""

    right: float
    held_out: bool


def _accuracy(log: Log) -> _Accuracy | None:
    for metric in log.metrics:
        if {"acc", "accuracy"} & set(words(metric.name)) and len(metric):
            right = float(np.median(metric.mean[-max(len(metric) // 10, 1) :]))
            right = right / 100 if right > 1.5 else right
            return _Accuracy(right, kind_of(metric.name) is Kind.VALIDATION_METRIC)
    return None
