"""Statements as others that say the same, of which there is less to know."""

from __future__ import annotations

import ast

__all__ = ["as_if", "conjuncts", "nested"]


def conjuncts(node: ast.If) -> list[ast.expr]:
    """Return the parts of a test that all have to hold, where nothing is done otherwise."""
    test = node.test
    several = isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) and not node.orelse
    if not isinstance(test, ast.BoolOp) or not several or len(test.values) > _MOST_CONJUNCTS:
        return []
    return test.values


_MOST_CONJUNCTS = 4


def nested(node: ast.If, tests: list[ast.expr]) -> ast.If:
    """Return ``if a and b`` as an ``if b`` within an ``if a``."""
    first, *rest = tests
    body: list[ast.stmt] = [nested(node, rest)] if rest else node.body
    return ast.copy_location(ast.If(first, body, []), node)


def as_if(node: ast.Match) -> list[ast.stmt] | None:
    """Return a ``match`` that only compares as the ``if`` that it is."""
    rest: list[ast.stmt] = []
    for case in reversed(node.cases):
        pattern = case.pattern
        if case.guard is None and isinstance(pattern, ast.MatchAs) and pattern.name is None:
            rest = case.body
            continue
        test = None if case.guard is not None else _compared(node.subject, pattern)
        if test is None:
            return None
        rest = [ast.copy_location(ast.If(test, case.body, rest), pattern)]
    return rest


def _compared(subject: ast.expr, pattern: ast.pattern) -> ast.expr | None:
    """Return the comparison that a pattern stands for."""
    test: ast.expr | None = None
    if isinstance(pattern, ast.MatchValue):
        test = ast.Compare(subject, [ast.Eq()], [pattern.value])
    elif isinstance(pattern, ast.MatchSingleton):
        test = ast.Compare(subject, [ast.Is()], [ast.Constant(pattern.value)])
    elif isinstance(pattern, ast.MatchOr):
        found = [_compared(subject, one) for one in pattern.patterns]
        every = [one for one in found if one is not None]
        test = ast.BoolOp(ast.Or(), every) if len(every) == len(found) else None
    return None if test is None else ast.copy_location(test, pattern)
