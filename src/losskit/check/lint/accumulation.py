"""Loops that add up the gradients of several batches, and step once for all of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from losskit.check.lint.blocks import statements
from losskit.check.lint.units import Unit

__all__ = ["Accumulation", "accumulations"]

_DIVIDING = {"accumulate", "no_sync", "manual_backward", "backward_step"}
_LOOPS = (ast.For, ast.While)
_MOST = 8
"""Values of a name that are looked at."""


@dataclass(frozen=True)
class Accumulation:
    """A loop that steps once in several rounds.

    Attributes
    ----------
    loop : For or While
        The loop.
    backward : Call
        Where gradients are added, in every round.
    steps : list of If
        What asks whether to step.
    """

    loop: ast.For | ast.While
    backward: ast.Call
    steps: list[ast.If]
    _names: _Names

    def divides(self) -> bool:
        """Whether the loss is divided, or something is by the number of batches."""
        losses, numbers, tests = self._losses(), self._numbers(), self._tests()
        for node in _own(self.loop):
            if isinstance(node, ast.Assign) and losses & _given(node):
                if any(isinstance(one, ast.Div) for one in ast.walk(node.value)):
                    return True
            elif isinstance(node, ast.AugAssign) and isinstance(node.op, (ast.Div, ast.Mult)):
                if losses & _names(node.target):
                    return True
            elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.Mult)):
                if id(node) not in tests and numbers & (_names(node.right) | _names(node.left)):
                    return True
            elif isinstance(node, ast.Call) and any(
                numbers & _names(one) for one in (*node.args, *(key.value for key in node.keywords))
            ):
                return True
        return any(isinstance(one, ast.Div) for one in ast.walk(self.backward.func))

    def divides_by_batches(self) -> bool:
        """Whether the loss itself is divided by the very number of batches, without a doubt."""
        losses, numbers = self._losses(), self._numbers()
        values, divisors = [self.backward.func], []
        for node in _own(self.loop):
            if isinstance(node, ast.Assign) and losses & _given(node):
                values.append(node.value)
            elif isinstance(node, ast.AugAssign) and losses & _names(node.target):
                divisors += [node.value] if isinstance(node.op, ast.Div) else []
        for value in values:
            for one in ast.walk(value):
                if isinstance(one, ast.BinOp) and isinstance(one.op, ast.Div):
                    divisors.append(one.right)
        return any(numbers & _called(one) for one in divisors)

    def finds_outside(self, method: str) -> bool:
        """Whether an optimizer's method is called where it is not asked whether to step."""
        inside = {id(node) for step in self.steps for node in ast.walk(step)}
        inside |= _otherwise(self.loop, self.steps)
        return any(_calls_node(node, method) for node in _own(self.loop) if id(node) not in inside)

    def cleared(self) -> Iterator[ast.Call]:
        """Yield what clears, in each round, the gradients of an optimizer that steps in some."""
        inner = (one for one in _own(self.loop) if isinstance(one, _LOOPS))
        if any(one is self.backward for loop in inner for one in ast.walk(loop)):
            return
        stepped = {
            ast.unparse(node.args[0] if node.args else node.func.value)
            for step in self.steps
            for node in ast.walk(step)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if _calls_node(node, "step")
        }
        for statement in _every_round(self.loop.body):
            call = statement.value if isinstance(statement, ast.Expr) else None
            called = call.func if isinstance(call, ast.Call) else None
            if not (isinstance(called, ast.Attribute) and called.attr == "zero_grad"):
                continue
            if isinstance(call, ast.Call) and ast.unparse(called.value) in stepped:
                yield call

    def _losses(self) -> set[str]:
        return _names(self.backward.func) - {"self", "scaler", "amp"}

    def _numbers(self) -> set[str]:
        return {name for step in self.steps for name in self._names.numbers(step.test)}

    def _tests(self) -> set[int]:
        asked = [one for step in self.steps for one in self._names.asked(step.test)]
        return {id(node) for one in asked for node in ast.walk(one)}


def accumulations(unit: Unit) -> list[Accumulation]:
    """Return the loops of a file that step once in several rounds."""
    return unit.recall("accumulations", unit.tree, lambda: list(_accumulations(unit)))


def _accumulations(unit: Unit) -> Iterator[Accumulation]:
    if "backward(" not in unit.source or ".zero_grad(" not in unit.source:
        return
    for loop in statements(unit.tree.body):
        if isinstance(loop, _LOOPS) and (found := _accumulation(loop)) is not None:
            yield found


def _accumulation(loop: ast.For | ast.While) -> Accumulation | None:
    backward: ast.Call | None = None
    steps: list[ast.If] = []
    names = _Names.of(loop)
    for node in _own(loop):
        called = node.func if isinstance(node, ast.Call) else None
        method = called.attr if isinstance(called, ast.Attribute) else ""
        if method in _DIVIDING:
            return None
        if isinstance(node, ast.Call) and method == "backward" and not node.args:
            later = backward is None or node.lineno > backward.lineno
            backward = node if later else backward
        if isinstance(node, ast.If) and names.every(node.test) and _steps(node):
            steps.append(node)
    if backward is None or any(one is backward for step in steps for one in ast.walk(step)):
        return None
    return Accumulation(loop, backward, steps, names) if steps else None


@dataclass(frozen=True)
class _Names:
    """What a loop does to names: what it gives to them, and which of them count its rounds."""

    given: dict[str, list[ast.expr]]
    counters: set[str]

    @classmethod
    def of(cls, loop: ast.For | ast.While) -> _Names:
        """Look through a loop."""
        given: dict[str, list[ast.expr]] = {}
        counted, reset = set(), set()
        for node in _own(loop):
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                if isinstance(node.value, ast.Constant) and node.value.value == 1:
                    counted.add(node.target.id)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
                given.setdefault(name, []).append(node.value)
                if isinstance(node.value, ast.Constant) and node.value.value == 0:
                    reset.add(name)
        return cls(given, counted & reset)

    def every(self, test: ast.expr) -> bool:
        """Whether a test is true once in several rounds, as ``(i + 1) % n == 0`` is.

        Also by a name that the loop gives to such a test, or by a counter that begins again.
        """
        if any(_is_remainder(node) for part in self.asked(test) for node in ast.walk(part)):
            return True
        return isinstance(test, ast.Compare) and not _names(test.left).isdisjoint(self.counters)

    def asked(self, test: ast.expr) -> list[ast.expr]:
        """Return a test, and what the loop gives to the names that it asks for."""
        names = {one.id for one in ast.walk(test) if isinstance(one, ast.Name)}
        return [test, *(value for name in names for value in self.given.get(name, ())[:_MOST])]

    def numbers(self, test: ast.expr) -> Iterator[str]:
        """Yield the names of what a test takes the remainder by, or holds a counter against."""
        for part in self.asked(test):
            for node in ast.walk(part):
                if _is_remainder(node) and isinstance(node, ast.BinOp):
                    yield from _called(node.right)
        if isinstance(test, ast.Compare) and _names(test.left) & self.counters:
            yield from _called(test.comparators[0])


def _names(node: ast.AST) -> set[str]:
    """All names in an expression, those of attributes as well."""
    found = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return found | {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}


def _given(node: ast.Assign) -> set[str]:
    return {name for target in node.targets for name in _names(target)}


def _called(node: ast.expr) -> set[str]:
    """What a number is called, without what holds it."""
    return {node.attr} if isinstance(node, ast.Attribute) else _names(node)


def _otherwise(loop: ast.For | ast.While, steps: list[ast.If]) -> set[int]:
    """What runs where gradients are not accumulated: other sides of what holds the steps."""
    wanted = {id(step) for step in steps}
    found: set[int] = set()
    for node in _own(loop):
        if isinstance(node, ast.If) and node.orelse:
            held = {id(one) for part in node.body for one in ast.walk(part)}
            if wanted & held:
                found |= {id(one) for part in node.orelse for one in ast.walk(part)}
    # Both ways of a choice, such as that of precision, may accumulate.
    for step in steps:
        found -= {id(one) for one in ast.walk(step)}
    return found


def _own(loop: ast.For | ast.While) -> Iterator[ast.AST]:
    """All nodes of a loop's body but those of loops within it that hold the whole matter."""
    for statement in loop.body:
        yield from ast.walk(statement)


def _every_round(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that a round does not come by without."""
    for statement in body:
        if isinstance(statement, (ast.With, ast.AsyncWith)):
            yield from _every_round(statement.body)
        else:
            yield statement


def _is_remainder(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Mod)
        and not (isinstance(node.left, ast.Constant) and isinstance(node.left.value, str))
    )


def _steps(node: ast.If) -> bool:
    """Whether the weights change, by whatever name, and gradients begin anew."""
    return _calls(node, "step") or (_calls(node, "update") and _calls(node, "zero_grad"))


def _calls(node: ast.If, name: str) -> bool:
    return any(_calls_node(one, name) for part in node.body for one in ast.walk(part))


def _calls_node(node: ast.AST, name: str) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == name
        and (not node.args or "scaler" in ast.dump(node.func.value).lower())
        and "sched" not in ast.dump(node.func.value).lower()
    )
