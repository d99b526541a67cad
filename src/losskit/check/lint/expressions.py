"""Expressions: what they may be."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from losskit.check.lint import objects
from losskit.check.lint.branches import guarded
from losskit.check.lint.calls import call
from losskit.check.lint.choices import Choice, Guard, join
from losskit.check.lint.comparisons import comparison
from losskit.check.lint.containers import Chain, Dictionary, Made, Sequence
from losskit.check.lint.definitions import Deferred, Frame, Instance, Pending
from losskit.check.lint.imports import forced
from losskit.check.lint.library.arithmetic import arithmetic, compared, negative
from losskit.check.lint.library.data import batch_of, batch_of_unknown
from losskit.check.lint.library.indexing import indexed
from losskit.check.lint.machine import End, Machine
from losskit.check.lint.truth import negated, truth_of
from losskit.check.lint.values import (
    UNKNOWN,
    Absent,
    Arguments,
    Const,
    Library,
    Tensor,
    Unknown,
    Value,
)

__all__ = ["element_of", "evaluate", "lookup", "unrolled"]

_BUILTINS = frozenset(
    [
        "super",
        "range",
        "len",
        "zip",
        "enumerate",
        "list",
        "tuple",
        "dict",
        "set",
        "getattr",
        "setattr",
        "hasattr",
        "isinstance",
        "print",
        "map",
        "filter",
        "sum",
        "max",
        "min",
        "abs",
        "int",
        "float",
        "str",
        "bool",
        "reversed",
        "sorted",
        "type",
        "iter",
        "next",
        "property",
        "staticmethod",
        "classmethod",
        "object",
        "vars",
        "any",
        "all",
        "round",
        "callable",
        "locals",
        "globals",
    ]
)


def evaluate(machine: Machine, frame: Frame, node: ast.expr) -> Value:
    """Return what an expression may be."""
    machine.tick()
    run = _EVALUATORS.get(type(node))
    if run is not None:
        found: Value = run(machine, frame, node)
        return found
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            evaluate(machine, frame, child)
    return UNKNOWN


def lookup(machine: Machine, frame: Frame, name: str) -> Value:
    """Return what a name stands for."""
    scope: Frame | None = frame
    while scope is not None:
        found = scope.data.get(name)
        if found is not None:
            if isinstance(found, (Pending, Deferred)):
                found = scope.data[name] = forced(machine, found, name)
            return found
        scope = scope.outer
    if name in _BUILTINS:
        return Library(f"builtins.{name}")
    if name == "__name__":
        return Unknown(name)
    return Unknown(name)


def _constant(machine: Machine, frame: Frame, node: ast.Constant) -> Value:
    return Const(node.value)


def _name(machine: Machine, frame: Frame, node: ast.Name) -> Value:
    return lookup(machine, frame, node.id)


def _attribute(machine: Machine, frame: Frame, node: ast.Attribute) -> Value:
    owner = evaluate(machine, frame, node.value)
    return objects.get_attribute(machine, frame, owner, node.attr, node)


def _call(machine: Machine, frame: Frame, node: ast.Call) -> Value:
    callee = evaluate(machine, frame, node.func)
    positional: list[Value] = []
    named: dict[str, Value] = {}
    is_open = False
    for one in node.args:
        if isinstance(one, ast.Starred):
            starred = evaluate(machine, frame, one.value)
            items = _spread(starred)
            if items is None:
                is_open = True
            else:
                positional += items
        else:
            positional.append(evaluate(machine, frame, one))
    for keyword in node.keywords:
        value = evaluate(machine, frame, keyword.value)
        if keyword.arg is not None:
            named[keyword.arg] = value
        elif isinstance(value, Dictionary):
            named.update({key: item for key, item in value.data.items() if isinstance(key, str)})
            is_open = is_open or value.open
        else:
            is_open = True
    return call(machine, frame, callee, Arguments(tuple(positional), named, is_open), node)


def _spread(value: Value) -> list[Value] | None:
    if isinstance(value, Sequence) and value.items is not None:
        return list(value.items)
    if isinstance(value, Chain):
        return list(value.data.values())
    return None


def _items(machine: Machine, frame: Frame, node: ast.List | ast.Tuple | ast.Set) -> Value:
    items: list[Value] = []
    for one in node.elts:
        if isinstance(one, ast.Starred):
            spread = _spread(evaluate(machine, frame, one.value))
            if spread is None:
                return Sequence(None)
            items += spread
        else:
            items.append(evaluate(machine, frame, one))
    return Sequence(items)


def _dictionary(machine: Machine, frame: Frame, node: ast.Dict) -> Value:
    made = Dictionary()
    for key, value in zip(node.keys, node.values, strict=True):
        found = evaluate(machine, frame, value)
        if key is None:
            if isinstance(found, Dictionary):
                made.data.update(found.data)
            made.open = made.open or not isinstance(found, Dictionary) or found.open
            continue
        name = evaluate(machine, frame, key)
        if isinstance(name, Const):
            made.data[name.value] = found
        else:
            made.open = True
    return made


def _binary(machine: Machine, frame: Frame, node: ast.BinOp) -> Value:
    # Long sums are nested to the left: walk down instead of recursing.
    chain: list[ast.BinOp] = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp):
        chain.append(left)
        left = left.left
    value = evaluate(machine, frame, left)
    for one in reversed(chain):
        machine.tick()
        value = _operated(machine, frame, one, value, evaluate(machine, frame, one.right))
    return value


def _operated(
    machine: Machine,
    frame: Frame,
    node: ast.BinOp,
    left: Value,
    right: Value,
    *,
    surely: bool = True,
) -> Value:
    if isinstance(left, Choice):
        return join(
            (_operated(machine, frame, node, one, right, surely=False), guards)
            for one, guards in left.among
        )
    if isinstance(right, Choice):
        return join(
            (_operated(machine, frame, node, left, one, surely=False), guards)
            for one, guards in right.among
        )
    if isinstance(left, Const) and isinstance(right, Const):
        return _computed(node.op, left.value, right.value)
    if isinstance(left, Sequence) and isinstance(right, Sequence) and isinstance(node.op, ast.Add):
        return _put_together(left, right)
    if isinstance(right, Sequence) and right.filling is not None and isinstance(node.op, ast.Add):
        return _put_together(Sequence(None), right)
    if isinstance(left, Sequence) and left.filling is not None and isinstance(node.op, ast.Add):
        return _put_together(left, Sequence(None))
    if isinstance(left, Sequence) and isinstance(node.op, ast.Mult):
        return _repeated(left, right)
    return arithmetic(machine, frame.unit, node, left, right, surely=surely)


def _put_together(left: Sequence, right: Sequence) -> Sequence:
    if left.items is not None and right.items is not None:
        return Sequence((*left.items, *right.items))
    made = Sequence(None)
    made.padding = right.filling or left.filling or left.padding or right.padding
    return made


def _repeated(value: Sequence, times: Value) -> Sequence:
    """``[0] * n``: what lists are filled up with."""
    items = value.items
    if items is None or len(items) != 1 or isinstance(times, Const):
        return value
    made = Sequence(None, items[0])
    made.filling = items[0] if isinstance(items[0], Const) else None
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
    words = isinstance(left, str) and isinstance(right, str) and isinstance(op, ast.Add)
    if compute is None or not (numbers or words):
        return UNKNOWN
    try:
        return Const(compute(left, right))
    except (ArithmeticError, ValueError, TypeError):
        return UNKNOWN


def _unary(machine: Machine, frame: Frame, node: ast.UnaryOp) -> Value:
    value = evaluate(machine, frame, node.operand)
    if isinstance(node.op, ast.Not):
        truth = negated(truth_of(value))
        return UNKNOWN if truth is None else Const(truth)
    if isinstance(value, Const) and isinstance(node.op, ast.USub):
        number = value.value
        return Const(-number) if isinstance(number, (int, float)) else UNKNOWN
    if isinstance(node.op, ast.USub):
        return negative(value)
    return compared(value) if isinstance(node.op, ast.Invert) else UNKNOWN


def _boolean(machine: Machine, frame: Frame, node: ast.BoolOp) -> Value:
    decides = isinstance(node.op, ast.Or)
    undecided: list[Value] = []
    value: Value = UNKNOWN
    for one in node.values:
        value = evaluate(machine, frame, one)
        truth = truth_of(value)
        if truth is None:
            undecided.append(value)
        elif truth is decides:
            # Whatever came before, the whole is as true or false as this.
            return Const(False) if undecided and not decides else value
    if not undecided:
        return value
    return value if undecided == [value] else UNKNOWN


def _subscript(machine: Machine, frame: Frame, node: ast.Subscript) -> Value:
    owner = evaluate(machine, frame, node.value)
    key = evaluate(machine, frame, node.slice)
    return indexed(machine, frame, owner, key, node)


def _slice(machine: Machine, frame: Frame, node: ast.Slice) -> Value:
    parts = []
    for part in (node.lower, node.upper, node.step):
        found = Const(None) if part is None else evaluate(machine, frame, part)
        if not isinstance(found, Const):
            return Unknown("slice")
        parts.append(found.value)
    if all(part is None or type(part) is int for part in parts):
        return Const(slice(*parts))
    return Unknown("slice")


def _ternary(machine: Machine, frame: Frame, node: ast.IfExp) -> Value:
    truth = truth_of(evaluate(machine, frame, node.test))
    if truth is not None:
        return evaluate(machine, frame, node.body if truth else node.orelse)
    found: list[tuple[Value, Guard]] = []

    def side(at: int, part: ast.expr) -> End:
        found.append((evaluate(machine, frame, part), Guard(id(node), at)))
        return End.NEXT

    machine.fork(frame, node, [lambda: side(0, node.body), lambda: side(1, node.orelse)])
    return guarded(found)


def _lambda(machine: Machine, frame: Frame, node: ast.Lambda) -> Value:
    return objects.function_of(machine, frame, node, None)


def _comprehension(
    machine: Machine, frame: Frame, node: ast.ListComp | ast.SetComp | ast.GeneratorExp
) -> Value:
    inner = Frame(frame.unit, frame, frame.function)
    first = node.generators[0]
    iterated = evaluate(machine, frame, first.iter)
    items = unrolled(iterated)
    if len(node.generators) == 1 and not first.ifs and items is not None:
        made = []
        for item in items:
            machine.assign(inner, first.target, item)
            made.append(evaluate(machine, inner, node.elt))
        return Sequence(made)
    for at, generator in enumerate(node.generators):
        value = iterated if at == 0 else evaluate(machine, inner, generator.iter)
        machine.assign(inner, generator.target, element_of(machine, inner, value, generator.iter))
        for test in generator.ifs:
            evaluate(machine, inner, test)
    one = evaluate(machine, inner, node.elt)
    # One item of an unknown number: as good as the first of them, for a chain of layers.
    if isinstance(one, (Made, Instance, Chain)):
        return Sequence((one,), one)
    return Sequence(None, one)


def _dict_comprehension(machine: Machine, frame: Frame, node: ast.DictComp) -> Value:
    inner = Frame(frame.unit, frame, frame.function)
    made = Dictionary(open=True)
    for generator in node.generators:
        iterated = evaluate(machine, inner, generator.iter)
        items = unrolled(iterated)
        if items is not None and len(node.generators) == 1 and not generator.ifs:
            made.open = False
            for item in items:
                machine.assign(inner, generator.target, item)
                key = evaluate(machine, inner, node.key)
                value = evaluate(machine, inner, node.value)
                if isinstance(key, Const):
                    made.data[key.value] = value
                else:
                    made.open = True
            return made
        machine.assign(
            inner,
            generator.target,
            element_of(machine, inner, iterated, generator.iter),
        )
    evaluate(machine, inner, node.value)
    return made


def _walrus(machine: Machine, frame: Frame, node: ast.NamedExpr) -> Value:
    value = evaluate(machine, frame, node.value)
    machine.assign(frame, node.target, value)
    return value


def _yield(machine: Machine, frame: Frame, node: ast.Yield) -> Value:
    if node.value is not None:
        frame.yields.append(evaluate(machine, frame, node.value))
    return UNKNOWN


def _await(machine: Machine, frame: Frame, node: ast.Await) -> Value:
    return evaluate(machine, frame, node.value)


def _starred(machine: Machine, frame: Frame, node: ast.Starred) -> Value:
    return evaluate(machine, frame, node.value)


def _formatted(machine: Machine, frame: Frame, node: ast.JoinedStr) -> Value:
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            evaluate(machine, frame, part.value)
    return UNKNOWN


_UNROLLED = 12
"""Items of a list that a loop runs through one by one."""


def unrolled(value: Value) -> tuple[Value, ...] | None:
    """Return the items of a list that is short enough."""
    if isinstance(value, Chain):
        items: tuple[Value, ...] | None = tuple(value.data.values())
    elif isinstance(value, Dictionary) and not value.open:
        items = tuple(Const(key) for key in value.data)
    elif isinstance(value, Sequence):
        items = value.items
    else:
        return None
    if items is None or not 0 < len(items) <= _UNROLLED:
        return None
    return tuple(item for item in items if not isinstance(item, Absent))


def element_of(machine: Machine, frame: Frame, value: Value, node: ast.expr) -> Value:
    """Return one item of what a loop runs over."""
    if isinstance(value, Choice):
        return join((element_of(machine, frame, one, node), guards) for one, guards in value.among)
    if isinstance(value, Sequence):
        if value.items is None:
            return value.each
        return join((item, frozenset()) for item in value.items if not isinstance(item, Absent))
    if isinstance(value, Chain):
        return join((item, frozenset()) for item in value.data.values())
    if isinstance(value, Tensor):
        return indexed(machine, frame, value, Const(0), node)
    if isinstance(value, Made):
        return batch_of(machine, frame, value, node)
    if isinstance(value, Unknown):
        return batch_of_unknown(value)
    return UNKNOWN


_EVALUATORS: dict[type[ast.expr], Callable[..., Value]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Call: _call,
    ast.List: _items,
    ast.Tuple: _items,
    ast.Set: _items,
    ast.Dict: _dictionary,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _boolean,
    ast.Compare: comparison,
    ast.Subscript: _subscript,
    ast.Slice: _slice,
    ast.IfExp: _ternary,
    ast.Lambda: _lambda,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _dict_comprehension,
    ast.NamedExpr: _walrus,
    ast.Yield: _yield,
    ast.Await: _await,
    ast.Starred: _starred,
    ast.JoinedStr: _formatted,
}
