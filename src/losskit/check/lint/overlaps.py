"""Overlaps of masks that code defines itself, such as Dice and IoU, which are of probabilities."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from losskit.check.lint.blocks import blocks, statements
from losskit.check.lint.names import leaf_of
from losskit.check.lint.units import Unit

__all__ = ["overlap_beside"]

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_RESHAPING = {
    "view", "reshape", "flatten", "contiguous", "float", "squeeze", "permute", "transpose",
}  # fmt: skip
_SUMS = {"sum", "reduce_sum"}
_MADE_LIKELY = re.compile(
    r"sigm|soft|activ|norm|exp|clamp|clip|max|round|thresh|logit|prob|one_?hot|where", re.IGNORECASE
)
"""Words of what makes probabilities, or labels, of scores."""


def overlap_beside(unit: Unit, call: ast.AST, written: str) -> ast.Call | None:
    """Return where an overlap takes what a loss takes, in the same block of the same function.

    Parameters
    ----------
    unit : Unit
        A file.
    call : ast.AST
        Where the loss takes it.
    written : str
        How the loss's input is written.
    """
    overlaps = unit.recall("overlaps", unit.tree, lambda: set(_overlaps(unit)))
    if not overlaps or not written.isidentifier():
        return None
    for block in blocks(unit.tree.body):
        at = next((k for k, one in enumerate(block) if _holds(one, call)), None)
        if at is None or isinstance(block[at], (*_FUNCTIONS, ast.ClassDef)):
            continue
        for k, statement in enumerate(block):
            between = block[min(k, at) : max(k, at)]
            if any(written in _given(one) for one in between):
                continue
            for other in _calls(statement):
                first = ast.unparse(other.args[0]) if len(other.args) > 1 else ""
                if first == written and _kind_of(unit, other) in overlaps:
                    return other
    return None


def _holds(statement: ast.stmt, node: ast.AST) -> bool:
    return any(one is node for one in ast.walk(statement))


def _calls(statement: ast.stmt) -> Iterator[ast.Call]:
    """Yield the calls of a statement that holds no others."""
    if isinstance(statement, (ast.Assign, ast.AugAssign, ast.Return, ast.Expr)):
        for one in ast.walk(statement):
            if isinstance(one, ast.Call):
                yield one


def _given(statement: ast.stmt) -> set[str]:
    return {
        one.id
        for one in ast.walk(statement)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    }


def _kind_of(unit: Unit, call: ast.Call) -> str:
    """Return the name of the function that is called, or of the class of what is."""
    called = call.func
    if isinstance(called, ast.Call):
        return leaf_of(called.func)
    name = ast.unparse(called)
    kinds = {
        leaf_of(one.value.func)
        for one in statements(unit.tree.body)
        if isinstance(one, ast.Assign) and isinstance(one.value, ast.Call)
        if ast.unparse(one.targets[0]) == name
    }
    if kinds:
        return kinds.pop() if len(kinds) == 1 else ""
    return name


def _overlaps(unit: Unit) -> Iterator[str]:
    """Yield the functions and the classes of a file that are overlaps of what they are given."""
    for one in statements(unit.tree.body):
        if isinstance(one, ast.ClassDef):
            ways = [way for way in one.body if isinstance(way, _FUNCTIONS)]
            forward = [way for way in ways if way.name in {"forward", "__call__"}]
            if len(forward) == 1 and not _makes_likely(one) and _is_overlap(forward[0]):
                yield one.name
        elif isinstance(one, _FUNCTIONS) and not _makes_likely(one) and _is_overlap(one):
            yield one.name


def _makes_likely(definition: ast.stmt) -> bool:
    """Whether anything in a definition may make probabilities or labels of what it is given."""
    for node in ast.walk(definition):
        if isinstance(node, ast.Compare) and not all(isinstance(one, _EVEN) for one in node.ops):
            return True
        name = leaf_of(node) if isinstance(node, (ast.Name, ast.Attribute)) else ""
        if _MADE_LIKELY.search(name) is not None:
            return True
    return False


_EVEN = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)


def _is_overlap(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function divides the sum of a product of its first two arguments by their sums."""
    names = [one.arg for one in function.args.args if one.arg not in {"self", "cls"}]
    if len(names) < 2:
        return False
    first, second = {names[0]}, {names[1]}
    for one in statements(function.body):
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name):
            for alike in (first, second):
                if _reshaped(one.value) in alike:
                    alike.add(one.targets[0].id)
    nodes = list(ast.walk(function))
    summed = [inner for node in nodes if (inner := _summed(node)) is not None]
    of_both = any(_product(inner, first, second) for inner in summed)
    of_first = any(_alone(inner, first) for inner in summed)
    divided = any(isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) for node in nodes)
    return of_both and of_first and divided


def _summed(node: ast.AST) -> ast.expr | None:
    """Return what is summed."""
    if not isinstance(node, ast.Call) or leaf_of(node.func) not in _SUMS:
        return None
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    if isinstance(owner, ast.Name) and owner.id in {"torch", "tf", "K", "np", "jnp"}:
        return node.args[0] if node.args else None
    return owner


def _product(node: ast.expr, first: set[str], second: set[str]) -> bool:
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
        return False
    sides = {_reshaped(node.left), _reshaped(node.right)}
    return bool(sides & first) and bool(sides & second)


def _alone(node: ast.expr, names: set[str]) -> bool:
    """Whether something is an argument, or its square."""
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Pow):
            return _reshaped(node.left) in names
        return _reshaped(node.left) in names and _reshaped(node.right) in names
    return _reshaped(node) in names


def _reshaped(node: ast.expr) -> str:
    """Return the name of which something is another shape."""
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Subscript):
            node = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr not in _RESHAPING:
                return ""
            node = node.func.value
        else:
            return ""
    return node.id
