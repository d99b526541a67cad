"""Hooks that stay behind: copies of a model, and files of it, know nothing of them."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.hooks import unserializable_hook

__all__ = ["Hook", "for_gradients", "leads_to", "on_gradient", "transformed", "unary"]

Function = TypeVar("Function", bound=Callable[..., None])


class Hook(functools.partial[None]):
    """A hook of a module, in whose place copies and files have one that does nothing.

    PyTorch copies and saves hooks with a module. What is saved must load where there is no
    Losskit, and what is copied must not be watched.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        # Of the standard library, takes any arguments and gives None.
        return getattr, (contextlib.nullcontext(), "__exit__")


def for_gradients(function: Function) -> Function:
    """Mark what hangs on tensors; a loss that is saved with a checkpoint then gives no warning."""
    marked: Function = unserializable_hook(function)  # type: ignore[no-untyped-call]
    return marked


def on_gradient(value: Tensor, then: Callable[[Tensor], None]) -> None:
    """Call a function when a gradient arrives at a tensor."""
    if not value.requires_grad:
        return
    register: Any = value.register_hook
    register(then)


def leads_to(value: Tensor, leaves: set[int]) -> bool:
    """Whether a gradient of this tensor would reach one of the leaves, given by their ids."""
    waiting, known = [value.grad_fn], {value.grad_fn}
    while waiting:
        node: Any = waiting.pop()
        if node is None:
            continue
        if id(getattr(node, "variable", None)) in leaves:
            return True
        for following, _ in node.next_functions:
            if following not in known:
                known.add(following)
                waiting.append(following)
    return False


def transformed() -> bool:
    """Whether ``torch.func`` runs this, of whose tensors no number can be read."""
    return torch._C._functorch.peek_interpreter_stack() is not None


def unary(value: Tensor) -> Iterator[Any]:
    """Give the operations that made a tensor out of a single other one, the last one first."""
    node: Any = value.grad_fn
    while node is not None:
        yield node
        before = [one for one, _ in node.next_functions if one is not None]
        node = before[0] if len(before) == 1 else None
