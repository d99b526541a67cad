"""What losses on the logit of a 0/1 label share."""

from __future__ import annotations

from types import ModuleType

from losskit.core.arrays import Array, sigmoid, softplus, times
from losskit.core.elementwise import Elementwise

__all__ = ["FadingBinary"]


class FadingBinary(Elementwise):
    """A loss whose positive costs (1 - p)^gamma (-log p), with p = s(z), and that mixes labels."""

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """Cost of a positive less that of a negative."""
        ones = xp.ones_like(target)
        return self.value_at(input, ones, xp) - self.value_at(input, 0 * ones, xp)

    def _faded(self, z: Array, gamma: float, xp: ModuleType) -> Array:
        """(1 - p)^gamma (-log p)."""
        return sigmoid(-z, xp) ** gamma * softplus(-z, xp)

    def _slope(self, z: Array, gamma: float, xp: ModuleType) -> Array:
        """Minus the derivative of (1 - p)^gamma (-log p) in z."""
        p, q = sigmoid(z, xp), sigmoid(-z, xp)
        return q**gamma * (q + gamma * times(p, softplus(-z, xp), xp))

    def _bend(self, z: Array, gamma: float, xp: ModuleType) -> Array:
        """Second derivative of (1 - p)^gamma (-log p) in z."""
        p, q = sigmoid(z, xp), sigmoid(-z, xp)
        cost = times(p, softplus(-z, xp), xp)
        return q**gamma * ((2 * gamma + 1) * p * q + gamma * (gamma * p - q) * cost)
