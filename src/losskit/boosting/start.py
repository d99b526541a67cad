"""The constant raw score from which boosting starts: the one with the smallest loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from losskit.core.arrays import Array, log_softmax
from losskit.core.contracts import LOG_MEANS, LOGITS, REAL_VALUES
from losskit.core.loss import Loss

__all__ = ["best_constant", "best_constants"]

RAREST = 1e-15
"""Share of a class that does not occur, as in LightGBM."""


def best_constant(loss: Loss, target: Array, weight: Array | None) -> Any:
    """Return the best constant of each column of the target, (L,), or the one of (N,)."""
    columns = target[:, None] if target.ndim == 1 else target
    weights = np.ones(len(columns)) if weight is None else weight
    if columns.shape[1] == 1:
        # Labels and counts repeat: there are far fewer values than examples.
        values, places = np.unique(columns[:, 0], return_inverse=True)
        columns, weights = values[:, None], np.bincount(places.reshape(-1), weights)

    def cost(constants: Array) -> Array:
        raw = np.broadcast_to(constants, columns.shape)
        return weights @ loss(raw, columns, reduction="none")

    def slope(constants: Array) -> Array:
        raw = np.broadcast_to(constants, columns.shape)
        return weights @ loss.value_and_gradient(raw, columns, reduction="sum")[1]

    grid = _grid(loss, columns)
    best = np.argmin([cost(constants) for constants in grid], axis=0)
    places = np.arange(columns.shape[1])
    low = grid[np.maximum(best - 1, 0), places]
    high = grid[np.minimum(best + 1, len(grid) - 1), places]
    # The derivative is halved down, not the cost, which is flat to rounding near its minimum.
    for _ in range(80):
        middle = low + (high - low) / 2
        rise = slope(middle)
        low, high = np.where(rise <= 0, middle, low), np.where(rise >= 0, middle, high)
    found = low + (high - low) / 2
    return found if target.ndim > 1 else float(found[0])


def best_constants(loss: Any, target: Array, weight: Array | None, classes: int | None) -> Array:
    """Return the best constant raw score of each class, (K,)."""
    part = target != loss.ignore_index
    target = target[part]
    weights = np.ones(len(target)) if weight is None else weight[part]
    if classes is None:
        largest = int(target.max(initial=0)) + 1
        classes = largest if loss.class_weight is None else len(loss.class_weight)
    if len(target) and not 0 <= target.min() <= target.max() < classes:
        raise ValueError(
            f"{loss.name}: target must hold class indices in [0, {classes}), got "
            f"{target.min()} to {target.max()}"
        )
    totals = np.bincount(target, weights, minlength=classes)
    scores = np.log(np.maximum(totals / max(totals.sum(), RAREST), RAREST))
    labels = np.arange(classes)

    def cost(constants: Array) -> float:
        raw = np.tile(constants, (classes, 1))
        return float(totals @ loss(raw, labels, reduction="none"))

    lowest, step = cost(scores), 1.0
    for _ in range(1000):
        raw = np.tile(scores, (classes, 1))
        gradient = totals @ loss.value_and_gradient(raw, labels, reduction="sum")[1]
        shares = np.exp(log_softmax(scores, np))
        # The curvature of the cross-entropy makes steps of a fit size for all losses of classes.
        direction = gradient / np.maximum(totals.sum() * shares, RAREST)
        direction = np.where(totals > 0, direction, 0.0)  # the others would fall for ever
        while step > 1e-12 and cost(scores - step * direction) > lowest:
            step /= 2
        moved = scores - step * direction
        lowest, before = cost(moved), scores
        scores, step = moved, min(2 * step, 1.0)
        if np.max(np.abs(scores - before)) < 1e-12:
            break
    return log_softmax(scores, np) if loss.card.input is LOGITS else scores


def _grid(loss: Loss, columns: Array) -> Array:
    """Constants among which the best one's neighbours enclose the minimum, (G, L)."""
    contract = loss.arguments[0].contracts[0]
    if contract is REAL_VALUES:
        return np.quantile(columns, np.linspace(0, 1, 33), axis=0)
    if contract is LOG_MEANS:
        largest = np.max(columns, axis=0)
        top = np.where(largest > 0, np.log(np.where(largest > 0, largest, 1.0)), -15.0)
        return np.linspace(top - 40, top, 81)
    return np.repeat(np.linspace(-15, 15, 61)[:, None], columns.shape[1], axis=1)
