"""Batches of any form: how many samples they hold, a part of them, the same twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from losskit.check.training.origin import tensors

__all__ = ["doubled", "first", "mapped", "samples"]


def mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Change every tensor in tuples, lists and dicts."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, dict):
        return {name: mapped(one, change) for name, one in value.items()}
    if isinstance(value, (tuple, list)):
        parts = (mapped(one, change) for one in value)
        # A named tuple takes its fields one by one.
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def samples(batch: Any, axis: int | None) -> tuple[int, int]:
    """Return how many samples there are, and on which axis of the inputs."""
    arrays = [one for _, one in tensors(batch) if one.ndim]
    if not arrays:
        return 0, 0
    inputs, target = arrays[0], arrays[-1]
    if axis is None:
        # Of T steps of B samples, the target has B rows.
        fits = len(inputs) > 0 and len(target) % len(inputs) == 0
        axis = 1 if not fits and inputs.ndim > 1 and len(target) == inputs.shape[1] else 0
    axis = min(axis, inputs.ndim - 1)
    return inputs.shape[axis], axis


def _along(one: Tensor, count: int, axis: int) -> tuple[int, int]:
    """Return the axis of the samples in a tensor of a batch, and how many rows each has there.

    0 rows where it belongs to none.
    """
    if one.ndim > axis and one.shape[axis] == count:
        return axis, 1
    whole = one.ndim > 0 and count > 0 and len(one) % count == 0
    return 0, len(one) // count if whole else 0


def doubled(batch: Any, axis: int | None) -> Any:
    """Return a batch with every sample twice."""
    count, at = samples(batch, axis)

    def twice(one: Tensor) -> Tensor:
        along, rows = _along(one, count, at)
        return torch.cat([one, one], along) if rows else one

    return mapped(batch, twice)


def first(batch: Any, most: int, axis: int | None) -> Any:
    """Return the first samples, and of each all the rows that it has in the target."""
    count, at = samples(batch, axis)

    def few(one: Tensor) -> Tensor:
        along, rows = _along(one, count, at)
        return one.narrow(along, 0, min(most, count) * rows) if rows else one

    return mapped(batch, few)
