"""Distributions over classes: their divergence, and derivatives through the softmax.

Classes are on the last axis.
"""

from __future__ import annotations

from types import ModuleType

from losskit.core.arrays import Array, times

__all__ = [
    "divergence",
    "divergence_slope",
    "log_ratio",
    "logarithm",
    "softmax_curvature",
    "softmax_gradient",
]


def logarithm(probabilities: Array, xp: ModuleType) -> Array:
    """Logarithm, -inf of 0 without a warning, and with no derivative there."""
    nothing = probabilities == 0
    return xp.where(nothing, -xp.inf, xp.log(xp.where(nothing, 1.0, probabilities)))


def log_ratio(log_p: Array, log_q: Array, xp: ModuleType) -> Array:
    """Give log(p/q), and 0 where p is 0."""
    nothing = log_p == -xp.inf
    return xp.where(nothing, 0.0, log_p) - xp.where(nothing, 0.0, log_q)


def divergence(log_p: Array, log_q: Array, xp: ModuleType) -> Array:
    """Kullback-Leibler divergence Σ p log(p/q) of each row, exact where p and q are near.

    What is summed is p log(p/q) - p + q, which is the same for rows that sum to 1. No term is
    negative, so that none cancels, and a sum that is off 1 by e costs e²/2 instead of e.
    """
    p, q, ratio = xp.exp(log_p), xp.exp(log_q), log_ratio(log_p, log_q, xp)
    near = (abs(ratio) < 1) & (log_p != -xp.inf)
    small = xp.where(near, -ratio, 0.0)
    apart = times(p, xp.where(near, 0.0, ratio), xp) - p + q
    return xp.sum(xp.where(near, p * (xp.expm1(small) - small), apart), axis=-1)


def divergence_slope(log_p: Array, log_q: Array, xp: ModuleType) -> Array:
    """Derivative of the divergence in the logits of p: p (log(p/q) - Σ p log(p/q))."""
    p, ratio = xp.exp(log_p), log_ratio(log_p, log_q, xp)
    mean = xp.sum(times(p, ratio, xp), axis=-1, keepdims=True)
    # An impossible class is infinitely worse than a mean that it made infinite.
    return times(p, ratio - xp.where(ratio == xp.inf, 0.0, mean), xp)


def softmax_gradient(slopes: Array, p: Array, xp: ModuleType) -> Array:
    """Derivative in the logits, from that in each log-probability."""
    return slopes - p * xp.sum(slopes, axis=-1, keepdims=True)


def softmax_curvature(slopes: Array, bends: Array, p: Array, xp: ModuleType) -> Array:
    """Second derivative in each logit, from both derivatives in each log-probability."""
    slope = xp.sum(slopes, axis=-1, keepdims=True)
    bend = xp.sum(bends, axis=-1, keepdims=True)
    return (1 - 2 * p) * bends + p**2 * bend - p * (1 - p) * slope
