"""Tensors made anew, of numbers, lists and other tensors: they remember nothing."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from losskit.check.lint.choices import Choice, join
from losskit.check.lint.containers import Sequence
from losskit.check.lint.definitions import Frame
from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.library import shapes
from losskit.check.lint.library.filled import is_size
from losskit.check.lint.library.flows import as_tensor, combined_flow, data_tensor
from losskit.check.lint.library.reductions import learns_actions
from losskit.check.lint.names import takes_loss
from losskit.check.lint.tables import is_table, numbers
from losskit.check.lint.tensor_attributes import cut, learnt
from losskit.check.lint.values import (
    UNKNOWN,
    Arguments,
    Const,
    Tensor,
    Trail,
    Unknown,
    Value,
)

__all__ = ["made_tensor", "variable"]


def variable(frame: Frame, given: Arguments, node: ast.AST) -> Value:
    """``Variable(...)``: what it is given, or a leaf where it is to have a gradient of its own."""
    first = given.get(0, "data")
    if isinstance(first, (Tensor, Unknown)) and given.const(1, "requires_grad") is True:
        if isinstance(first, Tensor) and first.flow is Flow.DATA and not takes_loss(node):
            return learnt(first, frame.unit, node)
        return _leaf(frame, "Variable", first, node)
    if isinstance(first, (Tensor, Unknown)) and first.flow is Flow.MODEL:
        # PyTorch before 0.4 refused it, and gave it no other meaning.
        output = first if isinstance(first, Tensor) else Tensor(flow=first.flow, name=first.name)
        return cut(output, frame.unit, node, "Variable() makes a new tensor")
    return UNKNOWN if first is None else first


def _leaf(frame: Frame, name: str, value: Value | None, node: ast.AST) -> Tensor:
    """What was computed becomes data with a gradient of its own."""
    trail = Trail(frame.unit, node, f"{name}() makes a new tensor")
    return Tensor(Kind.LEAF, trail=trail, cut=value.cut if isinstance(value, Tensor) else None)


def made_tensor(frame: Frame, leaf: str, given: Arguments, node: ast.AST) -> Value:
    """``torch.tensor(...)``, ``np.array(...)`` and the like."""
    first = given.get(0, "data")
    if isinstance(first, Choice):
        rest = given.positional[1:]
        return join(
            (made_tensor(frame, leaf, Arguments((one, *rest), given.named), node), guards)
            for one, guards in first.among
        )
    wanted = given.const(-1, "requires_grad") is True
    if first is not None and is_table(first):
        first = numbers()
    if isinstance(first, Sequence):
        made = _of_items(frame, leaf, first, node)
        return replace(made, flow=Flow.UNKNOWN) if wanted and made.flow is Flow.DATA else made
    axes = len(given.positional) if leaf[0].isupper() else 0
    sized = axes > 0 and all(map(is_size, given.positional))
    if sized or isinstance(first, Const):
        return Tensor(flow=Flow.UNKNOWN if wanted else Flow.DATA, rank=axes if sized else None)
    tensor = as_tensor(first) if first is not None else None
    if tensor is None:
        return UNKNOWN
    if leaf == "array":
        return replace(data_tensor(tensor), rank=tensor.rank, last=tensor.last)
    if leaf in {"as_tensor", "asarray"}:
        return tensor
    if leaf in {"LongTensor", "IntTensor"} and tensor.kind is Kind.MULTI_HOT:
        # A truth value becomes the index of one of two classes.
        tensor = replace(tensor, kind=Kind.INDICES)
    if wanted and tensor.flow is not Flow.MODEL:
        if isinstance(first, Tensor) and first.flow is Flow.DATA and not takes_loss(node):
            return learnt(first, frame.unit, node)
        return _leaf(frame, f"torch.{leaf}", tensor, node)
    if tensor.flow is Flow.UNKNOWN and not isinstance(first, Tensor):
        return UNKNOWN
    if tensor.flow is Flow.UNKNOWN and tensor.kind is not Kind.LOSS:
        # What it is made of may well be data.
        return replace(tensor, flow=Flow.UNKNOWN)
    return cut(tensor, frame.unit, node, f"torch.{leaf}() makes a new tensor")


def _of_losses(frame: Frame, node: ast.AST) -> bool:
    """Whether a model puts into a new tensor what it calls losses."""
    names = node.args if isinstance(node, ast.Call) else []
    in_model = frame.function is not None and frame.function.name in {"forward", "training_step"}
    return in_model and any(isinstance(one, ast.Name) and "loss" in one.id for one in names[:1])


def _of_returns(frame: Frame, node: ast.AST) -> bool:
    """Whether rewards that were added up step by step are put into a tensor."""
    first = node.args[0] if isinstance(node, ast.Call) and node.args else None
    named = isinstance(first, ast.Name) and _RETURNS.search(first.id) is not None
    return named and learns_actions(frame.unit)


_RETURNS = re.compile(r"^(discounted_?\w*|returns?|rewards?|\w+_(returns|rewards))$")


def _may_be_number(value: Value) -> bool:
    """Whether an item is not known to be more than a number."""
    if isinstance(value, Tensor):
        return value.rank is None and value.kind is Kind.UNKNOWN and value.flow is not Flow.MODEL
    return isinstance(value, (Unknown, Const))


def _of_items(frame: Frame, leaf: str, rows: Sequence, node: ast.AST) -> Tensor:
    """A tensor of what a list holds."""
    padding = rows.padding or (rows.each.padding if isinstance(rows.each, Sequence) else None)
    if padding is not None:
        trail = Trail(frame.unit, node, "a list that was filled up becomes a tensor")
        return Tensor(flow=Flow.DATA, trail=trail, padding=padding)
    items = rows.items or ()
    if rows.items is None and isinstance(rows.each, Tensor) and rows.each.kind is Kind.LOSS:
        items = (rows.each,)
    if rows.grown and items and _of_returns(frame, node) and all(map(_may_be_number, items)):
        return Tensor(flow=Flow.DATA, rank=1)
    tensors = [one for one in items if isinstance(one, Tensor)]
    if tensors:
        flow, gone = combined_flow(list(items))
        losses = len(tensors) == len(items) and all(one.kind is Kind.LOSS for one in tensors)
        if flow is Flow.UNKNOWN and not losses:
            # Rewards and the like: whatever they were, numbers are left.
            flow = Flow.DATA
        rank, last = shapes.stacked(rows)
        if leaf not in {"array", "asarray"} and all(one.last == 1 for one in tensors):
            # Tensors of one element are numbers to PyTorch, arrays of NumPy are rows.
            rank, last = None, None
        kind = Kind.LOSS if losses else Kind.UNKNOWN
        made = Tensor(kind, flow, cut=gone, rank=rank, last=last)
        if flow is Flow.CUT:
            # As numbers that were taken of losses, for a log.
            return made
        library = "numpy" if leaf == "array" else "torch"
        return cut(made, frame.unit, node, f"{library}.{leaf}() makes a new tensor")
    if items and rows.grown and _of_losses(frame, node):
        trail = Trail(frame.unit, node, f"torch.{leaf}() makes a new tensor")
        return Tensor(Kind.LOSS, Flow.CUT, trail, trail)
    if rows.items is not None and not items and not rows.grown:
        return Tensor(flow=Flow.DATA, last=0)
    alone = _lists_around_one(rows)
    flat = bool(items) and all(isinstance(one, Const) for one in items)
    rank = alone or (1 if flat else None)
    return Tensor(flow=Flow.DATA, rank=rank, last=1 if alone else None)


def _lists_around_one(rows: Sequence) -> int:
    """Return how many lists stand around a single number, as in ``[[reward]]``."""
    if rows.items is None or len(rows.items) != 1 or rows.grown:
        return 0
    [inner] = rows.items
    if not isinstance(inner, Sequence):
        return 1
    deeper = _lists_around_one(inner)
    return deeper + 1 if deeper else 0
