"""The arrays that the comparison hands around."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bools", "Floats", "Ints", "Objects", "Singles", "floats", "ints"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Objects = NDArray[np.object_]


def floats(values: Floats | Ints) -> Floats:
    """Take values as numbers, as in a regression."""
    return values.astype(np.float64)


def ints(values: Floats | Ints) -> Ints:
    """Take values as class numbers."""
    return values.astype(np.int64)
