"""The cases as PyTorch's tensors, and those that are small enough for what costs much."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cases import all_cases

small = pytest.mark.parametrize("case", [case for case in all_cases() if case.small], ids=str)


def tensors(case, *, target_grad=False):
    """Fresh tensors; those that the model gives want a gradient."""
    arrays = [torch.from_numpy(np.array(array)) for array in case.arrays]
    for at, array in enumerate(arrays):
        if at in case.outputs or (target_grad and array.is_floating_point()):
            array.requires_grad_()
    return arrays


def plain(case):
    """Fresh tensors, none of which wants a gradient."""
    return [array.detach() for array in tensors(case)]
