"""NumPy and every other array-API library."""

from __future__ import annotations

import array_api_compat

from losskit.core.arrays import Array
from losskit.core.engine import Engine

__all__ = ["ArrayEngine"]


class ArrayEngine(Engine):
    """Runs the definitions as they are written."""

    def traced(self, *arrays: Array) -> bool:
        """Whether an array is one of a lazy library's, whose values may not exist yet."""
        return any(array_api_compat.is_lazy_array(array) for array in arrays)

    def at_hand(self, *arrays: Array) -> bool:
        """Whether all arrays are in the CPU's memory."""
        return all(str(array.device).lower().startswith("cpu") for array in arrays)
