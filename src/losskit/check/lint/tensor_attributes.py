"""Attributes of tensors, and what cuts their gradient."""

from __future__ import annotations

import ast
from dataclasses import replace

from losskit.check.lint.definitions import Bound
from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.units import Unit
from losskit.check.lint.values import Tensor, Trail, Value

__all__ = ["BY_HAND", "attribute_of", "cut", "learnt"]


def cut(tensor: Tensor, unit: Unit, node: ast.AST, text: str) -> Tensor:
    """Return a tensor through which no gradient passes."""
    if tensor.flow is Flow.DATA:
        return tensor
    return replace(tensor, flow=Flow.CUT, cut=tensor.cut or Trail(unit, node, text))


def learnt(tensor: Tensor, unit: Unit, node: ast.AST) -> Tensor:
    """Return a tensor whose ``requires_grad`` is set.

    Data, and what was detached, is optimised itself then, as an image, or its gradient is handed
    on by hand. A loss of which it is not known that it has a gradient may have got none before.
    """
    if tensor.kind is Kind.LOSS:
        if tensor.flow is not Flow.UNKNOWN:
            return tensor
        return replace(tensor, kind=Kind.LEAF, trail=Trail(unit, node, BY_HAND))
    # Of what has no gradient, such as the index of the largest, it only hides the error.
    stuck = tensor.cut is not None and tensor.cut.text.endswith("no gradient")
    begins = tensor.flow in {Flow.DATA, Flow.CUT} and not stuck
    return replace(tensor, flow=Flow.UNKNOWN, cut=None) if begins else tensor


BY_HAND = "requires_grad is set by hand"


def attribute_of(unit: Unit, tensor: Tensor, name: str, node: ast.AST) -> Value:
    """Return an attribute of a tensor."""
    if name == "data":
        return cut(tensor, unit, node, ".data cuts the gradient")
    if name in {"T", "mT", "H"}:
        return replace(tensor, last=None)
    if name in {"real", "values"}:
        return tensor
    return Bound(tensor, name)
