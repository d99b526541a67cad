"""Statements of a tree, without a look at their expressions, which are most of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

__all__ = ["blocks", "statements"]

_INNER = ("body", "orelse", "handlers", "finalbody", "cases")
"""Fields in which a statement, a handler or a case holds others."""


def blocks(
    body: list[ast.stmt], closed: tuple[type[ast.AST], ...] = ()
) -> Iterator[list[ast.stmt]]:
    """Yield a block and all within it, but those of the kinds of statements that are closed."""
    yield body
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, closed):
            continue
        for name in _INNER:
            inner = getattr(node, name, None)
            if isinstance(inner, list) and inner:
                waiting += inner
                if isinstance(inner[0], ast.stmt):
                    yield inner


def statements(body: list[ast.stmt], closed: tuple[type[ast.AST], ...] = ()) -> Iterator[ast.stmt]:
    """Yield the statements of a block and of all within it."""
    for block in blocks(body, closed):
        yield from block
