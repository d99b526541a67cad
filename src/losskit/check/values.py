"""What numbers look like: rows of probabilities, logarithms, labels; whatever they are called.

Contracts say what is allowed; many an array is allowed and still not what belongs there. These
are the questions whose answers tell, asked in the same words by every check.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Floats",
    "as_numbers",
    "class_count",
    "first_row",
    "in_unit_interval",
    "is_binary",
    "is_one_hot",
    "label_shares",
    "log_sums_to_one",
    "root_mean_square",
    "row_spread",
    "sums_to_one",
]

Floats = NDArray[np.float64]

_HALF_PRECISION = 2.0**-7
"""What a sum of rounded probabilities may miss: bfloat16 has 8 significant bits."""


def as_numbers(value: Any) -> NDArray[Any]:
    """Return an array of any library as NumPy's; half precision as float32."""
    if hasattr(value, "detach"):
        _refuse_unseen(value)
        value = value.detach().cpu()
        if value.is_floating_point() and value.dtype.itemsize < 4:
            value = value.float()
        return np.asarray(value)
    found = np.asarray(value)
    return found.astype(np.float32) if found.dtype == np.float16 else found


def _refuse_unseen(tensor: Any) -> None:
    """Refuse tensors whose numbers lie in no rows, or nowhere."""
    layout = str(tensor.layout).removeprefix("torch.")
    kinds = {
        "a meta tensor, which holds no numbers": tensor.is_meta,
        "a nested tensor; pad it, and mask the padding": tensor.is_nested,
        "a quantized tensor; dequantize() it": tensor.is_quantized,
        f"a tensor of layout {layout}; make it dense with to_dense()": layout != "strided",
    }
    kind = next((kind for kind, true in kinds.items() if true), None)
    if kind is not None:
        raise TypeError(f"numbers cannot be looked at in {kind}")


def in_unit_interval(values: NDArray[Any]) -> bool:
    """Whether all values lie in [0, 1]."""
    return values.size > 0 and bool(values.min() >= 0) and bool(values.max() <= 1)


def sums_to_one(rows: NDArray[Any], axis: int = -1) -> bool:
    """Whether at least two numbers along the axis, all in [0, 1], sum to 1 everywhere."""
    if rows.ndim == 0 or rows.shape[axis] < 2 or not in_unit_interval(rows):
        return False
    return bool(np.all(np.abs(rows.sum(axis=axis, dtype=np.float64) - 1) < _HALF_PRECISION))


def log_sums_to_one(rows: NDArray[Any], axis: int = -1, slack: float = 0.02) -> bool:
    """Whether the exponentials along the axis sum to 1 everywhere."""
    if rows.ndim == 0 or rows.size == 0 or rows.shape[axis] < 2 or not rows.max() <= slack:
        return False
    totals = np.exp(rows.astype(np.float64)).sum(axis=axis)
    return bool(np.all(np.abs(totals - 1) < slack))


def is_binary(values: NDArray[Any]) -> bool:
    """Whether there is nothing but 0 and 1."""
    return values.size > 0 and bool(np.all((values == 0) | (values == 1)))


def is_one_hot(rows: NDArray[Any]) -> bool:
    """Whether each row, along the last axis, is one 1 among zeros."""
    return (
        rows.ndim > 0
        and rows.shape[-1] > 1
        and is_binary(rows)
        and bool(np.all(rows.sum(axis=-1) == 1))
    )


def class_count(values: NDArray[Any], most: int = 50) -> int:
    """Return K where the values are 0, 1, … K - 1, each several times; else 0."""
    found = np.unique(values)
    if not 2 <= len(found) <= most or values.size < 4 * len(found):
        return 0
    return len(found) if np.array_equal(found, np.arange(len(found))) else 0


def label_shares(labels: NDArray[Any], classes: int) -> Floats:
    """Return the share of each class among indices within [0, classes)."""
    inside = labels[(labels >= 0) & (labels < classes)].astype(np.int64)
    counts = np.bincount(inside.reshape(-1), minlength=classes).astype(np.float64)
    return np.asarray(counts / max(counts.sum(), 1.0))


def row_spread(rows: NDArray[Any]) -> tuple[float, float]:
    """Return how much samples differ from each other, and how large they are, as root mean squares.

    The first axis holds the samples.
    """
    flat = rows.reshape(len(rows), -1).astype(np.float64)
    return root_mean_square(flat - flat.mean(axis=0)), root_mean_square(flat)


def root_mean_square(values: NDArray[Any]) -> float:
    """Return the size of numbers whose squares may be beyond all numbers."""
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0 or not np.isfinite(largest):
        return largest
    return largest * float(np.sqrt(np.mean((values / largest) ** 2)))


def first_row(flags: NDArray[np.bool_]) -> int:
    """Return the first sample with a true element."""
    return int(np.argmax(flags.reshape(len(flags), -1).any(axis=1))) if flags.ndim else 0
