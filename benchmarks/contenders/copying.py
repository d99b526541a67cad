"""The machine's limit: how fast it copies memory."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.arrays import arrays_of, sets_of
from benchmarks.cases import Case
from benchmarks.contenders.prepared import Prepared
from benchmarks.contenders.pytorch import tensor

__all__ = ["copies"]


def copies(case: Case) -> Prepared:
    """Copy the first array to one that was written before: with all cores, on huge pages.

    For boosted trees all arrays are copied as NumPy copies them.
    """
    numbers = range(sets_of(case))
    if case.boosting:
        every = [arrays_of(case, number) for number in numbers]
        goals = [np.ones_like(array) for array in every[0]]

        def copied(number: int) -> None:
            for goal, array in zip(goals, every[number], strict=True):
                np.copyto(goal, array)

        size = sum(array.nbytes for array in every[0])
        return Prepared(dict.fromkeys(case.passes, copied), len(every), moved=2 * size)
    sources = [tensor(arrays_of(case, number)[0], case.dtype) for number in numbers]
    goal = torch.ones_like(sources[0])

    def reused(number: int) -> object:
        return goal.copy_(sources[number])

    moved = 2 * goal.numel() * goal.element_size()
    return Prepared(dict.fromkeys(case.passes, reused), len(sources), moved=moved)
