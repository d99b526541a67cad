"""Attributes of tensors, and what cuts their gradient."""

from __future__ import annotations

import ast
from dataclasses import replace

from losskit.check.lint.definitions import Bound
from losskit.check.lint.kinds import Flow
from losskit.check.lint.units import Unit
from losskit.check.lint.values import Tensor, Trail, Value

__all__ = ["attribute_of", "cut"]


def cut(tensor: Tensor, unit: Unit, node: ast.AST, text: str) -> Tensor:
    """Return a tensor through which no gradient passes."""
    if tensor.flow is Flow.DATA:
        return tensor
    return replace(tensor, flow=Flow.CUT, cut=tensor.cut or Trail(unit, node, text))


def attribute_of(unit: Unit, tensor: Tensor, name: str, node: ast.AST) -> Value:
    """Return an attribute of a tensor."""
    if name == "data":
        return cut(tensor, unit, node, ".data cuts the gradient")
    if name in {"T", "mT", "H"}:
        return replace(tensor, last=None)
    if name in {"real", "values"}:
        return tensor
    return Bound(tensor, name)
