"""Comparisons: of constants, of objects and of tensors."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from typing import Any

from losskit.check.lint.choices import Choice, join
from losskit.check.lint.containers import Chain, Dictionary, Made, Sequence
from losskit.check.lint.definitions import Class, Frame, Function, Instance
from losskit.check.lint.kinds import Flow
from losskit.check.lint.library.arithmetic import compared
from losskit.check.lint.machine import Machine
from losskit.check.lint.tensor_attributes import cut
from losskit.check.lint.truth import EVALUATION, TRAINING, negated
from losskit.check.lint.units import Unit
from losskit.check.lint.values import LENGTH, UNKNOWN, Const, Library, Tensor, Unknown, Value

__all__ = ["comparison"]


def comparison(machine: Machine, frame: Frame, node: ast.Compare) -> Value:
    """Return what a comparison may be."""
    call = node.left
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "type":
        return _of_type(machine, frame, node, call.args)
    left = machine.evaluate(frame, node.left)
    rights = [machine.evaluate(frame, one) for one in node.comparators]
    if len(rights) != 1:
        return UNKNOWN
    [right], [op] = rights, node.ops
    if type(op) in _ORDERS and _counts(machine, frame, node):
        return UNKNOWN
    if isinstance(left, Choice):
        answers = [(_compared(op, one, right), guards) for one, guards in left.among]
        if all(answer is not None for answer, _ in answers):
            return join((Const(answer), guards) for answer, guards in answers)
    found = _compared(op, left, right)
    if found is not None:
        return Const(found)
    if isinstance(left, (Tensor, Unknown)) and not isinstance(op, (ast.Is, ast.IsNot, ast.In)):
        made = compared(left, ordered=type(op) in _ORDERS)
        if isinstance(made, Tensor) and isinstance(left, Tensor) and left.flow is Flow.MODEL:
            return cut(made, frame.unit, node, "a comparison has no gradient")
        return made
    return UNKNOWN


def _of_type(machine: Machine, frame: Frame, node: ast.Compare, given: list[ast.expr]) -> Value:
    """``type(x) is C``, which asks what ``isinstance(x, C)`` does."""
    if len(given) != 1 or len(node.ops) != 1:
        return UNKNOWN
    asked = ast.Call(ast.Name("isinstance", ast.Load()), [*given, *node.comparators], [])
    found = machine.evaluate(frame, ast.copy_location(asked, node))
    if not isinstance(found, Const):
        return UNKNOWN
    if isinstance(node.ops[0], (ast.Is, ast.Eq)):
        return found
    return Const(not found.value) if isinstance(node.ops[0], (ast.IsNot, ast.NotEq)) else UNKNOWN


def _counts(machine: Machine, frame: Frame, node: ast.Compare) -> bool:
    """Whether an attribute is compared that methods count on, whatever it begins with."""
    for one in (node.left, *node.comparators):
        if isinstance(one, ast.Attribute):
            owner = machine.evaluate(frame, one.value)
            unit = owner.kind.unit if isinstance(owner, Instance) else frame.unit
            if one.attr in _counted(unit):
                return True
    return False


def _counted(unit: Unit) -> frozenset[str]:
    return unit.recall("counted", unit.tree, lambda: frozenset(_COUNTED.findall(unit.source)))


_COUNTED = re.compile(r"\.(\w+)\s*[+-]=")
"""Attributes that are added to."""


def _compared(op: ast.cmpop, left: Value, right: Value) -> bool | None:
    if isinstance(op, (ast.Is, ast.IsNot, ast.Eq, ast.NotEq)):
        same = _same(left, right)
        return same if isinstance(op, (ast.Is, ast.Eq)) else negated(same)
    if isinstance(op, (ast.In, ast.NotIn)):
        inside = _inside(left, right)
        return inside if isinstance(op, ast.In) else negated(inside)
    if isinstance(left, Const) and isinstance(right, Const):
        numbers = (left.value, right.value)
        if all(isinstance(one, (int, float)) for one in numbers):
            compute = _ORDERS.get(type(op))
            return None if compute is None else bool(compute(*numbers))
    return None


_ORDERS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


_COUNTS = {"shape", "size", LENGTH.name}
"""Names of numbers that were counted, and are never None."""


def _same(left: Value, right: Value) -> bool | None:
    if isinstance(left, Choice):
        found = {_same(one, right) for one, _ in left.among}
        return found.pop() if len(found) == 1 else None
    if isinstance(left, Const) and isinstance(right, Const):
        return type(left.value) is type(right.value) and left.value == right.value
    if isinstance(right, Const) and right.value is None:
        solid = (Tensor, Instance, Made, Chain, Class, Function, Sequence, Dictionary, Library)
        counts = isinstance(left, Unknown) and left.name.rpartition(".")[2] in _COUNTS
        return False if counts or isinstance(left, solid) else None
    if isinstance(left, Const) and isinstance(right, Unknown):
        left, right = right, left
    if isinstance(right, Const) and isinstance(right.value, str) and isinstance(left, Unknown):
        # Which phase a training is in: training, where one cannot know.
        if TRAINING.match(right.value):
            return True
        return False if EVALUATION.match(right.value) else None
    return None


def _inside(left: Value, right: Value) -> bool | None:
    if isinstance(right, Dictionary) and isinstance(left, Const):
        if left.value in right.data:
            return True
        return None if right.open else False
    if isinstance(right, Sequence) and right.items is not None:
        found = {_same(left, item) for item in right.items}
        if True in found:
            return True
        return False if found == {False} else None
    if isinstance(left, Const) and isinstance(right, Const):
        words = isinstance(left.value, str) and isinstance(right.value, str)
        return left.value in right.value if words else None
    return None
