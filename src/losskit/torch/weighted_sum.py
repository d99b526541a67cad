"""Weighted sums of modules: ``0.7 * CrossEntropyLoss() + 0.3 * FocalLoss()``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from losskit.core.weighted_sum import Addable, check_together, part_names
from losskit.torch.faces import Face

__all__ = ["SummandModule", "WeightedSumLoss"]


class SummandModule(torch.nn.Module, Addable["WeightedSumLoss"]):
    """A module that can be multiplied by a number and added."""

    face: ClassVar[Face | None] = None

    @staticmethod
    def sum_of(terms: tuple[tuple[float, SummandModule], ...]) -> WeightedSumLoss:
        """Make the sum of these weights and modules."""
        return WeightedSumLoss(terms)


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

    Raises
    ------
    TypeError
        If one takes more tensors than another: then add their values instead.
    """

    def __init__(self, terms: Sequence[tuple[float, SummandModule]]) -> None:
        super().__init__()
        self.weights = tuple(weight for weight, _ in terms)
        self.losses = torch.nn.ModuleList(loss for _, loss in terms)
        short = [type(loss).__name__ for loss in self.losses]
        called = [
            (type(loss).__name__, loss.face.arrays) for _, loss in terms if loss.face is not None
        ]
        if called:
            # Whatever the names are: modules are called by position.
            check_together(called, by_name=False)
        self.names = tuple(part_names(short, [repr(loss) for loss in self.losses]))

    def summands(self) -> tuple[tuple[float, Any], ...]:
        """Return weights and modules that are added."""
        return tuple(zip(self.weights, self.losses, strict=True))

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
