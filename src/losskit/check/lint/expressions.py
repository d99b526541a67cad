"""Expressions: what they may be."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial

from losskit.check.lint import objects
from losskit.check.lint.branches import chosen
from losskit.check.lint.calls import call
from losskit.check.lint.choices import Option, join, options
from losskit.check.lint.comparisons import comparison
from losskit.check.lint.containers import Chain, Dictionary, Made, Sequence
from losskit.check.lint.definitions import Frame, Instance
from losskit.check.lint.handed import hand_over
from losskit.check.lint.iteration import element_of, unrolled
from losskit.check.lint.library.arithmetic import compared, negative
from losskit.check.lint.library.indexing import indexed
from losskit.check.lint.library.words import joined, meant
from losskit.check.lint.library.written import written_out
from losskit.check.lint.machine import Machine
from losskit.check.lint.names import leaf_of
from losskit.check.lint.operators import operated
from losskit.check.lint.parts import End
from losskit.check.lint.scopes import lookup
from losskit.check.lint.slices import sliced
from losskit.check.lint.truth import negated, question, truth_of
from losskit.check.lint.values import NONE, UNKNOWN, Arguments, Const, Value

__all__ = ["evaluate"]


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
        else:
            found, whole = _named(value)
            named.update(found)
            is_open = is_open or not whole
    given = Arguments(tuple(positional), named, is_open)
    hand_over(machine, frame, callee, given, node)
    return call(machine, frame, callee, given, node)


def _named(value: Value) -> tuple[dict[str, Value], bool]:
    """Return the arguments that ``**value`` brings, and whether these are all."""
    found = [(one, guards) for one, guards in options(value) if isinstance(one, Dictionary)]
    if not found or len(found) < len(options(value)):
        return {}, False
    shared = set.intersection(*(set(one.data) for one, _ in found))
    named = {
        key: join((one.data[key], guards) for one, guards in found)
        for key in found[0][0].data
        if isinstance(key, str) and key in shared
    }
    return named, all(not one.open and len(one.data) == len(shared) for one, _ in found)


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
    loss = written_out(machine, frame, node)
    if loss is not None:
        return loss
    # Long sums are nested to the left: walk down instead of recursing.
    chain: list[ast.BinOp] = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp):
        chain.append(left)
        left = left.left
    value = evaluate(machine, frame, left)
    for one in reversed(chain):
        machine.tick()
        value = operated(machine, frame, one, value, evaluate(machine, frame, one.right))
    return value


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
    if isinstance(node.value, ast.Call) and leaf_of(node.value.func) in {"globals", "locals"}:
        return meant(machine, frame, key)
    return indexed(machine, frame, owner, key, node)


def _slice(machine: Machine, frame: Frame, node: ast.Slice) -> Value:
    parts = (node.lower, node.upper, node.step)
    ends = [NONE if part is None else evaluate(machine, frame, part) for part in parts]
    return sliced(node, *ends)


def _ternary(machine: Machine, frame: Frame, node: ast.IfExp) -> Value:
    truth = truth_of(evaluate(machine, frame, node.test))
    if truth is not None:
        return evaluate(machine, frame, node.body if truth else node.orelse)
    found: list[Option] = []

    def side(part: ast.expr) -> End:
        found.append((evaluate(machine, frame, part), machine.branches[-1]))
        return End.NEXT

    asked = question(node.test, frame.function)
    machine.fork(frame, node, [partial(side, node.body), partial(side, node.orelse)], asked)
    return chosen(found)


def _lambda(machine: Machine, frame: Frame, node: ast.Lambda) -> Value:
    return objects.function_of(machine, frame, node, None)


def _comprehension(
    machine: Machine, frame: Frame, node: ast.ListComp | ast.SetComp | ast.GeneratorExp
) -> Value:
    inner = Frame(frame.unit, frame, frame.function)
    first = node.generators[0]
    iterated = evaluate(machine, frame, first.iter)
    items = unrolled(iterated)
    if len(node.generators) == 1 and items is not None:
        made = []
        wanted: set[bool | None] = set()
        for item in items:
            machine.assign(inner, first.target, item)
            kept = [truth_of(evaluate(machine, inner, test)) for test in first.ifs]
            wanted.add(None if None in kept else all(kept))
            if False not in kept:
                made.append(evaluate(machine, inner, node.elt))
        if None not in wanted:
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
    return joined(
        [
            evaluate(machine, frame, one.value if isinstance(one, ast.FormattedValue) else one)
            for one in node.values
        ]
    )


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
