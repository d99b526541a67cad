"""torch.compile and torch.export: one graph of each loss, for batches of any size."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from case_tensors import plain, small, tensors
from torch._dynamo.testing import CompileCounter

import losskit.torch as lt
from cases import CLASSES, as_tuple, every_loss, one_case
from losskit import CrossEntropy, GaussianNLL, Huber
from losskit.core.cards import Role
from losskit.torch.faces import faces_of


@pytest.fixture
def fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@small
@pytest.mark.usefixtures("fresh_compiler")
def test_compiles_in_one_graph(case):
    """The definition, with a weight and a mask, forward and backward."""
    arrays = tensors(case)
    weight = torch.rand(case.positions, dtype=torch.float64)
    mask = torch.rand(case.mask_shape) < 0.8

    def step(*arrays):
        return case.loss(*arrays, weight=weight, mask=mask)

    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    value = compiled(*arrays)
    value.backward()
    expected = case.loss.value_and_gradient(*plain(case), weight=weight, mask=mask)
    torch.testing.assert_close(value, expected[0])
    for at, gradient in zip(case.outputs, as_tuple(expected[1]), strict=True):
        torch.testing.assert_close(arrays[at].grad, gradient)


@every_loss
@pytest.mark.usefixtures("fresh_compiler")
def test_module_and_function_compile(kind):
    case = one_case(kind)
    face = faces_of(kind)[0]
    kept = [at for at, one in enumerate(case.loss.arguments) if one.role is not Role.LEARNED]
    arrays = [tensors(case)[at] for at in kept]
    expected, gradients = case.loss.value_and_gradient(*(array.detach() for array in arrays))
    wanted = [
        (arrays[at], as_tuple(gradients)[n]) for n, at in enumerate(case.outputs) if at in kept
    ]
    module, function = getattr(lt, face.module)(), getattr(lt.functional, face.function)
    for call, backend in ((module, "inductor"), (function, "aot_eager")):
        for array in arrays:
            array.grad = None
        value = torch.compile(call, fullgraph=True, backend=backend)(*arrays)
        value.backward()
        torch.testing.assert_close(value.detach(), expected)
        for array, gradient in wanted:
            torch.testing.assert_close(array.grad, gradient)


@pytest.mark.parametrize("before", ["", "losskit.MSE()([1.0], [2.0])"])
def test_a_compiled_call_may_be_the_first_of_all(before):
    """With nothing of Losskit imported for PyTorch yet, and no second compilation after it."""
    program = f"""
import losskit
import torch
from torch._dynamo.testing import CompileCounter
{before}
counter = CompileCounter()
step = torch.compile(lambda x, y: losskit.CrossEntropy()(x, y), fullgraph=True, backend=counter)
x, y = torch.zeros(2, 4), torch.tensor([0, 3])
print(f"{{float(step(x, y)):.4f}} {{float(step(x, y)):.4f}} {{counter.frame_count}}")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert done.stdout == "1.3863 1.3863 1\n", done.stderr


@pytest.mark.usefixtures("fresh_compiler")
def test_compiled_shapes_may_change():
    """A last, smaller batch costs no error, dynamic or not."""
    compiled = torch.compile(CrossEntropy(), fullgraph=True, dynamic=True, backend="aot_eager")
    for n in (8, 5, 1):
        logits, target = torch.randn(n, CLASSES), torch.randint(0, CLASSES, (n,))
        expected = torch.nn.functional.cross_entropy(logits, target)
        torch.testing.assert_close(compiled(logits, target), expected)


@every_loss
@pytest.mark.usefixtures("fresh_compiler")
def test_two_graphs_for_all_batch_sizes(kind):
    """One for the first size and one for all others: more would meet the limit of compilations."""
    case, face = one_case(kind), faces_of(kind)[0]
    counter = CompileCounter()
    compiled = torch.compile(getattr(lt.functional, face.function), fullgraph=True, backend=counter)
    for n in (5, 4, 3, 2):
        arrays = [torch.from_numpy(np.array(array)) for array in case.rows(list(range(n)))]
        torch.testing.assert_close(compiled(*arrays), case.loss(*arrays))
    assert counter.frame_count == 2


@pytest.mark.usefixtures("fresh_compiler")
def test_numbers_that_change_are_compiled_once_more():
    """Counts of tokens and settings that a schedule moves."""
    x, y = torch.randn(4, CLASSES), torch.arange(4)
    calls = {
        "normalizer": lambda n: lt.functional.cross_entropy(x, y, normalizer=n),
        "margin": lambda n: lt.functional.triplet_margin_loss(x, x + 1, x - 1, margin=n / 8),
        "float": lambda n: lt.functional.gaussian_nll_loss(x, x + 1, float(n)),
        "flag": lambda n: n * lt.functional.mse_loss(x, x + 1, size_average=False),
    }
    for name, call in calls.items():
        torch._dynamo.reset()
        compiled = torch.compile(call, fullgraph=True, backend="aot_eager")
        for n in (3, 5, 7):
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="size_average and reduce")
                expected = call(n)
            torch.testing.assert_close(compiled(n), expected, msg=name)


@pytest.mark.usefixtures("fresh_compiler")
def test_compiled_functional_gradient():
    case = one_case(CrossEntropy)
    input, target = tensors(case)
    compiled = torch.compile(torch.func.grad(case.loss), fullgraph=True, backend="aot_eager")
    expected = case.loss.value_and_gradient(input.detach(), target)[1]
    torch.testing.assert_close(compiled(input.detach(), target), expected)


def test_modules_are_exported():
    case = one_case(CrossEntropy)
    input, target = plain(case)
    module = lt.CrossEntropyLoss()
    exported = torch.export.export(module, (input, target)).module()
    torch.testing.assert_close(exported(input, target), module(input, target))


def test_batches_of_any_size_are_exported():
    batch = torch.export.Dim("batch", min=2, max=64)
    index, image = torch.tensor([0, 1, 2, 1]), torch.zeros(4, 3, 3, dtype=torch.long)
    for module, arrays in (
        (lt.CrossEntropyLoss(), (torch.randn(4, 3), index)),
        (lt.NLLLoss(), (torch.randn(4, 3).log_softmax(1), index)),
        (lt.MultiLabelMarginLoss(), (torch.randn(4, 3), torch.tensor([[0, -1, 0]] * 4))),
        (lt.DiceLoss(class_axis=1), (torch.randn(4, 2, 3, 3), image)),
    ):
        shapes = tuple({0: batch} for _ in arrays)
        exported = torch.export.export(module, arrays, dynamic_shapes=shapes).module()
        twice = [torch.cat([array, array]) for array in arrays]
        torch.testing.assert_close(exported(*twice), module(*twice))


@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.parametrize("kind", [Huber, CrossEntropy, GaussianNLL])
def test_closed_forms_compile(kind):
    case = one_case(kind)
    arrays = plain(case)
    for name in ("value_and_gradient", "gradient_and_curvature", "curvature"):
        call = getattr(case.loss, name)
        compiled = torch.compile(lambda *given, call=call: call(*given), fullgraph=True)
        torch.testing.assert_close(compiled(*arrays), call(*arrays))


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:.*torch.jit.trace")
def test_recorded_calls_hold_for_other_masks_and_targets():
    """Everything took part in what torch.jit.trace followed."""
    x, y = torch.randn(4, 3), torch.zeros(4, 3)
    recorded = torch.jit.trace(
        lambda x, mask: lt.functional.mse_loss(x, y, mask=mask), (x, torch.ones(4, 3) > 0)
    )
    assert recorded(x, torch.zeros(4, 3) > 0) == 0
    recorded = torch.jit.trace(lt.functional.cross_entropy, (x, torch.tensor([0, 1, 2, 0])))
    target = torch.tensor([0, -100, 2, -100])
    expected = torch.nn.functional.cross_entropy(x, target)
    torch.testing.assert_close(recorded(x, target), expected)
