"""Validation beside training, and metrics beside losses."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losskit.check.curves.log import Log
from losskit.check.curves.names import rises
from losskit.check.curves.places import sight_of
from losskit.check.curves.shapes import Shape
from losskit.check.findings import Finding
from losskit.check.report import found

__all__ = ["below_note", "metric_stays", "overfits", "validation_below"]


def overfits(log: Log) -> Iterator[Finding]:
    """LK406: validation that rises while training falls."""
    train, held = log.train, log.validation
    if train is None or held is None or len(held) < 6 or len(train) < 6:
        return
    y = held.blocks(80)
    best = int(np.argmin(y))
    tail = y[-max(len(y) // 10, 2) :]
    end = float(np.median(tail))
    rise = end - float(y[best])
    steps = np.abs(np.diff(y[max(best - 1, 0) :]))
    wobble = float(np.median(steps)) if len(steps) else 0.0
    gained = float(y[0]) - float(y[best])
    # Less than that early stopping would hardly gain.
    least = max(0.25 * abs(float(y[best])), 0.18 * gained, 2 * wobble)
    if best >= len(y) - 3 or rise <= least:
        return
    share = (best + 1) / len(y)
    shape = Shape(train)
    at_best = float(np.median(train.mean[max(train.at(share) - 2, 0) : train.at(share) + 3]))
    if not shape.end < at_best - 0.05 * abs(at_best):
        return
    at = held.at(best / len(y))
    step, epoch = held.where(at)
    when = f"epoch {epoch:g}" if epoch is not None else f"step {step}"
    yield found(
        "LK406",
        f"{held.name} is lowest at {when}, {float(y[best]):.4g}, and {end:.4g} at the end, while "
        f"{train.name} falls from {at_best:.4g} to {shape.end:.4g}",
        sight=sight_of(held, at),
        lowest=float(y[best]),
        end=end,
    )


def validation_below(log: Log) -> Iterator[Finding]:
    """LK408: a validation loss far below the training loss."""
    gap = _gap(log)
    if gap is None or log.validation is None:
        return
    share, ratio = gap
    if share > 0.8 and ratio < 0.5:
        yield found(
            "LK408",
            f"the validation loss is {ratio:.0%} of the training loss, in the median of the "
            "second half",
            sight=sight_of(log.validation, len(log.validation) - 1),
            ratio=ratio,
        )


def _gap(log: Log) -> tuple[float, float] | None:
    """Return how often validation is below training in the second half, and their ratio."""
    train, held = log.train, log.validation
    if train is None or held is None or len(held) < 6 or len(train) < 6:
        return None
    count = min(len(held), len(train), 40)
    ours, theirs = train.blocks(count), held.blocks(count)
    if len(ours) != len(theirs):
        return None
    half = len(ours) // 2
    ours, theirs = ours[half:], theirs[half:]
    if not (ours > 0).all():
        return None
    return float(np.mean(theirs < 0.98 * ours)), float(np.median(theirs / ours))


def metric_stays(log: Log) -> Iterator[Finding]:
    """LK409: a loss that falls, and a metric that does not move."""
    for metric in log.metrics[:1]:
        held = log.validation if "val" in metric.name.lower() else None
        curve = held or log.train
        if curve is None or len(curve) < 6 or len(metric) < 6:
            continue
        shape, other = Shape(curve), Shape(metric)
        fallen = shape.start - shape.end
        if shape.start <= 0 or fallen < 0.2 * shape.start:
            continue
        values = other.blocks
        top = 100.0 if float(values.max()) > 1.5 else 1.0
        saturated = rises(metric.name) and float(np.median(values)) > 0.9 * top
        spread = float(np.ptp(values[1:]))
        drift = abs(float(np.median(values[-len(values) // 4 :])) - float(values[0]))
        if not saturated and drift < 0.01 * top and spread < 0.03 * top and rises(metric.name):
            yield found(
                "LK409",
                f"{curve.name} falls from {shape.start:.4g} to {shape.end:.4g}, and {metric.name} "
                f"stays at {float(np.median(values)):.4g}",
                sight=sight_of(metric, len(metric) - 1),
                fallen=fallen,
                metric=float(np.median(values)),
            )


def below_note(log: Log) -> Iterator[str]:
    """Say why validation may well be below training."""
    gap = _gap(log)
    if gap is not None and gap[0] > 0.8 and gap[1] >= 0.5:
        yield (
            f"the validation loss is below the training loss ({gap[1]:.0%} of it); that is right "
            "where dropout or augmentation burden the training, and where the training loss is "
            "the mean over an epoch in which the model still got better"
        )
