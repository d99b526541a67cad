"""The terms of the sum that a loss is, and what each of them reaches."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from losskit.check.lint.reaches import Reach, Reaches

__all__ = ["Term", "terms_of"]


@dataclass
class Term:
    """A term of a loss whose gradient was taken.

    Attributes
    ----------
    node : ast.AST
        What gave it.
    reach : Reach
        What it reaches.
    left : frozenset of str
        The models that still hold its gradient.
    wanted : tuple of str, optional
        The optimizer that took a step without it, and the model that it was computed from.
    """

    node: ast.AST
    reach: Reach
    left: frozenset[str]
    wanted: tuple[str, str] | None = None


def terms_of(loss: ast.expr, reaches: Reaches) -> list[Term]:
    """Return the terms of a loss that were computed from models to which no gradient gets."""
    parts = list(_parts(loss, reaches, _DEPTH))
    if len(parts) < 2:
        return []
    found = [(one, reaches.of(one)) for one in parts]
    return [
        Term(_source(node, reaches), reach, reach.graded)
        for node, reach in found
        if reach.cut - reach.graded
    ]


def _source(node: ast.expr, reaches: Reaches) -> ast.expr:
    """Return what gave a term: the loss itself, and not its weight."""
    if isinstance(node, ast.UnaryOp):
        return _source(node.operand, reaches)
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
        for side in (node.left, node.right):
            if reaches.of(side).cut:
                return _source(side, reaches)
    return reaches.values.get(ast.unparse(node), node)


_DEPTH = 8


def _parts(node: ast.expr, reaches: Reaches, depth: int) -> Iterator[ast.expr]:
    """Yield what is added up, through the names that sums were given."""
    value = reaches.values.get(ast.unparse(node), node)
    if depth and isinstance(value, ast.BinOp):
        if isinstance(value.op, (ast.Add, ast.Sub)):
            for side in (value.left, value.right):
                yield from _parts(side, reaches, depth - 1)
            return
        if isinstance(value.op, (ast.Mult, ast.Div)) and _is_sum(value.left):
            yield from _parts(value.left, reaches, depth - 1)
            return
    if depth and isinstance(value, (ast.Name, ast.Attribute)) and value is not node:
        yield from _parts(value, reaches, depth - 1)
        return
    yield node


def _is_sum(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub))
