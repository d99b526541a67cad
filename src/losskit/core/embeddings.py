"""Cosine similarities of embeddings, and the way back from them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from losskit.core.arrays import Array, constant, largest

__all__ = ["Units", "pull_similarities", "pull_within", "similarities"]


@dataclass(frozen=True)
class Units:
    """Embeddings brought to length 1, one per row.

    A vector of length 0 stays 0: its similarity to every other is 0, and so is its gradient.
    The same holds for vectors so short that one over their length is near the end of the
    numbers (1e-31 in float32).

    Attributes
    ----------
    rows : array
        Of length 1 or 0.
    shrunk : array
        One over the length each had, as a column; 0 where that was 0.
    """

    rows: Array
    shrunk: Array

    @classmethod
    def of(cls, embeddings: Array, xp: ModuleType) -> Units:
        """Divide each row by its length."""
        limits = xp.finfo(embeddings.dtype)
        # Squares of what is large or small leave the range of the numbers, unless scaled.
        size = largest(abs(constant(embeddings)), xp)
        # As a Python float the smallest number of a wider dtype is 0.
        smallest = max(float(limits.smallest_normal), sys.float_info.min)
        short = size < smallest / float(limits.eps)
        size = xp.where(short, 1.0, size)
        scaled = xp.where(short, 0.0, embeddings) / size
        # A root has no derivative at 0, not even one that is thrown away.
        squares = xp.where(short, 1.0, xp.sum(scaled * scaled, axis=-1, keepdims=True))
        length = xp.sqrt(squares)
        return cls(scaled / length, xp.where(short, 0.0, 1 / (length * size)))

    def pull_back(self, gradient: Array, xp: ModuleType) -> Array:
        """Turn a derivative in the unit vectors into one in the embeddings."""
        along = xp.sum(self.rows * gradient, axis=-1, keepdims=True)
        return (gradient - self.rows * along) * self.shrunk


def similarities(left: Units, right: Units, xp: ModuleType) -> Array:
    """Cosine of each row on the left to each row on the right."""
    return xp.matmul(left.rows, right.rows.mT)


def pull_similarities(
    slopes: Array, left: Units, right: Units, wanted: Sequence[bool], xp: ModuleType
) -> list[Array | None]:
    """Turn a derivative in the similarities into one in the embeddings of each side."""
    return [
        left.pull_back(xp.matmul(slopes, right.rows), xp) if wanted[0] else None,
        right.pull_back(xp.matmul(slopes.mT, left.rows), xp) if wanted[1] else None,
    ]


def pull_within(slopes: Array, units: Units, xp: ModuleType) -> Array:
    """Do the same for similarities of embeddings to each other, where each is on both sides."""
    return units.pull_back(xp.matmul(slopes + slopes.mT, units.rows), xp)
