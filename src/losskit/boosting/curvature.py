"""The rule by which a loss gets a Hessian that is positive."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from losskit.core.arrays import Array
from losskit.core.classwise import Classification
from losskit.core.elementwise import Residual
from losskit.core.loss import Loss

__all__ = ["Rule", "rule_for", "unit_scale"]


class Rule(StrEnum):
    """How the Hessian comes from the curvature."""

    ERROR = "the curvature, and at least 1, that of half a squared error"
    CONVEX = "the curvature"
    FLAT = "1, since the curvature is 0 everywhere"
    NOT_CONVEX = "the curvature, and at least the absolute gradient"


def unit_scale(loss: Loss) -> float:
    """Return the factor that gives a loss of the error the curvature 1 at error 0."""
    if not isinstance(loss, Residual) or not _has_curvature(loss):
        return 1.0
    curvature = float(loss.curvature([0.0], [0.0], reduction="sum")[0])
    return 1 / curvature if 0 < curvature < np.inf else 1.0


def rule_for(loss: Loss) -> Rule:
    """Look at the curvature along a range of raw scores, for every kind of target."""
    if not _has_curvature(loss):
        raise ValueError(
            f"{loss.name} has no closed form of its curvature ({loss.card.curvature}); pass a "
            "constant, such as hessian=1.0"
        )
    if isinstance(loss, Residual):
        return Rule.ERROR
    raw, target = _samples(loss)
    curvature = loss.curvature(raw, target, reduction="sum")
    if np.all(curvature == 0):
        return Rule.FLAT
    # Curvatures near 0 are rounded to either side of it.
    return Rule.NOT_CONVEX if np.min(curvature) < -1e-9 * np.max(curvature) else Rule.CONVEX


def _has_curvature(loss: Loss) -> bool:
    return type(loss).curvature_at is not Loss.curvature_at


def _samples(loss: Loss) -> tuple[Array, Array]:
    levels = np.linspace(-10, 10, 81)
    if isinstance(loss, Classification):
        weights = loss.class_weight
        classes = 3 if weights is None else len(weights)
        raw = np.zeros((classes, len(levels), classes))
        raw[..., 0] = levels
        target = np.repeat(np.arange(classes), len(levels))
        return raw.reshape(-1, classes), target
    contract = loss.card.targets[0]
    values = [
        value
        for value in (-1.0, 0.0, 1.0, 2.0)
        if contract.violation(np.array([value]), np, classes=1) is None
    ]
    lengths = [
        np.shape(getattr(loss, name))[-1:]
        for name, declared in loss.parameters().items()
        if declared.kind == "array"
    ]
    labels = max((length[0] for length in lengths if length), default=1)
    raw = np.repeat(np.tile(levels, len(values))[:, None], labels, axis=1)
    target = np.repeat(np.repeat(values, len(levels))[:, None], labels, axis=1)
    return raw, target
