"""Where losses are computed: NumPy and friends, PyTorch under its automatic differentiation.

Libraries are imported when the first of their arrays comes, so that importing Losskit is quick.
"""

from __future__ import annotations

import sys
from typing import Any

from losskit.core.arrays import Array
from losskit.core.engine import Engine, await_library, register_engine


def _meet_torch() -> None:
    if sys.modules.get("torch") is not None:
        import losskit.engines.autograd  # noqa: F401, PLC0415 - which adopts tensors


def _tensor(value: Any) -> tuple[Array, Engine] | None:
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(value, torch.Tensor):
        return None
    from losskit.engines.autograd import AutogradEngine  # noqa: PLC0415

    return value, AutogradEngine()


def _array(value: Any) -> tuple[Array, Engine]:
    from losskit.engines.array import as_array, engine_of  # noqa: PLC0415

    array = as_array(value)
    return array, engine_of(array)


await_library(_meet_torch)
register_engine(_tensor)
register_engine(_array)
