"""Weighted sums of modules: ``0.7 * CrossEntropyLoss() + 0.3 * FocalLoss()``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from losskit.core.weighted_sum import factor, part_names

__all__ = ["SummandModule", "WeightedSumLoss"]


class SummandModule(torch.nn.Module):
    """A module that can be multiplied by a number and added."""

    def summands(self) -> list[tuple[float, SummandModule]]:
        """Return weights and modules that are added."""
        return [(1.0, self)]

    def __mul__(self, number: float) -> WeightedSumLoss:
        number = factor(number)
        return WeightedSumLoss([(number * weight, loss) for weight, loss in self.summands()])

    __rmul__ = __mul__

    def __add__(self, other: SummandModule) -> WeightedSumLoss:
        if not isinstance(other, SummandModule):
            return NotImplemented
        return WeightedSumLoss(self.summands() + other.summands())

    def __radd__(self, other: object) -> WeightedSumLoss:
        # sum() begins with 0.
        return WeightedSumLoss(self.summands()) if other == 0 else NotImplemented


class WeightedSumLoss(SummandModule):
    """A weighted sum of losses that are called with the same tensors.

    Made by ``0.7 * CrossEntropyLoss() + 0.3 * FocalLoss()``; what the losses learn is learnt
    through the sum.

    Attributes
    ----------
    losses : ModuleList
        The losses.
    weights : tuple of float
        Their weights.
    names : tuple of str
        What their parts are called.
    """

    def __init__(self, terms: list[tuple[float, SummandModule]]) -> None:
        super().__init__()
        self.weights = tuple(weight for weight, _ in terms)
        self.losses = torch.nn.ModuleList(loss for _, loss in terms)
        short = [type(loss).__name__ for loss in self.losses]
        self.names = tuple(part_names(short, [repr(loss) for loss in self.losses]))

    def summands(self) -> list[tuple[float, SummandModule]]:
        """Return weights and modules that are added."""
        return list(zip(self.weights, self.losses, strict=True))  # type: ignore[arg-type]

    def forward(self, *tensors: Tensor, **options: Any) -> Tensor:
        """Compute the sum; takes what each of the losses takes."""
        return self.with_parts(*tensors, **options)[0]

    def with_parts(self, *tensors: Tensor, **options: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the sum and, by name, what each loss is before it is weighted.

        The parts are for logging: detach them, or take their ``item()``.
        """
        values = [loss(*tensors, **options) for loss in self.losses]
        if len({value.shape for value in values}) > 1:
            shapes = " and ".join(str(tuple(value.shape)) for value in values)
            raise ValueError(
                f"the losses have values of different shapes, {shapes}; give each of them "
                "reduction='mean' or 'sum'"
            )
        total = self.weights[0] * values[0]
        for weight, value in zip(self.weights[1:], values[1:], strict=True):
            total = total + weight * value
        return total, dict(zip(self.names, values, strict=True))

    def extra_repr(self) -> str:
        """Weights of the losses that follow."""
        return f"weights={self.weights}"
