"""Statements of a tree, and expressions on some of its lines, without a look at all the rest."""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

from losskit.check.lint.units import Unit

__all__ = ["blocks", "mentioning", "statements"]

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
        for inner in _blocks_of(node):
            waiting += inner
            if isinstance(inner[0], ast.stmt):
                yield inner


def _blocks_of(node: ast.AST) -> Iterator[list[Any]]:
    """Yield what a node holds of statements, handlers or cases."""
    for name in _INNER:
        inner = getattr(node, name, None)
        if isinstance(inner, list) and inner:
            yield inner


def statements(body: list[ast.stmt], closed: tuple[type[ast.AST], ...] = ()) -> Iterator[ast.stmt]:
    """Yield the statements of a block and of all within it."""
    for block in blocks(body, closed):
        yield from block


def mentioning(unit: Unit, words: re.Pattern[str]) -> Iterator[ast.AST]:
    """Yield the nodes of expressions in statements on whose lines some words stand."""
    if words.search(unit.source) is None:
        return
    lines = [number for number, line in enumerate(unit.lines, 1) if words.search(line)]
    for statement in statements(unit.tree.body):
        inner = next((block[0] for block in _blocks_of(statement)), statement)
        # Of what holds other statements, the lines before them; a case does not know its line.
        last = statement.end_lineno if inner is statement else getattr(inner, "lineno", None)
        at = bisect_left(lines, statement.lineno)
        if at < len(lines) and lines[at] <= (last or statement.lineno):
            for part in ast.iter_child_nodes(statement):
                if not isinstance(part, (ast.stmt, ast.excepthandler, ast.match_case)):
                    yield from ast.walk(part)
