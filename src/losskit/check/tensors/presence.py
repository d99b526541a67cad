"""Which positions take part in a loss: what the others hold leaves no trace, and is not judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from losskit.core.classwise import Classwise
from losskit.core.contracts import LOGITS
from losskit.core.loss import Loss
from losskit.core.rowwise import Listwise

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["filled", "parts_of"]

Arrays = dict[str, "NDArray[Any]"]
Parts = dict[str, "NDArray[np.bool_]"]


def parts_of(
    loss: Loss | None, arrays: Arrays, mask: NDArray[Any] | None, *, of_torch: bool
) -> Parts:
    """Return by name which elements take part, for arrays in which some do not.

    ``torch.nn`` leaves out the loss at ``ignore_index``, but its log-softmax goes over all rows,
    and its gradient is NaN where one of them is: there, all logits take part.
    """
    parts: Parts = {}
    found = [] if mask is None else [(mask.astype(bool), tuple(arrays))]
    target = arrays.get("target")
    if loss is not None and target is not None:
        outputs = tuple(name for name in arrays if name != "target")
        ignored = getattr(loss, "ignore_index", None)
        lenient = not of_torch or loss.arguments[0].contracts[0] is not LOGITS
        if ignored is not None and target.dtype.kind in "iu" and lenient:
            found.append((target != ignored, outputs))
        elif isinstance(loss, Listwise):
            found.append((~(target < 0), outputs))
    for part, names in found:
        for name in names if not part.all() else ():
            spread = next(_spread(part, arrays[name].shape, loss), None)
            if spread is not None:
                parts[name] = parts.get(name, np.True_) & spread
    return parts


def _spread(
    part: NDArray[np.bool_], shape: tuple[int, ...], loss: Loss | None
) -> Iterator[NDArray[np.bool_]]:
    """Give what there is one of for each position one of for each element, where that fits."""
    axis = loss.class_axis if isinstance(loss, Classwise) else None
    candidates = [part]
    if part.ndim < len(shape):
        after = part.reshape(*part.shape, *(1,) * (len(shape) - part.ndim))
        candidates = [np.expand_dims(part, 1 if axis is None else axis)] if part.ndim else []
        candidates = [one for one in candidates if one.ndim == len(shape)] + [after]
    for one in candidates:
        if one.ndim == len(shape) and all(
            length in (1, wanted) for length, wanted in zip(one.shape, shape, strict=True)
        ):
            yield np.broadcast_to(one, shape)


def filled(arrays: Mapping[str, NDArray[Any]], parts: Parts) -> Arrays:
    """Put numbers that take part where some take none, so that their range and shares stay.

    Where a row of classes takes no part, a whole other row stands in for it.
    """
    return {
        name: array if name not in parts else _filled(array, parts[name])
        for name, array in arrays.items()
    }


def _filled(array: NDArray[Any], part: NDArray[np.bool_]) -> NDArray[Any]:
    if not part.any():
        return np.where(np.isfinite(array), array, np.zeros((), array.dtype))
    # Whole rows where all of each takes part or none, else single numbers.
    axis = next((at for at in (1, -1) if array.ndim > 1 and _alike(part, at)), None)
    if axis is None:
        rows, kept = array[..., None].copy(), part
    else:
        rows = np.moveaxis(array, axis, -1).copy()
        kept = np.moveaxis(part, axis, -1)[..., 0]
    rows[~kept] = np.resize(rows[kept], (int((~kept).sum()), rows.shape[-1]))
    return rows[..., 0] if axis is None else np.moveaxis(rows, -1, axis)


def _alike(part: NDArray[np.bool_], axis: int) -> bool:
    return bool((part == np.take(part, [0], axis=axis)).all())
