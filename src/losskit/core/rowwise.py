"""Losses of whole rows: pairs and triples of embeddings, lists of items."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core.arrays import Array, as_compute, as_indices, is_integer, log_softmax
from losskit.core.definition import Arrays
from losskit.core.positionwise import Positionwise
from losskit.core.shapes import misfit

__all__ = ["Listwise", "Rowwise"]


@dataclass(frozen=True)
class Rowwise(Positionwise):
    """A loss of rows, which lie along the last axis, against rows or one number for each row."""

    def arrange(self, arrays: Arrays, xp: ModuleType) -> Arrays:
        """Refuse shapes that differ; integers that are no labels are taken as numbers."""
        first, shape = self.arguments[0].name, tuple(arrays[0].shape)
        if not shape:
            raise ValueError(f"{self.name}: {first} needs an axis of features, got a single number")
        ready = []
        for argument, array in zip(self.arguments, arrays, strict=True):
            wrong = tuple(array.shape)
            if argument.per_row and wrong != shape[:-1]:
                raise ValueError(
                    f"{self.name}: {first} has shape {shape}, so {argument.name} must hold one "
                    f"number for each row, in shape {shape[:-1]}, got {wrong}"
                )
            if not argument.per_row and wrong != shape:
                raise ValueError(f"{self.name}: {misfit(first, shape, argument.name, wrong)}")
            labels = is_integer(array, xp) and any(one.integral for one in argument.contracts)
            dtype = arrays[0].dtype
            ready.append(as_indices(array, xp) if labels else as_compute(array, dtype, xp))
        return tuple(ready)

    def positions(self, arrays: Arrays) -> tuple[int, ...]:
        """One for each row."""
        return tuple(arrays[0].shape[:-1])


@dataclass(frozen=True)
class Listwise(Rowwise):
    """A loss of the scores of a list's items against their relevance.

    Items of negative relevance pad a list to its length, and take no part; neither do masked
    ones. Definitions see a relevance of -1 and a score of 0 there, and find what is on the list
    with `on_list`.
    """

    mask_of = "item"

    def mask_shape(self, arrays: Arrays) -> tuple[int, ...]:
        """One for each item."""
        return tuple(arrays[0].shape)

    def on_list(self, relevance: Array, xp: ModuleType) -> Array:
        """Tell items from padding; a NaN is an item, so that it is not hidden."""
        return ~(relevance < 0)

    def log_shares(self, numbers: Array, items: Array, xp: ModuleType) -> Array:
        """Log-softmax over the items; -inf for padding, unless there is nothing else."""
        nobody = ~xp.any(items, axis=-1, keepdims=True)
        return log_softmax(xp.where(items | nobody, numbers, -xp.inf), xp)

    def select(
        self, arrays: Arrays, mask: Array | None, xp: ModuleType, *, concrete: bool
    ) -> tuple[Arrays, Array | None]:
        """Turn what takes no part into padding; leave out lists that say nothing."""
        scores, relevance = arrays
        items = self.on_list(relevance, xp)
        if mask is not None:
            items = items & mask
        if not (concrete and bool(xp.all(items))):
            arrays = xp.where(items, scores, 0.0), xp.where(items, relevance, -1.0)
        part = self.takes_part(arrays, xp)
        return arrays, None if concrete and bool(xp.all(part)) else part

    def takes_part(self, arrays: Arrays, xp: ModuleType) -> Array:
        """Leave out lists without an item."""
        return xp.any(self.on_list(arrays[1], xp), axis=-1)
