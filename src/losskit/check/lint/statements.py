"""Statements: what running them does to names and objects."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

from losskit.check.lint import objects
from losskit.check.lint.assignments import assign
from losskit.check.lint.choices import Guard
from losskit.check.lint.containers import Chain, Made, Sequence
from losskit.check.lint.definitions import Class, Frame, Instance
from losskit.check.lint.expressions import evaluate
from losskit.check.lint.imports import run_import, run_import_from
from losskit.check.lint.iteration import element_of, unrolled
from losskit.check.lint.kinds import ACTIVATIONS, Flow, Kind
from losskit.check.lint.library.data import is_data
from losskit.check.lint.machine import Machine
from losskit.check.lint.names import leaf_of
from losskit.check.lint.parts import End
from losskit.check.lint.returns import returned
from losskit.check.lint.rewrites import as_if, conjuncts, nested
from losskit.check.lint.truth import implied, is_setting, question, truth_of
from losskit.check.lint.values import Const, Tensor, Unknown

__all__ = ["run_block"]


def run_block(machine: Machine, frame: Frame, body: Iterable[ast.stmt]) -> End:
    """Run statements until one leaves the block."""
    for statement in body:
        machine.tick()
        run = _RUNNERS.get(type(statement))
        if run is not None:
            end = run(machine, frame, statement)
            if end is not End.NEXT:
                return end
    return End.NEXT


def _expression(machine: Machine, frame: Frame, node: ast.Expr) -> End:
    value, call = evaluate(machine, frame, node.value), node.value
    if (
        isinstance(value, Tensor)
        and isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr.endswith("_")
        and (value.kind not in {Kind.UNKNOWN, Kind.LOSS} or call.func.attr == "requires_grad_")
        and isinstance(call.func.value, ast.Name)
        and isinstance(frame.data.get(call.func.value.id), Tensor)
    ):
        # In place, as x.sigmoid_() and y.scatter_(1, classes, 1).
        assign(machine, frame, call.func.value, value)
    _overwrite(machine, frame, call)
    _reshape(machine, frame, call)
    return End.NEXT


def _overwrite(machine: Machine, frame: Frame, node: ast.expr) -> None:
    """Forget what a tensor held that is filled with a number in place."""
    if not isinstance(node, ast.Call) or leaf_of(node.func) not in {"fill_", "zero_"}:
        return
    target = node.func.value if isinstance(node.func, ast.Attribute) else node.func
    old = frame.data.get(target.id) if isinstance(target, ast.Name) else None
    if isinstance(old, Tensor) and old.kind in ACTIVATIONS.values():
        assign(machine, frame, target, replace(old, kind=Kind.UNKNOWN, trail=None))


def _reshape(machine: Machine, frame: Frame, node: ast.expr) -> None:
    """Give a tensor the shape that it gets in place, as by ``labels.data.resize_(n).fill_(1)``."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        target = node.func.value
        if node.func.attr in _RESHAPING:
            data = isinstance(target, ast.Attribute) and target.attr == "data"
            target = target.value if data and isinstance(target, ast.Attribute) else target
            old, new = evaluate(machine, frame, target), evaluate(machine, frame, node)
            if isinstance(old, Tensor) and isinstance(target, (ast.Name, ast.Attribute)):
                shape = new if isinstance(new, Tensor) else Tensor()
                assign(machine, frame, target, replace(old, rank=shape.rank, last=shape.last))
            return
        node = target


_RESHAPING = {"resize_", "resize_as_", "squeeze_", "unsqueeze_", "transpose_", "t_"}


def _assign(machine: Machine, frame: Frame, node: ast.Assign) -> End:
    value = evaluate(machine, frame, node.value)
    if isinstance(value, (Unknown, Made)) and _reloads(frame, node):
        return End.NEXT
    for target in node.targets:
        assign(machine, frame, target, value)
    return End.NEXT


def _reloads(frame: Frame, node: ast.Assign) -> bool:
    """Whether a model is read from a file in the place of one: most probably the same."""
    loads = isinstance(node.value, ast.Call) and leaf_of(node.value.func) in _LOADING
    [target, *others] = node.targets
    return (
        loads
        and not others
        and isinstance(target, ast.Name)
        and isinstance(frame.data.get(target.id), (Instance, Chain, Made))
    )


_LOADING = {"load", "load_model"}


def _annotated(machine: Machine, frame: Frame, node: ast.AnnAssign) -> End:
    if node.value is not None:
        assign(machine, frame, node.target, evaluate(machine, frame, node.value))
    return End.NEXT


def _augmented(machine: Machine, frame: Frame, node: ast.AugAssign) -> End:
    load = _as_load(node.target)
    made = ast.copy_location(ast.BinOp(load, node.op, node.value), node)
    value = evaluate(machine, frame, made)
    if isinstance(value, Sequence):
        value.grown = value.grown or machine.looping > 0
    assign(machine, frame, node.target, value)
    return End.NEXT


def _as_load(target: ast.expr) -> ast.expr:
    """Return a target of an assignment as an expression."""
    if isinstance(target, ast.Name):
        return ast.copy_location(ast.Name(target.id, ast.Load()), target)
    if isinstance(target, ast.Attribute):
        return ast.copy_location(ast.Attribute(target.value, target.attr, ast.Load()), target)
    if isinstance(target, ast.Subscript):
        return ast.copy_location(ast.Subscript(target.value, target.slice, ast.Load()), target)
    return target


def _if(machine: Machine, frame: Frame, node: ast.If) -> End:
    several = conjuncts(node)
    if several:
        # One question after the other, each of which other branches may ask as well.
        node = frame.unit.recall("nested", node, partial(nested, node, several))
    test = evaluate(machine, frame, node.test)
    truth, asked = truth_of(test), question(node.test, frame.function)
    if truth is not None:
        other = node.orelse if truth else node.body
        if not machine.exploring and machine.loss_calls(frame.unit, other):
            machine.skipped[id(node)] = frame.unit, other
            if asked is not None:
                machine.asked.add(asked[0])
        explored = asked is not None and asked[0] in machine.asked
        explored = explored or machine.passed_by(frame.unit, other)
        if not (machine.exploring and explored and is_setting(node.test)):
            return run_block(machine, frame, node.body if truth else node.orelse)
    sides = [
        partial(_side, machine, frame, node.body, implied(test, True)),
        partial(_side, machine, frame, node.orelse, implied(test, False)),
    ]
    decided = None if truth is None or machine.assumes(frame.function) else 1 - truth
    return machine.fork(frame, node, sides, asked, decided=decided)


def _side(machine: Machine, frame: Frame, body: list[ast.stmt], guards: frozenset[Guard]) -> End:
    with machine.under(guards):
        return run_block(machine, frame, body)


def _for(machine: Machine, frame: Frame, node: ast.For | ast.AsyncFor) -> End:
    iterated = evaluate(machine, frame, node.iter)
    items = unrolled(iterated)
    if items is not None:
        end = End.NEXT
        for item in items:
            assign(machine, frame, node.target, item)
            end = run_block(machine, frame, node.body)
            if end is End.RETURN:
                return end
            if end is End.LOOP and _breaks(node.body):
                break
        return run_block(machine, frame, node.orelse)
    _forget(machine, frame, node.body)
    assign(machine, frame, node.target, element_of(machine, frame, iterated, node.iter))
    end = _round(machine, frame, node.body)
    if end is End.RETURN and isinstance(iterated, Sequence):
        return End.NEXT
    return run_block(machine, frame, node.orelse)


def _round(machine: Machine, frame: Frame, body: list[ast.stmt]) -> End:
    """Run the body of a loop, once for all of its rounds."""
    machine.looping += 1
    try:
        return run_block(machine, frame, body)
    finally:
        machine.looping -= 1


def _breaks(body: list[ast.stmt]) -> bool:
    return bool(body) and isinstance(body[-1], ast.Break)


def _forget(machine: Machine, frame: Frame, body: list[ast.stmt]) -> None:
    """Forget the constants that a loop's body changes: they hold in its first round only."""
    if not body:
        return
    for node in frame.unit.recall("changed", body[0], lambda: list(_changed(body))):
        if isinstance(node, ast.Name):
            held = frame.data.get(node.id)
            if isinstance(held, Const) and held.value is not None:
                machine.write(frame, node.id, Unknown(node.id, Flow.DATA))
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Attribute):
            owner = node.target.value
            if isinstance(owner, ast.Name):
                found = frame.data.get(owner.id)
                if isinstance(found, Instance):
                    held = found.data.get(node.target.attr)
                    if isinstance(held, Const):
                        machine.write(found, node.target.attr, Unknown(node.target.attr))


def _changed(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Yield the names that a loop's body sets, and what it adds to attributes."""
    for statement in body:
        for node in ast.walk(statement):
            is_set = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            if is_set or isinstance(node, ast.AugAssign):
                yield node


def _while(machine: Machine, frame: Frame, node: ast.While) -> End:
    _forget(machine, frame, node.body)
    if truth_of(evaluate(machine, frame, node.test)) is False:
        return run_block(machine, frame, node.orelse)
    _round(machine, frame, node.body)
    return run_block(machine, frame, node.orelse)


def _with(machine: Machine, frame: Frame, node: ast.With | ast.AsyncWith) -> End:
    ungraded = False
    for item in node.items:
        call = item.context_expr
        if isinstance(call, ast.Call) and leaf_of(call.func) in _FAILING:
            # What is to fail is wrong on purpose.
            return End.NEXT
        manager = evaluate(machine, frame, item.context_expr)
        ungraded = ungraded or objects.ungrades(manager)
        if item.optional_vars is not None:
            given = manager
            if isinstance(manager, Made) and not is_data(manager.leaf):
                given = Unknown(
                    item.context_expr.func.attr
                    if isinstance(item.context_expr, ast.Call)
                    and isinstance(item.context_expr.func, ast.Attribute)
                    else ""
                )
            assign(machine, frame, item.optional_vars, given)
    with machine.without_gradient(ungraded):
        return run_block(machine, frame, node.body)


_FAILING = {"raises", "assertRaises", "assertRaisesRegex"}
"""Blocks of tests that must raise."""


def _try(machine: Machine, frame: Frame, node: ast.Try) -> End:
    end = run_block(machine, frame, node.body)
    imports_only = all(isinstance(one, (ast.Import, ast.ImportFrom)) for one in node.body)
    for handler in node.handlers:
        sides: list[Callable[[], End]] = [
            lambda: End.NEXT,
            partial(run_block, machine, frame, handler.body),
        ]
        if not imports_only:
            machine.fork(frame, handler, sides)
    if end is End.NEXT:
        end = run_block(machine, frame, node.orelse)
    final = run_block(machine, frame, node.finalbody)
    return final if final is not End.NEXT else end


def _define(machine: Machine, frame: Frame, node: ast.FunctionDef | ast.AsyncFunctionDef) -> End:
    function = objects.function_of(machine, frame, node, None)
    machine.write(frame, node.name, objects.decorated(machine, frame, node, function))
    return End.NEXT


def _class(machine: Machine, frame: Frame, node: ast.ClassDef) -> End:
    machine.write(frame, node.name, _made_class(machine, frame, node))
    return End.NEXT


def _made_class(machine: Machine, frame: Frame, node: ast.ClassDef) -> Class:
    """Make a class of its definition."""
    bases = tuple(evaluate(machine, frame, base) for base in node.bases)
    made = Class(node.name, node, frame.unit, bases)
    body = Frame(frame.unit, frame)
    for statement in node.body:
        machine.tick()
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            function = objects.function_of(machine, frame, statement, made)
            made.data[statement.name] = objects.decorated(machine, frame, statement, function)
        elif isinstance(statement, ast.ClassDef):
            made.data[statement.name] = _made_class(machine, frame, statement)
        elif isinstance(statement, (ast.Assign, ast.AnnAssign, ast.If)):
            run_block(machine, body, [statement])
            made.data.update(body.data)
    return made


def _global(machine: Machine, frame: Frame, node: ast.Global) -> End:
    frame.shared.update(node.names)
    return End.NEXT


def _delete(machine: Machine, frame: Frame, node: ast.Delete) -> End:
    return End.NEXT


def _leave(machine: Machine, frame: Frame, node: ast.stmt) -> End:
    return End.RETURN


def _leave_loop(machine: Machine, frame: Frame, node: ast.stmt) -> End:
    return End.LOOP


def _match(machine: Machine, frame: Frame, node: ast.Match) -> End:
    plain = frame.unit.recall("match", node, partial(as_if, node))
    if plain is not None:
        return run_block(machine, frame, plain)
    evaluate(machine, frame, node.subject)
    sides = [partial(run_block, machine, frame, case.body) for case in node.cases]
    return machine.fork(frame, node, [*sides, lambda: End.NEXT])


_RUNNERS: dict[type[ast.stmt], Callable[..., End]] = {
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.If: _if,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.Return: returned,
    ast.FunctionDef: _define,
    ast.AsyncFunctionDef: _define,
    ast.ClassDef: _class,
    ast.Import: run_import,
    ast.ImportFrom: run_import_from,
    ast.Global: _global,
    ast.Delete: _delete,
    ast.Raise: _leave,
    ast.Break: _leave_loop,
    ast.Continue: _leave_loop,
    ast.Match: _match,
}
