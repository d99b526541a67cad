"""How the loss is put together: terms of a sum, and the reduction."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losskit.check.findings import Finding, Severity
from losskit.check.report import found
from losskit.check.tensors.call import Call

__all__ = ["dominance", "negative", "summed"]

DOMINANT = 0.99
"""Share of the gradients' norms from which on a term is alone."""


def dominance(call: Call) -> Iterator[Finding]:
    """LK212: a term of a sum that gives nearly all of the gradient."""
    terms = call.criterion.terms
    if len(terms) < 2:
        return
    norms: list[float] = []
    for weight, loss in terms:
        try:
            with np.errstate(all="ignore"):
                _, gradient = loss.value_and_gradient(**call.arrays, mask=call.mask, validate=False)
        except (IndexError, TypeError, ValueError):
            return
        head = gradient[0] if isinstance(gradient, tuple) else gradient
        norms.append(abs(weight) * float(np.linalg.norm(np.asarray(head, dtype=np.float64))))
    total = sum(norms)
    if not np.isfinite(total) or total == 0:
        return
    largest = int(np.argmax(norms))
    share = norms[largest] / total
    if share > DOMINANT:
        weight, loss = terms[largest]
        yield found(
            "LK212",
            f"{weight:g} * {loss.spec()} gives {share:.2%} of the gradient; the other "
            f"{len(terms) - 1} next to none",
            share=share,
        )


def summed(call: Call) -> Iterator[Finding]:
    """LK213: a sum where a mean is usual."""
    if call.criterion.reduction != "sum":
        return
    values = call.values
    count = 0 if values is None else values.size
    if count > 1:
        yield found(
            "LK213",
            f"the loss is a sum over {count} values, {count} times the mean; so is the gradient",
            values=count,
        )


def negative(call: Call) -> Iterator[Finding]:
    """LK218: values below 0 of a loss that has none."""
    values, loss = call.values, call.loss
    if values is None or loss is None or not values.size or not loss.card.never_negative:
        return
    least = float(np.nanmin(values)) if np.isfinite(values).any() else 0.0
    if call.mean < -1e-4 and least < -1e-3:
        yield found(
            "LK218",
            f"the loss is {call.mean:.4g}, and {loss.name} is never below 0",
            severity=Severity.BUG,
            loss=call.mean,
        )
