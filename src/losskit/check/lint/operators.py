"""Operators between two values: constants, lists, and what libraries make of tensors."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from losskit.check.lint.choices import Choice, join
from losskit.check.lint.containers import Sequence
from losskit.check.lint.definitions import Frame
from losskit.check.lint.library.arithmetic import arithmetic
from losskit.check.lint.library.words import put_together
from losskit.check.lint.machine import Machine
from losskit.check.lint.padding import filling
from losskit.check.lint.values import UNKNOWN, Const, Value

__all__ = ["operated"]


def operated(
    machine: Machine,
    frame: Frame,
    node: ast.BinOp,
    left: Value,
    right: Value,
    *,
    surely: bool = True,
) -> Value:
    """Return what an operator gives; ``surely`` is False where other values may stand there."""
    if isinstance(left, Choice):
        return join(
            (operated(machine, frame, node, one, right, surely=False), guards)
            for one, guards in left.among
        )
    if isinstance(right, Choice):
        return join(
            (operated(machine, frame, node, left, one, surely=False), guards)
            for one, guards in right.among
        )
    text = put_together(node.op, left, right)
    if text is not None:
        return text
    if isinstance(left, Const) and isinstance(right, Const):
        return _computed(node.op, left.value, right.value)
    if isinstance(left, Sequence) and isinstance(right, Sequence) and isinstance(node.op, ast.Add):
        return _put_together(left, right)
    if isinstance(right, Sequence) and right.filling is not None and isinstance(node.op, ast.Add):
        return _put_together(Sequence(None), right)
    if isinstance(left, Sequence) and left.filling is not None and isinstance(node.op, ast.Add):
        return _put_together(left, Sequence(None))
    if isinstance(left, Sequence) and isinstance(node.op, ast.Mult):
        return _repeated(left, right, node.left)
    return arithmetic(machine, frame.unit, node, left, right, surely=surely)


def _put_together(left: Sequence, right: Sequence) -> Sequence:
    if left.items is not None and right.items is not None:
        both = Sequence((*left.items, *right.items))
        both.grown = left.grown or right.grown
        return both
    made = Sequence(None)
    made.padding = right.filling or left.filling or left.padding or right.padding
    return made


def _repeated(value: Sequence, times: Value, written: ast.expr) -> Sequence:
    """``[0] * n``: what lists are filled up with."""
    items = value.items
    if items is None or len(items) != 1 or isinstance(times, Const):
        return value
    made = Sequence(None, items[0])
    made.filling = filling(items[0], written.elts[0] if isinstance(written, ast.List) else None)
    return made


_COMPUTED: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def _computed(op: ast.operator, left: Any, right: Any) -> Value:
    compute = _COMPUTED.get(type(op))
    numbers = all(isinstance(one, (int, float)) and abs(one) < 2**63 for one in (left, right))
    if compute is None or not numbers:
        return UNKNOWN
    try:
        return Const(compute(left, right))
    except (ArithmeticError, ValueError, TypeError):
        return UNKNOWN
