"""What a row of logits says of which of its entries are positives.

Masks are boolean and have the logits' shape. No exponential is taken of a positive number, and
what is masked is a low finite number instead of -inf, whose derivatives would be NaN.
"""

from __future__ import annotations

import math
import sys
from types import ModuleType

from losskit.core.arrays import (
    Array,
    constant,
    device_of,
    largest,
    log_softmax,
    sigmoid,
    softplus,
)

__all__ = [
    "alike",
    "among_all",
    "among_all_slopes",
    "both_ways",
    "both_ways_slopes",
    "each_positive",
    "each_positive_slopes",
    "held_exp",
    "numbered",
    "one_positive",
    "one_positive_slopes",
    "pairs",
]


def alike(left: Array, right: Array) -> Array:
    """Tell which entries on the left equal which on the right."""
    return left[:, None] == right[None, :]


def numbered(array: Array, xp: ModuleType) -> Array:
    """Return the indices of an array's first axis."""
    return xp.arange(array.shape[0], device=device_of(array))


def pairs(present: Array, xp: ModuleType) -> tuple[Array, Array]:
    """Tell what is an example's own and what are the others present, in either direction."""
    rows = numbered(present, xp)
    own = alike(rows, rows)
    return own, ~own & present


def held_exp(logarithm: Array, xp: ModuleType, highest: float = math.inf) -> tuple[Array, Array]:
    """Return exp of a scale, held at ``highest``, and whether it is held.

    It is held as well where sums of numbers of its size would overflow.
    """
    room = math.log(_greatest(logarithm, xp) * float(xp.finfo(logarithm.dtype).eps))
    limit = min(math.log(highest), room)
    held = logarithm > limit
    return xp.exp(xp.where(held, limit, logarithm)), held


def one_positive(logits: Array, own: Array, negative: Array, xp: ModuleType) -> Array:
    """log(1 + Σ exp(negative - own)) of each row: the cross-entropy of its own entry."""
    return softplus(_lead(logits, own, negative, xp), xp)


def one_positive_slopes(logits: Array, own: Array, negative: Array, xp: ModuleType) -> Array:
    """Derivative of `one_positive` in the logits."""
    missed = sigmoid(_lead(logits, own, negative, xp), xp)[:, None]
    return xp.where(own, -missed, missed * _shares(logits, negative, xp))


def both_ways(logits: Array, own: Array, negative: Array, xp: ModuleType) -> Array:
    """Mean of `one_positive` over the rows and over the columns, by the same masks."""
    rows = one_positive(logits, own, negative, xp)
    return (rows + one_positive(logits.mT, own, negative, xp)) / 2


def both_ways_slopes(
    logits: Array, own: Array, negative: Array, outer: Array, xp: ModuleType
) -> Array:
    """Derivative of Σ outer · `both_ways` in the logits."""
    half = outer[:, None] / 2
    rows = one_positive_slopes(logits, own, negative, xp) * half
    return rows + (one_positive_slopes(logits.mT, own, negative, xp) * half).mT


def each_positive(logits: Array, positive: Array, negative: Array, xp: ModuleType) -> Array:
    """Mean over a row's positives of log(1 + Σ exp(negative - positive)); 0 without one."""
    lead = _log_total(logits, negative, xp) - logits
    return xp.sum(_evenly(positive, logits, xp) * softplus(lead, xp), axis=-1)


def each_positive_slopes(logits: Array, positive: Array, negative: Array, xp: ModuleType) -> Array:
    """Derivative of `each_positive` in the logits."""
    lead = _log_total(logits, negative, xp) - logits
    missed = _evenly(positive, logits, xp) * sigmoid(lead, xp)
    return xp.sum(missed, axis=-1, keepdims=True) * _shares(logits, negative, xp) - missed


def among_all(logits: Array, positive: Array, counted: Array, xp: ModuleType) -> Array:
    """Mean over a row's positives of -log softmax among all that is counted; 0 without one."""
    log_p = log_softmax(xp.where(counted, logits, _low(logits, xp)), xp)
    return -xp.sum(_evenly(positive, logits, xp) * log_p, axis=-1)


def among_all_slopes(logits: Array, positive: Array, counted: Array, xp: ModuleType) -> Array:
    """Derivative of `among_all` in the logits."""
    p = xp.exp(log_softmax(xp.where(counted, logits, _low(logits, xp)), xp))
    some = xp.any(positive, axis=-1, keepdims=True)
    return xp.where(some, p, 0.0) - _evenly(positive, logits, xp)


def _low(logits: Array, xp: ModuleType) -> float:
    """A number that is nothing to exp, and from which a logit can still be taken."""
    return -_greatest(logits, xp) / 2


def _greatest(array: Array, xp: ModuleType) -> float:
    """Greatest number of the array's dtype that is one of Python's too."""
    return min(float(xp.finfo(array.dtype).max), sys.float_info.max)


def _log_total(logits: Array, counted: Array, xp: ModuleType) -> Array:
    """Each row's log Σ exp over what is counted, as a column; very low where nothing is."""
    kept = xp.where(counted, logits, _low(logits, xp))
    top = constant(largest(kept, xp))
    return top + xp.log(xp.sum(xp.exp(kept - top), axis=-1, keepdims=True))


def _lead(logits: Array, own: Array, negative: Array, xp: ModuleType) -> Array:
    """How far the negatives are ahead of each row's own entry."""
    mine = xp.sum(xp.where(own, logits, 0.0), axis=-1)
    return _log_total(logits, negative, xp)[:, 0] - mine


def _shares(logits: Array, negative: Array, xp: ModuleType) -> Array:
    """Softmax among the negatives; 0 where there is none."""
    behind = logits - _log_total(logits, negative, xp)
    return xp.exp(xp.where(negative, behind, _low(logits, xp)))


def _evenly(positive: Array, logits: Array, xp: ModuleType) -> Array:
    """Share each row's 1 among its positives."""
    marks = xp.astype(positive, logits.dtype)
    count = xp.sum(marks, axis=-1, keepdims=True)
    return marks / xp.where(count == 0, 1.0, count)
