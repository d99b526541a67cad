"""Whole calls on PyTorch's tensors by the native kernels, and their place in autograd."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from losskit.core.arrays import Array
from losskit.core.definition import Arrays, Definition
from losskit.core.options import Options
from losskit.core.prepared import prepare
from losskit.engines.native.plans import Plan, plan_of
from losskit.engines.native.threads import threads

__all__ = ["reduce", "reduce_with_gradients"]

_PLAIN = (Tensor, torch.nn.Parameter)


class _NotPlain(Exception):
    """The call is not one for a kernel."""


def reduce(loss: Definition, arrays: Arrays, options: Options) -> Tensor | None:
    """Compute the reduced loss, differentiably; None where the call is not one for a kernel."""
    plan = plan_of(loss)
    if plan is None or not _plain(arrays, options):
        return None
    if torch.is_grad_enabled():
        wanted = [array.requires_grad for array in arrays]
        if any(wanted):
            # What is given has derivatives of its own, which the kernels do not know.
            if sum(wanted) > sum(wanted[at] for at in plan.outputs):
                return None
            try:
                return _Reduced.apply(loss, plan, options, *arrays)  # type: ignore[no-any-return, no-untyped-call]
            except _NotPlain:
                return None
    values = _room(plan, arrays, options)
    if values is None or not plan.run(arrays, options, values, (), threads()):
        return None
    return values


def reduce_with_gradients(
    loss: Definition, arrays: Arrays, options: Options
) -> tuple[Tensor, tuple[Tensor, ...]] | None:
    """Compute the reduced loss and its gradients; None where the call is not one for a kernel."""
    plan = plan_of(loss)
    if plan is None or not _plain(arrays, options):
        return None
    with torch.no_grad():
        values = _room(plan, arrays, options)
        gradients = tuple(torch.empty_like(arrays[at]) for at in plan.outputs)
        if values is None or not plan.run(arrays, options, values, gradients, threads()):
            return None
    return values, gradients


class _Reduced(torch.autograd.Function):
    """The reduced loss, whose gradient is found in the same pass.

    The gradient waits for `backward` outside of what saved-tensor hooks see, so that it can be
    handed on, scaled in its place. Where hooks save memory, and where each value has a gradient
    of its own, the kernel runs in `backward`.
    """

    @staticmethod
    def forward(
        ctx: Any, loss: Definition, plan: Plan, options: Options, *arrays: Tensor
    ) -> Tensor:
        values = _room(plan, arrays, options)
        if values is None:
            raise _NotPlain
        gradients: tuple[Tensor | None, ...] | None = None
        if options.reduction != "none" and not _hooked():
            gradients = _rooms(plan, arrays, ctx.needs_input_grad)
        if not plan.run(arrays, options, values, gradients or (), threads()):
            raise _NotPlain
        ctx.loss, ctx.plan, ctx.options, ctx.gradients = loss, plan, options, gradients
        ctx.save_for_backward(*arrays, options.weight, options.mask, options.scale)
        return values

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        # Also refuses a second time through a graph that was not retained.
        *saved, weight, mask, scale = ctx.saved_tensors
        arrays = tuple(saved)
        plan, gradients = ctx.plan, ctx.gradients
        batched = torch._C._are_functorch_transforms_active()
        if torch.is_grad_enabled() or batched or type(grad_output) is not Tensor:
            found = _pull_back(ctx.loss, arrays, ctx.options, grad_output)
        else:
            keeps = _keeps_graph()
            ours = not keeps
            if gradients is None:
                gradients = _again(ctx, arrays, grad_output)
                ours = True
            elif not keeps:
                ctx.gradients = None
            found = gradients
            if ctx.options.reduction != "none":
                found = _scaled(gradients, grad_output, in_place=ours)
        every: list[Tensor | None] = [None] * len(arrays)
        for at, gradient in zip(plan.outputs, found, strict=True):
            every[at] = gradient if ctx.needs_input_grad[3 + at] else None
        return None, None, None, *every


def _again(ctx: Any, arrays: Arrays, grad_output: Tensor) -> tuple[Tensor | None, ...]:
    """Compute the gradients, of each value by its own factor."""
    plan, options = ctx.plan, ctx.options
    gradients = _rooms(plan, arrays, ctx.needs_input_grad)
    values = _room(plan, arrays, options)
    outer = grad_output if options.reduction == "none" else None
    if not plan.run(arrays, options, values, gradients, threads(), outer):
        return _pull_back(ctx.loss, arrays, options, grad_output)
    return gradients


def _scaled(
    gradients: tuple[Tensor | None, ...], factor: Tensor, *, in_place: bool
) -> tuple[Tensor | None, ...]:
    if factor.item() == 1:
        return gradients
    return tuple(
        None
        if gradient is None
        else gradient.mul_(factor)
        if in_place
        else (gradient * factor).to(gradient.dtype)
        for gradient in gradients
    )


def _pull_back(
    loss: Any, arrays: Arrays, options: Options, grad_output: Tensor
) -> tuple[Tensor | None, ...]:
    """Compute the gradients by the definition, differentiably."""
    prepared = prepare(loss, arrays, options)
    outer = prepared.factors() * grad_output.to(prepared.dtype)
    outputs = loss.outputs(prepared.arrays)
    wanted = [at in outputs for at in range(len(prepared.arrays))]
    gradients = loss.pull_back(prepared.arrays, outer, wanted, prepared.xp)
    found = loss.restored(tuple(gradients[at] for at in outputs), prepared)
    return found if isinstance(found, tuple) else (found,)


def _plain(arrays: Arrays, options: Options) -> bool:
    """Whether nothing but the values of dense tensors counts, and nobody follows what is done."""
    if (
        torch._C._are_functorch_transforms_active()
        or torch._C._len_torch_dispatch_stack() > 0
        or torch.autograd.forward_ad._current_level >= 0
    ):
        return False
    for array in arrays:
        # What the memory of some holds is not their values but their negatives.
        if type(array) not in _PLAIN or array.is_neg():
            return False
    for one in (options.weight, options.mask, options.scale, options.normalizer):
        if one is None or type(one) in (int, float):
            continue
        if type(one) not in _PLAIN or one.is_neg() or one.requires_grad:
            return False
    return True


def _room(plan: Plan, arrays: Arrays, options: Options) -> Tensor | None:
    """Make room for the values; None where it is not clear how much."""
    floats = {array.dtype for array in arrays if array.is_floating_point()}
    if not floats or arrays[0].layout is not torch.strided:
        return None
    dtype = torch.float64 if torch.float64 in floats else torch.float32
    if options.reduction != "none":
        return arrays[0].new_empty((), dtype=dtype)
    shape = plan.shape(arrays)
    if shape is None:
        return None
    return arrays[0].new_empty(shape, dtype=floats.pop() if len(floats) == 1 else dtype)


def _rooms(
    plan: Plan, arrays: Arrays, needs_input_grad: tuple[bool, ...]
) -> tuple[Tensor | None, ...]:
    """Make room for the gradients that are needed; the first inputs are not arrays."""
    return tuple(
        torch.empty_like(arrays[at]) if needs_input_grad[3 + at] else None for at in plan.outputs
    )


def _hooked() -> bool:
    """Whether somebody stores saved tensors in a way of his own, mostly to save memory."""
    return torch._C._autograd._top_saved_tensors_default_hooks(False) is not None


_keeps_graph = getattr(
    torch._C._autograd, "_get_current_graph_task_keep_graph", lambda: True
)
