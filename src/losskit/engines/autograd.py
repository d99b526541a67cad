"""PyTorch: the definitions under autograd, with their closed-form gradients."""

from __future__ import annotations

from typing import Any

import array_api_compat.torch as xp
import torch
from torch import Tensor

from losskit.core.arrays import Array
from losskit.core.definition import Definition
from losskit.core.engine import Engine, adopt

__all__ = ["AutogradEngine"]


class _Positions(torch.autograd.Function):
    """Loss at each position; its backward is the definition's gradient.

    The backward is made of differentiable operations, so it can be differentiated again.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(loss: Definition, input: Tensor, target: Tensor) -> Tensor:
        return loss.value_at(input, target, xp)  # type: ignore[no-any-return]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Definition, Tensor, Tensor], output: Tensor) -> None:
        ctx.loss, input, target = inputs
        ctx.save_for_backward(input, target)
        ctx.save_for_forward(input, target)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[None, Tensor | None, Tensor | None]:
        loss: Definition = ctx.loss
        input, target = ctx.saved_tensors
        outer = loss.per_input(grad_output)
        wants_input, wants_target = ctx.needs_input_grad[1:]
        return (
            None,
            loss.gradient_at(input, target, xp) * outer if wants_input else None,
            _target_gradient(loss, input, target) * outer if wants_target else None,
        )


class _PositionsForwardMode(_Positions):
    """The same with a forward-mode derivative, which torch.compile does not take."""

    @staticmethod
    def jvp(
        ctx: Any, loss: None, input_tangent: Tensor | None, target_tangent: Tensor | None
    ) -> Tensor:
        input, target = ctx.saved_tensors
        tangent = torch.zeros_like(input)
        if input_tangent is not None:
            tangent = tangent + ctx.loss.gradient_at(input, target, xp) * input_tangent
        if target_tangent is not None:
            tangent = tangent + _target_gradient(ctx.loss, input, target) * target_tangent
        return ctx.loss.sum_to_positions(tangent, xp)  # type: ignore[no-any-return]


def _target_gradient(loss: Definition, input: Tensor, target: Tensor) -> Tensor:
    gradient: Tensor | None = loss.target_gradient_at(input, target, xp)
    if gradient is None:
        raise ValueError(
            f"{loss.name} gives no gradient to its target; pass target.detach(), or swap the two"
        )
    return gradient


class AutogradEngine(Engine):
    """Computes on tensors, on any device, differentiably."""

    def __init__(self) -> None:
        super().__init__(xp)

    def traced(self, *arrays: Array) -> bool:
        """Whether torch.compile, torch.func or a dispatch mode (fake tensors, make_fx) follows."""
        return (
            torch.compiler.is_compiling()
            or torch._C._are_functorch_transforms_active()
            or torch._C._len_torch_dispatch_stack() > 0
            or any(type(array) not in (Tensor, torch.nn.Parameter) for array in arrays)
        )

    def at_hand(self, *arrays: Array) -> bool:
        """Whether all tensors are on the CPU: elsewhere a look waits for the device."""
        return all(array.device.type == "cpu" for array in arrays)

    def values(self, loss: Definition, input: Array, target: Array) -> Array:
        """Loss at each position, differentiable in input and target."""
        function = _Positions if torch.compiler.is_compiling() else _PositionsForwardMode
        return function.apply(loss, input, target)  # type: ignore[no-untyped-call]

    def values_and_gradient(
        self, loss: Definition, input: Array, target: Array
    ) -> tuple[Array, Array]:
        """Loss and gradient at each position, outside of autograd."""
        with torch.no_grad():
            return super().values_and_gradient(loss, input, target)

    def curvature(self, loss: Definition, input: Array, target: Array) -> Array:
        """Second derivative in each input, outside of autograd."""
        with torch.no_grad():
            return super().curvature(loss, input, target)


for _kind in (Tensor, torch.nn.Parameter):
    # torch.compile can follow a look-up by type, but no search.
    adopt(_kind, AutogradEngine())
