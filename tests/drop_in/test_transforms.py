"""Autograd, torch.func, torch.compile, autocast: what users put around a loss."""

from __future__ import annotations

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

import losskit.torch as lt
from cases import CLASSES, all_cases, cases, every_loss, one_case
from losskit import MSE, BinaryCrossEntropyWithLogits, CrossEntropy
from losskit.core.classwise import Classwise
from losskit.losses import CATALOGUE
from losskit.torch.faces import function_name, module_name

SMALL = [case for case in all_cases() if case.input.ndim == 2]
small = pytest.mark.parametrize("case", SMALL, ids=str)


def tensors(case, *, target_grad=False):
    input = torch.from_numpy(case.input.copy()).requires_grad_()
    target = torch.from_numpy(case.target.copy())
    if target_grad and target.is_floating_point():
        target.requires_grad_()
    return input, target


@small
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_gradcheck_and_gradgradcheck(case, reduction):
    """First and second derivatives, in the input, a floating target and the weights."""
    input, target = tensors(case, target_grad=True)
    weight = torch.rand(case.positions, dtype=torch.float64).add_(0.5).requires_grad_()

    def call(input, target, weight):
        # A perturbed row no longer sums to 1, as validation would find.
        return case.loss(input, target, reduction=reduction, weight=weight, validate=False)

    assert torch.autograd.gradcheck(call, (input, target, weight), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(call, (input, target, weight))


@every_loss
def test_second_derivative_where_training_starts(kind):
    """At outputs of exactly 0, where abs() and max() have no derivative of their own."""
    case = one_case(kind)
    input, target = tensors(case)
    start = torch.full_like(input, case.loss.input_contract.neutral)
    start.requires_grad_()
    (gradient,) = torch.autograd.grad(
        case.loss(start, target, reduction="sum"), start, create_graph=True
    )
    second = torch.stack(
        [
            torch.autograd.grad(g, start, retain_graph=True)[0].flatten()
            if g.requires_grad
            else torch.zeros(start.numel(), dtype=start.dtype)
            for g in gradient.flatten()
        ]
    )
    torch.testing.assert_close(
        second.diagonal().reshape(start.shape),
        case.loss.curvature(start, target, reduction="sum"),
    )


@small
def test_functional_grad_and_hessian(case):
    input, target = tensors(case)
    input = input.detach()
    value, gradient = case.loss.value_and_gradient(input, target)
    torch.testing.assert_close(torch.func.grad(case.loss)(input, target), gradient)
    hessian = torch.func.hessian(case.loss)(input, target)
    diagonal = hessian.reshape(input.numel(), -1).diagonal().reshape(input.shape)
    torch.testing.assert_close(diagonal, case.loss.curvature(input, target))
    tangent = torch.rand_like(input)
    primal, directional = torch.func.jvp(lambda x: case.loss(x, target), (input,), (tangent,))
    torch.testing.assert_close(primal, value)
    torch.testing.assert_close(directional, (gradient * tangent).sum())


@small
def test_vmap(case):
    """Per-sample losses and per-sample gradients."""
    input, target = tensors(case)
    input = input.detach()
    if getattr(case.loss, "pos_weight", None) is not None:
        expected = [case.loss(x, y) for x, y in zip(input, target, strict=True)]
    else:
        values = case.loss(input, target, reduction="none")
        expected = [value.mean() for value in values]
        if isinstance(case.loss, Classwise) and case.loss.class_weight is not None:
            expected = [case.loss(x, y) for x, y in zip(input, target, strict=True)]
    torch.testing.assert_close(torch.func.vmap(case.loss)(input, target), torch.stack(expected))
    per_sample = torch.func.vmap(torch.func.grad(case.loss))(input, target)
    singly = [case.loss.value_and_gradient(x, y)[1] for x, y in zip(input, target, strict=True)]
    torch.testing.assert_close(per_sample, torch.stack(singly))


def test_vmap_over_chunks_and_ensembles():
    """A batch of models on one target."""
    logits, target = torch.randn(3, 6, CLASSES), torch.randint(0, CLASSES, (6,))
    losses = torch.func.vmap(CrossEntropy(label_smoothing=0.1), in_dims=(0, None))(logits, target)
    expected = [torch.nn.functional.cross_entropy(z, target, label_smoothing=0.1) for z in logits]
    torch.testing.assert_close(losses, torch.stack(expected))


@pytest.fixture
def fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@small
@pytest.mark.usefixtures("fresh_compiler")
def test_compiles_in_one_graph(case):
    """The definition, with a weight and a mask, forward and backward."""
    input, target = tensors(case)
    weight = torch.rand(case.positions, dtype=torch.float64)
    mask = torch.rand(case.positions) < 0.8

    def step(input, target):
        return case.loss(input, target, weight=weight, mask=mask)

    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    value = compiled(input, target)
    value.backward()
    expected = case.loss.value_and_gradient(input.detach(), target, weight=weight, mask=mask)
    torch.testing.assert_close(value, expected[0])
    torch.testing.assert_close(input.grad, expected[1])


@every_loss
@pytest.mark.usefixtures("fresh_compiler")
def test_module_and_function_compile_with_inductor(kind):
    case = one_case(kind)
    input, target = tensors(case)
    expected, gradient = case.loss.value_and_gradient(input.detach(), target)
    module = getattr(lt, module_name(kind))()
    function = getattr(lt.functional, function_name(kind))
    for face in (module, function):
        input.grad = None
        value = torch.compile(face, fullgraph=True)(input, target)
        value.backward()
        torch.testing.assert_close(value.detach(), expected)
        torch.testing.assert_close(input.grad, gradient)


@pytest.mark.usefixtures("fresh_compiler")
def test_compiled_shapes_may_change():
    """A last, smaller batch costs no error, dynamic or not."""
    compiled = torch.compile(CrossEntropy(), fullgraph=True, dynamic=True, backend="aot_eager")
    for n in (8, 5, 1):
        logits, target = torch.randn(n, CLASSES), torch.randint(0, CLASSES, (n,))
        expected = torch.nn.functional.cross_entropy(logits, target)
        torch.testing.assert_close(compiled(logits, target), expected)


@every_loss
def test_validate_in_a_trace_is_refused(kind):
    case = one_case(kind)
    input, target = tensors(case)
    with pytest.raises(ValueError, match="validate=True needs to look at values"):
        torch.func.grad(lambda x: case.loss(x, target, validate=True))(input.detach())


@every_loss
def test_symbolic_tracing(kind):
    case = one_case(kind)
    input, target = tensors(case)
    graph = make_fx(case.loss)(input.detach(), target)
    torch.testing.assert_close(graph(input.detach(), target), case.loss(input.detach(), target))


@every_loss
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast(kind, dtype):
    """As torch.nn's losses: float32 out of half precision, and a gradient in half precision."""
    case = one_case(kind)
    input = torch.from_numpy(case.input).to(dtype).requires_grad_()
    target = torch.from_numpy(case.target)
    target = target.float() if target.is_floating_point() else target
    exact = case.loss(input.detach().double(), target)
    with torch.autocast("cpu", dtype=dtype):
        for reduction in ("mean", "none"):
            value = getattr(lt, module_name(kind))(reduction=reduction)(input, target)
            assert value.dtype == torch.float32
    value.sum().backward()
    torch.testing.assert_close(value.mean().double(), exact.double(), rtol=1e-6, atol=1e-7)
    assert input.grad.dtype == dtype


@every_loss
def test_no_grad_and_inference_mode(kind):
    """A forward without grad gives the value, not 0 (Liger-Kernel#507)."""
    case = one_case(kind)
    input, target = tensors(case)
    expected = case.loss(input, target).item()
    for context in (torch.no_grad(), torch.inference_mode()):
        with context:
            value = case.loss(input, target)
        assert value.item() == expected
        assert not value.requires_grad


@every_loss
def test_retained_graph_and_second_backward(kind):
    """torch's chunked linear cross-entropy and QuACK#209 raise here."""
    case = one_case(kind)
    input, target = tensors(case)
    value = case.loss(input, target)
    value.backward(retain_graph=True)
    first = input.grad.clone()
    value.backward()
    torch.testing.assert_close(input.grad, 2 * first)


@every_loss
def test_any_grad_output(kind):
    """Each position gets its own factor (Liger-Kernel#968 gave every one the first)."""
    case = one_case(kind)
    input, target = tensors(case)
    outer = torch.arange(1.0, 1 + torch.Size(case.positions).numel(), dtype=torch.float64)
    outer = outer.reshape(case.positions)
    case.loss(input, target, reduction="none").backward(outer)
    expected = case.loss.value_and_gradient(input.detach(), target, weight=outer, reduction="sum")[
        1
    ]
    torch.testing.assert_close(input.grad, expected)


@every_loss
def test_logits_are_not_overwritten(kind):
    """Liger-Kernel#343 and unsloth#5002 write the gradient over the caller's logits."""
    case = one_case(kind)
    input, target = tensors(case)
    version = input._version
    case.loss(input, target).backward()
    assert input._version == version
    assert torch.equal(input.detach(), torch.from_numpy(case.input))


@every_loss
def test_double_backward_with_holes(kind):
    """A gradient penalty over a batch with masked NaN."""
    case = one_case(kind)
    input, target = tensors(case)
    mask = torch.ones(case.positions, dtype=torch.bool)
    mask[0] = False
    holes = input.detach().clone()
    holes[0] = float("nan")
    holes.requires_grad_()
    (gradient,) = torch.autograd.grad(case.loss(holes, target, mask=mask), holes, create_graph=True)
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
            if case.target.dtype == float:
                input, target = tensors(case, target_grad=True)
                case.loss(input, target).backward()
                assert torch.isfinite(target.grad).all()


@pytest.mark.usefixtures("fresh_compiler")
def test_compiled_functional_gradient():
    case = one_case(CrossEntropy)
    input, target = tensors(case)
    compiled = torch.compile(torch.func.grad(case.loss), fullgraph=True, backend="aot_eager")
    expected = case.loss.value_and_gradient(input.detach(), target)[1]
    torch.testing.assert_close(compiled(input.detach(), target), expected)


def test_export_and_checkpoint():
    case = one_case(CrossEntropy)
    input, target = tensors(case)
    module = lt.CrossEntropyLoss()
    exported = torch.export.export(module, (input.detach(), target)).module()
    torch.testing.assert_close(exported(input.detach(), target), module(input.detach(), target))
    torch.utils.checkpoint.checkpoint(module, input, target, use_reentrant=False).backward()
    expected = case.loss.value_and_gradient(input.detach(), target)[1]
    torch.testing.assert_close(input.grad, expected)
