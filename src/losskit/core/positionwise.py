"""Losses whose values depend on nothing but their own part of every array."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from losskit.core.arrays import Array
from losskit.core.definition import Arrays, each
from losskit.core.loss import Loss

__all__ = ["Positionwise"]


@dataclass(frozen=True)
class Positionwise(Loss):
    """A loss with one derivative for each element of its arrays, found position by position."""

    @abstractmethod
    def gradient_at(self, *args: Any, **kwargs: Any) -> Any:
        """Derivative of each position's loss in the model's output; of several, in each."""

    def target_gradient_at(self, *args: Any, **kwargs: Any) -> Any:
        """Derivative of each position's loss in what is given, or None where there is none."""
        return None

    def slopes(self, arrays: Arrays, wanted: Sequence[bool], xp: ModuleType) -> list[Array | None]:
        """Derivative of each position's loss in each wanted array."""
        slopes: list[Array | None] = [None] * len(arrays)
        outputs = self.outputs(arrays)
        others = tuple(at for at in range(len(arrays)) if at not in outputs)
        for indices, derivative in (
            (outputs, self.gradient_at),
            (others, self.target_gradient_at),
        ):
            if any(wanted[at] for at in indices):
                for at, slope in zip(indices, each(derivative(*arrays, xp)), strict=False):
                    slopes[at] = slope
        return slopes

    def pull_back(
        self, arrays: Arrays, outer: Array, wanted: Sequence[bool], xp: ModuleType
    ) -> list[Array | None]:
        """Derivative of Σ outer · value, over all positions, in each wanted array."""
        return [
            None if slope is None else slope * self.spread(outer, slope)
            for slope in self.slopes(arrays, wanted, xp)
        ]

    def push_forward(
        self, arrays: Arrays, tangents: Sequence[Array | None], xp: ModuleType
    ) -> Array:
        """Rate at which each position's loss changes along the tangents."""
        wanted = [tangent is not None for tangent in tangents]
        shape = self.positions(arrays)
        change = xp.zeros_like(arrays[0][(..., *(0,) * (arrays[0].ndim - len(shape)))])
        for slope, tangent in zip(self.slopes(arrays, wanted, xp), tangents, strict=True):
            if slope is not None and tangent is not None:
                axes = tuple(range(len(shape), slope.ndim))
                product = slope * tangent
                change = change + (xp.sum(product, axis=axes) if axes else product)
        return change
