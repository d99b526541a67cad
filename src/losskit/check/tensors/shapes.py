"""Whether the arrays go together: shapes, the axis of the classes, dtypes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losskit.check.findings import Finding, Severity, Sight
from losskit.check.report import found
from losskit.check.tensors.call import Call
from losskit.check.values import sums_to_one
from losskit.core.classwise import Classification
from losskit.core.elementwise import Elementwise

__all__ = ["axes", "broadcasts", "dtypes"]


def broadcasts(call: Call) -> Iterator[Finding]:
    """LK141: shapes that differ and still can be computed, with the value each way."""
    loss, target = call.loss, call.target
    if not isinstance(loss, Elementwise) or target is None:
        return
    input, shape, there = call.output, call.output.shape, target.shape
    if shape == there:
        return
    try:
        both = np.broadcast_shapes(shape, there)
    except ValueError:
        return
    names = call.names
    wide = {
        name: np.broadcast_to(array, both) if name in (names[0], "target") else array
        for name, array in call.arrays.items()
    }
    stretched = call.computed(loss, wide)
    numbers = {} if stretched is None else {"broadcast": float(stretched.mean())}
    said = ""
    if input.size == target.size and stretched is not None:
        aligned = call.computed(loss, dict(call.arrays) | {"target": target.reshape(shape)})
        if aligned is not None:
            numbers["aligned"] = float(aligned.mean())
            said = (
                f": the loss is {numbers['broadcast']:.4g} that way, and "
                f"{numbers['aligned']:.4g} with one target for each output"
            )
    yield found(
        "LK141",
        f"{names[0]} of shape {shape} and target of shape {there} broadcast to {both}{said}",
        sight=Sight(argument="target"),
        numbers=numbers,
    )


def axes(call: Call) -> Iterator[Finding]:
    """LK203: classes that are not where the loss looks for them."""
    loss, target, rows = call.loss, call.target, call.rows
    if not isinstance(loss, Classification) or target is None or call.output.ndim < 3:
        return
    shape, axis = call.output.shape, call.class_axis
    but_last = shape[:-1]
    if axis == call.output.ndim - 1:
        return
    wanted = shape[:axis] + shape[(axis or 0) + 1 :]
    if target.shape == but_last and target.shape != wanted:
        yield found(
            "LK203",
            f"{call.output_name} of shape {shape} has its classes on the last axis, as the target "
            f"of shape {target.shape} shows; the loss looks for them on axis {axis}",
            sight=Sight(argument=call.output_name),
        )
    elif target.shape == but_last == wanted and rows is not None:
        last = sums_to_one(call.output) or sums_to_one(np.exp(np.minimum(call.output, 1)))
        here = sums_to_one(rows) or sums_to_one(np.exp(np.minimum(rows, 1)))
        sure = last and not here
        if not here:
            yield found(
                "LK203",
                f"{call.output_name} of shape {shape} can have its classes on axis {axis}, which "
                "is taken, or on the last"
                + (", along which the probabilities sum to 1" if sure else ""),
                severity=None if sure else Severity.SUSPICIOUS,
                sight=Sight(argument=call.output_name),
            )


def dtypes(call: Call) -> Iterator[Finding]:
    """LK204: integers where floats belong, and the reverse."""
    loss, target = call.loss, call.target
    if loss is None:
        return
    for name in call.model_gives:
        if call.arrays[name].dtype.kind not in "f" and call.arrays[name].ndim:
            yield found(
                "LK204",
                f"{name}, which the model gives, holds {call.arrays[name].dtype}, not floats",
                sight=Sight(argument=name),
            )
    if target is None:
        return
    contracts = loss.card.targets
    whole = [one for one in contracts if one.integral]
    if target.dtype.kind == "f" and whole:
        rows = call.rows
        positions = None if rows is None else rows.shape[:-1]
        if target.shape == positions and target.shape != call.output.shape:
            yield found(
                "LK204",
                f"target holds class indices as {target.dtype}; the loss takes integers",
                sight=Sight(argument="target"),
                advice="Convert the target to int64: target.long().",
            )
    elif target.dtype.kind in "iub" and contracts and not whole and call.of_torch:
        yield found(
            "LK204",
            f"target holds {target.dtype}; the loss takes floats like {call.output_name}",
            sight=Sight(argument="target"),
            advice="Convert the target to the input's dtype: target.float().",
        )
