"""Losses of numbers against numbers, element by element."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core.arrays import Array, as_compute
from losskit.core.definition import Arrays
from losskit.core.positionwise import Positionwise
from losskit.core.shapes import misfit

__all__ = ["Elementwise", "Residual"]


@dataclass(frozen=True)
class Elementwise(Positionwise):
    """A loss of each element of the input against the same element of the other arrays."""

    def arrange(self, arrays: Arrays, xp: ModuleType) -> Arrays:
        """Refuse shapes that differ, and take all arrays in the input's dtype."""
        input = arrays[0]
        names = [argument.name for argument in self.card.arguments]
        for name, array in zip(names[1:], arrays[1:], strict=True):
            if array.shape != input.shape:
                found, wanted = tuple(input.shape), tuple(array.shape)
                raise ValueError(f"{self.name}: {misfit(names[0], found, name, wanted)}")
        return tuple(as_compute(array, input.dtype, xp) for array in arrays)

    def positions(self, arrays: Arrays) -> tuple[int, ...]:
        """One for each element."""
        return tuple(arrays[0].shape)


@dataclass(frozen=True)
class Residual(Elementwise):
    """An elementwise loss that depends on nothing but input - target."""

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """Return the input's, with the other sign."""
        return -self.gradient_at(input, target, xp)
