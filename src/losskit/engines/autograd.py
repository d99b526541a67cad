"""PyTorch: the definitions under autograd, with their closed-form gradients."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import array_api_compat.torch as xp
import torch
from torch import Tensor

from losskit.core.arrays import Array
from losskit.core.definition import Arrays, Definition
from losskit.core.engine import Engine, adopt, await_library
from losskit.core.options import Options
from losskit.core.positionwise import Positionwise
from losskit.engines.native import on_torch

__all__ = ["AutogradEngine", "autocasts"]


class _Positions(torch.autograd.Function):
    """Loss at each position; its backward is the definition's gradient.

    The backward is made of differentiable operations, so it can be differentiated again.
    """

    generate_vmap_rule = True

    # torch.compile counts the parameters of forward, so there is one for each array that a loss
    # may have, and None where there are fewer.
    @staticmethod
    def forward(
        loss: Definition,
        first: Tensor,
        second: Tensor | None,
        third: Tensor | None,
        fourth: Tensor | None,
        fifth: Tensor | None,
    ) -> Tensor:
        return loss.value_at(*_present(first, second, third, fourth, fifth), xp)  # type: ignore[no-any-return]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.loss = inputs[0]
        arrays = _present(*inputs[1:])
        ctx.save_for_backward(*arrays)
        ctx.save_for_forward(*arrays)
        ctx.versions = _versions(ctx.loss)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        arrays = ctx.saved_tensors
        if ctx.versions != _versions(ctx.loss):
            raise on_torch.changed(ctx.loss)
        absent = (None,) * (MOST_ARRAYS - len(arrays))
        wanted = ctx.needs_input_grad[1 : 1 + len(arrays)]
        with _as_given(grad_output):
            gradients = ctx.loss.pull_back(arrays, grad_output, wanted, xp)
        _check_given(ctx.loss, wanted, gradients)
        return None, *gradients, *absent


class _PositionsForwardMode(_Positions):
    """The same with a forward-mode derivative, which torch.compile does not take."""

    @staticmethod
    def jvp(ctx: Any, loss: None, *tangents: Tensor | None) -> Tensor:
        arrays = ctx.saved_tensors
        return ctx.loss.push_forward(arrays, tangents[: len(arrays)], xp)  # type: ignore[no-any-return]


MOST_ARRAYS = 5


def _present(*arrays: Tensor | None) -> tuple[Tensor, ...]:
    return tuple(array for array in arrays if array is not None)


def _versions(loss: Definition) -> list[int]:
    """Count how often what the loss holds was changed in place.

    Autograd sees that of what is saved, and torch.func can save nothing but inputs and outputs.
    """
    if torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
        return []
    return [array._version for array in loss.held().values()]


def _follows_held(loss: Definition) -> bool:
    """Whether torch.func follows what the loss holds, which a Function may not look at then."""
    return (
        not torch.compiler.is_compiling()
        and torch._C._are_functorch_transforms_active()
        and any(map(torch._C._functorch.is_functorch_wrapped_tensor, loss.held().values()))
    )


def _check_given(loss: Definition, wanted: Sequence[bool], gradients: Sequence[Any]) -> None:
    """Refuse to pass off as 0 what there is no derivative of."""
    for argument, want, gradient in zip(loss.card.arguments, wanted, gradients, strict=False):
        if want and gradient is None:
            raise ValueError(
                f"{loss.name} gives no gradient to its {argument.name}; pass "
                f"{argument.name}.detach()"
            )


class AutogradEngine(Engine):
    """Computes on tensors, on any device, differentiably."""

    def __init__(self) -> None:
        super().__init__(xp)

    def traced(self, *arrays: Array) -> bool:
        """Whether torch.compile, torch.func, torch.jit.trace or a dispatch mode follows."""
        return (
            torch.compiler.is_compiling()
            or torch._C._are_functorch_transforms_active()
            or torch._C._len_torch_dispatch_stack() > 0
            or torch._C._is_tracing()
            or any(type(array) not in (Tensor, torch.nn.Parameter) for array in arrays)
        )

    def at_hand(self, *arrays: Array) -> bool:
        """Whether all tensors are on the CPU: elsewhere a look waits for the device."""
        return all(array.device.type == "cpu" for array in arrays)

    def form(self, array: Array) -> str:
        """Sparse or nested, of which PyTorch's operators take few."""
        if array.is_nested:
            return "nested"
        return "" if array.layout is torch.strided else "sparse"

    def values(self, loss: Definition, arrays: Arrays) -> Array:
        """Loss at each position, differentiable in every array."""
        pushes = isinstance(loss, Positionwise) and not torch.compiler.is_compiling()
        with _as_given(arrays[0]):
            if not loss.closed_form or (not pushes and _forward_mode()) or _follows_held(loss):
                return loss.value_at(*arrays, xp)
            function = _PositionsForwardMode if pushes else _Positions
            absent = (None,) * (MOST_ARRAYS - len(arrays))
            return function.apply(loss, *arrays, *absent)  # type: ignore[no-untyped-call]

    def values_and_gradients(
        self, loss: Definition, arrays: Arrays, outer: Array
    ) -> tuple[Array, Arrays]:
        """Loss and gradients, outside of autograd but for functions of the user's own."""
        if loss.closed_form:
            # torch.compile cannot follow super() within two contexts.
            compute = super().values_and_gradients
            with torch.no_grad(), _as_given(arrays[0]):
                return compute(loss, arrays, outer)
        outputs = loss.outputs(arrays)
        with torch.enable_grad():
            leaves = [
                array.detach().requires_grad_(at in outputs) for at, array in enumerate(arrays)
            ]
            values = loss.value_at(*leaves, xp)
            gradients = torch.autograd.grad(values, [leaves[at] for at in outputs], outer)
        return values.detach(), gradients

    def reduce(self, loss: Definition, arrays: Arrays, options: Options) -> Array | None:
        """Weighed and reduced loss, differentiable."""
        if torch.compiler.is_compiling():
            return None
        return on_torch.reduce(loss, arrays, options)

    def reduce_with_gradients(
        self, loss: Definition, arrays: Arrays, options: Options
    ) -> tuple[Array, Arrays] | None:
        """Weighed and reduced loss, and its gradient in each output."""
        if torch.compiler.is_compiling():
            return None
        return on_torch.reduce_with_gradients(loss, arrays, options)

    def curvatures(self, loss: Definition, arrays: Arrays) -> Arrays:
        """Second derivatives, outside of autograd."""
        with torch.no_grad():
            return super().curvatures(loss, arrays)


def _as_given(array: Tensor) -> AbstractContextManager[object]:
    """Keep autocast from rounding matrix products: arrays come in the dtype of the computation."""
    kind = array.device.type
    return torch.autocast(kind, enabled=False) if autocasts(kind) else nullcontext()


def autocasts(device: str) -> bool:
    """Whether autocast is on; there is none on some devices, such as meta."""
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


def _forward_mode() -> bool:
    """Whether torch.func.jvp or dual numbers follow."""
    return bool(torch.autograd.forward_ad._current_level >= 0)


for _kind in (Tensor, torch.nn.Parameter):
    # torch.compile can follow a look-up by type, but no search.
    adopt(_kind, AutogradEngine())
await_library(None)
