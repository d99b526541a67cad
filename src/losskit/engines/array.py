"""NumPy and every other array-API library."""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np

from losskit.core.arrays import Array
from losskit.core.definition import Arrays, Definition
from losskit.core.engine import Engine
from losskit.core.newton import Newton
from losskit.core.options import Options
from losskit.engines.native import on_numpy

__all__ = ["ArrayEngine", "NumPyEngine", "as_array", "engine_of"]


class ArrayEngine(Engine):
    """Runs the definitions as they are written."""

    def traced(self, *arrays: Array) -> bool:
        """Whether an array is one of a lazy library's, whose values may not exist yet."""
        return any(array_api_compat.is_lazy_array(array) for array in arrays)

    def at_hand(self, *arrays: Array) -> bool:
        """Whether all arrays are in the CPU's memory."""
        return all(str(array.device).lower().startswith("cpu") for array in arrays)


class NumPyEngine(ArrayEngine):
    """The same, but for calls that a native kernel does at once."""

    def reduce(self, loss: Definition, arrays: Arrays, options: Options) -> Array | None:
        """Weighed and reduced loss."""
        return on_numpy.reduce(loss, arrays, options)

    def reduce_with_gradients(
        self, loss: Definition, arrays: Arrays, options: Options
    ) -> tuple[Array, Arrays] | None:
        """Weighed and reduced loss, and its gradient in each output."""
        return on_numpy.reduce_with_gradients(loss, arrays, options)

    def bend(
        self,
        loss: Definition,
        arrays: Arrays,
        options: Options,
        newton: Newton,
        *,
        in_float: bool = False,
    ) -> tuple[Arrays, Arrays] | None:
        """Gradient and second derivative of the reduced loss in each output."""
        return on_numpy.bend(loss, arrays, options, newton, in_float=in_float)


def as_array(value: Any) -> Array:
    """Return arrays as they are; turn numbers, sequences and data frames' columns into NumPy's."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError("a NumPy masked array; pass its data, and mask=~array.mask")
    return value if array_api_compat.is_array_api_obj(value) else np.asarray(value)


def engine_of(array: Array) -> ArrayEngine:
    """Return an engine on the array's namespace."""
    kind = NumPyEngine if type(array) is np.ndarray else ArrayEngine
    return kind(array_api_compat.array_namespace(array))
