"""NumPy and every other array-API library."""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np

from losskit.core.arrays import Array
from losskit.core.engine import Engine

__all__ = ["ArrayEngine", "as_array", "engine_of"]


class ArrayEngine(Engine):
    """Runs the definitions as they are written."""

    def traced(self, *arrays: Array) -> bool:
        """Whether an array is one of a lazy library's, whose values may not exist yet."""
        return any(array_api_compat.is_lazy_array(array) for array in arrays)

    def at_hand(self, *arrays: Array) -> bool:
        """Whether all arrays are in the CPU's memory."""
        return all(str(array.device).lower().startswith("cpu") for array in arrays)


def as_array(value: Any) -> Array:
    """Return arrays as they are; turn numbers, sequences and data frames' columns into NumPy's."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError("a NumPy masked array; pass its data, and mask=~array.mask")
    return value if array_api_compat.is_array_api_obj(value) else np.asarray(value)


def engine_of(array: Array) -> ArrayEngine:
    """Return an engine on the array's namespace."""
    return ArrayEngine(array_api_compat.array_namespace(array))
