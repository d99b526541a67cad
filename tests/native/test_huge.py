"""Sums over 1e8 elements, and offsets that no 32-bit number holds; hardly any of it in memory."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from kernel_calls import kernel, kernel_value
from torch.nn import functional

from losskit import MSE, BinaryCrossEntropyWithLogits, CrossEntropy
from losskit.core.options import Options
from losskit.engines.native import plans

SIDE = 10_000
FAR = 2**31


def rows_and_columns():
    """Every number of one array beside every number of the other: 1e8 pairs of 2e4 numbers."""
    rng = np.random.default_rng(0)
    across = torch.from_numpy(rng.normal(size=SIDE).astype(np.float32))
    down = torch.from_numpy(rng.uniform(size=SIDE).astype(np.float32))
    return across.expand(SIDE, SIDE), down[:, None].expand(SIDE, SIDE)


def test_mean_squared_error_of_1e8():
    """The mean of (x - y)² over all pairs, from the means of x, x², y and y²."""
    x, y = rows_and_columns()
    wide, other = x[0].double(), y[:, 0].double()
    exact = (wide**2).mean() - 2 * wide.mean() * other.mean() + (other**2).mean()
    ours = kernel_value(MSE(), (x, y)).double() - exact
    theirs = functional.mse_loss(x, y).double() - exact
    assert abs(ours) <= max(1.2 * abs(theirs), 2**-24 * exact)


def test_binary_cross_entropy_of_1e8():
    """softplus(x) - x y, whose mean over all pairs is one of rows and columns."""
    x, y = rows_and_columns()
    wide, other = x[0].double(), y[:, 0].double()
    exact = functional.softplus(wide).mean() - wide.mean() * other.mean()
    ours = kernel_value(BinaryCrossEntropyWithLogits(), (x, y)).double() - exact
    theirs = functional.binary_cross_entropy_with_logits(x, y).double() - exact
    assert abs(ours) <= max(1.2 * abs(theirs), 2**-24 * exact)


MEMORY = """
import re, resource, sys
from pathlib import Path
import numpy as np, losskit
from losskit.core.options import Options
from losskit.engines.native import on_numpy
# One array of 400 MB, and a gradient of as much.
x = np.broadcast_to(np.linspace(-3, 3, 10_000, dtype=np.float32), (10_000, 10_000)).copy()
y = np.broadcast_to(np.float32(0.5), x.shape)
for loss in (losskit.MSE(), losskit.BinaryCrossEntropyWithLogits()):
    value, gradients = on_numpy.reduce_with_gradients(loss, (x, y), Options())
    assert gradients[0].shape == x.shape
    del gradients
if sys.platform == "linux":  # where resource counts the process that this one was forked from
    print(1024 * int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_of_1e8():
    """Nothing is as large as the arrays but the gradient."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, timeout=60, check=True
    )
    assert int(done.stdout) < 1.0e9


def far(dtype):
    """2³¹ + 64 zeros, which cost no memory until they are written: torch.zeros writes them."""
    return torch.from_numpy(np.zeros(FAR + 64, np.int16)).view(dtype)


def test_more_than_2_to_the_31_elements():
    input = far(torch.bfloat16)
    input[-3:] = torch.tensor([1.0, 2.0, 4.0])
    target = torch.zeros((), dtype=torch.bfloat16).expand(input.shape)
    assert kernel_value(MSE(), (input, target), reduction="sum").item() == 21


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_elements_beyond_2_to_the_31(dtype):
    """Few elements, far apart."""
    input = far(dtype)
    step = FAR // 8
    input[::step] = torch.arange(9, dtype=dtype)
    value, gradient = kernel(MSE(), (input[::step], torch.ones(9, dtype=dtype)), reduction="sum")
    assert value.item() == sum((at - 1) ** 2 for at in range(9))
    assert gradient.tolist() == [2.0 * (at - 1) for at in range(9)]


@pytest.mark.parametrize("classes", [3, 70])
def test_rows_beyond_2_to_the_31(classes):
    """Rows far apart, and classes far apart."""
    logits = torch.randn(3, classes, generator=torch.Generator().manual_seed(0)).half()
    index = torch.tensor([0, 2, 1])
    expected = kernel(CrossEntropy(), (logits, index), reduction="none")
    rows = far(torch.float16).as_strided((3, classes), (FAR // 2 - 9, 1))
    rows.copy_(logits)
    step = FAR // classes
    columns = far(torch.float16).as_strided((3, classes), (1, step))
    columns.copy_(logits)
    for input in (rows, columns):
        found = kernel(CrossEntropy(), (input, index), reduction="none")
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=2**-10, atol=2**-12)


def test_indices_beyond_2_to_the_31():
    logits = torch.randn(3, 5, generator=torch.Generator().manual_seed(1))
    index = torch.from_numpy(np.zeros(FAR + 64, np.uint8))[:: FAR // 2]
    index.copy_(torch.tensor([0, 2, 4]))
    found = kernel_value(CrossEntropy(), (logits, index))
    assert found.item() == pytest.approx(
        functional.cross_entropy(logits, torch.tensor([0, 2, 4])).item(), rel=1e-6
    )


def test_gradients_beyond_2_to_the_31():
    """Where a gradient is written: into a view, since a whole one would be memory."""
    input = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float16)
    room = far(torch.float16)
    plan = plans.plan_of(loss := MSE())
    gradient = room.as_strided((3,), (FAR // 2,))
    values = torch.zeros(())
    given = input, torch.zeros(3, dtype=torch.float16)
    assert plan.run(given, Options("sum"), values, (gradient,), 2)
    assert room[[0, FAR // 2, FAR]].tolist() == [2.0, 4.0, 6.0]
    assert loss(*given, reduction="sum") == values == 14
