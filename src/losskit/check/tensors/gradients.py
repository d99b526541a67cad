"""Whether there is a gradient: samples that have none, and where it is not finite."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losskit.check.findings import Finding, Sight
from losskit.check.report import found
from losskit.check.tensors.call import Call
from losskit.check.values import first_row
from losskit.core.contracts import EMBEDDINGS

__all__ = ["finite", "none"]


def finite(call: Call) -> Iterator[Finding]:
    """LK202: a gradient that is NaN or infinite while the arrays are not."""
    gradient = call.gradient
    if gradient is None or not gradient.size:
        return
    arrays = [array for array in call.arrays.values() if array.dtype.kind == "f"]
    if not all(np.isfinite(array).all() for array in arrays):
        return
    wrong = ~np.isfinite(gradient)
    if wrong.any():
        sample = first_row(wrong)
        yield found(
            "LK202",
            f"the gradient in {call.output_name} is not finite, from sample {sample} on",
            sight=Sight(argument=call.output_name, sample=sample),
            places=int(wrong.sum()),
        )


def none(call: Call) -> Iterator[Finding]:
    """LK209: samples with a loss and without a gradient."""
    gradient, values = call.gradient, call.values
    if gradient is None or values is None or call.takes(EMBEDDINGS) or not gradient.size:
        return
    count = len(values) if values.ndim else 1
    if count < 4 or len(gradient) != count or not np.isfinite(gradient).all():
        return
    cost = np.abs(values.reshape(count, -1)).sum(axis=1)
    pull = np.abs(gradient.reshape(count, -1)).max(axis=1)
    stuck = (cost > 0.1) & (pull < 1e-7)
    share = float(stuck.mean())
    if share > 0.1:
        sample = first_row(stuck)
        yield found(
            "LK209",
            f"{share:.0%} of the samples have a loss and no gradient, the first is sample "
            f"{sample} with a loss of {float(cost[sample]):.4g}",
            sight=Sight(argument=call.output_name, sample=sample),
            share=share,
        )
