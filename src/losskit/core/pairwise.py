"""Distances of all rows of an array to each other, in blocks that fit into memory."""

from __future__ import annotations

from types import ModuleType

from losskit.core.arrays import Array, constant, device_of
from losskit.core.distances import Distance

__all__ = ["blocks", "pairwise"]

BLOCK = 2**22
"""Elements of the differences that are held at once."""


def pairwise(rows: Array, distance: Distance, xp: ModuleType) -> Array:
    """Distance of each of B rows to each, of shape (B, B), without a derivative."""
    size, width = rows.shape
    distances = [xp.zeros((0, size), dtype=rows.dtype, device=device_of(rows))]
    for block in blocks(size, max(BLOCK // max(size * width, 1), 1)):
        some = rows[block, None, :]
        wide = (int(some.shape[0]), size, width)
        found = distance.between(
            xp.broadcast_to(some, wide), xp.broadcast_to(rows[None, :, :], wide), xp
        )
        distances.append(constant(found))
    return xp.concat(distances, axis=0)


def blocks(length: int, step: int) -> list[slice]:
    """Parts of an axis."""
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]
