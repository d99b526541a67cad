"""Calls that are none for the kernels: what follows, transforms or stores tensors in its own way.

And those that are, though they look as if they were none.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode

import losskit.torch
from cases import as_tuple, one_case
from losskit import MSE, BinaryCrossEntropyWithLogits, CrossEntropy, Focal, GaussianNLL
from losskit.core.options import Options
from losskit.core.prepared import prepare
from losskit.engines.native import on_torch
from losskit.engines.native.plans import plan_of
from losskit.engines.native.threads import threads
from losskit.losses import CATALOGUE

KINDS = [kind for kind in CATALOGUE.values() if plan_of(kind()) is not None]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
mse = MSE()


class Tagged(torch.Tensor):
    """A tensor that somebody has given a meaning of his own."""


def plain(case):
    return [torch.from_numpy(np.array(array)) for array in case.arrays]


def by_definition(loss, arrays, **options):
    prepared = prepare(loss, tuple(arrays), Options(**options))
    return prepared.reduce(prepared.engine.values(loss, prepared.arrays))


def negated(numbers):
    """A tensor whose memory holds the negatives of its values."""
    made = torch.complex(torch.zeros_like(numbers), -numbers).conj().imag
    assert made.is_neg()
    assert torch.equal(made, numbers)
    return made


@pytest.fixture
def calls(monkeypatch):
    """Whether a kernel did each call that there was."""
    done = []
    for name in ("reduce", "reduce_with_gradients"):
        original = getattr(on_torch, name)

        def watched(*given, original=original):
            found = original(*given)
            done.append(found is not None)
            return found

        monkeypatch.setattr(on_torch, name, watched)
    return done


@pytest.fixture
def fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@every_kind
def test_function_transforms(kind, calls):
    """grad, vmap of it, jvp, jacrev and hessian agree with what the kernel finds."""
    case = one_case(kind)
    arrays, outputs = plain(case), case.outputs
    value, gradients = case.loss.value_and_gradient(*arrays)
    assert calls == [True]
    calls.clear()
    gradients = as_tuple(gradients)
    torch.testing.assert_close(torch.func.grad(case.loss, outputs)(*arrays), gradients)
    torch.testing.assert_close(torch.func.jacrev(case.loss, outputs)(*arrays), gradients)
    rows = torch.func.vmap(torch.func.grad(case.loss, outputs))(*arrays)
    singly = torch.stack([row / len(arrays[0]) for row in rows[0]])
    torch.testing.assert_close(singly, gradients[0])
    tangents = tuple(
        torch.rand_like(array) if at in outputs else None for at, array in enumerate(arrays)
    )

    def call(*given):
        whole = list(arrays)
        for at, one in zip(outputs, given, strict=True):
            whole[at] = one
        return case.loss(*whole)

    chosen = tuple(arrays[at] for at in outputs)
    along = tuple(tangents[at] for at in outputs)
    primal, slope = torch.func.jvp(call, chosen, along)
    torch.testing.assert_close(primal, value)
    expected = sum((g * t).sum() for g, t in zip(gradients, along, strict=True))
    torch.testing.assert_close(slope, expected)
    with forward_ad.dual_level():
        duals = [forward_ad.make_dual(*pair) for pair in zip(chosen, along, strict=True)]
        torch.testing.assert_close(forward_ad.unpack_dual(call(*duals)).tangent, expected)
    assert calls
    assert not any(calls)


@every_kind
def test_batches_of_grad_outputs(kind):
    """The forward is a kernel's, its derivative is vectorised by PyTorch."""
    case = one_case(kind)
    arrays = plain(case)
    leaves = [arrays[at].requires_grad_() for at in case.outputs]
    for reduction in ("mean", "none"):
        outers = torch.rand(
            2, *(case.positions if reduction == "none" else ()), dtype=torch.float64
        )
        value = on_torch.reduce(case.loss, tuple(arrays), Options(reduction))
        batched = torch.autograd.grad(
            value, leaves, outers, is_grads_batched=True, retain_graph=True
        )
        singly = [torch.autograd.grad(value, leaves, one, retain_graph=True) for one in outers]
        for found, expected in zip(batched, zip(*singly, strict=True), strict=True):
            torch.testing.assert_close(found, torch.stack(expected))


@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.parametrize("loss", [MSE(), CrossEntropy(), GaussianNLL()], ids=str)
def test_traces(loss, calls):
    case = one_case(type(loss))
    arrays = plain(case)
    other = [array.flip(0) for array in arrays]
    expected = by_definition(loss, other)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    traced = make_fx(loss)(*arrays)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        recorded = torch.jit.trace(loss.__call__, arrays, check_trace=False)
        assert not any(calls)
        for graph in (compiled, traced, recorded):
            torch.testing.assert_close(graph(*other), expected)
    assert not any(calls)
    with FakeTensorMode() as mode:
        fakes = [mode.from_tensor(array) for array in arrays]
        assert loss(*fakes).shape == ()
    assert not any(calls)
    loss(*arrays)
    assert calls[-1]


def test_subclasses_and_their_modes(calls):
    x, y = torch.ones(3), torch.zeros(3)
    tagged = x.as_subclass(Tagged)
    for arrays, weight in (((tagged, y), None), ((x, tagged), None), ((x, y), tagged)):
        assert mse(*arrays, weight=weight) == by_definition(mse, arrays, weight=weight)
    assert not any(calls)
    assert type(mse(tagged, y)) is Tagged
    calls.clear()
    assert mse(torch.nn.Parameter(x), torch.nn.Buffer(y)) == 1
    assert calls == [True]


@pytest.mark.parametrize("at", [0, 1])
def test_tensors_without_plain_memory(at, calls):
    dense, zero = torch.tensor([1.0, 2.0]), torch.zeros(2)

    def call(one):
        return mse(*((one, zero) if at == 0 else (zero, one)))

    assert call(negated(dense)) == 2.5
    assert call(torch._efficientzerotensor(2)) == 0
    nested = torch.nested.nested_tensor([dense, dense], layout=torch.jagged)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantized = torch.quantize_per_tensor(dense, 0.1, 0, torch.qint8)
    for other, refusal in (
        (torch.complex(dense, dense).conj(), TypeError),
        (quantized, TypeError),
        (nested, (RuntimeError, TypeError, ValueError)),
    ):
        with pytest.raises(refusal):
            call(other)
    assert mse(dense.to("meta"), zero.to("meta")).is_meta
    assert not any(calls)


def test_sparse_targets(calls):
    dense = torch.tensor([0.0, 2.0])
    assert mse(torch.zeros(2), dense.to_sparse()) == 2
    assert calls == [False]


def test_the_tensors_beside(calls):
    """Weights in memory that holds their negatives, or none."""
    x, y = torch.tensor([1.0, 2.0]), torch.zeros(2)
    weight = torch.tensor([1.0, 3.0])
    assert mse(x, y, weight=negated(weight), reduction="sum") == 13
    assert mse(x, y, weight=torch._efficientzerotensor(2), reduction="sum") == 0
    assert mse(x, y, normalizer=negated(torch.tensor(5.0))) == 1
    assert not any(calls)
    logits, target = torch.zeros(2, 2), torch.tensor([0, 1])
    for loss in (CrossEntropy, Focal):
        expected = loss(class_weight=weight)(logits, target, reduction="sum")
        found = loss(class_weight=negated(weight))(logits, target, reduction="sum")
        assert found == expected
    assert calls == [False, False, False, True, True, True, True]
    for dtype in (torch.float32, torch.float64):
        pos_weight, p = weight.to(dtype), torch.full((2,), 0.5, dtype=dtype)
        expected = BinaryCrossEntropyWithLogits(pos_weight=pos_weight)(p, p)
        assert BinaryCrossEntropyWithLogits(pos_weight=negated(pos_weight))(p, p) == expected


@pytest.mark.parametrize("name", ["target", "weight", "normalizer", "scale"])
def test_gradients_that_a_kernel_does_not_know(name, calls):
    x = torch.tensor([1.0, 3.0], requires_grad=True)
    given = torch.tensor(2.0) if name == "normalizer" else torch.tensor([1.0, 2.0])
    given.requires_grad_()
    if name == "target":
        mse(x, given).backward()
        assert given.grad.tolist() == [0, -1]
    elif name == "weight":
        mse(x, torch.zeros(2), weight=given).backward()
        torch.testing.assert_close(given.grad, torch.tensor([(1 - 19 / 3) / 3, (9 - 19 / 3) / 3]))
    elif name == "normalizer":
        mse(x, torch.zeros(2), normalizer=given).backward()
        assert given.grad == -10 / 4
    else:
        torch.autograd.backward(mse.reduced((x, torch.zeros(2)), Options("sum", scale=given)))
        assert given.grad.tolist() == [1, 9]
    assert calls == [False]


def test_tensors_of_inference_mode(calls):
    """What autograd refuses is refused in its words."""
    with torch.inference_mode():
        y = torch.zeros(3)
    assert mse(torch.ones(3), y) == 1
    assert calls == [True]
    for reduction in ("mean", "none"):
        with pytest.raises(RuntimeError, match="cannot be saved for backward"):
            mse(torch.ones(3, requires_grad=True), y, reduction=reduction)


def test_modes_that_change_nothing(calls):
    """Default devices and dtypes, determinism, and modes that look at functions."""

    class Looking(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            return function(*args, **(kwargs or {}))

    x, y = torch.tensor([1.0, 3.0], requires_grad=True), torch.zeros(2)
    for reduction, expected in (("mean", 5), ("none", [1, 9])):
        with torch.device("meta"):
            assert mse(x, y, reduction=reduction).tolist() == expected
            (gradient,) = torch.autograd.grad(mse(x, y, reduction=reduction).sum(), x)
        assert gradient.device.type == "cpu"
        with Looking():
            assert mse(x, y, reduction=reduction).tolist() == expected
        torch.use_deterministic_algorithms(True)
        try:
            assert mse(x, y, reduction=reduction).tolist() == expected
        finally:
            torch.use_deterministic_algorithms(False)
        with torch.autograd.set_detect_anomaly(True):
            mse(x, y, reduction=reduction).sum().backward()
    torch.set_default_dtype(torch.float64)
    try:
        assert mse(x, y).dtype == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(calls)


class Handed:
    """A tensor of a PyTorch before 2.10, or of another library: two methods, and no C exchange."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __dlpack__(self, **options):
        return self.tensor.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.tensor.__dlpack_device__()


@every_kind
def test_tensors_without_the_c_exchange(kind):
    case = one_case(kind)
    arrays, plan = plain(case), plan_of(case.loss)
    value = torch.empty((), dtype=torch.float64)
    gradients = tuple(torch.empty_like(arrays[at]) for at in case.outputs)
    handed = [tuple(map(Handed, given)) for given in (arrays, gradients)]
    for shaped, array in zip(handed[0], arrays, strict=True):
        shaped.ndim, shaped.shape, shaped.dtype = array.ndim, array.shape, array.dtype
    assert plan.run(handed[0], Options(), Handed(value), handed[1], threads())
    expected, slopes = case.loss.value_and_gradient(*arrays)
    assert torch.equal(value, expected)
    assert all(map(torch.equal, gradients, as_tuple(slopes)))


def test_objects_that_hold_no_tensor():
    for wrong in (
        object(),
        Handed(torch.ones(2, device="meta")),
        Handed(torch.ones(2).to_sparse()),
    ):
        value = torch.empty(())
        assert not plan_of(mse).run((torch.ones(2), wrong), Options(), value, (), threads())


def test_accelerated_functions_leave_wrong_weights_to_pytorch():
    input, target = torch.tensor([[1.0, 0.5], [0.0, 2.0]]), torch.tensor([1, 0])
    weight = torch.tensor([-1.0, 3.0])
    expected = torch.nn.functional.cross_entropy(input, target, weight)
    with losskit.torch.accelerate():
        assert torch.nn.functional.cross_entropy(input, target, weight) == expected
