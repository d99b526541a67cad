"""Threads, processes and the switches of the environment."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from kernel_calls import arrays_for, definition, every_kernel, kernel, kernel_bends, tensors

from losskit import MSE, BinaryFocal, CrossEntropy, Distillation
from losskit.engines.native import native, on_numpy, on_torch
from losskit.engines.native.threads import threads


def same_bits(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes()


@every_kernel
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_number_of_threads_gives_the_same_bits(kind, dtype, monkeypatch):
    """Sums are taken block by block, in the same order."""
    rng = np.random.default_rng(0)
    for shape in ((5000, 7), (900, 80)):
        loss = kind()
        made = arrays_for(loss, shape, rng)
        arrays = [one.astype(dtype) if one.dtype.kind == "f" else one for one in made]
        weight = rng.uniform(size=definition(loss, arrays, reduction="none")[0].shape)
        for options in ({}, {"weight": weight, "mask": weight > 0.3}, {"reduction": "none"}):
            found = []
            for count in (1, 2, 3, 7):
                monkeypatch.setattr(on_numpy, "threads", lambda count=count: count)
                found.append(kernel(loss, arrays, **options))
            for others in found[1:]:
                same_bits(others, found[0])


def test_curvatures_by_several_threads(monkeypatch):
    arrays = arrays_for(BinaryFocal(), (40_000,), np.random.default_rng(1))
    expected = kernel_bends(BinaryFocal(), arrays)
    for count in (1, 3):
        monkeypatch.setattr(on_numpy, "threads", lambda count=count: count)
        same_bits(kernel_bends(BinaryFocal(), arrays), expected)


def test_calls_at_the_same_time(monkeypatch):
    """From several Python threads, each of which takes several threads of its own."""
    for module in (on_numpy, on_torch):
        monkeypatch.setattr(module, "threads", lambda: 2)
    work = []
    for seed in range(12):
        loss = (MSE(), CrossEntropy(), BinaryFocal(), Distillation())[seed % 4]
        arrays = arrays_for(loss, (3000, 9), np.random.default_rng(seed))
        given = arrays if seed % 2 else tensors(arrays)
        work.append((loss, given, kernel(loss, given)))
    with ThreadPoolExecutor(6) as pool:
        for _ in range(5):
            found = list(pool.map(lambda one: kernel(one[0], one[1]), work))
            for result, (*_, expected) in zip(found, work, strict=True):
                same_bits(result, expected)


def test_one_loss_called_at_the_same_time(monkeypatch):
    """A loss has one plan, which holds nothing of a call."""
    monkeypatch.setattr(on_numpy, "threads", lambda: 2)
    loss = CrossEntropy()
    work = [arrays_for(loss, (2000, 3 + seed), np.random.default_rng(seed)) for seed in range(8)]
    expected = [kernel(loss, arrays) for arrays in work]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for found, other in zip(
                pool.map(lambda a: kernel(loss, a), work), expected, strict=True
            ):
                same_bits(found, other)


def run(code, **environment):
    """Run Python with variables of the environment; those that are None are taken away."""
    names = ("LOSSKIT_NATIVE", "LOSSKIT_NUM_THREADS", "OMP_NUM_THREADS")
    inherited = {name: value for name, value in os.environ.items() if name not in names}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


FORK = """
import os, sys, time
import numpy as np
{imports}
import losskit
from losskit.core.options import Options
from losskit.engines.native import on_numpy

x, y = np.random.default_rng(0).normal(size=(2, 100_000))
arrays = x, y

def work():
    return on_numpy.reduce_with_gradients(losskit.LogCosh(), arrays, Options())

before = work()
child = os.fork()
if child == 0:
    after = work()
    same = before[0] == after[0] and (before[1][0] == after[1][0]).all()
    grandchild = os.fork()
    if grandchild == 0:
        os._exit(0 if same and work()[0] == before[0] else 3)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]))
for _ in range(1000):
    done, status = os.waitpid(child, os.WNOHANG)
    if done:
        break
    time.sleep(0.02)
else:
    os.kill(child, 9)
    sys.exit("the child hangs")
assert os.waitstatus_to_exitcode(status) == 0, status
# The parent keeps its threads.
assert work()[0] == before[0]
print("fine")
"""


@pytest.mark.parametrize("imports", ["", "import torch; torch.ones(1 << 20).exp().sum()"])
def test_a_forked_child(imports):
    """GNU's OpenMP would wait for threads that the child does not have."""
    done = run(FORK.format(imports=imports), LOSSKIT_NUM_THREADS="4")
    assert (done.returncode, done.stdout.strip()) == (0, "fine"), done.stderr


STATUS = (
    "from losskit.engines.native import KERNELS, STATUS; print(KERNELS and KERNELS.name, STATUS)"
)


def test_no_kernels_where_they_are_switched_off():
    for word in ("off", "0", "no", "FALSE", " Off "):
        done = run(STATUS, LOSSKIT_NATIVE=word)
        assert done.stdout.startswith("None switched off by LOSSKIT_NATIVE="), done.stderr


def test_the_fastest_kernels_by_default():
    for given in ({}, {"LOSSKIT_NATIVE": ""}, {"LOSSKIT_NATIVE": "on"}):
        assert run(STATUS, **given).stdout.split()[0] == native.targets()[0]


@pytest.mark.parametrize("name", native.targets())
def test_kernels_of_one_s_choice(name):
    code = (
        "import losskit, numpy as np; from losskit.engines.native import KERNELS; "
        "print(KERNELS.name, losskit.MSE()(np.array([1.0, 2.0]), np.array([0.0, 4.0])))"
    )
    assert run(code, LOSSKIT_NATIVE=name.upper()).stdout.split() == [name, "2.5"]


REFUSED = """
import losskit
{imports}
for _ in range(2):
    try:
        losskit.MSE()({input}, {input})
    except ValueError as error:
        print(error)
"""
every_library = pytest.mark.parametrize(
    ("imports", "input"),
    [
        ("", "[1.0, 2.0]"),
        ("import numpy as np", "np.ones(3)"),
        ("import torch", "torch.ones(3)"),
    ],
)


@every_library
def test_a_wrong_word_is_refused_by_name(imports, input):
    done = run(REFUSED.format(imports=imports, input=input), LOSSKIT_NATIVE="sse9")
    known = ", ".join(("off", *native.targets()))
    message = f"LOSSKIT_NATIVE must be one of {known} on this machine, got 'sse9'\n"
    assert done.stdout == message * 2, done.stderr


@pytest.mark.parametrize("word", ["0", "-1", "two", "1.5", ""])
def test_a_wrong_number_of_threads_is_refused_by_name(word):
    done = run(REFUSED.format(imports="", input="[1.0]"), LOSSKIT_NUM_THREADS=word)
    message = f"LOSSKIT_NUM_THREADS must be a whole number >= 1, got {word!r}\n"
    assert done.stdout == message * 2, done.stderr


COUNT = "from losskit.engines.native.threads import threads; print(threads())"


def test_number_of_threads():
    """What Losskit is told; else what OpenMP is; else what there is."""
    assert run(COUNT, LOSSKIT_NUM_THREADS="3", OMP_NUM_THREADS="5").stdout == "3\n"
    assert run(COUNT, OMP_NUM_THREADS="5").stdout == "5\n"
    assert int(run(COUNT).stdout) >= 1
    of_torch = "import torch; torch.set_num_threads(6); " + COUNT
    assert run(of_torch, OMP_NUM_THREADS="5").stdout == "6\n"


def test_number_of_threads_follows_pytorchs():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(5)
        assert threads() == 5
    finally:
        torch.set_num_threads(before)


def test_the_library_can_be_forked_from_threads():
    """A call of several threads in one thread, and a fork in another one."""
    code = FORK.format(imports="").replace(
        "before = work()",
        "from concurrent.futures import ThreadPoolExecutor\n"
        "before = ThreadPoolExecutor(2).submit(work).result()",
    )
    done = run(code, LOSSKIT_NUM_THREADS="3")
    assert done.returncode == 0, done.stderr
