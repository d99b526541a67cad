"""Slices, and which of them are one item wide though nobody knows where they begin."""

from __future__ import annotations

import ast

from losskit.check.lint.values import Const, Unknown, Value

__all__ = ["is_one_wide", "is_slice", "sliced"]

_SLICE = Unknown("slice")
_ONE_WIDE = Unknown("slice of one")


def sliced(node: ast.Slice, lower: Value, upper: Value, step: Value) -> Value:
    """Return what is between two items, as a constant where all of it is known."""
    parts = [one.value if isinstance(one, Const) else ... for one in (lower, upper, step)]
    if all(part is None or type(part) is int for part in parts):
        return Const(slice(*parts))
    if node.step is None and node.upper is not None and _apart(node.lower, node.upper) == 1:
        return _ONE_WIDE
    return _SLICE


def is_slice(value: Value) -> bool:
    """Whether an index leaves its axis."""
    return value in (_SLICE, _ONE_WIDE) or (
        isinstance(value, Const) and isinstance(value.value, slice)
    )


def is_one_wide(value: Value) -> bool:
    """Whether exactly one item is left of an axis."""
    if not isinstance(value, Const) or not isinstance(value.value, slice):
        return value == _ONE_WIDE
    cut = value.value
    if cut.step not in {None, 1}:
        return False
    start = cut.start or 0
    return (start, cut.stop) == (-1, None) or (
        cut.stop is not None and cut.stop - start == 1 and (start < 0) == (cut.stop < 0)
    )


def _apart(lower: ast.expr | None, upper: ast.expr) -> int | None:
    """How far apart two indices are, where the terms that are not numbers are the same."""
    first = _terms(lower) if lower is not None else {}
    second = _terms(upper)
    rest = {term: second.get(term, 0) - first.get(term, 0) for term in {*first, *second}}
    number = rest.pop("", 0)
    return None if any(rest.values()) else number


def _terms(node: ast.expr, sign: int = 1) -> dict[str, int]:
    """Return a sum as how often each term stands in it, the numbers under an empty name."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return {"": sign * node.value}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _terms(node.operand, -sign)
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        found = _terms(node.left, sign)
        other = _terms(node.right, sign if isinstance(node.op, ast.Add) else -sign)
        for term, times in other.items():
            found[term] = found.get(term, 0) + times
        return found
    return {ast.unparse(node): sign}
