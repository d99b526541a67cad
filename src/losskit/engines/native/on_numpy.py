"""Whole calls on NumPy's arrays by the native kernels."""

from __future__ import annotations

import numpy as np

from losskit.core.arrays import Array
from losskit.core.definition import Arrays, Definition
from losskit.core.newton import Newton
from losskit.core.options import Options
from losskit.engines.native import native
from losskit.engines.native.memory import KEPT_FROM
from losskit.engines.native.plans import Plan, plan_of
from losskit.engines.native.threads import threads

__all__ = ["bend", "reduce", "reduce_with_gradients"]


def reduce(loss: Definition, arrays: Arrays, options: Options) -> Array | None:
    """Compute the reduced loss; None where the call is not one for a kernel."""
    begun = _begin(loss, arrays, options)
    if begun is None:
        return None
    plan, values = begun
    return values[()] if plan.run(arrays, options, values, (), threads()) else None


def reduce_with_gradients(
    loss: Definition, arrays: Arrays, options: Options
) -> tuple[Array, Arrays] | None:
    """Compute the reduced loss and its gradients; None where the call is not one for a kernel."""
    begun = _begin(loss, arrays, options)
    if begun is None:
        return None
    plan, values = begun
    gradients = tuple(_room_like(arrays[at]) for at in plan.outputs)
    if not plan.run(arrays, options, values, gradients, threads()):
        return None
    return values[()], gradients


def bend(
    loss: Definition, arrays: Arrays, options: Options, newton: Newton, *, in_float: bool = False
) -> tuple[Arrays, Arrays] | None:
    """Compute gradients and curvatures; None where the call is not one for a kernel."""
    begun = _begin(loss, arrays, options)
    if begun is None:
        return None
    plan = begun[0]
    gradients, curvatures = (
        tuple(_room_like(arrays[at], in_float) for at in plan.outputs) for _ in range(2)
    )
    if not plan.bend(arrays, options, gradients, curvatures, newton, threads()):
        return None
    return gradients, curvatures


def _begin(loss: Definition, arrays: Arrays, options: Options) -> tuple[Plan, Array] | None:
    """Return the loss's plan and room for its values; None where no kernel takes such arrays."""
    plan = plan_of(loss)
    beside = (options.weight, options.mask, options.scale)
    given = (*arrays, *(one for one in beside if one is not None))
    if plan is None or any(type(one) is not np.ndarray for one in given):
        return None
    shape = plan.shape(arrays)
    floats = {array.dtype for array in arrays if array.dtype.kind == "f"}
    if shape is None or not floats or np.longdouble in floats:
        return None
    dtype = np.result_type(*floats)
    if options.reduction == "none":
        return plan, np.empty(shape, dtype)
    return plan, np.empty((), np.result_type(dtype, np.float32))


def _room_like(array: Array, in_float: bool = False) -> Array:
    if array.nbytes >= KEPT_FROM:
        turned = array.flags.f_contiguous and not array.flags.c_contiguous
        kept = native.array_like(array.T if turned else array, in_float)
        if kept is not None:
            return kept.T if turned else kept
    return np.empty_like(array, np.float32 if in_float else None)
