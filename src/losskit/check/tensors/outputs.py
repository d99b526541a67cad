"""Whether the model says anything: constant, saturated and collapsed outputs, margins long met."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losskit.check.findings import Finding, Severity, Sight
from losskit.check.report import found
from losskit.check.tensors.call import Call
from losskit.check.values import Floats, is_binary, row_spread
from losskit.core.contracts import EMBEDDINGS, LOGITS, PROBABILITIES

__all__ = ["active", "collapse", "constant", "loss_not_finite", "not_finite", "saturated"]

FLAT = 1e-6
"""Spread of outputs, as a share of their size, below which samples are the same to a model."""


def not_finite(call: Call) -> Iterator[Finding]:
    """LK202: NaN and infinity in what the loss is called with."""
    for name, array in call.arrays.items():
        if array.dtype.kind != "f" or not array.size:
            continue
        # A class that is switched off has the logit -inf.
        wrong = ~np.isfinite(array)
        if call.takes(LOGITS) and name == call.output_name:
            wrong = np.isnan(array) | (array == np.inf)
        wrong = wrong & call.part(name)
        if not wrong.any():
            continue
        at = tuple(int(index) for index in np.argwhere(wrong)[0])
        yield found(
            "LK202",
            f"{name} is {array[at]} at {at}, and not finite in {int(wrong.sum())} of {array.size} "
            f"places{_ignored_at(call, name, at)}",
            sight=Sight(argument=name, sample=at[0] if at else None),
            places=int(wrong.sum()),
        )


def _ignored_at(call: Call, name: str, at: tuple[int, ...]) -> str:
    """Say that it does not help that a row of logits is ignored, where it is."""
    target, rows, axis = call.target, call.rows, call.class_axis
    if name != call.output_name or target is None or rows is None or axis is None:
        return ""
    if target.shape != rows.shape[:-1]:
        return ""
    if target[at[:axis] + at[axis + 1 :]] != getattr(call.loss, "ignore_index", None):
        return ""
    return "; the target there is ignored, and still torch.nn gives a gradient of NaN there"


def loss_not_finite(call: Call) -> Iterator[Finding]:
    """LK202: NaN and infinity in the loss of finite arrays."""
    values = call.values
    if values is None or not values.size:
        return
    wrong = ~np.isfinite(values)
    if wrong.any():
        at = tuple(int(index) for index in np.argwhere(wrong)[0])
        yield found(
            "LK202",
            f"the loss is {values[at]} at {at}, of finite arrays",
            sight=Sight(sample=at[0] if at else None),
            places=int(wrong.sum()),
        )


def constant(call: Call) -> Iterator[Finding]:
    """LK207: the same output for every sample."""
    for name in call.model_gives:
        array = call.arrays[name]
        if array.ndim == 0 or len(array) < 4 or array.dtype.kind != "f":
            continue
        if not np.isfinite(array).all() or call.takes(EMBEDDINGS) or call.class_axis == 0:
            continue
        spread, size = row_spread(array)
        if spread <= FLAT * size or size == 0:
            first = array.reshape(len(array), -1)[0, 0]
            yield found(
                "LK207",
                f"all {len(array)} samples have the same {name}"
                + (", 0" if size == 0 else f", {first:.4g} and so on"),
                sight=Sight(argument=name),
                spread=spread,
                size=size,
            )


def saturated(call: Call) -> Iterator[Finding]:
    """LK208: probabilities that are 0 or 1 to the last digit, right or wrong."""
    name, values = call.output_name, call.output
    if not values.size or values.dtype.kind != "f" or not np.isfinite(values).all():
        return
    if call.takes(LOGITS):
        rows = call.rows
        if rows is not None and rows.shape[-1] > 1:
            top = np.sort(rows.astype(np.float64), axis=-1)
            # The second of the classes has less than 1e-7 of the first one's probability.
            flat = top[..., -1] - top[..., -2] > 16
        else:
            flat = np.abs(values) > 16
    elif call.takes(PROBABILITIES):
        if is_binary(values) and call.target is not None and np.array_equal(values, call.target):
            return
        flat = (values < 1e-7) | (values > 1 - 1e-7)
    else:
        return
    share = float(np.mean(flat))
    wrong = _wrong(call)
    if share > 0.5 and wrong > 0.02:
        yield found(
            "LK208",
            f"{share:.0%} of the predictions in {name} are certain to seven digits, and {wrong:.0%}"
            " of all are wrong",
            severity=Severity.SUSPICIOUS,
            sight=Sight(argument=name),
            saturated=share,
            wrong=wrong,
        )


def _wrong(call: Call) -> float:
    """Return the share of predictions that a threshold or the largest score gets wrong."""
    target, rows = call.target, call.rows
    if target is None:
        return 1.0
    if rows is not None and call.indices is not None and target.shape == rows.shape[:-1]:
        return float(np.mean(rows.argmax(axis=-1) != target))
    if target.shape != call.output.shape:
        return 1.0
    border = 0 if call.takes(LOGITS) else 0.5
    return float(np.mean((call.output > border) != (target > 0.5)))


def collapse(call: Call) -> Iterator[Finding]:
    """LK216: embeddings that are all alike."""
    if not call.takes(EMBEDDINGS):
        return
    for name in call.model_gives:
        rows = call.arrays[name].astype(np.float64)
        if rows.ndim != 2 or len(rows) < 4 or not np.isfinite(rows).all():
            continue
        alike = _mean_cosine(rows)
        spread, size = row_spread(rows)
        if alike > 0.99 or spread <= 1e-3 * size or size == 0:
            yield found(
                "LK216",
                f"the embeddings in {name} have a mean cosine of {alike:.4f} with each other",
                sight=Sight(argument=name),
                cosine=alike,
                spread=spread,
            )
            return


def _mean_cosine(rows: Floats) -> float:
    """Mean cosine of all pairs of different rows; 1 where all are 0."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not (lengths > 0).any():
        return 1.0
    units = rows / np.where(lengths > 0, lengths, 1)
    count = len(units)
    total = float((units.sum(axis=0) ** 2).sum())
    return (total - float((units**2).sum())) / (count * (count - 1))


def active(call: Call) -> Iterator[Finding]:
    """LK217: triplets and pairs whose margin is met."""
    values = call.values
    if not call.takes(EMBEDDINGS) or call.loss is None or values is None or values.size < 8:
        return
    if not {"negative", "margin"} <= {*call.names, *call.loss.parameters()}:
        return
    share = float(np.mean(values > 0))
    if share < 0.05:
        yield found(
            "LK217",
            f"{share:.1%} of {values.size} triplets miss the margin; the others give no gradient",
            active=share,
        )
