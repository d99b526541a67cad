"""Where in a curve something is, in words and as data."""

from __future__ import annotations

import math

from losskit.check.curves.series import Curve
from losskit.check.curves.shapes import Shape
from losskit.check.findings import Sight

__all__ = ["as_epoch", "as_step", "bucket_of_block", "place", "said_at", "sight_of"]


def bucket_of_block(curve: Curve, shape: Shape, block: int) -> int:
    """Return the bucket in which a block begins."""
    return curve.at(block / len(shape.blocks))


def sight_of(curve: Curve, at: int) -> Sight:
    """Say as data where a bucket is."""
    step, epoch = curve.where(at)
    return Sight(series=curve.name, step=step, epoch=epoch)


def said_at(curve: Curve, at: int) -> str:
    """Say in words where a bucket is."""
    return place(float(curve.step[at]), float(curve.epoch[at]))


def place(step: float, epoch: float) -> str:
    """Say an epoch, or a step where there is none."""
    return f"epoch {epoch:g}" if math.isfinite(epoch) else f"step {step:,.0f}"


def as_step(step: float) -> int | None:
    """Return a step; None where it is not known."""
    return int(step) if math.isfinite(step) else None


def as_epoch(epoch: float) -> float | None:
    """Return an epoch; None where it is not known."""
    return epoch if math.isfinite(epoch) else None
