"""Which operation made a tensor, as automatic differentiation remembers it."""

from __future__ import annotations

from typing import Any

__all__ = ["producer"]

_TRANSPARENT = (
    "Alias",
    "AsStrided",
    "Clone",
    "Expand",
    "Index",
    "Permute",
    "Reshape",
    "Select",
    "Slice",
    "Squeeze",
    "TBackward",
    "ToCopy",
    "Transpose",
    "Unsqueeze",
    "UnsafeView",
    "View",
)
"""Operations that pass values on as they are."""

_DEEPEST = 32


def producer(value: Any) -> str:
    """Return the name of the operation, such as ``Softmax`` or ``Addmm``; empty if unknown.

    Operations that only arrange values are looked through.
    """
    node = getattr(value, "grad_fn", None)
    for _ in range(_DEEPEST):
        if node is None:
            return ""
        name = str(node.name())
        if not name.removeprefix("torch::autograd::").startswith(_TRANSPARENT):
            return name.partition("Backward")[0].lstrip("_")
        node = node.next_functions[0][0] if node.next_functions else None
    return ""
