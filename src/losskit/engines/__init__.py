"""Where losses are computed: NumPy and friends, PyTorch under its automatic differentiation."""

from __future__ import annotations

import array_api_compat

from losskit.core.arrays import Array
from losskit.core.engine import Engine, register_engine


def _autograd(array: Array) -> Engine | None:
    if not array_api_compat.is_torch_array(array):
        return None
    # PyTorch is loaded already, since there is a tensor; without tensors it never is.
    from losskit.engines.autograd import AutogradEngine  # noqa: PLC0415

    return AutogradEngine()


def _array(array: Array) -> Engine | None:
    from losskit.engines.array import ArrayEngine  # noqa: PLC0415

    return ArrayEngine(array_api_compat.array_namespace(array))


register_engine(_autograd)
register_engine(_array)
