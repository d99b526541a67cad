"""What moves, repeats, drops or picks the values of a tensor, and leaves them what they are."""

from __future__ import annotations

import re
from dataclasses import replace

from losskit.check.lint.kinds import Kind
from losskit.check.lint.values import Tensor

__all__ = ["kept"]


def kept(name: str, tensor: Tensor) -> Tensor | None:
    """Return what such a function or method leaves; None where it is none."""
    if name in _SAME:
        return tensor
    if name in _PICKING:
        return replace(tensor, padding=None, last=None if name == "slice" else tensor.last)
    if _POOLING.search(name):
        kind = Kind.PROBABILITY if tensor.kind is Kind.SOFTMAX else tensor.kind
        return replace(tensor, kind=kind, rank=None, last=None)
    return None


_SAME = frozenset(
    [
        "to",
        "float",
        "double",
        "half",
        "bfloat16",
        "type",
        "type_as",
        "cuda",
        "cpu",
        "contiguous",
        "clone",
        "requires_grad_",
        "as_tensor",
        "asarray",
        "array",
        "from_numpy",
        "to_numpy",
        "fillna",
        "tensor",
        "narrow",
        "select",
        "masked_fill",
        "fill_diagonal",
        "fill_diagonal_",
        "roll",
        "flip",
        "fliplr",
        "dropout",
        "dropout1d",
        "dropout2d",
        "dropout3d",
        "alpha_dropout",
        "Dropout",
        "interpolate",
        "upsample",
        "pad",
        "identity",
        "Identity",
        "cast",
        "astype",
        "copy",
        "stop_gradient",
        "convert_to_tensor",
        "repeat",
        "repeat_interleave",
        "tile",
        "pin_memory",
        "retain_grad",
        "unfold",
        "chunk_cat",
        "all_gather",
        "gather_for_metrics",
    ]
)
_PICKING = frozenset(["masked_select", "index_select", "take_along_dim", "slice"])
_POOLING = re.compile(r"(max|avg|mean|adaptive).*_?pool", re.IGNORECASE)
