"""Whole calls on PyTorch's tensors by the native kernels, and their place in autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from losskit.core.definition import Arrays, Definition
from losskit.core.options import Options
from losskit.core.prepared import prepare
from losskit.engines.native import native
from losskit.engines.native.memory import KEPT_FROM
from losskit.engines.native.plans import Plan, plan_of
from losskit.engines.native.threads import threads

if TYPE_CHECKING:
    from losskit.core.loss import Loss

__all__ = ["PLAIN", "changed", "reduce", "reduce_with_gradients"]

Gradients = tuple[Tensor | None, ...]

PLAIN = (Tensor, torch.nn.Parameter)
"""Types of tensors that nobody has given another meaning."""
_HALVES = (torch.float16, torch.bfloat16)
_FLOATS = (torch.float32, torch.float64, *_HALVES)
# Another number like one there is takes half as long to make as one from its description.
_SINGLE = torch.empty((), dtype=torch.float32, device="cpu")
_DOUBLE = torch.empty((), dtype=torch.float64, device="cpu")


def reduce(loss: Definition, arrays: Arrays, options: Options) -> Tensor | None:
    """Compute the reduced loss, differentiably; None where the call is not one for a kernel."""
    plan = plan_of(loss)
    if plan is None or not _plain(arrays, options):
        return None
    values = _room(plan, arrays, options)
    if values is None:
        return None
    wanted = [array.requires_grad for array in arrays]
    if True not in wanted or not torch.is_grad_enabled():
        return values if plan.run(arrays, options, values, (), threads()) else None
    outputs = plan.outputs
    for at, wants in enumerate(wanted):
        # What is given has derivatives of its own, which the kernels do not know.
        if wants and at not in outputs:
            return None
    # Each value has a factor of its own; and hooks mostly save memory.
    defers = options.reduction == "none" or _hooked()
    gradients = () if defers else _rooms(plan, arrays)
    if not plan.run(arrays, options, values, gradients, threads()):
        return None
    try:
        call = _Call(loss, plan, options, () if defers else arrays, values, gradients)
    except RuntimeError:  # autograd takes no tensors of inference mode
        return None
    if defers:
        return _Deferred.apply(call, *arrays)  # type: ignore[no-any-return, no-untyped-call]
    if len(outputs) == 1:
        return _hand_on(call, arrays[outputs[0]])
    return _hand_on(call, *[arrays[at] for at in outputs])


def reduce_with_gradients(
    loss: Definition, arrays: Arrays, options: Options
) -> tuple[Tensor, tuple[Tensor, ...]] | None:
    """Compute the reduced loss and its gradients; None where the call is not one for a kernel."""
    plan = plan_of(loss)
    if plan is None or not _plain(arrays, options):
        return None
    with torch.no_grad():
        values = _room(plan, arrays, options)
        gradients = tuple(_room_like(arrays[at]) for at in plan.outputs)
        if values is None or not plan.run(arrays, options, values, gradients, threads()):
            return None
    return values, gradients


def changed(loss: Definition) -> RuntimeError:
    """Refusal to compute derivatives of what is no more."""
    return RuntimeError(
        f"{loss.name}: a tensor that the loss was computed from was changed in place since, and "
        "its derivatives need what it held; change a copy instead"
    )


class _Call:
    """What a call's derivatives are found from."""

    __slots__ = ("arrays", "gradients", "loss", "options", "plan", "values", "versions")

    def __init__(
        self,
        loss: Definition,
        plan: Plan,
        options: Options,
        arrays: Arrays,
        values: Tensor | None,
        gradients: Gradients | None,
    ) -> None:
        self.loss = loss
        self.plan = plan
        self.options = options
        self.arrays = arrays
        self.values = values
        self.gradients = gradients
        self.versions = self.current_versions()

    def current_versions(self) -> list[int]:
        """Count how often each tensor was changed in place that autograd does not look after."""
        tensors = (*self.arrays, *self.plan.held)
        if self.options.bare:
            return [one._version for one in tensors]
        given = self.options
        beside = (given.weight, given.mask, given.scale, given.normalizer)
        return [one._version for one in (*tensors, *beside) if isinstance(one, Tensor)]

    def check_versions(self) -> None:
        """Refuse to compute derivatives of what is no more."""
        if self.versions != self.current_versions():
            raise changed(self.loss)

    def take_values(self) -> Tensor | None:
        """Give the values away: they will hold on to this call, and so must not be held by it."""
        values, self.values = self.values, None
        return values

    def pull_back(self, arrays: Arrays, grad_output: Tensor) -> Gradients:
        """Compute the gradients by the definition, differentiably."""
        loss = cast("Loss", self.loss)
        prepared = prepare(loss, arrays, self.options)
        outer = prepared.factors() * grad_output.to(prepared.dtype)
        outputs = loss.outputs(prepared.arrays)
        wanted = [at in outputs for at in range(len(prepared.arrays))]
        gradients = loss.pull_back(prepared.arrays, outer, wanted, prepared.xp)
        found = loss.restored(tuple(gradients[at] for at in outputs), prepared)
        return found if isinstance(found, tuple) else (found,)


class _Reduced(torch.autograd.Function):
    """The reduced loss, whose gradients were found in the same pass, and wait to be handed on.

    Saving the arrays costs a small loss a tenth of its time; only second derivatives need them.
    """

    @staticmethod
    def forward(ctx: Any, call: _Call, *leaves: Tensor) -> Tensor | None:
        ctx.call = call
        return call.take_values()

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        call = ctx.call
        gradients = call.gradients
        if gradients is None:
            raise RuntimeError(
                "the loss's gradient was handed on by an earlier backward(); where the graph is "
                "needed again, call backward(retain_graph=True) the first time"
            )
        if _followed(grad_output):
            call.check_versions()
            return None, *call.pull_back(call.arrays, grad_output)
        keeps = _keeps_graph()
        if keeps:
            # Whoever takes these may write to them.
            gradients = tuple([one if one is None else one.clone() for one in gradients])
        if grad_output.item() != 1:
            gradients = _scaled(call, gradients, grad_output)
        if not keeps:
            call.gradients, call.arrays = None, ()
        return None, *gradients


# What Function.apply adds is for torch.func, which was ruled out, and what a node's apply adds to
# backward is for other ways to write one. Both cost a small loss much.
_hand_on: Callable[..., Tensor] = super(torch.autograd.Function, _Reduced).apply
_Reduced._backward_cls.apply = _Reduced.backward  # type: ignore[attr-defined]


class _Deferred(torch.autograd.Function):
    """The loss, whose gradients are found when they are asked for."""

    @staticmethod
    def forward(ctx: Any, call: _Call, *arrays: Tensor) -> Tensor | None:
        ctx.save_for_backward(*arrays)
        ctx.call = call
        return call.take_values()

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        call, arrays = ctx.call, ctx.saved_tensors
        wanted = ctx.needs_input_grad[1:]
        every: list[Tensor | None] = [None] * len(arrays)
        call.check_versions()
        found = None
        if not _followed(grad_output):
            found = _found(call, arrays, _rooms(call.plan, arrays), grad_output)
        if found is None:
            found = call.pull_back(arrays, grad_output)
        for at, gradient in zip(call.plan.outputs, found, strict=True):
            every[at] = gradient if wanted[at] else None
        return None, *every


def _found(
    call: _Call, arrays: Arrays, gradients: Gradients, grad_output: Tensor
) -> Gradients | None:
    """Compute the gradients by the kernel; None where the call is no longer one for it."""
    plan, options = call.plan, call.options
    values, outer = _room(plan, arrays, options), grad_output.resolve_neg()
    if options.reduction != "none":
        shape = plan.shape(arrays)
        outer = outer.reshape([1] * len(shape or ()))
    if values is None or not plan.run(arrays, options, values, gradients, threads(), outer):
        return None
    return gradients


def _scaled(call: _Call, gradients: Gradients, factor: Tensor) -> Gradients:
    """Multiply gradients in place."""
    found = [gradient for gradient in gradients if gradient is not None]
    # What half precision has rounded to 0, no factor brings back.
    halves = any(gradient.dtype in _HALVES for gradient in found)
    if halves and call.versions == call.current_versions():
        again = _found(call, call.arrays, gradients, factor)
        return call.pull_back(call.arrays, factor) if again is None else again
    for gradient in found:
        gradient.mul_(factor)
    return gradients


def _followed(grad_output: Tensor) -> bool:
    """Whether the backward pass itself is differentiated, or vectorised."""
    return (
        torch.is_grad_enabled()
        or type(grad_output) is not Tensor
        or torch._C._are_functorch_transforms_active()
        # torch.autograd.grad(is_grads_batched=True) is older than those.
        or torch._C._functorch.is_legacy_batchedtensor(grad_output)
    )


def _plain(arrays: Arrays, options: Options) -> bool:
    """Whether nothing but the values of dense tensors counts, and nobody follows what is done."""
    if (
        torch._C._are_functorch_transforms_active()
        or torch._C._len_torch_dispatch_stack() > 0
        or torch._C._is_tracing()
        or forward_ad._current_level >= 0
    ):
        return False
    for array in arrays:
        # What the memory of some holds is not their values but their negatives.
        if type(array) not in PLAIN or array.is_neg():
            return False
    if options.bare:
        return True
    for one in (options.weight, options.mask, options.scale, options.normalizer):
        if one is None or isinstance(one, (int, float)):
            continue
        if type(one) not in PLAIN or one.is_neg() or one.requires_grad:
            return False
    return True


def _room(plan: Plan, arrays: Arrays, options: Options) -> Tensor | None:
    """Make room for the values; None where it is not clear how much."""
    dtype = arrays[0].dtype
    if arrays[0].layout is not torch.strided or arrays[0].is_nested or not dtype.is_floating_point:
        return None
    for array in arrays:
        if array.dtype is not dtype and array.is_floating_point():
            if array.dtype not in _FLOATS or dtype not in _FLOATS:
                return None
            dtype = torch.promote_types(dtype, array.dtype)
    if options.reduction != "none":
        return torch.empty_like(_DOUBLE if dtype is torch.float64 else _SINGLE)
    shape = plan.shape(arrays)
    return None if shape is None else torch.empty(shape, dtype=dtype, device="cpu")


def _rooms(plan: Plan, arrays: Arrays) -> Gradients:
    """Make room for the gradients that are wanted."""
    return tuple(
        [_room_like(arrays[at]) if arrays[at].requires_grad else None for at in plan.outputs]
    )


def _room_like(array: Tensor) -> Tensor:
    kept = native.tensor_like(array) if array.nbytes >= KEPT_FROM else None
    return torch.empty_like(array) if kept is None else kept


def _hooked() -> bool:
    """Whether somebody stores saved tensors in a way of his own, mostly to save memory."""
    return torch._C._autograd._top_saved_tensors_default_hooks(False) is not None


_keeps_graph = getattr(torch._C._autograd, "_get_current_graph_task_keep_graph", lambda: True)
