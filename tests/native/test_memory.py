"""Large gradients lie in memory that is kept from one step to the next."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch.nn.functional import mse_loss

import losskit
import losskit.torch
from losskit.engines.native import memory, native

LARGE = (1 << 19) + 3  # in float32 just above what is kept, and on no page's border


def step(size=LARGE, dtype=torch.float32):
    """Return the gradient of one step of a training."""
    input = torch.randn(size, dtype=dtype, requires_grad=True)
    losskit.torch.functional.mse_loss(input, torch.zeros(size, dtype=dtype)).backward()
    return input.grad


def numpy_step(size=LARGE):
    return losskit.MSE().value_and_gradient(np.ones(size, np.float32), np.zeros(size, np.float32))[
        1
    ]


def address(gradient):
    return gradient.ctypes.data if isinstance(gradient, np.ndarray) else gradient.data_ptr()


@pytest.mark.parametrize("compute", [step, numpy_step])
def test_the_next_step_writes_where_the_last_one_did(compute):
    gradient = compute()
    first = address(gradient)
    del gradient
    assert address(compute()) == first


@pytest.mark.parametrize("compute", [step, numpy_step])
def test_what_is_still_held_is_left_alone(compute):
    held = [compute() for _ in range(7)]
    assert len({address(gradient) for gradient in held}) == len(held)
    before = [np.asarray(gradient).copy() for gradient in held]
    for _ in range(3):
        compute()
    for gradient, copy in zip(held, before, strict=True):
        np.testing.assert_array_equal(gradient, copy)


def test_a_view_holds_the_memory_too():
    gradient = step()
    first, view = address(gradient), gradient[5:9]
    expected = view.clone()
    del gradient
    gc.collect()
    assert address(step()) != first
    assert torch.equal(view, expected)


@pytest.mark.parametrize(
    ("last", "wanted", "same"),
    [
        (LARGE * 3, LARGE * 3 - 1000, True),  # a batch is a little smaller
        (LARGE * 3, LARGE * 2, True),
        (LARGE * 8, LARGE, False),  # most of it would lie idle
        (LARGE, LARGE * 3, False),
    ],
)
def test_batches_of_another_size(last, wanted, same):
    held = [step(last) for _ in range(5)]
    addresses = {address(gradient) for gradient in held}
    del held
    assert (address(step(wanted)) in addresses) is same


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_every_dtype(dtype):
    size = 2 * LARGE
    input = torch.randn(size, dtype=dtype, requires_grad=True)
    target = torch.randn(size, dtype=dtype)
    losskit.torch.functional.mse_loss(input, target, reduction="sum").backward()
    assert input.grad.dtype is dtype
    twin = input.detach().double().requires_grad_()
    mse_loss(twin, target.double(), reduction="sum").backward()
    eps = torch.finfo(dtype).eps
    torch.testing.assert_close(input.grad.double(), twin.grad, rtol=eps, atol=1e-12)


def test_small_gradients_and_those_in_pieces_are_the_librarys_own():
    small = np.ones((8, 8), np.float32)
    assert native.array_like(small) is None
    apart = torch.empty(2, LARGE).t()
    assert native.tensor_like(apart) is None
    input = apart.detach().normal_().requires_grad_()
    losskit.torch.functional.mse_loss(input, torch.zeros(LARGE, 2)).backward()
    assert input.grad.stride() == input.stride()


def test_room_for_float32_beside_a_wider_array():
    wide = np.ones(2 * LARGE)
    room = native.array_like(wide, in_float=True)
    assert room.dtype == np.float32
    assert room.shape == wide.shape
    assert native.array_like(wide).dtype == np.float64


def test_arrays_of_numpy_are_plain():
    gradient = numpy_step()
    assert type(gradient) is np.ndarray
    assert gradient.flags.writeable
    assert gradient.flags.c_contiguous


def test_threads_share_no_memory():
    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(6):
            input = rng.normal(size=LARGE).astype(np.float32)
            gradient = losskit.MSE().value_and_gradient(input, np.zeros_like(input))[1]
            np.testing.assert_allclose(gradient, input * np.float32(2 / LARGE), rtol=1e-6)
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


def test_the_memory_goes_when_its_array_goes():
    gradient = numpy_step()
    gone = weakref.ref(gradient)
    del gradient
    assert gone() is None


FORKED = """
import os, numpy as np, losskit
zeros, ones = np.zeros(1 << 21, np.float32), np.ones(1 << 21, np.float32)
held = losskit.MSE().value_and_gradient(ones, zeros)[1]
losskit.MSE().value_and_gradient(ones, zeros)
child = os.fork()
own = losskit.MSE().value_and_gradient(2 * ones if child else 3 * ones, zeros)[1]
factor = 2 if child else 3
good = np.allclose(own, factor * 2 / own.size) and np.allclose(held, 2 / own.size)
if not child:
    os._exit(0 if good else 1)
assert good and os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""

AT_THE_END = """
import torch, losskit.torch
input = torch.randn(1 << 21, requires_grad=True)
losskit.torch.functional.mse_loss(input, torch.zeros(1 << 21)).backward()
torch.kept = losskit.kept = input.grad
"""


@pytest.mark.parametrize("code", [FORKED, AT_THE_END], ids=["forked", "held until the end"])
def test_processes_end_well(code):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_system_gets_it_back_when_it_is_switched_off():
    code = "from losskit.engines.native.memory import KEPT_FROM; print(KEPT_FROM)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {memory.SWITCH: "off"},
    )
    assert int(done.stdout) == sys.maxsize
    assert memory.KEPT_FROM == native.LARGE


def test_kept_memory_can_be_given_back():
    gradient = numpy_step(LARGE * 16)
    gradient[:] = 1
    mapped = address(gradient)
    del gradient
    assert any(low <= mapped < high for low, high in maps())
    native.release_memory()
    assert not any(low <= mapped < high for low, high in maps())


def offered():
    """Return how many bytes the system may take back when it likes."""
    with open("/proc/self/smaps_rollup", encoding="ascii") as lines:
        found = next(line for line in lines if line.startswith("LazyFree:"))
    return int(found.split()[1]) << 10


@pytest.mark.parametrize("size", [LARGE * 2, LARGE * 40], ids=["4 MiB", "80 MiB"])
def test_the_system_may_take_all_but_the_last_small_piece(size):
    """Four bytes of each element are written."""
    native.release_memory()
    before = offered()
    held = [numpy_step(size), numpy_step(size)]
    held.pop()
    first = offered() - before
    held.pop()
    second = offered() - before
    assert (first > 0) is (size > LARGE * 2)
    # The system counts pages in batches: half is enough.
    assert second >= first + 2 * size


def maps():
    """Return the parts of the address space that are in use."""
    with open("/proc/self/maps", encoding="ascii") as lines:
        ranges = [line.split()[0].split("-") for line in lines]
    return [(int(low, 16), int(high, 16)) for low, high in ranges]
