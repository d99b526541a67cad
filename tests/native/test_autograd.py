"""The place of the kernels in autograd: gradients that were found with the value, and handed on."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import torch
from torch.autograd.graph import save_on_cpu, saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

import losskit.torch as lt
from cases import Case, cases, one_case
from losskit import MSE, BinaryCrossEntropyWithLogits, CrossEntropy, GaussianNLL, MarginRanking
from losskit.core.options import Options
from losskit.core.prepared import prepare
from losskit.engines.native import on_torch
from losskit.engines.native.plans import plan_of
from losskit.losses import CATALOGUE

KINDS = [kind for kind in CATALOGUE.values() if plan_of(kind()) is not None]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
SMALL = [case for kind in KINDS for case in cases(kind) if case.small and plan_of(case.loss)]
mse = MSE()


def tensors(case):
    """Fresh tensors; those that the model gives want a gradient."""
    return [
        torch.from_numpy(np.array(array)).requires_grad_(at in case.outputs)
        for at, array in enumerate(case.arrays)
    ]


def by_kernel(loss, arrays, **options):
    """The loss, surely by the kernel."""
    found = on_torch.reduce(loss, tuple(arrays), Options(**options))
    assert found is not None
    if found.requires_grad:
        assert type(found.grad_fn).__name__ in ("_ReducedBackward", "_DeferredBackward")
    return found


def by_definition(loss, arrays, **options):
    """The loss by the definition, differentiably."""
    prepared = prepare(loss, tuple(arrays), Options(**options))
    return prepared.reduce(prepared.engine.values(loss, prepared.arrays))


def gradients(home, case, use, **options):
    """Gradients of what is made of the loss."""
    arrays = tensors(case)
    leaves = [arrays[at] for at in case.outputs]
    return torch.autograd.grad(use(home(case.loss, arrays, **options)), leaves)


def simple(reduction="mean", dtype=torch.float64):
    """A squared error by the kernel: 2x/3 is its gradient."""
    x = torch.tensor([1.0, -2.0, 4.0], dtype=dtype, requires_grad=True)
    return x, by_kernel(mse, (x, torch.zeros(3, dtype=dtype)), reduction=reduction)


def test_kernels_are_there():
    assert len(KINDS) == 29


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_gradient_of_the_definition(case):
    """With 1 as grad_output, and with other numbers: a loss scale, or a share of several losses."""
    rng = np.random.default_rng(0)
    weight = torch.from_numpy(rng.uniform(0.5, 2, case.positions))
    mask = torch.from_numpy(rng.uniform(size=case.positions) < 0.7)
    for options in ({"reduction": "sum"}, {"weight": weight, "mask": mask}, {"normalizer": 3}):
        for use in (lambda loss: loss, lambda loss: loss * -3, lambda loss: loss**2 + loss):
            expected = gradients(by_definition, case, use, **options)
            torch.testing.assert_close(gradients(by_kernel, case, use, **options), expected)


@every_kind
def test_every_grad_output_of_unreduced_losses(kind):
    case = one_case(kind)
    size = torch.Size(case.positions)
    wide = torch.rand(*size[:-1], 2 * size[-1], dtype=torch.float64)
    imaginary = torch.complex(wide, wide)[..., ::2].conj().imag
    assert imaginary.is_neg()
    for outer in (
        torch.rand(size, dtype=torch.float64),
        torch.tensor(0.3, dtype=torch.float64).expand(size),
        wide[..., ::2],
        torch.zeros(size, dtype=torch.float64),
        torch._efficientzerotensor(size, dtype=torch.float64),
        imaginary,
    ):
        found = []
        for home in (by_definition, by_kernel):
            arrays = tensors(case)
            home(case.loss, arrays, reduction="none").backward(outer)
            found.append([arrays[at].grad for at in case.outputs])
        torch.testing.assert_close(found[1], found[0])


def test_expanded_grad_output_of_a_sum():
    x, values = simple("none")
    values.sum().backward()
    torch.testing.assert_close(x.grad, 2 * x.detach())


@every_kind
def test_second_derivatives_of_the_definition(kind):
    case = one_case(kind)
    case = Case(case.loss, case.rows([0, 1, 3]), case.label)
    for reduction in ("mean", "none"):

        def call(*arrays, case=case, reduction=reduction):
            return by_kernel(case.loss, arrays, reduction=reduction)

        assert torch.autograd.gradcheck(call, tensors(case))
        assert torch.autograd.gradgradcheck(call, tensors(case))


def test_third_derivative():
    x = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    loss = by_kernel(BinaryCrossEntropyWithLogits(), (x, torch.zeros_like(x)))
    for _ in range(3):
        (loss,) = torch.autograd.grad(loss, x, create_graph=True)
    p = torch.sigmoid(x.detach())
    torch.testing.assert_close(loss.detach(), p * (1 - p) * (1 - 2 * p))


def test_a_graph_serves_once():
    _, loss = simple()
    loss.backward()
    with pytest.raises(RuntimeError, match=r"backward\(retain_graph=True\) the first time"):
        loss.backward()
    _, values = simple("none")
    values.sum().backward()
    with pytest.raises(RuntimeError, match="second time"):
        values.sum().backward()


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("factor", [1.0, 5.0])
def test_a_retained_graph_gives_the_same_gradient_again(reduction, factor):
    """Whatever was done to the first in place, as an optimizer or clipping does."""
    x, loss = simple(reduction)
    loss, expected = loss.mean() * factor, factor * 2 * x.detach() / 3
    (first,) = torch.autograd.grad(loss, x, retain_graph=True)
    torch.testing.assert_close(first, expected)
    first.zero_()
    loss.backward(retain_graph=True)
    kept = x.grad
    torch.testing.assert_close(kept, expected)
    (second,) = torch.autograd.grad(loss, x)
    torch.testing.assert_close(second, expected)
    second.zero_()
    torch.testing.assert_close(kept, expected)


def test_gradients_add_up():
    """Over two losses of one output, over two calls, and where one tensor is given twice."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    first, second = (by_kernel(mse, (y, torch.full((2,), to))) for to in (0.0, 4.0))
    (first + 3 * second).backward()
    torch.testing.assert_close(x.grad, torch.tensor([1.0 - 9.0, 2.0 - 6.0]))
    by_kernel(mse, (x, torch.zeros(2))).backward()
    torch.testing.assert_close(x.grad, torch.tensor([2.0 - 9.0, 4.0 - 6.0]))
    x.grad = None
    by_kernel(MarginRanking(margin=1.0), (x, x, torch.ones(2))).backward()
    assert x.grad.tolist() == [0, 0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_loss_scaling_keeps_what_half_precision_would_lose(dtype, reduction):
    """As GradScaler does; the gradient alone, 5e-11, is nothing in float16."""
    x = torch.full((40_000,), 1e-6, dtype=dtype, requires_grad=True)
    y = torch.zeros_like(x, requires_grad=False)
    for _ in range(2):
        loss = by_kernel(mse, (x, y), reduction=reduction).float().mean()
        (scaled,) = torch.autograd.grad(loss * 2.0**20, x, retain_graph=True)
        expected = (x.detach().double() * 2 / x.numel() * 2**20).to(dtype)
        assert torch.equal(scaled, expected)


def test_loss_scaling_of_an_output_that_is_no_more():
    """The gradient as it was found, for want of a better one."""
    x = torch.full((4,), 0.5, dtype=torch.float16, requires_grad=True)
    y = x * 1
    loss = by_kernel(mse, (y, torch.zeros(4, dtype=torch.float16)))
    with torch.no_grad():
        y.zero_()
    (loss * 2).backward()
    assert x.grad.tolist() == [0.5] * 4


def test_changes_in_place():
    """They change no gradient that was found before; what needs the old numbers refuses."""
    for create_graph in (False, True):
        x, loss = simple()
        expected = 2 * x.detach() / 3
        with torch.no_grad():
            x.zero_()
        if create_graph:
            with pytest.raises(RuntimeError, match=r"MSE: a tensor .* was changed in place"):
                torch.autograd.grad(loss, x, create_graph=True)
        else:
            torch.testing.assert_close(torch.autograd.grad(loss, x)[0], expected)
    x, values = simple("none")
    with torch.no_grad():
        x.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        values.sum().backward()


@pytest.mark.parametrize("name", ["weight", "mask", "normalizer"])
def test_changes_of_options_in_place(name):
    x = torch.ones(3, requires_grad=True)
    option = {
        "weight": torch.tensor([1.0, 2.0, 3.0]),
        "mask": torch.tensor([True, False, True]),
        "normalizer": torch.tensor(2.0),
    }[name]
    for reduction in ("mean",) if name == "normalizer" else ("mean", "none"):
        loss = by_kernel(mse, (x, torch.zeros(3)), reduction=reduction, **{name: option})
        option.copy_(option.clone())
        with pytest.raises(RuntimeError, match=r"MSE: a tensor .* was changed in place"):
            torch.autograd.grad(loss.sum(), x, create_graph=True)


def test_values_may_be_changed_in_place():
    """They are no part of any derivative."""
    for reduction in ("mean", "none"):
        x, loss = simple(reduction)
        loss /= 2
        loss.sum().backward()
        expected = x.detach() / (3 if reduction == "mean" else 1)
        torch.testing.assert_close(x.grad, expected)


def test_saved_tensor_hooks_see_what_is_saved():
    """And nothing more is kept than they were given, since they mostly save memory."""
    packed = []

    def pack(tensor):
        packed.append(tensor.shape)
        return tensor.clone()

    x, y = torch.ones(3, requires_grad=True), torch.zeros(3)
    with saved_tensors_hooks(pack, lambda kept: kept):
        loss = by_kernel(mse, (x, y))
    assert packed == [(3,), (3,)]
    assert type(loss.grad_fn).__name__ == "_DeferredBackward"
    (loss * 3).backward()
    torch.testing.assert_close(x.grad, torch.full((3,), 2.0))
    with torch.autograd.graph.disable_saved_tensors_hooks("none here"):
        assert type(by_kernel(mse, (x, y)).grad_fn).__name__ == "_ReducedBackward"


@every_kind
def test_save_on_cpu_and_checkpoints(kind):
    case = one_case(kind)
    expected = gradients(by_definition, case, lambda loss: loss * 2)

    def offloaded(loss, arrays):
        with save_on_cpu():
            return by_kernel(loss, arrays)

    def again(reentrant):
        return lambda loss, arrays: checkpoint(
            lambda *given: by_kernel(loss, given), *arrays, use_reentrant=reentrant
        )

    torch.testing.assert_close(gradients(offloaded, case, lambda loss: loss * 2), expected)
    torch.testing.assert_close(gradients(again(False), case, lambda loss: loss * 2), expected)
    arrays = tensors(case)
    (again(True)(case.loss, arrays) * 2).backward()
    torch.testing.assert_close(tuple(arrays[at].grad for at in case.outputs), expected)


@every_kind
def test_without_gradients(kind):
    case = one_case(kind)
    arrays = tensors(case)
    expected = by_definition(case.loss, arrays).detach()
    for context in (torch.no_grad(), torch.inference_mode()):
        with context:
            value = by_kernel(case.loss, arrays)
            inside = by_kernel(case.loss, [array.clone() for array in arrays])
        assert not value.requires_grad
        torch.testing.assert_close(value.clone(), expected)
        torch.testing.assert_close(inside.clone(), expected)


@pytest.mark.parametrize("outputs", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize("loss", [GaussianNLL(), MarginRanking(margin=0.5)], ids=str)
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_of_several_outputs_those_that_want_a_gradient(loss, outputs, reduction):
    case = one_case(type(loss))
    places = [case.outputs[at] for at in outputs]
    found = []
    for home in (by_definition, by_kernel):
        arrays = [array.detach() for array in tensors(case)]
        for at in places:
            arrays[at].requires_grad_()
        value = home(loss, arrays, reduction=reduction)
        value.backward(torch.full_like(value, 0.7))
        assert [array.grad is not None for array in arrays] == [at in places for at in range(3)]
        found.append([arrays[at].grad for at in places])
    torch.testing.assert_close(found[1], found[0])


@every_kind
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_dtypes_and_layouts_of_gradients(kind, dtype):
    """A gradient has its output's dtype and strides, so that autograd need not copy it."""
    case = one_case(kind)
    arrays = [
        array.detach().to(dtype).t().contiguous().t() if array.is_floating_point() else array
        for array in tensors(case)
    ]
    for at in case.outputs:
        arrays[at].requires_grad_()
    by_kernel(case.loss, arrays).backward()
    for at in case.outputs:
        assert arrays[at].grad.dtype == dtype
        assert arrays[at].grad.stride() == arrays[at].stride()


def test_memory_is_given_back_after_backward():
    """Even where the loss is kept, as for a mean over an epoch: neither logits nor gradient."""
    x = torch.ones(3, requires_grad=True)
    kept, watched = [], []
    for _ in range(2):
        logits = x * 2
        logits.register_hook(lambda gradient: watched.append(weakref.ref(gradient)))
        watched.append(weakref.ref(logits))
        loss = by_kernel(mse, (logits, torch.zeros(3)))
        kept.append(loss)
        del logits
        (loss * 2).backward()
    gc.collect()
    assert len(watched) == 4
    assert [one() for one in watched] == [None] * 4


def test_a_dropped_loss_leaves_nothing():
    """No cycle of references waits for the garbage collector."""
    gc.disable()
    try:
        for reduction in ("mean", "none"):
            x, loss = simple(reduction)
            watched = weakref.ref(loss)
            del loss
            assert watched() is None
            watched = weakref.ref(x)
            del x
            assert watched() is None
    finally:
        gc.enable()


@every_kind
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_arrays_are_never_written(kind, reduction):
    case = one_case(kind)
    rng = np.random.default_rng(0)
    weight = torch.from_numpy(rng.uniform(size=case.positions))
    mask = torch.from_numpy(rng.uniform(size=case.positions) < 0.5)
    arrays = tensors(case)
    given = [*arrays, weight, mask]
    copies = [one.detach().clone() for one in given]
    value = by_kernel(case.loss, arrays, weight=weight, mask=mask, reduction=reduction)
    outer = torch.full_like(value, 2)
    value.backward(outer)
    assert all(torch.equal(one.detach(), copy) for one, copy in zip(given, copies, strict=True))
    assert (outer == 2).all()
    assert [one._version for one in given] == [0] * len(given)


def test_modules_go_this_way():
    logits = torch.randn(4, 3, requires_grad=True)
    target = torch.tensor([0, 1, 2, 0])
    for loss in (CrossEntropy(), lt.CrossEntropyLoss(), lt.functional.cross_entropy):
        assert type(loss(logits, target).grad_fn).__name__ == "_ReducedBackward"
