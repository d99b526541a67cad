"""Losses of numbers against numbers, element by element."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core.arrays import Array, as_compute
from losskit.core.definition import Arrays
from losskit.core.positionwise import Positionwise
from losskit.core.shapes import misfit, stretch

__all__ = ["Elementwise", "Residual"]


@dataclass(frozen=True)
class Elementwise(Positionwise):
    """A loss of each element of the input against the same element of the other arrays."""

    def arrange(self, arrays: Arrays, xp: ModuleType) -> Arrays:
        """Refuse shapes that differ, and take all arrays in the input's dtype."""
        first, shape = self.card.arguments[0].name, tuple(arrays[0].shape)
        ready = []
        for argument, array in zip(self.card.arguments, arrays, strict=True):
            full = stretch(array, shape, xp) if argument.stretches else array
            if tuple(full.shape) != shape:
                said = misfit(first, shape, argument.name, tuple(array.shape))
                other = ", or one number, one for each row, or of axes of length 1"
                raise ValueError(f"{self.name}: {said}{other if argument.stretches else ''}")
            ready.append(as_compute(full, arrays[0].dtype, xp))
        return tuple(ready)

    def positions(self, arrays: Arrays) -> tuple[int, ...]:
        """One for each element."""
        return tuple(arrays[0].shape)


@dataclass(frozen=True)
class Residual(Elementwise):
    """An elementwise loss that depends on nothing but input - target."""

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """Return the input's, with the other sign."""
        return -self.gradient_at(input, target, xp)
