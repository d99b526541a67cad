"""Autograd, torch.func, autocast, checkpoints: what users put around a loss."""

from __future__ import annotations

import pytest
import torch
from case_tensors import plain, small, tensors
from torch.fx.experimental.proxy_tensor import make_fx

import losskit.torch as lt
from cases import (
    CLASSES,
    Case,
    as_tuple,
    cases,
    every_elementwise_and_classwise,
    every_loss,
    one_case,
)
from losskit import MSE, BinaryCrossEntropyWithLogits, CrossEntropy
from losskit.core.batchwise import Batchwise
from losskit.core.regionwise import Regionwise
from losskit.losses import CATALOGUE
from losskit.torch.faces import faces_of


@small
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_gradcheck_and_gradgradcheck(case, reduction):
    """First and second derivatives, in outputs, floating targets and the weights."""
    # Every number is moved for every other one, so three rows take a third of the time of five.
    case = Case(case.loss, case.rows([0, 1, 3]), case.label)
    weight = torch.rand(case.positions, dtype=torch.float64).add_(0.5).requires_grad_()

    def call(weight, *arrays):
        # A perturbed row no longer sums to 1, as validation would find.
        return case.loss(*arrays, reduction=reduction, weight=weight, validate=False)

    arrays = tensors(case, target_grad=True)
    assert torch.autograd.gradcheck(call, (weight, *arrays), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(call, (weight, *arrays))


@every_elementwise_and_classwise
def test_second_derivative_where_training_starts(kind):
    """At outputs of exactly 0, where abs() and max() have no derivative of their own."""
    case = one_case(kind)
    arrays = plain(case)
    for at in case.outputs:
        start = torch.full_like(arrays[at], case.loss.arguments[at].contracts[0].neutral)
        arrays[at] = start.requires_grad_()
    outputs = [arrays[at] for at in case.outputs]
    gradients = torch.autograd.grad(case.loss(*arrays, reduction="sum"), outputs, create_graph=True)
    curvatures = as_tuple(case.loss.curvature(*arrays, reduction="sum"))
    for start, gradient, curvature in zip(outputs, gradients, curvatures, strict=True):
        second = torch.stack(
            [
                torch.autograd.grad(g, start, retain_graph=True)[0].flatten()
                if g.requires_grad
                else torch.zeros(start.numel(), dtype=start.dtype)
                for g in gradient.flatten()
            ]
        )
        torch.testing.assert_close(second.diagonal().reshape(start.shape), curvature)


@small
def test_functional_grad_and_hessian(case):
    arrays = plain(case)
    value, gradients = case.loss.value_and_gradient(*arrays)
    closed = torch.func.grad(case.loss, argnums=case.outputs)(*arrays)
    torch.testing.assert_close(closed, as_tuple(gradients))
    if case.has_curvature:
        hessians = torch.func.hessian(case.loss, argnums=case.outputs)(*arrays)
        for at, curvature in enumerate(as_tuple(case.loss.curvature(*arrays))):
            hessian = hessians[at][at].reshape(curvature.numel(), -1)
            torch.testing.assert_close(hessian.diagonal().reshape(curvature.shape), curvature)
    outputs = tuple(arrays[at] for at in case.outputs)
    tangents = tuple(torch.rand_like(output) for output in outputs)

    def call(*outputs):
        given = list(arrays)
        for at, output in zip(case.outputs, outputs, strict=True):
            given[at] = output
        return case.loss(*given)

    primal, directional = torch.func.jvp(call, outputs, tangents)
    torch.testing.assert_close(primal, value)
    pairs = zip(as_tuple(gradients), tangents, strict=True)
    torch.testing.assert_close(directional, sum((g * t).sum() for g, t in pairs))


@small
def test_vmap(case):
    """Per-sample losses and per-sample gradients; of batches, where a loss takes batches."""
    if isinstance(case.loss, (Batchwise, Regionwise)):
        arrays = [
            torch.stack([array, array.flip(0)]) if array.ndim else array.expand(2)
            for array in plain(case)
        ]
    else:
        arrays = plain(case)
    samples = list(zip(*arrays, strict=True))
    expected = [case.loss(*sample) for sample in samples]
    torch.testing.assert_close(torch.func.vmap(case.loss)(*arrays), torch.stack(expected))
    per_sample = torch.func.vmap(torch.func.grad(case.loss, argnums=case.outputs))(*arrays)
    singly = [as_tuple(case.loss.value_and_gradient(*sample)[1]) for sample in samples]
    for actual, gradients in zip(per_sample, zip(*singly, strict=True), strict=True):
        torch.testing.assert_close(actual, torch.stack(gradients))


def test_vmap_over_chunks_and_ensembles():
    """A batch of models on one target."""
    logits, target = torch.randn(3, 6, CLASSES), torch.randint(0, CLASSES, (6,))
    losses = torch.func.vmap(CrossEntropy(label_smoothing=0.1), in_dims=(0, None))(logits, target)
    expected = [torch.nn.functional.cross_entropy(z, target, label_smoothing=0.1) for z in logits]
    torch.testing.assert_close(losses, torch.stack(expected))


@every_loss
def test_validate_in_a_trace_is_refused(kind):
    case = one_case(kind)
    input, *others = tensors(case)
    with pytest.raises(ValueError, match="validate=True needs to look at values"):
        torch.func.grad(lambda x: case.loss(x, *others, validate=True))(input.detach())


@every_loss
def test_symbolic_tracing(kind):
    case = one_case(kind)
    arrays = plain(case)
    graph = make_fx(case.loss)(*arrays)
    torch.testing.assert_close(graph(*arrays), case.loss(*arrays))


@every_loss
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast(kind, dtype):
    """As torch.nn's losses: float32 out of half precision, and a gradient in half precision."""
    case, face = one_case(kind), faces_of(kind)[0]
    arrays = [
        (array.to(dtype) if at in case.outputs else array.float()).detach()
        if array.is_floating_point()
        else array
        for at, array in enumerate(tensors(case))
    ]
    outputs = [arrays[at].requires_grad_() for at in case.outputs]
    exact = case.loss(*(a.detach().double() if a.is_floating_point() else a for a in arrays))
    with torch.autocast("cpu", dtype=dtype):
        for reduction in ("mean", "none"):
            value = getattr(lt.functional, face.function)(*arrays, reduction=reduction)
            assert value.dtype == torch.float32
    value.sum().backward()
    torch.testing.assert_close(value.mean().double(), exact, rtol=1e-6, atol=1e-7)
    assert all(output.grad.dtype == dtype for output in outputs)


@every_loss
def test_no_grad_and_inference_mode(kind):
    """A forward without grad gives the value, not 0 (Liger-Kernel#507)."""
    case = one_case(kind)
    arrays = tensors(case)
    expected = case.loss(*arrays).item()
    for context in (torch.no_grad(), torch.inference_mode()):
        with context:
            value = case.loss(*arrays)
        assert value.item() == expected
        assert not value.requires_grad


@every_loss
def test_retained_graph_and_second_backward(kind):
    """torch's chunked linear cross-entropy and QuACK#209 raise here."""
    case = one_case(kind)
    arrays = tensors(case)
    value = case.loss(*arrays)
    value.backward(retain_graph=True)
    first = arrays[0].grad.clone()
    value.backward()
    torch.testing.assert_close(arrays[0].grad, 2 * first)


@every_loss
def test_any_grad_output(kind):
    """Each position gets its own factor (Liger-Kernel#968, #1298 gave every one the first)."""
    case = one_case(kind)
    arrays = tensors(case)
    outer = torch.arange(1.0, 1 + torch.Size(case.positions).numel(), dtype=torch.float64)
    outer = outer.reshape(case.positions)
    case.loss(*arrays, reduction="none").backward(outer)
    expected = case.loss.value_and_gradient(*plain(case), weight=outer, reduction="sum")[1]
    for at, gradient in zip(case.outputs, as_tuple(expected), strict=True):
        torch.testing.assert_close(arrays[at].grad, gradient)


@every_loss
def test_logits_are_not_overwritten(kind):
    """Liger-Kernel#343, #1251 and unsloth#5002 write the gradient over the caller's logits."""
    case = one_case(kind)
    arrays = tensors(case)
    versions = [array._version for array in arrays]
    case.loss(*arrays).backward()
    assert [array._version for array in arrays] == versions
    for array, before in zip(arrays, plain(case), strict=True):
        assert torch.equal(array.detach(), before)


@every_loss
def test_double_backward_with_holes(kind):
    """A gradient penalty over a batch with masked NaN."""
    case = one_case(kind)
    input, *others = plain(case)
    mask = torch.ones(case.mask_shape, dtype=torch.bool)
    mask[0] = False
    holes = input.clone()
    holes[0] = float("nan")
    holes.requires_grad_()
    value = case.loss(holes, *others, mask=mask)
    (gradient,) = torch.autograd.grad(value, holes, create_graph=True)
    assert torch.isfinite(gradient).all()
    if gradient.requires_grad:  # else it is constant
        (second,) = torch.autograd.grad(gradient.pow(2).sum(), holes)
        assert torch.isfinite(second).all()


@pytest.mark.parametrize("kind", [MSE, BinaryCrossEntropyWithLogits])
def test_weights_can_be_learned(kind):
    """A weight that asks for a gradient gets it, through the mean's divisor too."""
    case = cases(kind)[0]
    input, target = tensors(case)
    weight = torch.rand(case.positions, dtype=torch.float64, requires_grad=True)
    case.loss(input, target, weight=weight).backward()
    values = case.loss(input, target, reduction="none").detach()
    total = weight.detach().sum()
    expected = values / total - (values * weight.detach()).sum() / total**2
    torch.testing.assert_close(weight.grad, expected)


def test_gradients_of_parameters_are_refused():
    pos_weight = torch.ones(3, requires_grad=True)
    with pytest.raises(ValueError, match=r"pass pos_weight.detach\(\)"):
        BinaryCrossEntropyWithLogits(pos_weight=pos_weight)


def test_gradient_of_a_target_without_one_is_refused():
    """Every loss of the catalogue has one; a new one need not."""

    class NoTargetGradient(MSE):
        def target_gradient_at(self, input, target, xp):
            return None

    x = torch.zeros(3)
    y = torch.ones(3, requires_grad=True)
    with pytest.raises(ValueError, match=r"gives no gradient to its target; pass target.detach"):
        NoTargetGradient()(x, y).backward()


def test_catalogue_gives_gradients_to_floating_targets():
    for kind in CATALOGUE.values():
        for case in cases(kind):
            arrays = tensors(case, target_grad=True)
            case.loss(*arrays).backward()
            assert all(array.grad.isfinite().all() for array in arrays if array.requires_grad)


def test_checkpoint():
    case = one_case(CrossEntropy)
    input, target = tensors(case)
    module = lt.CrossEntropyLoss()
    torch.utils.checkpoint.checkpoint(module, input, target, use_reentrant=False).backward()
    expected = case.loss.value_and_gradient(input.detach(), target)[1]
    torch.testing.assert_close(input.grad, expected)
