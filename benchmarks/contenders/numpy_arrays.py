"""Losskit on NumPy arrays."""

from __future__ import annotations

from benchmarks.arrays import arrays_of, sets_of
from benchmarks.cases import BOOSTING, FORWARD, TRAINING, Case
from benchmarks.contenders.prepared import Prepared, UnavailableError
from losskit.boosting import objective

__all__ = ["losskit"]


def losskit(case: Case) -> Prepared:
    """A loss's value and closed-form gradient, or its gradient and Hessian for trees."""
    if case.dtype == "bfloat16":
        raise UnavailableError("NumPy has no bfloat16")
    loss = case.loss
    sets = [arrays_of(case, number) for number in range(sets_of(case))]
    if case.boosting:
        boosted = objective(loss)
        steps = {BOOSTING: lambda number: boosted(sets[number][1], sets[number][0])}
        return Prepared(steps, len(sets))
    steps = {
        FORWARD: lambda number: loss(*sets[number]),
        TRAINING: lambda number: loss.value_and_gradient(*sets[number]),
    }
    return Prepared(steps, len(sets), float(loss(*sets[0])))
